//! The lab's scenario played for real: a short load, a pause, a long one; everything that can be watched on one line of
//! time. t = 0 is the start of the first load.

use serde::{Deserialize, Serialize};

use super::certain::{is_certain, is_over};
use super::{Arrived, LiveWorld};
use crate::check::probe::machine::{Facts, Pulse};
use crate::check::probe::prometheus::Rule;
use crate::check::probe::sign_in::{NoMachine, SignIn};
use crate::check::probe::ssh::{Load, Ssh};
use crate::check::probe::ssh_config::Machine;
use crate::check::simulated::schedule::{Schedule, Stretch};

/// Seconds between two looks.
pub const LOOK_EVERY: f64 = 2.0;
/// Seconds that are watched before the first load.
pub const BEFORE: f64 = 10.0;
/// Seconds after the last load's planned end in which a resolved message is waited for.
pub const RESOLVE_WITHIN: f64 = 600.0;
/// How many times in a row a look may fail.
const PATIENCE: u32 = 5;
/// Seconds that alerts of an earlier load are waited for: before a first load, and before one that is repeated.
const SETTLE: (f64, f64) = (120.0, 600.0);
/// Seconds within which a lost connection is made again.
const AGAIN_WITHIN: f64 = 20.0;
/// Seconds that a machine's clock may be set by without it being taken for a new start.
const CLOCK_STEP: u64 = 30;
/// Seconds that a load may end before its time.
const EARLY: f64 = 3.0;
/// Grafana is asked at every so many looks.
const SELDOM: u32 = 5;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ended {
    /// As planned, or as soon as nothing more could change.
    Whole,
    /// Somebody stopped it.
    Stopped,
    /// Something that is needed was lost, in words.
    Broken(String),
}

/// What one rule's alerts looked like at one look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When.
    pub t: f64,
    /// The alert's name.
    pub alert: String,
    /// Whether it fires (else it is pending).
    pub firing: bool,
    /// Its value; none when it is no number.
    pub value: Option<f64>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The plan that was followed.
    #[serde(with = "plan")]
    pub schedule: Schedule,
    /// Unix time of t = 0.
    pub start: f64,
    /// When the last look was.
    pub until: f64,
    /// How it ended.
    pub ended: Ended,
    /// What the machine is.
    pub facts: Facts,
    /// Percent busy, by the machine itself.
    pub cpu: Vec<(f64, f64)>,
    /// Percent busy, as Prometheus has it.
    pub in_prometheus: Vec<(f64, f64)>,
    /// The same, through Grafana.
    pub in_grafana: Vec<(f64, f64)>,
    /// Alerts that were pending or firing, all of them.
    pub looks: Vec<Look>,
    /// Alerts that Alertmanager had.
    pub at_alertmanager: Vec<(f64, String)>,
    /// When Alertmanager had delivered how many notifications.
    pub delivered: Vec<(f64, f64)>,
    /// Messages at the stand-in for Discord.
    pub messages: Vec<(f64, Arrived)>,
    /// What happened beside the plan, in words.
    pub notes: Vec<String>,
    /// What to do about how it ended.
    #[serde(default)]
    pub hint: Option<String>,
}

/// A schedule is kept as its phases.
mod plan {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::check::simulated::schedule::{Schedule, Stretch};

    pub fn serialize<S: Serializer>(schedule: &Schedule, serializer: S) -> Result<S::Ok, S::Error> {
        schedule.stretches.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Schedule, D::Error> {
        Vec::<Stretch>::deserialize(deserializer).map(Schedule::of_stretches)
    }
}

impl Record {
    /// The first load that was not seen to the rest behind it; it and all after it are made again.
    pub fn first_to_repeat(&self) -> Option<&Stretch> {
        let mut loads = self.schedule.stretches.iter().filter(|s| s.load).peekable();
        while let Some(load) = loads.next() {
            let seen_until = loads.peek().map_or(f64::INFINITY, |next| next.from);
            if self.ended != Ended::Whole && self.until < seen_until {
                return Some(load);
            }
        }
        None
    }

    /// Whether an alert of these names was pending or firing since a moment.
    pub fn stands(&self, names: &[String], since: f64) -> bool {
        self.looks.iter().any(|l| l.t >= since && names.contains(&l.alert))
    }
}

/// Why the scenario could not be played at all.
#[derive(Clone, Debug)]
pub struct NotPlayed {
    /// In words.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// Signs in to the machine.
///
/// # Errors
/// It cannot be used.
pub fn sign_in(world: &LiveWorld<'_>, vm: &Vm) -> Result<(Ssh, Facts), NotPlayed> {
    let no = |no: NoMachine| NotPlayed {
        hint: no.hint(&vm.machine),
        reason: format!("observed {no}; wanted a sign-in on {}", vm.machine.alias),
    };
    (world.settings.waiting)(&format!("signing in to {}", vm.machine.alias));
    let ssh = Ssh::connect(&vm.machine, &vm.sign_in, world.tape()).map_err(no)?;
    let facts = ssh.facts(world.lab.parameters.get("node.port").unwrap_or("9100")).map_err(no)?;
    Ok((ssh, facts))
}

/// Plays the scenario, or what is left of one that was played before.
///
/// # Errors
/// The machine cannot be used, or the lab has no scenario.
pub fn play(world: &LiveWorld<'_>, vm: &Vm, set: &str, earlier: Option<&Record>) -> Result<Record, NotPlayed> {
    let of_lab = |reason: String| NotPlayed { reason, hint: "check the lab's files".to_owned() };
    let scenario = world.lab.scenarios.values().next().ok_or_else(|| of_lab("the lab has no scenario".to_owned()))?;
    let schedule = Schedule::new(scenario, None).map_err(of_lab)?;
    let (ssh, facts) = sign_in(world, vm)?;
    if !facts.has_stress_ng && !vm.builtin_load {
        return Err(NotPlayed {
            reason: format!(
                "observed no stress-ng on {} ({}); wanted it to make the load",
                vm.machine.alias, facts.system
            ),
            hint: facts.how_to_install(vm.machine.user.as_deref().unwrap_or("the user")),
        });
    }
    let tape = world.tape();
    let resumed = earlier.and_then(|e| Some((e, e.first_to_repeat()?.from))).filter(|(_, from)| *from > 0.0);
    let names = super::messages::names_of(world, set);
    let mut player = Player {
        world,
        ssh,
        vm,
        holds: super::messages::holds_of(world, &names),
        names,
        begin: -BEFORE,
        zero: 0.0,
        pulse: None,
        failures: 0,
        load: None,
        looked: 0,
        last_told: f64::NEG_INFINITY,
        record: Record {
            schedule,
            start: 0.0,
            until: -BEFORE,
            ended: Ended::Whole,
            facts,
            cpu: Vec::new(),
            in_prometheus: Vec::new(),
            in_grafana: Vec::new(),
            looks: Vec::new(),
            at_alertmanager: Vec::new(),
            delivered: Vec::new(),
            messages: Vec::new(),
            notes: Vec::new(),
            hint: None,
        },
    };
    player.settle(if resumed.is_some() { SETTLE.1 } else { SETTLE.0 });
    if let Some((earlier, from)) = resumed {
        player.begin = from - BEFORE;
        player.take_over(earlier, from - BEFORE);
    }
    let begin = player.begin;
    player.zero = tape.steady() - begin;
    player.record.start = tape.wall() - begin;
    player.record.ended = match player.follow(begin) {
        Ok(ended) => ended,
        Err(no) => {
            player.record.hint = Some(no.hint(&vm.machine));
            Ended::Broken(no.to_string())
        }
    };
    player.stop_load();
    Ok(player.record)
}

struct Player<'p, 'a> {
    world: &'p LiveWorld<'a>,
    ssh: Ssh,
    vm: &'p Vm,
    /// The alerts it is about.
    names: Vec<String>,
    /// `for` of these alerts, in seconds.
    holds: Vec<f64>,
    /// When the watch began.
    begin: f64,
    /// When the steady clock showed t = 0.
    zero: f64,
    pulse: Option<Pulse>,
    failures: u32,
    load: Option<Load>,
    looked: u32,
    last_told: f64,
    record: Record,
}

impl Player<'_, '_> {
    fn now(&self) -> f64 {
        self.world.tape().steady() - self.zero
    }

    /// Waits until the alerts of an earlier load are over, for some seconds at most.
    fn settle(&mut self, longest: f64) {
        let start = self.world.tape().steady();
        loop {
            let rules = self.world.prometheus.rules().unwrap_or_default();
            let stands = rules.iter().find(|r| r.alerting && !r.alerts.is_empty() && self.names.contains(&r.name));
            let left = start + longest - self.world.tape().steady();
            let Some(rule) = stands.filter(|_| left > 0.0 && !self.world.stopped()) else { return };
            (self.world.settings.waiting)(&format!("waiting for {} to end, {left:.0} s at most", rule.name));
            self.world.tape().sleep(LOOK_EVERY);
        }
    }

    /// Takes over what was seen before a moment.
    fn take_over(&mut self, earlier: &Record, begin: f64) {
        let record = &mut self.record;
        record.schedule = earlier.schedule.clone();
        let before = |t: f64| t < begin;
        record.cpu = earlier.cpu.iter().copied().filter(|p| before(p.0)).collect();
        record.in_prometheus = earlier.in_prometheus.iter().copied().filter(|p| before(p.0)).collect();
        record.in_grafana = earlier.in_grafana.iter().copied().filter(|p| before(p.0)).collect();
        record.looks = earlier.looks.iter().filter(|l| before(l.t)).cloned().collect();
        record.at_alertmanager = earlier.at_alertmanager.iter().filter(|a| before(a.0)).cloned().collect();
        record.delivered = earlier.delivered.iter().copied().filter(|p| before(p.0)).collect();
        record.messages = earlier.messages.iter().filter(|m| before(m.0)).cloned().collect();
        record.notes.clone_from(&earlier.notes);
        record.notes.push(format!(
            "the watch was interrupted at {} and taken up again before {}",
            super::messages::clock_text(earlier.until),
            super::messages::clock_text(begin + BEFORE)
        ));
    }

    fn follow(&mut self, begin: f64) -> Result<Ended, NoMachine> {
        let mut next = self.record.schedule.stretches.iter().filter(|s| s.load && s.from < begin).count();
        loop {
            let t = self.now();
            if self.world.stopped() {
                return Ok(Ended::Stopped);
            }
            let loads: Vec<Stretch> = self.record.schedule.stretches.iter().filter(|s| s.load).cloned().collect();
            if let Some(stretch) = loads.get(next).filter(|s| t >= s.from) {
                let load = self.ssh.load(self.cores(stretch), stretch.to - t, self.vm.builtin_load)?;
                self.load = Some(load);
                next += 1;
            }
            let current = next.checked_sub(1).and_then(|i| loads.get(i));
            if current.is_some_and(|s| t > s.to + EARLY) {
                // Whatever of it still runs.
                self.stop_load();
            }
            self.look(current)?;
            let t = self.now();
            let last = loads.last().map_or(0.0, |s| s.to);
            let first = loads.last().map_or(0.0, |s| s.from);
            if t >= last && is_over(&self.record, &self.names, (first, last), t) || t >= last + RESOLVE_WITHIN {
                return Ok(Ended::Whole);
            }
            let certain =
                |load: &Stretch| is_certain(&self.record, &self.names, &self.holds, (load, next == loads.len()), t);
            if let Some(why) = current.filter(|s| t < s.to).and_then(certain) {
                self.cut(current, &why);
            }
            self.tell(t);
            self.world.keep(&self.record, false);
            let until = loads.get(next).map_or(f64::INFINITY, |s| s.from - t);
            self.world.tape().sleep(LOOK_EVERY.min(until.max(0.05)));
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
    fn look(&mut self, current: Option<&Stretch>) -> Result<(), NoMachine> {
        let pulse = match self.ssh.pulse(self.load.as_ref()) {
            Ok(pulse) => pulse,
            Err(NoMachine::Lost(why)) => self.again(&why)?,
            Err(no) => return Err(no),
        };
        let t = self.now();
        if let Some(earlier) = self.pulse {
            if pulse.boot.abs_diff(earlier.boot) > CLOCK_STEP || pulse.ticks.all < earlier.ticks.all {
                return Err(NoMachine::Lost("the machine was started anew".to_owned()));
            }
            if let Some(busy) = pulse.ticks.busy_since(earlier.ticks) {
                self.record.cpu.push((t, busy));
            }
        }
        self.pulse = Some(pulse);
        if let Some(stretch) = current.filter(|s| self.load.is_some() && !pulse.loaded && t < s.to - EARLY) {
            let name = if self.vm.builtin_load { "the load" } else { "stress-ng" };
            return Err(NoMachine::Died(format!(
                "{name} ended by itself {:.0} s after it began; wanted {:.0} s of load",
                t - stretch.from,
                stretch.to - stretch.from
            )));
        }
        match self.world.prometheus.rules() {
            Ok(rules) => {
                self.failures = 0;
                self.note(&rules, t);
            }
            Err(no) => {
                self.failures += 1;
                if self.failures >= PATIENCE {
                    return Err(NoMachine::Gone(format!("{no} from Prometheus")));
                }
            }
        }
        self.look_along_the_chain(t);
        self.record.until = t;
        self.looked += 1;
        Ok(())
    }

    /// What stands behind Prometheus' alerts; none of it is needed.
    fn look_along_the_chain(&mut self, t: f64) {
        if let Ok(series) = self.world.prometheus.query(super::cpu_values::CPU_BUSY) {
            let busiest = series.iter().filter_map(|s| Some(s.points.last()?.1)).fold(f64::NAN, f64::max);
            self.record.in_prometheus.extend(busiest.is_finite().then_some((t, busiest)));
        }
        if self.looked.is_multiple_of(SELDOM)
            && let Some((at, value)) = self.world.busy_in_grafana()
        {
            self.record.in_grafana.push((at - self.record.start, value));
        }
        if let Ok(alerts) = self.world.alertmanager.alerts() {
            let names = alerts.iter().filter_map(|l| l["alertname"].as_str());
            self.record.at_alertmanager.extend(names.map(|n| (t, n.to_owned())));
        }
        match self.world.arrived() {
            Some(arrived) => {
                let start = self.record.start;
                for message in arrived.into_iter().filter(|m| m.at >= start + self.begin) {
                    let entry = (message.at - start, message);
                    if !self.record.messages.contains(&entry) {
                        self.record.messages.push(entry);
                    }
                }
            }
            None => {
                if let Some(count) = super::delivery::delivered(self.world) {
                    self.record.delivered.push((t, count));
                }
            }
        }
    }

    /// Signs in again after the connection was lost.
    ///
    /// # Errors
    /// It cannot be, or the load was lost with it.
    fn again(&mut self, why: &str) -> Result<Pulse, NoMachine> {
        let lost = || NoMachine::Lost(why.to_owned());
        let start = self.world.tape().steady();
        loop {
            if self.world.stopped() {
                return Err(lost());
            }
            (self.world.settings.waiting)(&format!("signing in to {} again", self.vm.machine.alias));
            match Ssh::connect(&self.vm.machine, &self.vm.sign_in, self.world.tape()) {
                Ok(ssh) => {
                    self.ssh = ssh;
                    break;
                }
                Err(_) if self.world.tape().steady() - start < AGAIN_WITHIN => {
                    self.world.tape().sleep(LOOK_EVERY);
                }
                Err(_) => return Err(lost()),
            }
        }
        // A load that ends with the connection is given the time to.
        self.world.tape().sleep(LOOK_EVERY);
        let pulse = self.ssh.pulse(self.load.as_ref())?;
        let earlier = self.pulse.unwrap_or(pulse);
        if pulse.boot.abs_diff(earlier.boot) > CLOCK_STEP || pulse.ticks.all < earlier.ticks.all {
            return Err(NoMachine::Lost("the machine was started anew".to_owned()));
        }
        let t = self.now();
        let loaded = self.record.schedule.stretches.iter().any(|s| s.load && (s.from..s.to).contains(&t));
        if loaded && self.load.is_some() && !pulse.loaded {
            return Err(lost());
        }
        self.record.notes.push(format!(
            "the connection to the machine was lost at {} and made again ({why})",
            super::messages::clock_text(t)
        ));
        Ok(pulse)
    }

    fn note(&mut self, rules: &[Rule], t: f64) {
        for rule in rules.iter().filter(|r| r.alerting) {
            for alert in &rule.alerts {
                self.record.looks.push(Look {
                    t,
                    alert: rule.name.clone(),
                    firing: alert.state == "firing",
                    value: alert.value.parse().ok().filter(|v: &f64| v.is_finite()),
                });
            }
        }
    }

    /// Ends a load before its time.
    fn cut(&mut self, load: Option<&Stretch>, why: &str) {
        let Some(load) = load else { return };
        let t = self.now();
        self.stop_load();
        self.record.schedule = self.record.schedule.cut(&load.name, t);
        let note = format!("the {} load was ended at {}: {why}", load.name, super::messages::clock_text(t));
        self.record.notes.push(note);
    }

    fn tell(&mut self, t: f64) {
        let busy = self.record.cpu.last().map_or_else(String::new, |(_, b)| format!(", CPU {b:.0} %"));
        let what = self.record.schedule.stretches.iter().find(|s| (s.from..s.to).contains(&t));
        let (name, left) = match what {
            Some(s) => (s.name.as_str(), s.to - t),
            None => ("rest", -t.min(0.0)),
        };
        let alerts: Vec<String> = {
            let latest = self.record.looks.iter().filter(|l| l.t >= self.record.until - 0.5);
            latest.map(|l| format!("{} {}", l.alert, if l.firing { "firing" } else { "pending" })).collect()
        };
        let alerts = if alerts.is_empty() { String::new() } else { format!(", {}", alerts.join(", ")) };
        let next = self.world.next_expected(t).map_or_else(String::new, |n| format!("; {n}"));
        (self.world.settings.waiting)(&format!("{name}: {left:.0} s left{busy}{alerts}{next}"));
        self.last_told = t;
    }

    fn stop_load(&mut self) {
        if let Some(load) = self.load.take() {
            // When the connection is gone the load ends with it, or by its own timeout.
            let _ = self.ssh.stop(&load);
        }
    }
}
