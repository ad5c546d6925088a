//! `labkit mock`: the mocked model alone, as a real exporter.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;

use super::exit::Exit;
use super::print;
use crate::golang::duration::parse_prometheus_duration;
use crate::live::mock::{self, Served, ValueAt};
use crate::live::{Signal, wait_for_signal};
use crate::model::Time;
use crate::simulate::model_mock::{ModelMock, STEP_NS};

/// The most steps a script of values may hold.
const MAX_STEPS: usize = 1_000_000;

#[derive(Debug, ClapArgs)]
pub struct MockArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:9000", env = "LABKIT_LISTEN")]
    pub listen: SocketAddr,
    /// The metric's name
    #[arg(long, value_name = "NAME", default_value = "model_result", value_parser = metric_name, env = "LABKIT_METRIC")]
    pub metric: String,
    /// Seed of the values: the same seed gives the same value at the same time
    #[arg(long, value_name = "N", default_value_t = 7, env = "LABKIT_SEED")]
    pub seed: u64,
    /// How often the value changes
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = period, env = "LABKIT_EVERY")]
    pub every: i64,
    /// File with the values to serve, one a line, such as 0.9 or 0.9*24 for 24 times; begins again after the last
    #[arg(long, value_name = "FILE", conflicts_with = "seed", env = "LABKIT_SCRIPT")]
    pub script: Option<PathBuf>,
}

/// Runs the command until the process is asked to stop.
pub fn run(args: &MockArgs) -> Exit {
    let value = match value_at(args) {
        Ok(value) => value,
        Err(e) => return print::usage(&e),
    };
    let server = match mock::start(args.listen, Served { metric: args.metric.clone(), value }) {
        Ok(server) => server,
        Err(e) => return print::usage(&format!("cannot listen on {}: {e}", args.listen)),
    };
    print::remark(&format!("{} is served at http://{}/metrics", args.metric, server.address()));
    let signal = wait_for_signal();
    match (signal, server.stop()) {
        (Ok(Signal::Interrupt), Ok(())) => Exit::Interrupted,
        (Ok(Signal::Terminate), Ok(())) => Exit::Ok,
        (Err(e), _) | (_, Err(e)) => {
            print::remark(&format!("the exporter stopped: {e}"));
            Exit::Error
        }
    }
}

fn value_at(args: &MockArgs) -> Result<ValueAt, String> {
    let every = args.every;
    let Some(path) = &args.script else {
        let model = ModelMock::new(args.seed);
        // The model counts steps of its own length; others are mapped onto them.
        return Ok(Arc::new(move |at: Time| model.result(Time(at.0.div_euclid(every).saturating_mul(STEP_NS)))));
    };
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let values = script(&text).map_err(|e| format!("{}:{e}", path.display()))?;
    let start = mock::now();
    Ok(Arc::new(move |at: Time| {
        let step = usize::try_from(at.since(start) / every).unwrap_or(0);
        values[step % values.len()]
    }))
}

/// Values, one a line; `V*N` stands for N times V, `#` begins a comment.
fn script(text: &str) -> Result<Vec<f64>, String> {
    let mut values = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let wanted = || format!("{}: {line:?} is no value, wanted a number such as 0.9 or 0.9*24", number + 1);
        let (value, times) = match line.split_once('*') {
            Some((value, times)) => (value.trim(), times.trim().parse::<usize>().map_err(|_| wanted())?),
            None => (line, 1),
        };
        let value: f64 = value.parse().map_err(|_| wanted())?;
        if values.len().saturating_add(times) > MAX_STEPS {
            return Err(format!("{}: more than {MAX_STEPS} values", number + 1));
        }
        values.extend(std::iter::repeat_n(value, times));
    }
    if values.is_empty() {
        return Err("1: no values, wanted one a line".to_owned());
    }
    Ok(values)
}

fn period(text: &str) -> Result<i64, String> {
    match parse_prometheus_duration(text) {
        Ok(nanos) if nanos > 0 => Ok(nanos),
        Ok(_) => Err("wanted more than nothing".to_owned()),
        Err(e) => Err(e),
    }
}

fn metric_name(text: &str) -> Result<String, String> {
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    if !text.is_empty() && text.chars().all(rest) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("wanted letters, digits, _ and :, no digit first".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_values_with_repetitions_and_comments() {
        assert_eq!(script("0.1\n# pause\n0.9 * 2 # high\n\nNaN*0\n"), Ok(vec![0.1, 0.9, 0.9]));
        assert!(script("0.1\nhigh\n").is_err_and(|e| e.starts_with("2: \"high\" is no value")));
        assert!(script("# nothing\n").is_err() && script("1*9999999999").is_err());
    }
}
