//! Answers as the bodies of Prometheus' query API: field order, number forms and escapes as the real server has them.

use std::fmt::Write as _;

use super::Dialect;
use super::value::{Annotations, EvalError, QueryAnswer, RangeSeries, Sample, SampleValue, Value};
use crate::golang::float::{FloatFormat, format_float, format_sample, push_sample};
use crate::golang::quoting::is_raw_byte;
use crate::model::{FloatHistogram, Labels};

/// So many warnings and infos are sent, the rest is counted.
const MAX_ANNOTATIONS: usize = 10;

/// The body of a successful answer.
pub fn answer_body(answer: &QueryAnswer, query: &str, dialect: Dialect) -> String {
    let mut w = Writer { out: String::with_capacity(256), dialect };
    w.out.push_str("{\"status\":\"success\",\"data\":{\"resultType\":\"");
    w.value(&answer.value);
    w.out.push('}');
    w.annotations(&answer.annotations, query);
    w.out.push('}');
    w.out
}

/// The body of an error.
pub fn error_body(error: &EvalError, dialect: Dialect) -> String {
    let mut w = Writer { out: String::with_capacity(128), dialect };
    w.out.push_str("{\"status\":\"error\",\"errorType\":\"");
    w.out.push_str(error.kind.as_str());
    w.out.push_str("\",\"error\":");
    w.text(&error.message, true);
    w.out.push('}');
    w.out
}

/// The HTTP status that goes with an error.
pub fn error_status(error: &EvalError) -> u16 {
    match error.kind {
        super::value::ErrorKind::BadData => 400,
        super::value::ErrorKind::Execution => 422,
        super::value::ErrorKind::Timeout => 503,
    }
}

/// What a matrix's body begins with, up to its first series.
pub(super) const MATRIX_OPENING: &str = "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[";

/// What stands behind a matrix's last series.
pub(super) fn matrix_closing(notes: &Annotations, query: &str) -> String {
    let mut w = Writer { out: "]}".to_owned(), dialect: Dialect::default() };
    w.annotations(notes, query);
    w.out.push('}');
    w.out
}

/// A series' labels, with the object that they open.
pub(super) fn metric_text(labels: &Labels, dialect: Dialect) -> String {
    let mut w = Writer { out: String::with_capacity(128), dialect };
    w.labels(labels);
    w.out
}

/// A point's time in seconds.
pub(super) fn time_text(ms: i64) -> String {
    let mut w = Writer { out: String::with_capacity(24), dialect: Dialect::default() };
    w.time(ms);
    w.out
}

struct Writer {
    out: String,
    dialect: Dialect,
}

impl Writer {
    /// A string as Go's JSON encoder writes it; with `html`, `<`, `>` and `&` escaped.
    fn text(&mut self, text: &str, html: bool) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '<' | '>' | '&' if html => self.escape(c),
                '\u{2028}' | '\u{2029}' if html => self.escape(c),
                c if c < ' ' => self.escape(c),
                c if is_raw_byte(c) => self.out.push_str("\\ufffd"),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn escape(&mut self, c: char) {
        let _ = write!(self.out, "\\u{:04x}", c as u32);
    }

    /// Seconds with three decimals, or none.
    fn time(&mut self, ms: i64) {
        if ms < 0 {
            self.out.push('-');
        }
        let ms = ms.unsigned_abs();
        self.whole(ms / 1000);
        if !ms.is_multiple_of(1000) {
            let _ = write!(self.out, ".{:03}", ms % 1000);
        }
    }

    /// A whole number, without the detour of formatting.
    fn whole(&mut self, mut n: u64) {
        let mut digits = [b'0'; 20];
        let mut at = digits.len() - 1;
        while n > 9 {
            digits[at] = b'0' + (n % 10) as u8;
            n /= 10;
            at -= 1;
        }
        digits[at] = b'0' + n as u8;
        self.out.extend(digits[at..].iter().map(|b| char::from(*b)));
    }

    /// Seconds as a JSON number of a float.
    fn float_time(&mut self, ms: i64) {
        self.out.push_str(&format_float(ms as f64 / 1000.0, FloatFormat::Fixed, None));
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Scalar { t, value } => {
                self.out.push_str("scalar\",\"result\":[");
                self.float_time(*t);
                self.out.push_str(",\"");
                self.out.push_str(&format_float(*value, FloatFormat::Fixed, None));
                self.out.push_str("\"]");
            }
            Value::String { t, value } => {
                self.out.push_str("string\",\"result\":[");
                self.float_time(*t);
                self.out.push(',');
                self.text(value, true);
                self.out.push(']');
            }
            Value::Vector(samples) => {
                self.out.push_str("vector\",\"result\":[");
                for (i, s) in samples.iter().enumerate() {
                    self.comma(i);
                    self.sample(s);
                }
                self.out.push(']');
            }
            Value::Matrix(series) => {
                self.out.push_str("matrix\",\"result\":[");
                for (i, s) in series.iter().enumerate() {
                    self.comma(i);
                    self.series(s);
                }
                self.out.push(']');
            }
        }
    }

    fn comma(&mut self, i: usize) {
        if i > 0 {
            self.out.push(',');
        }
    }

    fn labels(&mut self, labels: &Labels) {
        let html = self.dialect == Dialect::V2_42;
        self.out.push_str("{\"metric\":{");
        for (i, l) in labels.iter().enumerate() {
            self.comma(i);
            self.text(&l.name, html);
            self.out.push(':');
            self.text(&l.value, html);
        }
        self.out.push('}');
    }

    fn float_point(&mut self, t: i64, v: f64) {
        self.out.push('[');
        self.time(t);
        self.out.push_str(",\"");
        push_sample(&mut self.out, v);
        self.out.push_str("\"]");
    }

    fn histogram_point(&mut self, t: i64, h: &FloatHistogram) {
        self.out.push('[');
        self.time(t);
        let _ = write!(self.out, ",{{\"count\":\"{}\",\"sum\":\"{}\"", format_sample(h.count), format_sample(h.sum));
        let buckets: Vec<_> = h.buckets().into_iter().filter(|b| b.count != 0.0).collect();
        for (i, b) in buckets.iter().enumerate() {
            self.out.push_str(if i == 0 { ",\"buckets\":[" } else { "," });
            let kind = match (b.lower_inclusive, b.upper_inclusive) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            let (lower, upper, count) = (format_sample(b.lower), format_sample(b.upper), format_sample(b.count));
            let _ = write!(self.out, "[{kind},\"{lower}\",\"{upper}\",\"{count}\"]");
        }
        self.out.push_str(if buckets.is_empty() { "}]" } else { "]}]" });
    }

    fn sample(&mut self, s: &Sample) {
        self.labels(&s.labels);
        match &s.value {
            SampleValue::Float(v) => {
                self.out.push_str(",\"value\":");
                self.float_point(s.t, *v);
            }
            SampleValue::Histogram(h) => {
                self.out.push_str(",\"histogram\":");
                self.histogram_point(s.t, h);
            }
        }
        self.out.push('}');
    }

    fn series(&mut self, s: &RangeSeries) {
        self.labels(&s.labels);
        for (i, (t, v)) in s.floats.iter().enumerate() {
            self.out.push_str(if i == 0 { ",\"values\":[" } else { "," });
            self.float_point(*t, *v);
        }
        if !s.floats.is_empty() {
            self.out.push(']');
        }
        for (i, (t, h)) in s.histograms.iter().enumerate() {
            self.out.push_str(if i == 0 { ",\"histograms\":[" } else { "," });
            self.histogram_point(*t, h);
        }
        if !s.histograms.is_empty() {
            self.out.push(']');
        }
        self.out.push('}');
    }

    fn annotations(&mut self, notes: &Annotations, query: &str) {
        self.texts("warnings", "warning", notes.warnings(query));
        self.texts("infos", "info", notes.infos(query));
    }

    fn texts(&mut self, field: &str, kind: &str, mut texts: Vec<String>) {
        if texts.is_empty() {
            return;
        }
        let more = texts.len().saturating_sub(MAX_ANNOTATIONS);
        texts.truncate(MAX_ANNOTATIONS);
        if more > 0 {
            texts.push(format!("{more} more {kind} annotations omitted"));
        }
        let _ = write!(self.out, ",\"{field}\":[");
        for (i, text) in texts.iter().enumerate() {
            self.comma(i);
            self.text(text, true);
        }
        self.out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_decimals_or_none_and_values_are_strings() {
        let sample = |t, v| Sample {
            labels: Labels::from_pairs([("b", "<\"x\">"), ("a", "1")]),
            t,
            value: SampleValue::Float(v),
        };
        let answer = QueryAnswer {
            value: Value::Vector(vec![sample(1_500, 1e21), sample(2_000, f64::NAN)]),
            annotations: Annotations::default(),
        };
        let body = answer_body(&answer, "", Dialect::V3);
        assert_eq!(
            body,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1","b":"<\"x\">"},"value":[1.500,"1e+21"]},{"metric":{"a":"1","b":"<\"x\">"},"value":[2,"NaN"]}]}}"#
        );
        assert!(answer_body(&answer, "", Dialect::V2_42).contains(r#""b":"\u003c\"x\"\u003e""#));
    }

    #[test]
    fn errors_tell_their_type() {
        let e = EvalError::execution("too much");
        assert_eq!(error_body(&e, Dialect::V3), r#"{"status":"error","errorType":"execution","error":"too much"}"#);
        assert_eq!(error_status(&e), 422);
    }
}
