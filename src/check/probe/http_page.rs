//! A page of metrics over HTTP, told from everything else that may answer on a port.

use super::http::{Base, Client, Reply, Trouble};
use crate::exposition::{Entry, Format, Page, scrape_format};
use crate::promql::Dialect;

/// What a scraper says it understands.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=1.0,*/*;q=0.1";
/// Names that are told when the wanted one is missing.
const NAMES_TOLD: usize = 6;

/// Why there is no page of metrics.
#[derive(Clone, Debug, PartialEq)]
pub enum NoPage {
    /// No answer.
    Trouble(Trouble),
    /// An answer that is no page of metrics, in words.
    Other(String),
}

/// Samples of a page.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Name and value, in the page's order.
    pub samples: Vec<(String, f64)>,
}

impl Metrics {
    /// The values of a metric.
    pub fn of(&self, name: &str) -> Vec<f64> {
        self.samples.iter().filter(|(n, _)| n == name).map(|(_, v)| *v).collect()
    }

    /// Some names of the page, those that look like the wanted one first.
    pub fn some_names(&self, wanted: &str) -> String {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.samples {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let parts: Vec<&str> = wanted.split('_').filter(|p| p.len() > 2).collect();
        names.sort_by_key(|n| !parts.iter().any(|p| n.contains(p)));
        let more = names.len().saturating_sub(NAMES_TOLD);
        names.truncate(NAMES_TOLD);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{rest}", names.join(", "))
    }
}

/// The address of a page: the base itself when it names a page, else its `/metrics`.
pub fn address(base: &Base) -> String {
    if base.has_path() { base.as_str().to_owned() } else { base.join("/metrics") }
}

/// Gets and reads a page.
///
/// # Errors
/// Nothing answers, or something else does.
pub fn fetch(client: &Client, base: &Base) -> Result<Metrics, NoPage> {
    let reply = client.get(&address(base), base.auth(), ACCEPT).map_err(NoPage::Trouble)?;
    read(&reply)
}

fn read(reply: &Reply) -> Result<Metrics, NoPage> {
    if reply.status != 200 {
        return Err(NoPage::Other(reply.spoken()));
    }
    if reply.is_html() {
        return Err(NoPage::Other(format!("{}, no exporter", reply.spoken())));
    }
    let format = scrape_format(&reply.content_type, Some(Format::Text), Dialect::V2_42).unwrap_or_default();
    let page = Page::new(&reply.body);
    let mut metrics = Metrics::default();
    for entry in page.entries(format, Dialect::V2_42) {
        match entry {
            Ok(Entry::Series(series)) => metrics.samples.push((series.name.clone().into_owned(), series.value)),
            Ok(_) => {}
            Err(e) => return Err(NoPage::Other(format!("a page that breaks in line {}: {e}", e.line))),
        }
    }
    if metrics.samples.is_empty() {
        return Err(NoPage::Other(format!("{} and no metric in it", reply.spoken())));
    }
    Ok(metrics)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(content_type: &str, body: &str) -> Reply {
        Reply { status: 200, content_type: content_type.into(), body: body.into(), url: String::new(), date: None }
    }

    #[test]
    fn a_page_of_metrics_is_told_from_other_pages() {
        let metrics =
            read(&reply("text/plain", "# TYPE a gauge\na 1\na{x=\"y\"} 2\nmodel_result2 0.5\n")).expect("metrics");
        assert_eq!(metrics.of("a"), [1.0, 2.0]);
        assert_eq!(metrics.some_names("model_result"), "model_result2, a");
        let html = read(&reply("text/html", "<html><title>It works</title>")).expect_err("no metrics");
        assert!(matches!(html, NoPage::Other(why) if why.contains("It works")));
        let broken = read(&reply("text/plain", "a 1\nb{ 2\n")).expect_err("no metrics");
        assert!(matches!(broken, NoPage::Other(why) if why.contains("line 2")));
        assert!(read(&reply("application/json", "")).is_err());
    }
}
