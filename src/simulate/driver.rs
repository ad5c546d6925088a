//! The loop of virtual time: jump to the next wake-up, let the world answer.

use super::load::Load;
use super::receivers;
use super::world::World;
use crate::engine::{Engine, Event, Input, Output, TargetId};
use crate::model::Time;

/// What the journal says when a run was stopped because it took too many steps.
pub const STOPPED: &str = "stopped: too much work";

/// How many steps (as [`Engine::work`] counts them) one run may take. The lab's scenario takes about a hundred thousand;
/// intervals of a millisecond or a query over everything would take hours.
pub(super) const BUDGET: u64 = 100_000_000;

/// Runs a machine in a world up to and including `until`, or until `done` says so after an instant. A stack that asks for
/// too much work is stopped; its journal says so.
pub fn drive(
    engine: &mut Engine,
    world: &World,
    load: &Load,
    until: Time,
    mut done: impl FnMut(&Engine, Time) -> bool,
) {
    let mut late: Vec<(Time, Input)> = Vec::new();
    loop {
        let answer = late.iter().map(|(at, _)| *at).min();
        let Some(now) = engine.next_wakeup().into_iter().chain(answer).min().filter(|t| *t <= until) else { return };
        while let Some(i) = late.iter().position(|(at, _)| *at <= now) {
            let (at, input) = late.swap_remove(i);
            engine.handle(at, input);
        }
        for output in engine.poll(now) {
            match output {
                Output::Scrape { target, at } => {
                    if let Some((input, takes)) = scrape(engine, world, load, target, at) {
                        if takes == 0 {
                            engine.handle(now, input);
                        } else {
                            late.push((now.plus_nanos(takes), input));
                        }
                    }
                }
                Output::Post { id, notification, .. } => {
                    let outcome = receivers::answer(engine.config().alertmanager.as_ref(), &notification);
                    engine.handle(now, Input::Posted { id, outcome });
                }
                Output::Cancel(_) => {}
            }
        }
        if done(engine, now) {
            return;
        }
        if engine.work() > BUDGET {
            engine.journal_mut().push(now, Event::Scenario { name: STOPPED.into(), seconds: None });
            return;
        }
    }
}

fn scrape(engine: &Engine, world: &World, load: &Load, id: TargetId, at: Time) -> Option<(Input, i64)> {
    let target = &engine.config().prometheus.as_ref()?.targets.get(id.0)?.target;
    let (outcome, takes) = world.scrape(id.0, target, load, at);
    Some((Input::Scraped { target: id, began: at, outcome }, takes))
}

/// Notes in the journal what the scenario does, up to `until`; call it once, before or after driving.
pub fn note_stresses(engine: &mut Engine, scenario: &super::Scenario) {
    let journal = engine.journal_mut();
    for stress in &scenario.stresses {
        let seconds = Some(stress.to - stress.from);
        journal.insert(scenario.time(stress.from), Event::Scenario { name: "stress-start".into(), seconds });
        journal.insert(scenario.time(stress.to), Event::Scenario { name: "stress-end".into(), seconds: None });
    }
}
