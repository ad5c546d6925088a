//! What is asked of a machine over SSH, and how its answers are read. Everything but the load only reads.

use std::fmt::Write as _;

/// Names that Node Exporter's service goes by.
const SERVICES: &str =
    "node_exporter prometheus-node-exporter node-exporter nodeexporter golang-github-prometheus-node-exporter";

/// What is known of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// Its distribution.
    pub system: String,
    /// Its cores.
    pub cores: u32,
    /// Whether stress-ng is installed.
    pub has_stress_ng: bool,
    /// Whether whoever signed in may install programs: `root`, `sudo`, or nothing.
    pub rights: String,
    /// Its running Node Exporter service, if one goes by a usual name.
    pub service: Option<String>,
    /// Its clock, in seconds of Unix time.
    pub clock: i64,
    /// How many values of `node_cpu_seconds_total` the machine's own look at Node Exporter's page gave; none when
    /// nothing answered.
    pub page: Option<u32>,
}

/// Asks for [`Facts`], a line each.
pub fn facts_script(port: &str) -> String {
    let port: String = port.chars().filter(char::is_ascii_digit).collect();
    format!(
        "(. /etc/os-release 2>/dev/null; echo \"$PRETTY_NAME\"); nproc 2>/dev/null || grep -c ^processor /proc/cpuinfo; \
         command -v stress-ng || echo; \
         if [ \"$(id -u)\" = 0 ]; then echo root; elif command -v sudo >/dev/null; then echo sudo; else echo; fi; \
         for s in {SERVICES}; do if systemctl is-active --quiet $s 2>/dev/null; then echo $s; break; fi; done | grep . || echo; \
         date +%s; \
         u=http://localhost:{port}/metrics; (curl -fsS -m 5 $u || wget -q -T 5 -O - $u) 2>/dev/null | grep -c ^node_cpu_seconds_total"
    )
}

impl Facts {
    /// Reads the answer; what is missing is empty.
    pub fn read(text: &str) -> Self {
        let mut lines = text.lines().map(str::trim);
        let mut next = || lines.next().unwrap_or_default().to_owned();
        Self {
            system: next(),
            cores: next().parse().unwrap_or(1),
            has_stress_ng: !next().is_empty(),
            rights: next(),
            service: Some(next()).filter(|s| !s.is_empty()),
            clock: next().parse().unwrap_or(0),
            page: next().parse().ok().filter(|n| *n > 0),
        }
    }

    /// Its cores, counted in words.
    pub fn cores_text(&self) -> String {
        if self.cores == 1 { "1 core".to_owned() } else { format!("{} cores", self.cores) }
    }

    /// How stress-ng comes onto this machine.
    pub fn how_to_install(&self, user: &str) -> String {
        let lower = self.system.to_ascii_lowercase();
        let install = if ["alma", "rocky", "centos", "red hat"].iter().any(|s| lower.contains(s)) {
            "dnf install epel-release, then dnf install stress-ng"
        } else if lower.contains("fedora") {
            "dnf install stress-ng"
        } else if ["debian", "ubuntu", "mint"].iter().any(|s| lower.contains(s)) {
            "apt install stress-ng"
        } else {
            "dnf install epel-release, then dnf install stress-ng; apt install stress-ng"
        };
        match self.rights.as_str() {
            "root" => format!("install it ({install}), or use --builtin-load"),
            "sudo" => format!("install it with sudo ({install}), or use --builtin-load"),
            _ => format!("install it as root ({install}): {user} has no sudo there; or use --builtin-load"),
        }
    }
}

/// Ticks of its processors since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// Busy.
    pub busy: u64,
    /// All.
    pub all: u64,
}

impl Ticks {
    /// Percent busy since an earlier look; none when no time has passed.
    pub fn busy_since(self, earlier: Self) -> Option<f64> {
        let all = self.all.checked_sub(earlier.all).filter(|d| *d > 0)?;
        Some(100.0 * self.busy.saturating_sub(earlier.busy) as f64 / all as f64)
    }
}

/// One look at a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Ticks of its processors.
    pub ticks: Ticks,
    /// When it was started, in seconds of Unix time; 0 where it does not tell.
    pub boot: u64,
    /// Whether the load that was asked about runs.
    pub loaded: bool,
}

/// Asks for a [`Pulse`]; also whether one of these processes runs.
pub fn pulse_script(pids: &str) -> String {
    let mut script = "head -n 1 /proc/stat; grep ^btime /proc/stat || echo".to_owned();
    if !pids.is_empty() {
        let _ = write!(script, "; for p in {pids}; do kill -0 $p 2>/dev/null && echo loaded && break; done; true");
    }
    script
}

impl Pulse {
    /// Reads the answer.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let ticks = ticks(lines.next()?)?;
        let boot = lines.next().and_then(|l| l.strip_prefix("btime ")?.trim().parse().ok()).unwrap_or(0);
        Some(Self { ticks, boot, loaded: lines.any(|l| l == "loaded") })
    }
}

fn ticks(text: &str) -> Option<Ticks> {
    let numbers: Vec<u64> = text.strip_prefix("cpu ")?.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    // Guests' time is in the user's already.
    let all = numbers.iter().take(8).fold(0, |sum: u64, n| sum.saturating_add(*n));
    let idle = numbers.get(3)?.saturating_add(*numbers.get(4).unwrap_or(&0));
    Some(Ticks { busy: all.saturating_sub(idle), all })
}

/// Puts a load on some cores for some seconds and prints its processes; the load ends with the script's input.
pub fn load_script(cores: u32, seconds: u64, builtin: bool) -> String {
    let start = if builtin {
        format!(
            "p=; i=0; while [ $i -lt {cores} ]; do timeout {seconds} sh -c \"while :; do :; done\" </dev/null >/dev/null 2>&1 & \
             p=\"$p $!\"; i=$((i+1)); done"
        )
    } else {
        format!("stress-ng --cpu {cores} --timeout {seconds}s </dev/null >/dev/null 2>&1 & p=$!")
    };
    format!("{start}; echo $p; cat >/dev/null; kill $p 2>/dev/null; true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_busy_when_they_are_neither_idle_nor_waiting() {
        let a = ticks("cpu  100 0 100 700 100 0 0 0 50 0").expect("ticks");
        let b = ticks("cpu  290 0 100 705 105 0 0 0 60 0").expect("ticks");
        assert_eq!(a, Ticks { busy: 200, all: 1000 });
        assert_eq!(b.busy_since(a), Some(95.0));
        assert_eq!((a.busy_since(b), a.busy_since(a)), (None, None));
        assert_eq!(ticks("no such file"), None);
        let pulse = Pulse::read("cpu  1 0 1 7 1 0 0 0 0 0\nbtime 1700000000\nloaded\n").expect("a pulse");
        assert!(pulse.loaded && pulse.boot == 1_700_000_000);
        assert_eq!(Pulse::read("cpu  1 0 1 7 1\n\n").map(|p| (p.loaded, p.boot)), Some((false, 0)));
    }

    #[test]
    fn facts_are_read_line_by_line_with_gaps() {
        let read = Facts::read("AlmaLinux 9.4\n2\n\nsudo\nnode_exporter\n1700000000\n16\n");
        assert_eq!((read.cores, read.has_stress_ng, read.service.as_deref()), (2, false, Some("node_exporter")));
        assert_eq!((read.clock, read.page), (1_700_000_000, Some(16)));
        assert!(read.how_to_install("ann").starts_with("install it with sudo (dnf install epel-release"));
        let bare = Facts::read("Debian GNU/Linux 12\n2\n\n\n\n1\n0\n");
        assert!(bare.how_to_install("ann").contains("as root (apt install stress-ng): ann has no sudo"));
        assert_eq!((Facts::read("").cores, bare.page), (1, None));
        assert_eq!((Facts::read("").cores_text(), bare.cores_text()), ("1 core".to_owned(), "2 cores".to_owned()));
    }
}
