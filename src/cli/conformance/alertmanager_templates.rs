//! Suite `alertmanager-templates`: texts as `amtool template render` expands them, or the error it gives.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{SuiteError, SuiteReport, read};
use crate::alertmanager::Version;
use crate::alertmanager::template::{AlertData, Data, Kv, Templates};
use crate::golang::time::GoTime;
use crate::model::Time;

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let version = dialect.map_or(Ok(Version::V0_25), str::parse).map_err(SuiteError)?;
    let cases = json(path)?;
    let cases = cases["cases"].as_array().ok_or_else(|| SuiteError("no list of cases".to_owned()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let data = Arc::new(data(&json(&folder.join("data.json"))?));
    let templates = templates(folder, version)?;
    let mut report = SuiteReport::default();
    for (i, case) in cases.iter().enumerate() {
        let name = case["id"].as_str().map_or_else(|| format!("{}#{i}", path.display()), str::to_owned);
        let Some(text) = case["text"].as_str() else {
            report.fail(name, "a case with a text", "cannot read the case");
            continue;
        };
        let expected = match (case["ok"].as_bool(), case["output"].as_str(), case["error"].as_str()) {
            (Some(true), Some(output), _) => output.to_owned(),
            (Some(false), _, Some(error)) => error.to_owned(),
            _ => {
                report.fail(name, "a case with an output or an error", "cannot read the case");
                continue;
            }
        };
        let actual = match templates.expand_as_amtool(text, &data, Time::default()) {
            Ok(output) => output,
            Err(error) => format!("amtool: error: {error}"),
        };
        report.compare(format!("{name} {text}"), expected, actual);
    }
    Ok(report)
}

fn json(path: &Path) -> Result<Value, SuiteError> {
    serde_json::from_str(&read(path)?).map_err(|e| SuiteError(format!("{}: {e}", path.display())))
}

/// The built-in definitions and those of the files beside the cases, in order of file name.
fn templates(folder: &Path, version: Version) -> Result<Templates, SuiteError> {
    let mut templates = Templates::new(version);
    let entries = std::fs::read_dir(folder).map_err(|e| SuiteError::unreadable(folder, &e))?;
    let mut files: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "tmpl"));
    files.sort();
    for file in files {
        let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        templates.add_file(&name, &read(&file)?).map_err(|e| SuiteError(format!("{}: {e}", file.display())))?;
    }
    Ok(templates)
}

/// The data as `amtool template render` reads it from a file.
fn data(value: &Value) -> Data {
    Data {
        receiver: text(&value["receiver"]),
        status: text(&value["status"]),
        alerts: value["alerts"].as_array().into_iter().flatten().map(|a| Arc::new(alert(a))).collect(),
        notification_reason: text(&value["notification_reason"]),
        group_labels: kv(&value["groupLabels"]),
        common_labels: kv(&value["commonLabels"]),
        common_annotations: kv(&value["commonAnnotations"]),
        route_labels: kv(&value["routeLabels"]),
        external_url: text(&value["externalURL"]),
    }
}

fn alert(value: &Value) -> AlertData {
    AlertData {
        status: text(&value["status"]),
        labels: kv(&value["labels"]),
        annotations: kv(&value["annotations"]),
        starts_at: time(&value["startsAt"]),
        ends_at: time(&value["endsAt"]),
        generator_url: text(&value["generatorURL"]),
        fingerprint: text(&value["fingerprint"]),
    }
}

fn text(value: &Value) -> Arc<str> {
    value.as_str().unwrap_or("").into()
}

fn kv(value: &Value) -> Kv {
    value.as_object().into_iter().flatten().map(|(name, value)| (Arc::from(name.as_str()), text(value))).collect()
}

fn time(value: &Value) -> GoTime {
    let text = value.as_str().unwrap_or("");
    let stamp = text.parse::<jiff::Timestamp>().ok();
    stamp.map_or_else(GoTime::zero, |t| {
        let nanosecond = t.subsec_nanosecond();
        // Before 1970 the fraction counts backwards.
        let (second, nanosecond) =
            if nanosecond < 0 { (t.as_second() - 1, nanosecond + 1_000_000_000) } else { (t.as_second(), nanosecond) };
        let time = GoTime::from_unix(second, u32::try_from(nanosecond).unwrap_or(0));
        // Go keeps an offset that is not the machine's own as a zone without a name.
        match text.split_at_checked(text.len().saturating_sub(6)).and_then(|(_, end)| offset(end)) {
            Some(offset) if offset != 0 => time.in_zone(offset, ""),
            _ => time,
        }
    })
}

/// `+05:30` in seconds.
fn offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    Some(sign * (hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60))
}
