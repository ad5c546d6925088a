//! `labkit query`: PromQL over recorded samples, answered with the bodies of Prometheus' API.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::asked::Asked;
use super::exit::Exit;
use crate::exposition::{RecordedSeries, read_series};
use crate::promql::api;
use crate::promql::eval::{Options, Room};
use crate::promql::request::{Asked as Wanted, Given, Request, read, refused_over_a_range};
use crate::promql::value::EvalError;
use crate::tsdb::Tsdb;

#[derive(Debug, Args)]
pub struct QueryArgs {
    /// Samples as OpenMetrics text with timestamps
    #[arg(long, value_name = "FILE", env = "LABKIT_DATA")]
    data: PathBuf,
    /// Evaluate at this Unix time in seconds, or RFC 3339
    #[arg(long, value_name = "T", env = "LABKIT_TIME", allow_hyphen_values = true, conflicts_with_all = ["start", "end", "step"])]
    time: Option<String>,
    /// Evaluate over a range that begins here
    #[arg(long, value_name = "T", env = "LABKIT_START", allow_hyphen_values = true, requires_all = ["end", "step"])]
    start: Option<String>,
    /// The range's end, inclusive
    #[arg(long, value_name = "T", env = "LABKIT_END", allow_hyphen_values = true, requires = "start")]
    end: Option<String>,
    /// Seconds between the range's steps, or a duration such as 15s
    #[arg(long, value_name = "D", env = "LABKIT_STEP", allow_hyphen_values = true, requires = "start")]
    step: Option<String>,
    /// Answer the queries of a file: one {"query","time"} or {"query","start","end","step"} a line
    #[arg(long, value_name = "FILE", env = "LABKIT_QUERIES", conflicts_with_all = ["expr", "time", "start"])]
    queries: Option<PathBuf>,
    /// Speak as this version: 2.42, 3 or a release such as 3.5
    #[arg(long, env = "LABKIT_DIALECT", default_value = "3", value_parser = Asked::from_str)]
    dialect: Asked,
    /// The query
    #[arg(value_name = "EXPR", required_unless_present = "queries", allow_hyphen_values = true)]
    expr: Option<String>,
}

/// Runs the command.
#[allow(clippy::print_stdout, clippy::print_stderr)]
pub fn run(args: &QueryArgs) -> Exit {
    let body = match std::fs::read(&args.data) {
        Ok(body) => body,
        Err(e) => {
            eprintln!("labkit: cannot read {}: {e}", args.data.display());
            return Exit::Usage;
        }
    };
    let db = match store(&body) {
        Ok(db) => db,
        Err(e) => {
            eprintln!("labkit: {}: {e}", args.data.display());
            return Exit::Usage;
        }
    };
    drop(body);
    let mut room = Room::default();
    let mut out = Out { stdout: std::io::BufWriter::new(stdout()), trouble: None };
    if let Some(path) = &args.queries {
        let lines = match std::fs::read_to_string(path) {
            Ok(lines) => lines,
            Err(e) => {
                eprintln!("labkit: cannot read {}: {e}", path.display());
                return Exit::Usage;
            }
        };
        for line in lines.lines().filter(|l| !l.trim().is_empty()) {
            match serde_json::from_str::<Request>(line) {
                Ok(request) => answer(&db, &request, args.dialect, &mut room, &mut out),
                Err(e) => {
                    let e = EvalError::bad_data(format!("cannot read the query: {e}"));
                    out.write(api::error_body(&e, args.dialect.dialect()).as_bytes());
                }
            }
            out.write(b"\n");
        }
    } else {
        let given = |text: &Option<String>| text.clone().map(Given::Text);
        let request = Request {
            query: args.expr.clone().unwrap_or_default(),
            time: given(&args.time),
            start: given(&args.start),
            end: given(&args.end),
            step: given(&args.step),
        };
        if request.time.is_none() && request.start.is_none() {
            eprintln!("labkit: give --time, or --start, --end and --step");
            return Exit::Usage;
        }
        answer(&db, &request, args.dialect, &mut room, &mut out);
        out.write(b"\n");
    }
    match out.finish() {
        Some(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("labkit: cannot write: {e}");
            Exit::Usage
        }
        _ => Exit::Ok,
    }
}

/// The samples in a store, series in order of labels as in a block.
fn store(body: &[u8]) -> Result<Tsdb, String> {
    let mut series = read_series(body).map_err(|e| e.to_string())?;
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    let mut db = Tsdb::new();
    for RecordedSeries { labels, mut samples } in series {
        samples.sort_by_key(|s| s.0);
        let r = db.series_ref(&labels);
        db.reserve(r, samples.len());
        for (t, v) in samples {
            // Of two values at one time the first stays, as in the head.
            let _ = db.append(r, t, v);
        }
    }
    Ok(db)
}

/// The standard output without the search for line feeds that the library's own does, which long answers have none of.
fn stdout() -> Box<dyn std::io::Write> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        if let Ok(copy) = std::io::stdout().as_fd().try_clone_to_owned() {
            return Box::new(std::fs::File::from(copy));
        }
    }
    Box::new(std::io::stdout().lock())
}

/// Where answers go as they come; what could not be written is told at the end.
struct Out {
    stdout: std::io::BufWriter<Box<dyn std::io::Write>>,
    trouble: Option<std::io::Error>,
}

impl Out {
    fn write(&mut self, bytes: &[u8]) {
        use std::io::Write as _;
        if self.trouble.is_none() {
            self.trouble = self.stdout.write_all(bytes).err();
        }
    }

    /// Writes what is left; gives the first trouble there was.
    fn finish(mut self) -> Option<std::io::Error> {
        use std::io::Write as _;
        let flushed = self.stdout.flush();
        self.trouble.or(flushed.err())
    }
}

fn answer(db: &Tsdb, request: &Request, asked: Asked, room: &mut Room, out: &mut Out) {
    let dialect = asked.dialect();
    if let Err(e) = evaluate(db, request, asked, room, out) {
        out.write(api::error_body(&e, dialect).as_bytes());
    }
}

/// Evaluates and writes the answer; nothing is written of an error.
fn evaluate(db: &Tsdb, request: &Request, asked: Asked, room: &mut Room, out: &mut Out) -> Result<(), EvalError> {
    let dialect = asked.dialect();
    match read(request, &Options { release: asked.release(), ..Options::new(dialect) })? {
        Wanted::Instant(mut prepared, time) => {
            let answer = prepared.instant(db, time)?;
            out.write(api::answer_body(&answer, &request.query, dialect).as_bytes());
            Ok(())
        }
        Wanted::Range(mut prepared, times) => {
            prepared.lend(std::mem::take(room));
            let done = prepared.range_body(db, times, &request.query, &mut |bytes| out.write(bytes));
            *room = prepared.take_room();
            done.map_err(|e| refused_over_a_range(e, dialect))
        }
    }
}
