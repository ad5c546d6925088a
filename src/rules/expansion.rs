//! Label and annotation texts of alerting rules, and what they are expanded with.

use std::cell::OnceCell;
use std::sync::Arc;

use super::template::{AlertTemplate, TemplateData, TemplateSample};
use crate::model::{Labels, Time};
use crate::promql::eval::{Options, Prepared};
use crate::promql::value::Value;
use crate::promql::{ParseOptions, parse};
use crate::tsdb::Tsdb;

/// What all texts of a server are expanded with.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// `$externalLabels`.
    pub external_labels: Labels,
    /// `$externalURL`.
    pub external_url: Arc<str>,
    /// Whether template functions know that URL too; promtool's tests give it to `$externalURL` alone.
    pub url_for_functions: bool,
    /// How queries of templates are evaluated.
    pub options: Options,
}

/// A label's or annotation's text.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// Nothing to expand.
    Fixed(Arc<str>),
    /// A template.
    Template {
        /// It, parsed.
        template: Box<AlertTemplate>,
        /// Whether it might ask the store.
        may_query: bool,
    },
}

/// What one expansion sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// `$labels`: the sample's, its name included.
    pub labels: &'a Labels,
    /// `$value`.
    pub value: f64,
    /// The time of queries.
    pub ts: Time,
}

impl Text {
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    /// Whether it might ask the store; decided by a word alone, so that it is never wrong in the other direction.
    pub(super) fn may_query(&self) -> bool {
        matches!(self, Self::Template { may_query: true, .. })
    }
}

impl Expansion {
    /// Prepares a text of the alert `alert`. One that is no template stays as it is; reading the file refused it.
    pub(super) fn prepare(&self, alert: &str, text: &Arc<str>) -> Text {
        if !text.contains("{{") {
            return Text::Fixed(text.clone());
        }
        match AlertTemplate::parse(alert, text, self.options.dialect) {
            Ok(template) => Text::Template { template: Box::new(template), may_query: text.contains("query") },
            Err(_) => Text::Fixed(text.clone()),
        }
    }

    pub(super) fn expand(&self, text: &Text, seen: Seen<'_>, db: &Tsdb) -> Arc<str> {
        let template = match text {
            Text::Fixed(text) => return text.clone(),
            Text::Template { template, .. } => template,
        };
        let at_ms = seen.ts.millis();
        let data = TemplateData {
            labels: seen.labels,
            external_labels: &self.external_labels,
            external_url: &self.external_url,
            url_of_functions: self.url_for_functions.then_some(&*self.external_url),
            value: seen.value,
            at_ms,
            query: &|query| self.query(query, at_ms, db),
            dot: OnceCell::new(),
        };
        template.expand(&data).into()
    }

    fn query(&self, query: &str, at_ms: i64, db: &Tsdb) -> Result<Vec<TemplateSample>, String> {
        let expr = parse(query, &ParseOptions::stock(self.options.dialect)).map_err(|e| e.to_string())?;
        let answer = Prepared::new(&expr, &self.options).instant(db, at_ms).map_err(|e| e.to_string())?;
        match answer.value {
            Value::Vector(samples) => {
                Ok(samples.into_iter().map(|s| TemplateSample { value: s.float(), labels: s.labels }).collect())
            }
            Value::Scalar { value, .. } => Ok(vec![TemplateSample { labels: Labels::empty(), value }]),
            Value::String { .. } | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
        }
    }
}
