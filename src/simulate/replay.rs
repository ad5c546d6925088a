//! Recorded samples in place of scraping: they appear at their own times, rules and Alertmanager do the rest.

use std::sync::Arc;

use super::receivers;
use crate::engine::{Engine, EngineConfig, Event, Input, Output, Phases, StoredSample};
use crate::model::Time;

/// How long before its first sample a server started: discovery takes 5 s, the first slot comes a little later.
const LEAD_MS: i64 = 5_500;

/// Runs a stack over recorded samples; ends with the last one.
pub fn replay(config: &EngineConfig, phases: &Phases, mut samples: Vec<StoredSample>) -> Engine {
    let mut config = config.clone();
    if let Some(prometheus) = &mut config.prometheus {
        prometheus.targets.clear();
    }
    samples.sort_by_key(|s| s.t);
    let (first, last) = match (samples.first(), samples.last()) {
        (Some(first), Some(last)) => (first.t, last.t),
        _ => (0, 0),
    };
    let mut engine = Engine::new(Arc::new(config), phases, Time::from_millis(first.saturating_sub(LEAD_MS)));
    let until = Time::from_millis(last);
    let mut rest = samples.into_iter().peekable();
    loop {
        let sample = rest.peek().map(|s| Time::from_millis(s.t));
        let Some(now) = engine.next_wakeup().into_iter().chain(sample).min().filter(|t| *t <= until) else { break };
        if sample.is_some_and(|t| t <= now) {
            let mut batch = Vec::new();
            while let Some(sample) = rest.next_if(|s| Time::from_millis(s.t) <= now) {
                batch.push(sample);
            }
            engine.handle(now, Input::Samples(batch));
            continue;
        }
        if engine.work() > super::driver::BUDGET {
            engine.journal_mut().push(now, Event::Scenario { name: super::driver::STOPPED.into(), seconds: None });
            break;
        }
        for output in engine.poll(now) {
            if let Output::Post { id, notification, .. } = output {
                let outcome = receivers::answer(engine.config().alertmanager.as_ref(), &notification);
                engine.handle(now, Input::Posted { id, outcome });
            }
        }
    }
    engine
}
