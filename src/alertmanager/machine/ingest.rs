//! Alerts coming in: checked, merged with the store, routed into groups.

use super::group::{Group, Quiet};
use super::{Alertmanager, nanos};
use crate::alertmanager::alert::{Alert, PostableAlert};
use crate::alertmanager::matchers::{Names, is_label_name};
use crate::alertmanager::output::{Event, GroupRef};
use crate::alertmanager::version::Version;
use crate::model::Time;

impl Alertmanager {
    /// Takes posted alerts; good ones count even when others are refused.
    ///
    /// # Errors
    /// What is wrong with the refused ones, in the words of the API.
    pub fn push(&mut self, now: Time, alerts: Vec<PostableAlert>) -> Result<(), Vec<String>> {
        self.catch_up(now);
        let mut refused = Vec::new();
        let mut wakes_all = false;
        for posted in alerts {
            let alert = self.complete(posted, now);
            if let Err(reason) = check(&alert, self.version, self.config.names) {
                refused.push(reason);
                continue;
            }
            let fingerprint = alert.labels.fingerprint();
            let alert = match self.alerts.get(&fingerprint) {
                Some(old) => old.succeeded_by(alert, now),
                None => alert,
            };
            self.alerts.insert(fingerprint, alert.clone());
            wakes_all |= self.inhibitor.take(&alert, fingerprint);
            self.dispatch(now, fingerprint, alert);
        }
        if wakes_all {
            self.touch_all(now);
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    fn complete(&self, posted: PostableAlert, now: Time) -> Alert {
        let starts_at = posted.starts_at.or(posted.ends_at).unwrap_or(now);
        Alert {
            labels: posted.labels,
            annotations: posted.annotations,
            starts_at,
            ends_at: posted.ends_at.unwrap_or(now.plus_nanos(nanos(self.config.resolve_timeout))),
            generator_url: posted.generator_url,
            updated_at: now,
            timeout: posted.ends_at.is_none(),
        }
    }

    /// Puts a stored alert into the groups it belongs to.
    pub(super) fn dispatch(&mut self, now: Time, fingerprint: u64, alert: Alert) {
        let tree = self.tree.clone();
        for route in tree.matching(&alert.labels) {
            let node = &tree.nodes()[route];
            let key = (route, tree.group_labels(route, &alert.labels));
            let overdue = alert.starts_at.plus_nanos(nanos(node.group_wait)) < now;
            let id = match self.by_labels.get(&key) {
                Some(id) => *id,
                None => {
                    let id = self.next_group;
                    self.next_group += 1;
                    let group = Group {
                        route,
                        labels: key.1.clone(),
                        name: GroupRef {
                            group_key: format!("{}:{}", node.key, key.1).into(),
                            receiver: node.receiver.name.clone(),
                        },
                        members: Default::default(),
                        timer: if overdue { now } else { now.plus_nanos(nanos(node.group_wait)) },
                        quiet_until: Quiet::No,
                        late_tick: None,
                        has_flushed: false,
                        flush: None,
                        empty_since: None,
                        muted: Default::default(),
                        wakeup: None,
                    };
                    self.tell(Event::GroupCreated { group: group.name.clone(), first_flush: group.timer });
                    self.groups.insert(id, group);
                    self.by_labels.insert(key, id);
                    id
                }
            };
            let Some(group) = self.groups.get_mut(&id) else { continue };
            if group.flush.is_none() {
                group.touch(now, nanos(node.group_interval));
            }
            group.empty_since = None;
            group.members.insert(fingerprint, alert.clone());
            // Since 0.30 only the alert that makes the group can hurry it.
            if overdue && !group.has_flushed && self.version < Version::V0_30 {
                group.timer = group.timer.min(now);
            }
            self.schedule(id);
        }
    }
}

/// What the API refuses.
fn check(alert: &Alert, version: Version, names: Names) -> Result<(), String> {
    if alert.ends_at < alert.starts_at {
        return Err("start time must be before end time".to_owned());
    }
    if alert.labels.is_empty() {
        return Err("at least one label pair required".to_owned());
    }
    let legal = |name: &str| is_label_name(name, version, names);
    if let Some(bad) = alert.labels.iter().find(|l| !legal(&l.name)) {
        return Err(format!("invalid label set: invalid name {}", crate::golang::quote(&bad.name)));
    }
    if let Some(bad) = alert.annotations.keys().find(|name| !legal(name)) {
        return Err(format!("invalid annotations: invalid name {}", crate::golang::quote(bad)));
    }
    Ok(())
}
