//! What the operating system is asked: how much processor time was used, and bounds that it holds itself.
//!
//! The only file of the room that knows one system from another. Where a system offers nothing, the time on the clock
//! remains as a bound.

use std::process::{Child, Command};
use std::time::Duration;

#[cfg(unix)]
mod system {
    use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, setrlimit};
    use rustix::time::{ClockId, clock_gettime};
    use std::os::unix::process::CommandExt as _;

    use super::{Child, Command, Duration};

    pub fn cpu_used() -> Option<Duration> {
        let t = clock_gettime(ClockId::ProcessCPUTime);
        Some(Duration::new(u64::try_from(t.tv_sec).ok()?, u32::try_from(t.tv_nsec).ok()?))
    }

    pub fn bound(cpu: Duration, memory: u64) {
        let lower = |resource: Resource, wanted: u64| {
            let maximum = getrlimit(resource).maximum;
            let current = Some(maximum.map_or(wanted, |m| m.min(wanted)));
            // A bound that cannot be set leaves the others in force.
            let _ = setrlimit(resource, Rlimit { current, maximum });
        };
        if let Some(used) = cpu_used() {
            lower(Resource::Cpu, (used + cpu).as_secs() + 2);
        }
        #[cfg(target_os = "linux")]
        if let Some(base) = data_in_use() {
            lower(Resource::Data, base + memory);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = memory;
        lower(Resource::Core, 0);
    }

    /// Bytes of private memory that this process may write to, as `RLIMIT_DATA` counts them.
    #[cfg(target_os = "linux")]
    fn data_in_use() -> Option<u64> {
        let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages: u64 = statm.split(' ').nth(5)?.trim().parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    pub fn apart(command: &mut Command) {
        command.process_group(0);
    }

    pub fn kill_with_children(child: &mut Child) {
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = child.kill();
    }
}

#[cfg(not(unix))]
mod system {
    use super::{Child, Command, Duration};

    pub fn cpu_used() -> Option<Duration> {
        None
    }

    pub fn bound(_: Duration, _: u64) {}

    pub fn apart(_: &mut Command) {}

    pub fn kill_with_children(child: &mut Child) {
        let _ = child.kill();
    }
}

/// Processor time of this process so far, where the system tells.
pub fn cpu_used() -> Option<Duration> {
    system::cpu_used()
}

/// Lets the system stop this process once it uses `memory` bytes more than now, or well over `cpu` of processor time.
pub fn bound(cpu: Duration, memory: u64) {
    system::bound(cpu, memory);
}

/// Starts the program in a group of its own: an interrupt at the keyboard does not reach it.
pub fn apart(command: &mut Command) {
    system::apart(command);
}

/// Ends a process that was started apart, and what it has started.
pub fn kill_with_children(child: &mut Child) {
    system::kill_with_children(child);
}
