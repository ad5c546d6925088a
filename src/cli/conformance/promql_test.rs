//! Suite `promql-test`: upstream's acceptance scripts, each instant evaluation repeated as upstream does: with `@` put
//! on every selector and evaluated at other times, and as the middle step of a range query.

use std::path::{Path, PathBuf};

use super::{SuiteError, SuiteReport, read};
use crate::promql::ast::{At, Expr, ExprKind};
use crate::promql::eval::{Options, Prepared};
use crate::promql::signature::Release;
use crate::promql::value::{EvalError, QueryAnswer};
use crate::promql::{Dialect, ParseOptions, parse, print};
use crate::tsdb::Tsdb;

mod compare;
mod load;
mod recorded;
mod script;

use crate::cli::asked::Asked;
use compare::Mismatch;
use script::{CommandKind, Eval, Level, When};

/// Functions whose value depends on the evaluation's time, whatever `@` says.
const TIMELY: [&str; 11] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "time",
    "timestamp",
    "year",
];

/// A minute in ms: how far the range variant looks to either side.
const MINUTE: i64 = 60_000;

/// Runs the suite over a script, or all scripts of a folder, each as the release it was recorded from.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let asked = super::asked(dialect, Asked::Dialect(Dialect::V3))?;
    let mut texts = Vec::new();
    for file in scripts(path)? {
        let text = read(&file)?;
        texts.push((file, text));
    }
    let mut report = SuiteReport::default();
    for (file, text) in &texts {
        let name = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let beside = texts.iter().filter(|(other, _)| other.parent() == file.parent());
        let folder = recorded::notation_of_all(beside.map(|(_, text)| text.as_str()));
        let speaker = Speaker { dialect: asked.dialect(), release: recorded::release(asked, file, text, folder) };
        run_script(&name, text, speaker, &mut report);
    }
    Ok(report)
}

fn scripts(path: &Path) -> Result<Vec<PathBuf>, SuiteError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = scripts_below(path)?;
    if files.is_empty() {
        return Err(SuiteError(format!("no .test file in {}", path.display())));
    }
    Ok(files)
}

/// The scripts of a folder and of the folders in it, links not followed.
fn scripts_below(folder: &Path) -> Result<Vec<PathBuf>, SuiteError> {
    let entries = std::fs::read_dir(folder).map_err(|e| SuiteError::unreadable(folder, &e))?;
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.path();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            files.extend(scripts_below(&path)?);
        } else if path.extension().is_some_and(|e| e == "test") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Who answers a script's queries.
#[derive(Clone, Copy)]
struct Speaker {
    dialect: Dialect,
    release: Release,
}

impl Speaker {
    fn options(self) -> Options {
        let (dialect, release) = (self.dialect, self.release);
        Options { release, delayed_name_removal: dialect == Dialect::V3, ..Options::small(dialect) }
    }

    fn parse_options(self) -> ParseOptions {
        let options = match self.dialect {
            Dialect::V2_42 => ParseOptions::stock(self.dialect),
            Dialect::V3 => ParseOptions::experimental(self.dialect),
        };
        ParseOptions { release: self.release, ..options }
    }
}

fn run_script(name: &str, text: &str, speaker: Speaker, report: &mut SuiteReport) {
    let mut db = Tsdb::new();
    for command in script::read(text, speaker.dialect) {
        let case = format!("{name}:{}", command.line);
        match command.kind {
            Ok(CommandKind::Clear) => db = Tsdb::new(),
            Ok(CommandKind::Load { step, series, with_nhcb }) => load::load(&mut db, step, &series, with_nhcb),
            Ok(CommandKind::Eval(eval)) => match judge(&db, &eval, speaker) {
                Ok(()) => report.pass(),
                Err((expected, actual)) => report.fail(format!("{case} {}", eval.expr), expected, actual),
            },
            Err(e) if command.is_eval => report.fail(case, "an evaluation that can be read", e),
            Err(e) => report.fail(case, "a command that can be read", e),
        }
    }
}

fn judge(db: &Tsdb, eval: &Eval, speaker: Speaker) -> Result<(), Mismatch> {
    let parse_options = speaker.parse_options();
    let expr = match parse(&eval.expr, &parse_options) {
        Ok(expr) => expr,
        Err(e) => return failure(eval, &e.to_string()),
    };
    match eval.when {
        When::Range { start, end, step } => {
            let answer = Prepared::new(&expr, &speaker.options()).range(db, start, end, step);
            let Some(answer) = outcome(eval, answer)? else { return Ok(()) };
            compare::annotations(&eval.annotations, &answer)?;
            compare::value(eval, Some((start, step)), &answer.value)
        }
        When::Instant(t) => {
            judge_instant(db, eval, &expr, t, speaker)?;
            let mut fixed = expr.clone();
            if !fix_times(&mut fixed, t) {
                return Ok(());
            }
            let text = print(&fixed, speaker.dialect);
            let fixed =
                parse(&text, &parse_options).map_err(|e| (format!("{text} can be read again"), e.to_string()))?;
            let times = if t == 0 { vec![-1000, 0, 1000] } else { vec![-10 * t, 0, t / 5, t, 10 * t] };
            for at in times {
                judge_instant(db, eval, &fixed, at, speaker)
                    .map_err(|(expected, actual)| (expected, format!("{actual} (as {text} at {at} ms)")))?;
            }
            Ok(())
        }
    }
}

/// Evaluates at one time, and as the middle step of a range query.
fn judge_instant(db: &Tsdb, eval: &Eval, expr: &Expr, t: i64, speaker: Speaker) -> Result<(), Mismatch> {
    let mut query = Prepared::new(expr, &speaker.options());
    let answer = query.instant(db, t);
    let Some(answer) = outcome(eval, answer)? else { return Ok(()) };
    compare::annotations(&eval.annotations, &answer)?;
    compare::value(eval, None, &answer.value)?;
    let has_range =
        !matches!(expr.value_type(), crate::promql::ast::ValueType::String | crate::promql::ast::ValueType::Matrix);
    // Over a range these two mean something else.
    let asks_for_range = eval.expr.contains("range()") || eval.expr.contains("step()");
    if eval.ordered || !has_range || asks_for_range {
        return Ok(());
    }
    let around = |(expected, actual): Mismatch| (expected, format!("{actual} (as a range query)"));
    let answer = query
        .range(db, t - MINUTE, t + MINUTE, MINUTE)
        .map_err(|e| around(("the same as a range query".to_owned(), e.to_string())))?;
    compare::middle(eval, t, &answer.value).map_err(around)
}

/// The answer, or `None` when an expected error came.
fn outcome(eval: &Eval, answer: Result<QueryAnswer, EvalError>) -> Result<Option<QueryAnswer>, Mismatch> {
    match answer {
        Ok(_) if eval.fails => Err(("an error".to_owned(), "an answer".to_owned())),
        Ok(answer) => Ok(Some(answer)),
        Err(e) => failure(eval, &e.message).map(|()| None),
    }
}

fn failure(eval: &Eval, message: &str) -> Result<(), Mismatch> {
    if !eval.fails {
        return Err(("an answer".to_owned(), message.to_owned()));
    }
    let conditions = eval.annotations.iter().filter(|w| w.level == Level::Fail);
    if conditions.clone().any(|w| !w.text.fits(message)) {
        return Err(("the expected error".to_owned(), message.to_owned()));
    }
    Ok(())
}

/// Puts `@` on every selector and subquery that has none, not inside of subqueries that have one. `false` when the
/// query's value depends on the evaluation's time.
fn fix_times(expr: &mut Expr, t: i64) -> bool {
    let mut expr = expr;
    let mut timeless = true;
    // Chains lean to the left and may be long.
    while expr.as_binary().is_some() {
        let ExprKind::Binary(b) = &mut { expr }.kind else { return timeless };
        timeless &= fix_times(&mut b.rhs, t);
        expr = &mut b.lhs;
    }
    timeless & fix_operand(expr, t)
}

fn fix_operand(expr: &mut Expr, t: i64) -> bool {
    let fix = |at: &mut Option<At>| {
        if !matches!(at, Some(At::Timestamp(_))) {
            *at = Some(At::Timestamp(t));
        }
    };
    match &mut expr.kind {
        ExprKind::Number { .. } | ExprKind::String(_) => true,
        ExprKind::VectorSelector(s) => {
            fix(&mut s.modifiers.at);
            true
        }
        ExprKind::MatrixSelector { selector, .. } => fix_times(selector, t),
        ExprKind::Subquery(s) => {
            fix(&mut s.modifiers.at);
            is_timeless(&s.expr)
        }
        ExprKind::Call(c) => {
            let timeless = !TIMELY.contains(&c.function.name);
            c.args.iter_mut().fold(timeless, |ok, arg| fix_times(arg, t) && ok)
        }
        ExprKind::Aggregate(a) => {
            let param = a.param.as_mut().is_none_or(|p| fix_times(p, t));
            fix_times(&mut a.expr, t) && param
        }
        ExprKind::Binary(_) => fix_times(expr, t),
        ExprKind::Unary { expr, .. } => fix_times(expr, t),
        ExprKind::Paren(inner) => fix_times(inner, t),
    }
}

/// Whether no function inside asks for the evaluation's time.
fn is_timeless(expr: &Expr) -> bool {
    let mut copy = expr.clone();
    fix_times(&mut copy, 0)
}
