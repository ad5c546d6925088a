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
        if let Some(used) = cpu_used() {
            lower(Resource::Cpu, (used + cpu).as_secs() + 2);
        }
        bound_memory(memory);
        lower(Resource::Core, 0);
    }

    fn lower(resource: Resource, wanted: u64) {
        let maximum = getrlimit(resource).maximum;
        let current = Some(maximum.map_or(wanted, |m| m.min(wanted)));
        // A bound that cannot be set leaves the others in force.
        let _ = setrlimit(resource, Rlimit { current, maximum });
    }

    pub fn bound_memory(memory: u64) {
        #[cfg(target_os = "linux")]
        if let Some(base) = bytes(WRITABLE) {
            lower(Resource::Data, base.saturating_add(memory));
        }
        #[cfg(not(target_os = "linux"))]
        let _ = memory;
    }

    pub fn memory_used() -> Option<u64> {
        #[cfg(target_os = "linux")]
        return bytes(RESIDENT);
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// Lines of `/proc/self/status`: what is in memory, and what may be written to, as `RLIMIT_DATA` counts it.
    #[cfg(target_os = "linux")]
    const RESIDENT: &str = "VmRSS:";
    #[cfg(target_os = "linux")]
    const WRITABLE: &str = "VmData:";

    #[cfg(target_os = "linux")]
    fn bytes(line: &str) -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let value = status.lines().find_map(|l| l.strip_prefix(line))?;
        let kibibytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
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

    pub fn bound_memory(_: u64) {}

    pub fn memory_used() -> Option<u64> {
        None
    }

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

/// Lets the system refuse this process more than `memory` bytes beyond what it has now.
pub fn bound_memory(memory: u64) {
    system::bound_memory(memory);
}

/// Bytes of memory that this process takes up, where the system tells.
pub fn memory_used() -> Option<u64> {
    system::memory_used()
}

/// Starts the program in a group of its own: an interrupt at the keyboard does not reach it.
pub fn apart(command: &mut Command) {
    system::apart(command);
}

/// Ends a process that was started apart, and what it has started.
pub fn kill_with_children(child: &mut Child) {
    system::kill_with_children(child);
}
