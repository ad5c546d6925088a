//! `labkit review`: a person decides what labkit could not.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::print;
use crate::grade::batch::RESULTS;
use crate::grade::journal::each_result;
use crate::grade::outputs;
use crate::grade::review::{self, Decision, Decisions};
use crate::report::Verdict;
use crate::report::escape::without_controls;

#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// Folder with the results of `labkit grade`
    #[arg(long, value_name = "DIR", default_value = "reports", env = "LABKIT_OUT")]
    out: PathBuf,
    /// Decide without asking: SUBJECT/CRITERION=pass or =fail (repeatable)
    #[arg(long, value_name = "DECISION", value_parser = decision)]
    set: Vec<(String, String, Verdict)>,
    /// Note that goes with every decision of --set
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Ask also where stdin is no terminal: one answer a line
    #[arg(long, conflicts_with_all = ["list", "json", "set"])]
    ask: bool,
    /// List what is to be decided, ask nothing
    #[arg(long)]
    list: bool,
    /// One JSON document on stdout and nothing else; asks nothing
    #[arg(long, env = "LABKIT_JSON")]
    json: bool,
}

fn decision(text: &str) -> Result<(String, String, Verdict), String> {
    let wrong = || format!("{text:?} is not SUBJECT/CRITERION=pass or =fail");
    let (what, verdict) = text.rsplit_once('=').ok_or_else(wrong)?;
    let (subject, criterion) = what.rsplit_once('/').ok_or_else(wrong)?;
    let verdict = match verdict {
        "pass" => Verdict::Pass,
        "fail" => Verdict::Fail,
        _ => return Err(wrong()),
    };
    Ok((subject.to_owned(), criterion.to_owned(), verdict))
}

/// Something a person must look at.
struct Item {
    subject: String,
    commit: Option<String>,
    criterion: String,
    title: String,
    reason: String,
    report: PathBuf,
    /// Decided before.
    decided: Option<Decision>,
}

/// Runs the command.
pub fn run(args: &ReviewArgs) -> Exit {
    match reviewed(args) {
        Ok(()) => Exit::Ok,
        Err(e) => print::usage(&e),
    }
}

fn reviewed(args: &ReviewArgs) -> Result<(), String> {
    let items = items(args)?;
    if !args.set.is_empty() {
        for (subject, criterion, verdict) in &args.set {
            let item = items.iter().find(|i| i.subject == *subject && i.criterion == *criterion);
            let item = item.ok_or_else(|| format!("--set: {subject}/{criterion} is not to be reviewed"))?;
            store(args, item, *verdict, &args.note)?;
        }
        return outputs::write(&args.out).map(|_| ());
    }
    if args.json {
        let list: Vec<_> = items
            .iter()
            .map(|i| json!({"subject": i.subject, "criterion": i.criterion, "reason": i.reason, "decided": i.decided}))
            .collect();
        print::result(&format!("{}\n", json!({"schema": "labkit/review/v1", "items": list})));
        return Ok(());
    }
    let open: Vec<&Item> = items.iter().filter(|i| i.decided.is_none()).collect();
    if args.list || !(args.ask || std::io::stdin().is_terminal()) {
        for item in &open {
            print::result(&format!("{}/{}: {}\n", plain(&item.subject), item.criterion, plain(&item.reason)));
        }
        print::remark(&format!("{} to decide, {} decided", open.len(), items.len() - open.len()));
        return Ok(());
    }
    if ask(args, &open)? > 0 {
        outputs::write(&args.out)?;
    }
    Ok(())
}

fn plain(text: &str) -> String {
    without_controls(text).replace(['\n', '\t'], " ")
}

fn items(args: &ReviewArgs) -> Result<Vec<Item>, String> {
    let cannot = |e: std::io::Error| format!("cannot read the results in {}: {e}", args.out.display());
    let journal = args.out.join(RESULTS);
    if !journal.is_file() {
        return Err(format!("no {RESULTS} in {}; run labkit grade first", args.out.display()));
    }
    let decisions = Decisions::read(&args.out).map_err(cannot)?;
    let mut items = Vec::new();
    each_result(&journal, |line| {
        let name = &line.result.subject.name;
        let of_subject = decisions.of(name);
        let open = line.result.criteria.iter().filter(|c| matches!(c.verdict, Verdict::Review | Verdict::Inconclusive));
        items.extend(open.map(|c| Item {
            subject: name.clone(),
            commit: line.result.subject.commit.clone(),
            criterion: c.id.clone(),
            title: c.title.clone(),
            reason: c.reason.clone(),
            report: args.out.join(&line.grade.report),
            decided: of_subject.iter().find(|d| d.criterion == c.id).cloned(),
        }));
    })
    .map_err(cannot)?;
    items.sort_by(|a, b| (&a.criterion, &a.subject).cmp(&(&b.criterion, &b.subject)));
    Ok(items)
}

fn store(args: &ReviewArgs, item: &Item, verdict: Verdict, note: &str) -> Result<(), String> {
    let decision = Decision {
        subject: item.subject.clone(),
        criterion: item.criterion.clone(),
        verdict,
        note: note.to_owned(),
        commit: item.commit.clone(),
    };
    review::store(&args.out, &decision).map_err(|e| format!("cannot write to {}: {e}", args.out.display()))
}

/// Goes through the items; gives how many were decided.
fn ask(args: &ReviewArgs, items: &[&Item]) -> Result<usize, String> {
    let mut lines = std::io::stdin().lock().lines();
    let mut answer = move |question: &str| -> String {
        print::result(question);
        lines.next().and_then(Result::ok).unwrap_or_else(|| "q".to_owned()).trim().to_owned()
    };
    let mut decided = 0;
    for (i, item) in items.iter().enumerate() {
        print::result(&format!(
            "\n{} of {}  {}  {} ({})\n  {}\n  report: {}\n",
            i + 1,
            items.len(),
            plain(&item.subject),
            item.title,
            item.criterion,
            plain(&item.reason),
            item.report.display()
        ));
        let verdict = loop {
            match answer("pass, fail, skip or quit? [p/f/s/q] ").as_str() {
                "p" | "pass" => break Some(Verdict::Pass),
                "f" | "fail" => break Some(Verdict::Fail),
                "s" | "skip" => break None,
                "q" | "quit" => return Ok(decided),
                _ => {}
            }
        };
        if let Some(verdict) = verdict {
            let note = answer("note: ");
            store(args, item, verdict, &note)?;
            decided += 1;
        }
    }
    Ok(decided)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_names_subject_criterion_and_verdict() {
        let read = decision("group=1/x/lab-report=pass").unwrap();
        assert_eq!(read, ("group=1/x".to_owned(), "lab-report".to_owned(), Verdict::Pass));
        assert!(decision("x=pass").is_err() && decision("a/b=maybe").is_err());
    }
}
