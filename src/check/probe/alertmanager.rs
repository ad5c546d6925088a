//! Alertmanager's API v2 and its counters of notifications.

use serde_json::Value;

use super::http::{Base, Client};
use super::prometheus::NoData;
use crate::exposition::{Entry, Format, Page};
use crate::promql::Dialect;

/// How many notifications were tried and how many of them failed, since Alertmanager started. A notification that is
/// tried again and again counts each time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// Tried.
    pub tried: f64,
    /// Failed.
    pub failed: f64,
}

impl Counted {
    /// Those that arrived.
    pub fn arrived(self) -> f64 {
        (self.tried - self.failed).max(0.0)
    }
}

/// What Alertmanager says of itself.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its configuration as it runs; secrets are hidden in it.
    pub config: String,
}

/// An Alertmanager.
#[derive(Clone, Debug)]
pub struct Alertmanager {
    client: Client,
    base: Base,
}

impl Alertmanager {
    /// The one at an address.
    pub fn new(client: Client, base: Base) -> Self {
        Self { client, base }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        self.base.as_str()
    }

    /// Version and configuration.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn status(&self) -> Result<Status, NoData> {
        let data = self.data("/api/v2/status")?;
        match data["versionInfo"]["version"].as_str() {
            Some(version) => Ok(Status {
                version: version.to_owned(),
                config: data["config"]["original"].as_str().unwrap_or_default().to_owned(),
            }),
            None => Err(NoData::Other("JSON that is no status of an Alertmanager".to_owned())),
        }
    }

    /// The labels of the alerts that are active now.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn alerts(&self) -> Result<Vec<Value>, NoData> {
        let data = self.data("/api/v2/alerts")?;
        Ok(data.as_array().map(|l| l.iter().map(|a| a["labels"].clone()).collect()).unwrap_or_default())
    }

    /// The notifications of an integration, such as `discord`.
    ///
    /// # Errors
    /// See [`NoData`].
    pub fn notifications(&self, integration: &str) -> Result<Counted, NoData> {
        let url = self.base.join("/metrics");
        let reply = self.client.get(&url, self.base.auth(), "text/plain").map_err(NoData::Trouble)?;
        if reply.status != 200 || reply.is_html() {
            return Err(NoData::Other(reply.spoken()));
        }
        Ok(counted(&reply.body, integration))
    }

    fn data(&self, path: &str) -> Result<Value, NoData> {
        let reply =
            self.client.get(&self.base.join(path), self.base.auth(), "application/json").map_err(NoData::Trouble)?;
        if reply.status != 200 {
            return Err(NoData::Other(reply.spoken()));
        }
        serde_json::from_slice(&reply.body).map_err(|_| NoData::Other(reply.spoken()))
    }
}

fn counted(body: &[u8], integration: &str) -> Counted {
    // Notifications count as tried before they are, and as failed when Alertmanager gives them up, which may be minutes
    // later. Requests count when they are answered; versions before 0.22 do not have them.
    let (mut requests, mut notifications) = (None, Counted::default());
    for entry in Page::new(body).entries(Format::Text, Dialect::V2_42).flatten() {
        let Entry::Series(series) = entry else { continue };
        // Newer versions split the counters by receiver and reason.
        let ours = series.labels().any(|(name, value)| name == "integration" && value == integration);
        match &*series.name {
            "alertmanager_notification_requests_total" if ours => {
                requests.get_or_insert_with(Counted::default).tried += series.value;
            }
            "alertmanager_notification_requests_failed_total" if ours => {
                requests.get_or_insert_with(Counted::default).failed += series.value;
            }
            "alertmanager_notifications_total" if ours => notifications.tried += series.value,
            "alertmanager_notifications_failed_total" if ours => notifications.failed += series.value,
            _ => {}
        }
    }
    requests.unwrap_or(notifications)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_receivers_and_reasons() {
        let page = "alertmanager_notifications_total{integration=\"discord\",receiver_name=\"a\"} 3\n\
                    alertmanager_notifications_total{integration=\"discord\",receiver_name=\"b\"} 2\n\
                    alertmanager_notifications_total{integration=\"email\"} 9\n\
                    alertmanager_notifications_failed_total{integration=\"discord\",reason=\"other\"} 1\n";
        let sums = counted(page.as_bytes(), "discord");
        assert_eq!((sums.tried, sums.failed, sums.arrived()), (5.0, 1.0, 4.0));
    }

    #[test]
    fn a_notification_that_is_still_being_tried_has_not_arrived() {
        let page = "alertmanager_notifications_total{integration=\"discord\"} 1\n\
                    alertmanager_notifications_failed_total{integration=\"discord\"} 0\n\
                    alertmanager_notification_requests_total{integration=\"discord\"} 4\n\
                    alertmanager_notification_requests_failed_total{integration=\"discord\"} 4\n";
        let sums = counted(page.as_bytes(), "discord");
        assert_eq!((sums.tried, sums.arrived()), (4.0, 0.0));
    }
}
