//! When nothing more can change, so that nobody has to wait for the rest of a load.

use super::messages::{clock_text, fired_after, resolved_after};
use super::stress::{LOOK_EVERY, Record};
use crate::check::simulated::schedule::Stretch;

/// Seconds of load after which it may be ended: Grafana has shown it by then.
const SEEN_LONG_ENOUGH: f64 = 75.0;
/// Seconds after a load in which a message still counts.
const IN_TIME: f64 = 60.0;
/// Seconds that an alert may be pending before it is seen.
const SEEN_LATE: f64 = 10.0;

/// Whether nothing more comes after the last load: the alerts that fired are over and it was told, or none ever fired.
pub fn is_over(record: &Record, names: &[String], (from, to): (f64, f64), t: f64) -> bool {
    let fired = record.looks.iter().any(|l| l.firing && l.t >= from && names.contains(&l.alert));
    // A message of an alert that fired in time may still come within a minute.
    if !fired {
        return t >= to + IN_TIME + LOOK_EVERY || !record.stands(names, t - 3.0 * LOOK_EVERY) && t >= to + 20.0;
    }
    !record.stands(names, t - 1.5 * LOOK_EVERY) && resolved_after(record, names, to).is_some()
}

/// Why the rest of a load can change nothing any more, if so. `holds` are the seconds of `for` of the alerts.
pub fn is_certain(
    record: &Record,
    names: &[String],
    holds: &[f64],
    (load, is_last): (&Stretch, bool),
    t: f64,
) -> Option<String> {
    if t < load.from + SEEN_LONG_ENOUGH {
        return None;
    }
    if !is_last {
        // With several alerts another one may still behave.
        let spoke = names.len() == 1 && fired_after(record, names, load.from).is_some();
        return spoke.then(|| "a message came already, which is what must not be".to_owned());
    }
    let shortest = holds.iter().copied().fold(f64::INFINITY, f64::min);
    if !record.stands(names, t - 3.0 * LOOK_EVERY) {
        return (t + shortest > load.to + IN_TIME)
            .then(|| "no alert is pending, so none can fire in time any more".to_owned());
    }
    let stood = |name: &String| pending_since(record, name, load.from);
    let since = names.iter().filter_map(stood).fold(f64::INFINITY, f64::min);
    let fired = record.looks.iter().any(|l| l.firing && l.t >= load.from && names.contains(&l.alert));
    (!fired && since - SEEN_LATE + shortest > load.to + IN_TIME).then(|| {
        format!(
            "what is pending since {} holds for {shortest:.0} s, so it cannot fire in time any more",
            clock_text(since)
        )
    })
}

/// Since when an alert that stands at the last look has been pending without a break.
fn pending_since(record: &Record, name: &str, from: f64) -> Option<f64> {
    let mut since: Option<(f64, f64)> = None;
    for look in record.looks.iter().filter(|l| l.alert == *name && l.t >= from) {
        since = match since {
            Some((first, last)) if look.t - last <= 3.0 * LOOK_EVERY => Some((first, look.t)),
            _ => Some((look.t, look.t)),
        };
    }
    since.map(|(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::live_world::Arrived;
    use crate::check::live_world::stress::{Ended, Look};
    use crate::check::probe::machine::Facts;
    use crate::check::simulated::schedule::Schedule;
    use crate::lab::{Lab, LabFiles};

    fn names() -> Vec<String> {
        vec!["Busy".to_owned()]
    }

    /// The lab's scenario with Busy pending between two moments.
    fn pending(between: std::ops::Range<u32>) -> Record {
        let lab = Lab::parse(&LabFiles::embedded("07-monitoring").expect("embedded"), &[]).expect("valid");
        let look = |t: u32| Look { t: f64::from(t), alert: "Busy".to_owned(), firing: false, value: None };
        Record {
            schedule: Schedule::new(&lab.scenarios["cpu-stress"], None).expect("valid"),
            start: 1e9,
            until: 0.0,
            ended: Ended::Whole,
            facts: Facts::default(),
            cpu: Vec::new(),
            in_prometheus: Vec::new(),
            in_grafana: Vec::new(),
            looks: between.step_by(2).map(look).collect(),
            at_alertmanager: Vec::new(),
            delivered: Vec::new(),
            messages: Vec::new(),
            notes: Vec::new(),
            hint: None,
        }
    }

    fn load(record: &Record, name: &str) -> Stretch {
        record.schedule.stretches.iter().find(|s| s.name == name).cloned().expect("a load")
    }

    #[test]
    fn a_long_load_ends_when_no_alert_can_fire_in_time_any_more() {
        let record = pending(330..400);
        let long = load(&record, "long");
        let ends = |record: &Record, hold: f64, t: f64| is_certain(record, &names(), &[hold], (&long, true), t);
        // 5:00 to 9:00, and a minute more.
        assert_eq!(ends(&record, 180.0, 398.0), None);
        assert_eq!(ends(&record, 260.0, 398.0), None);
        let late = ends(&record, 300.0, 398.0).expect("10:30 is too late");
        assert_eq!(late, "what is pending since 5:30 holds for 300 s, so it cannot fire in time any more");
        assert_eq!(ends(&record, 300.0, 370.0), None, "not seen long enough");
        // Nothing stands any more.
        assert_eq!(ends(&record, 180.0, 415.0), None);
        assert!(ends(&record, 180.0, 425.0).is_some_and(|why| why.contains("no alert is pending")));
        assert!(ends(&pending(0..0), f64::INFINITY, 376.0).is_some(), "there is no alert at all");
        let mut fired = pending(330..400);
        fired.looks[5].firing = true;
        assert_eq!(ends(&fired, 300.0, 398.0), None);
    }

    #[test]
    fn a_short_load_ends_when_it_was_told_of_unless_another_alert_may_behave() {
        let mut record = pending(20..100);
        let short = load(&record, "short");
        let ends = |record: &Record, names: &[String]| is_certain(record, names, &[5.0], (&short, false), 80.0);
        assert_eq!(ends(&record, &names()), None);
        let body = "{\"embeds\": [{\"title\": \"[FIRING:1] Busy\"}]}".to_owned();
        record.messages.push((50.0, Arrived { at: 0.0, answer: Some(204), body }));
        assert!(ends(&record, &names()).is_some_and(|why| why.contains("a message came already")));
        assert_eq!(ends(&record, &["Busy".to_owned(), "Other".to_owned()]), None);
    }

    #[test]
    fn the_end_is_waited_for_while_something_may_come() {
        let over = |record: &Record, t: f64| is_over(record, &names(), (300.0, 540.0), t);
        assert!(!over(&pending(0..0), 555.0) && over(&pending(0..0), 561.0));
        assert!(!over(&pending(500..600), 599.0) && over(&pending(500..610), 603.0));
        let mut told = pending(500..550);
        told.looks[10].firing = true;
        assert!(!over(&told, 700.0));
        let body = "{\"embeds\": [{\"title\": \"[RESOLVED] Busy\"}]}".to_owned();
        told.messages.push((580.0, Arrived { at: 0.0, answer: Some(204), body }));
        assert!(over(&told, 581.0));
    }
}
