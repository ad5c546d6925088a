//! A lab's whole acceptance run on a running stack.

use super::{LiveWorld, Settings, State};
use crate::check::acceptance::{lab_info, leave_out};
use crate::check::simulated::Simulated;
use crate::check::{Check, judge};
use crate::lab::Lab;
use crate::report::{RunResult, Subject, Summary};
use crate::stack::FileTree;

/// What is to be judged.
pub struct Request<'a> {
    /// The lab.
    pub lab: &'a Lab,
    /// Its scripts.
    pub checks: &'a [Check],
    /// The starter's files: what stands in them is nobody's own words.
    pub starter: &'a [(String, Vec<u8>)],
    /// The repository, for what only files can tell.
    pub tree: Option<&'a FileTree>,
    /// Whose it is.
    pub subject: Subject,
}

/// What a check came to.
pub struct Checked {
    /// The verdicts.
    pub result: RunResult,
    /// What was judged and seen, for another run to go on with.
    pub state: State,
}

/// Judges every criterion.
///
/// # Errors
/// No requests can be made from this machine.
pub fn run(request: &Request<'_>, mut settings: Settings<'_>) -> Result<Checked, String> {
    let files = request.tree.map(|tree| Simulated::new(request.lab, request.checks, tree, request.starter));
    let only = settings.only;
    // The alerts whose message is wanted under load.
    settings.load_alerts = super::plan::load_alerts(request.checks).map(str::to_owned);
    let mut world = LiveWorld::new(request.lab, settings, files)?;
    world.ask_for_configuration();
    let mut criteria = judge(request.lab, request.checks, &mut world);
    if !only.is_empty() {
        for c in criteria.iter_mut().filter(|c| !only.contains(&c.id)) {
            leave_out(c);
        }
    }
    let result = RunResult {
        schema: RunResult::SCHEMA.to_owned(),
        labkit: env!("CARGO_PKG_VERSION").to_owned(),
        lab: lab_info(request.lab),
        subject: request.subject.clone(),
        clock: "real".to_owned(),
        dialect: world.dialect(),
        summary: Summary::of(&criteria),
        criteria,
        advice: world.advice(),
        diagnostics: Vec::new(),
        timeline: world.timeline(),
    };
    Ok(Checked { result, state: world.state() })
}
