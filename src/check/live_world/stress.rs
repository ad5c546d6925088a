//! The lab's scenario played for real: a short load, a pause, a long one; everything that can be watched on one line of
//! time. t = 0 is the start of the first load.

use super::{Arrived, LiveWorld};
use crate::check::probe::clock::{self, Moment};
use crate::check::probe::prometheus::Rule;
use crate::check::probe::ssh::{Facts, Load, NoMachine, SignIn, Ssh, Ticks};
use crate::check::probe::ssh_config::Machine;
use crate::check::simulated::schedule::{Schedule, Stretch};

/// Seconds between two looks.
const LOOK_EVERY: f64 = 2.0;
/// Seconds that are watched before the first load.
pub const BEFORE: f64 = 10.0;
/// Seconds after the last load's planned end in which a resolved message is waited for.
pub const RESOLVE_WITHIN: f64 = 600.0;
/// How many times in a row a look may fail.
const PATIENCE: u32 = 5;

/// The machine that is put under load.
#[derive(Clone, Debug)]
pub struct Vm {
    /// Where it is.
    pub machine: Machine,
    /// How to sign in.
    pub sign_in: SignIn,
    /// Whether labkit's own load is to be used in place of stress-ng.
    pub builtin_load: bool,
}

/// How the scenario ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// As planned, or as soon as nothing more could change.
    Whole,
    /// Somebody stopped it.
    Stopped,
    /// Something that is needed was lost, in words.
    Broken(String),
}

/// What one rule's alerts looked like at one look.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When.
    pub t: f64,
    /// The alert's name.
    pub alert: String,
    /// Whether it fires (else it is pending).
    pub firing: bool,
    /// Its value.
    pub value: f64,
}

/// Everything that was seen.
#[derive(Clone, Debug)]
pub struct Record {
    /// The plan that was followed.
    pub schedule: Schedule,
    /// Unix time of t = 0.
    pub start: f64,
    /// When the last look was.
    pub until: f64,
    /// How it ended.
    pub ended: Ended,
    /// What the machine is.
    pub facts: Facts,
    /// Percent busy.
    pub cpu: Vec<(f64, f64)>,
    /// Alerts that were pending or firing.
    pub looks: Vec<Look>,
    /// When Alertmanager had delivered how many notifications.
    pub delivered: Vec<(f64, f64)>,
    /// Messages at the stand-in for Discord.
    pub messages: Vec<(f64, Arrived)>,
}

/// Why the scenario could not be played at all.
#[derive(Clone, Debug)]
pub struct NotPlayed {
    /// In words.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// Plays the scenario.
///
/// # Errors
/// The machine cannot be used, or the lab has no scenario.
pub fn play(world: &LiveWorld<'_>, vm: &Vm, set: &str) -> Result<Record, NotPlayed> {
    let of_lab = |reason: String| NotPlayed { reason, hint: "check the lab's files".to_owned() };
    let scenario = world.lab.scenarios.values().next().ok_or_else(|| of_lab("the lab has no scenario".to_owned()))?;
    let schedule = Schedule::new(scenario, None).map_err(of_lab)?;
    let no = |no: NoMachine| NotPlayed { hint: no.hint(&vm.machine.alias), reason: format!("observed {no}") };
    (world.settings.waiting)(&format!("signing in to {}", vm.machine.alias));
    let ssh = Ssh::connect(&vm.machine, &vm.sign_in).map_err(no)?;
    let facts = ssh.facts().map_err(no)?;
    if !facts.has_stress_ng && !vm.builtin_load {
        return Err(NotPlayed {
            reason: format!("observed no stress-ng on {} ({})", vm.machine.alias, facts.system),
            hint: "install it (dnf install epel-release, then dnf install stress-ng; apt install stress-ng), or use --builtin-load"
                .to_owned(),
        });
    }
    let mut player = Player {
        world,
        ssh,
        vm,
        set,
        zero: Moment::now(),
        before: BEFORE,
        ticks: None,
        failures: 0,
        load: None,
        record: Record {
            schedule,
            start: clock::unix_now() + BEFORE,
            until: -BEFORE,
            ended: Ended::Whole,
            facts,
            cpu: Vec::new(),
            looks: Vec::new(),
            delivered: Vec::new(),
            messages: Vec::new(),
        },
    };
    player.record.ended = match player.follow() {
        Ok(ended) => ended,
        Err(no) => Ended::Broken(no.to_string()),
    };
    player.stop_load();
    Ok(player.record)
}

struct Player<'p, 'a> {
    world: &'p LiveWorld<'a>,
    ssh: Ssh,
    vm: &'p Vm,
    set: &'p str,
    zero: Moment,
    before: f64,
    ticks: Option<Ticks>,
    failures: u32,
    load: Option<Load>,
    record: Record,
}

impl Player<'_, '_> {
    fn now(&self) -> f64 {
        self.zero.elapsed() - self.before
    }

    fn follow(&mut self) -> Result<Ended, NoMachine> {
        let stretches = self.record.schedule.stretches.clone();
        let loaded: Vec<&Stretch> = stretches.iter().filter(|s| s.load).collect();
        let last = loaded.last().map_or(0.0, |s| s.to);
        let mut next = 0;
        loop {
            let t = self.now();
            if (self.world.settings.stopped)() {
                return Ok(Ended::Stopped);
            }
            if let Some(stretch) = loaded.get(next).filter(|s| t >= s.from) {
                let seconds = stretch.to - t;
                self.load = Some(self.ssh.load(self.cores(stretch), seconds, self.vm.builtin_load)?);
                next += 1;
            }
            self.look()?;
            let t = self.now();
            if t >= last && self.is_over(loaded.last().map_or(0.0, |s| s.from), last) || t >= last + RESOLVE_WITHIN {
                return Ok(Ended::Whole);
            }
            self.tell(t, &stretches);
            let until = loaded.get(next).map_or(f64::INFINITY, |s| s.from - t);
            clock::sleep(LOOK_EVERY.min(until.max(0.05)));
        }
    }

    fn cores(&self, stretch: &Stretch) -> u32 {
        let scenario = self.world.lab.scenarios.values().next();
        let phase = scenario.and_then(|s| s.timeline.iter().find(|p| p.name == stretch.name));
        match phase.and_then(|p| p.load.as_deref()).and_then(|l| l.parse().ok()) {
            Some(cores) => cores,
            None => self.record.facts.cores,
        }
    }

    /// Looks at everything once.
    fn look(&mut self) -> Result<(), NoMachine> {
        let ticks = self.ssh.ticks()?;
        let t = self.now();
        if let Some(earlier) = self.ticks {
            if ticks.all < earlier.all {
                return Err(NoMachine::Lost("the machine was started anew".to_owned()));
            }
            if let Some(busy) = ticks.busy_since(earlier) {
                self.record.cpu.push((t, busy));
            }
        }
        self.ticks = Some(ticks);
        match self.world.prometheus.rules() {
            Ok(rules) => {
                self.failures = 0;
                self.note(&rules, t);
            }
            Err(no) => {
                self.failures += 1;
                if self.failures >= PATIENCE {
                    return Err(NoMachine::Lost(format!("Prometheus: {no}")));
                }
            }
        }
        match &self.world.settings.arrived {
            Some(arrived) => {
                let start = self.record.start;
                let messages = arrived().into_iter().map(|m| (m.at - start, m));
                self.record.messages = messages.filter(|(at, _)| *at >= -self.before).collect();
            }
            None => {
                if let Some(count) = super::delivery::delivered(self.world) {
                    self.record.delivered.push((self.now(), count));
                }
            }
        }
        self.record.until = t;
        Ok(())
    }

    fn note(&mut self, rules: &[Rule], t: f64) {
        for rule in rules.iter().filter(|r| r.alerting) {
            for alert in &rule.alerts {
                self.record.looks.push(Look {
                    t,
                    alert: rule.name.clone(),
                    firing: alert.state == "firing",
                    value: alert.value.parse().unwrap_or(f64::NAN),
                });
            }
        }
    }

    /// Whether nothing more can change: the alerts that fired are over and it was told, or none ever fired.
    fn is_over(&self, from: f64, last: f64) -> bool {
        let names = super::messages::names_of(self.world, self.set);
        let looked = |after: f64| self.record.looks.iter().any(|l| l.t >= after && names.contains(&l.alert));
        let fired = self.record.looks.iter().any(|l| l.firing && l.t >= from && names.contains(&l.alert));
        // A message of an alert that fired in time may still come within a minute.
        let t = self.now();
        if !fired {
            return t >= last + 62.0 || !looked(t - 3.0 * LOOK_EVERY) && t >= last + 20.0;
        }
        !looked(t - 1.5 * LOOK_EVERY) && super::messages::resolved_after(&self.record, &names, last).is_some()
    }

    fn tell(&self, t: f64, stretches: &[Stretch]) {
        let busy = self.record.cpu.last().map_or_else(String::new, |(_, b)| format!(", CPU {b:.0} %"));
        let what = stretches.iter().find(|s| (s.from..s.to).contains(&t));
        let (name, left) = match what {
            Some(s) => (s.name.as_str(), s.to - t),
            None => ("rest", -t.min(0.0)),
        };
        let alerts: Vec<String> = {
            let latest = self.record.looks.iter().filter(|l| l.t >= self.record.until - 0.5);
            latest.map(|l| format!("{} {}", l.alert, if l.firing { "firing" } else { "pending" })).collect()
        };
        let alerts = if alerts.is_empty() { String::new() } else { format!(", {}", alerts.join(", ")) };
        (self.world.settings.waiting)(&format!("{name}: {left:.0} s left{busy}{alerts}"));
    }

    fn stop_load(&mut self) {
        if let Some(load) = self.load.take() {
            // When the connection is gone the load ends by its own timeout.
            let _ = self.ssh.stop(&load);
        }
    }
}
