//! The pages of the world's exporters: a Node Exporter 1.9 on a small Debian VM, the mocked model behind Python's
//! client library, any other service.

use super::load::MODES;
use super::page::{ExporterPage, Family, Source};
use super::world::ModelMetric;
use crate::model::Labels;

const GIB: f64 = 1_073_741_824.0;

fn family(name: &str, kind: &'static str, help: &'static str, series: Vec<(Labels, Source)>) -> Family {
    Family { name: name.into(), kind, help, series }
}

fn plain(name: &str, kind: &'static str, help: &'static str, source: Source) -> Family {
    family(name, kind, help, vec![(Labels::empty(), source)])
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied())
}

/// The whole page of the VM's Node Exporter.
pub(super) fn node_page(cores: u32) -> ExporterPage {
    let mut families = process_families("go");
    families.extend(cpu_families(cores));
    families.extend(memory_families());
    families.extend(storage_families());
    families.extend(network_families());
    families.extend(system_families());
    families.sort_by(|a, b| a.name.cmp(&b.name));
    ExporterPage::new(families)
}

fn cpu_families(cores: u32) -> Vec<Family> {
    let mut seconds = Vec::new();
    let mut guest = Vec::new();
    let mut running = Vec::new();
    for core in 0..cores {
        let cpu = core.to_string();
        for (mode, name) in MODES.iter().enumerate() {
            seconds.push((labels(&[("cpu", &cpu), ("mode", name)]), Source::Cpu { core, mode }));
        }
        for mode in ["nice", "user"] {
            guest.push((labels(&[("cpu", &cpu), ("mode", mode)]), Source::Constant(0.0)));
        }
        running.push((labels(&[("cpu", &cpu)]), Source::Rate(0.03)));
    }
    vec![
        family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.", seconds),
        family(
            "node_cpu_guest_seconds_total",
            "counter",
            "Seconds the CPUs spent in guests (VMs) for each mode.",
            guest,
        ),
        family(
            "node_schedstat_running_seconds_total",
            "counter",
            "Number of seconds CPU spent running a process.",
            running,
        ),
        plain("node_load1", "gauge", "1m load average.", Source::LoadAverage(0)),
        plain("node_load5", "gauge", "5m load average.", Source::LoadAverage(1)),
        plain("node_load15", "gauge", "15m load average.", Source::LoadAverage(2)),
        plain("node_procs_running", "gauge", "Number of processes in runnable state.", Source::Running),
        plain(
            "node_procs_blocked",
            "gauge",
            "Number of processes blocked waiting for I/O to complete.",
            Source::Constant(0.0),
        ),
        plain(
            "node_pressure_cpu_waiting_seconds_total",
            "counter",
            "Total time in seconds that processes have waited for CPU time",
            Source::CpuWaiting,
        ),
        plain("node_context_switches_total", "counter", "Total number of context switches.", Source::WholeRate(310.0)),
        plain("node_intr_total", "counter", "Total number of interrupts serviced.", Source::WholeRate(190.0)),
        plain("node_forks_total", "counter", "Total number of forks.", Source::WholeRate(1.7)),
    ]
}

fn memory_families() -> Vec<Family> {
    [
        ("MemTotal", 3.83),
        ("MemFree", 2.41),
        ("MemAvailable", 3.02),
        ("Buffers", 0.04),
        ("Cached", 0.66),
        ("Active", 0.52),
        ("Inactive", 0.49),
        ("Shmem", 0.01),
        ("Slab", 0.09),
        ("SwapTotal", 0.95),
        ("SwapFree", 0.95),
        ("SwapCached", 0.0),
    ]
    .map(|(name, gib)| {
        let bytes = (gib * GIB / 4096.0_f64).floor() * 4096.0;
        plain(&format!("node_memory_{name}_bytes"), "gauge", "Memory information field.", Source::Constant(bytes))
    })
    .into()
}

fn storage_families() -> Vec<Family> {
    let mounts = [("/dev/sda1", "ext4", "/", 18.6, 14.9), ("tmpfs", "tmpfs", "/run", 0.38, 0.379)];
    let of_mounts = |name: &str, help, value: &dyn Fn(f64, f64) -> f64| {
        let series = mounts.iter().map(|(device, kind, mount, size, free)| {
            let at = labels(&[("device", device), ("fstype", kind), ("mountpoint", mount)]);
            (at, Source::Constant((value(*size, *free) * GIB).floor()))
        });
        family(name, "gauge", help, series.collect())
    };
    let disk = |name: &str, help, source| family(name, "counter", help, vec![(labels(&[("device", "sda")]), source)]);
    vec![
        of_mounts("node_filesystem_size_bytes", "Filesystem size in bytes.", &|size, _| size),
        of_mounts("node_filesystem_free_bytes", "Filesystem free space in bytes.", &|_, free| free),
        of_mounts(
            "node_filesystem_avail_bytes",
            "Filesystem space available to non-root users in bytes.",
            &|_, free| free * 0.94,
        ),
        of_mounts("node_filesystem_files", "Filesystem total file nodes.", &|size, _| (size * 65_536.0).floor() / GIB),
        of_mounts("node_filesystem_readonly", "Filesystem read-only status.", &|_, _| 0.0),
        disk("node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", Source::Rate(0.002)),
        disk("node_disk_read_bytes_total", "The total number of bytes read successfully.", Source::WholeRate(5200.0)),
        disk(
            "node_disk_written_bytes_total",
            "The total number of bytes written successfully.",
            Source::WholeRate(9100.0),
        ),
        disk(
            "node_disk_reads_completed_total",
            "The total number of reads completed successfully.",
            Source::WholeRate(0.2),
        ),
        disk(
            "node_disk_writes_completed_total",
            "The total number of writes completed successfully.",
            Source::WholeRate(0.9),
        ),
    ]
}

fn network_families() -> Vec<Family> {
    let both = |name: &str, kind, help, lo: Source, eth: Source| {
        family(name, kind, help, vec![(labels(&[("device", "eth0")]), eth), (labels(&[("device", "lo")]), lo)])
    };
    let none = Source::Constant(0.0);
    let mut families = Vec::new();
    for (way, bytes) in [("receive", 900.0), ("transmit", 1400.0)] {
        let name = |what: &str| format!("node_network_{way}_{what}_total");
        let (b, p) = (Source::WholeRate(bytes), Source::WholeRate(bytes / 300.0));
        families.push(both(&name("bytes"), "counter", "Network device statistic.", Source::WholeRate(40.0), b));
        families.push(both(&name("packets"), "counter", "Network device statistic.", Source::WholeRate(0.3), p));
        families.push(both(&name("errs"), "counter", "Network device statistic.", none, none));
        families.push(both(&name("drop"), "counter", "Network device statistic.", none, none));
    }
    let up = Source::Constant(1.0);
    families.push(both("node_network_up", "gauge", "Value is 1 if operstate is 'up', 0 otherwise.", none, up));
    families
}

fn system_families() -> Vec<Family> {
    let one = Source::Constant(1.0);
    let uname = labels(&[
        ("domainname", "(none)"),
        ("machine", "x86_64"),
        ("nodename", "vm"),
        ("release", "6.1.0-40-amd64"),
        ("sysname", "Linux"),
        ("version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.153-1"),
    ]);
    let os = labels(&[
        ("id", "debian"),
        ("name", "Debian GNU/Linux"),
        ("pretty_name", "Debian GNU/Linux 12 (bookworm)"),
        ("version_id", "12"),
    ]);
    let build = labels(&[("goarch", "amd64"), ("goos", "linux"), ("goversion", "go1.24.1"), ("version", "1.9.1")]);
    let collectors = ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "stat", "time", "uname"];
    let successes = collectors.iter().map(|c| (labels(&[("collector", c)]), one)).collect();
    vec![
        family(
            "node_uname_info",
            "gauge",
            "Labeled system information as provided by the uname system call.",
            vec![(uname, one)],
        ),
        family(
            "node_os_info",
            "gauge",
            "A metric with a constant '1' value labeled by OS information.",
            vec![(os, one)],
        ),
        family(
            "node_exporter_build_info",
            "gauge",
            "A metric with a constant '1' value labeled by build information.",
            vec![(build, one)],
        ),
        family("node_scrape_collector_success", "gauge", "Whether a collector succeeded.", successes),
        plain("node_time_seconds", "gauge", "System time in seconds since epoch (1970).", Source::UnixTime),
        plain("node_boot_time_seconds", "gauge", "Node boot time, in unixtime.", Source::BootTime),
        plain("node_filefd_allocated", "gauge", "File descriptor statistics: allocated.", Source::Constant(1056.0)),
        plain(
            "node_filefd_maximum",
            "gauge",
            "File descriptor statistics: maximum.",
            Source::Constant(9.223_372_036_854_776e18),
        ),
        plain("node_entropy_available_bits", "gauge", "Bits of available entropy.", Source::Constant(256.0)),
        plain("node_timex_sync_status", "gauge", "Is clock synchronized to a reliable server.", one),
        plain(
            "node_vmstat_pgmajfault",
            "untyped",
            "/proc/vmstat information field pgmajfault.",
            Source::WholeRate(0.02),
        ),
    ]
}

/// The page of the mocked model.
pub(super) fn model_page(metrics: &[ModelMetric]) -> ExporterPage {
    let mut families = process_families("python");
    for metric in metrics {
        let (kind, source) = match metric.counter {
            true => ("counter", Source::WholeRate(0.2)),
            false => ("gauge", Source::ModelResult),
        };
        families.push(plain(&metric.name, kind, "Result of the mocked model", source));
    }
    ExporterPage::new(families)
}

/// The page of a service nobody knows more of.
pub(super) fn service_page() -> ExporterPage {
    ExporterPage::new(process_families("go"))
}

fn process_families(language: &str) -> Vec<Family> {
    let mut families = vec![
        plain(
            "process_cpu_seconds_total",
            "counter",
            "Total user and system CPU time spent in seconds.",
            Source::Rate(0.001),
        ),
        plain(
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory size in bytes.",
            Source::Constant(21_848_064.0),
        ),
        plain(
            "process_virtual_memory_bytes",
            "gauge",
            "Virtual memory size in bytes.",
            Source::Constant(1_277_509_632.0),
        ),
        plain("process_open_fds", "gauge", "Number of open file descriptors.", Source::Constant(9.0)),
        plain("process_max_fds", "gauge", "Maximum number of open file descriptors.", Source::Constant(524_287.0)),
        plain(
            "process_start_time_seconds",
            "gauge",
            "Start time of the process since unix epoch in seconds.",
            Source::BootTime,
        ),
    ];
    if language == "go" {
        families.push(plain(
            "go_goroutines",
            "gauge",
            "Number of goroutines that currently exist.",
            Source::Constant(8.0),
        ));
        families.push(plain("go_threads", "gauge", "Number of OS threads created.", Source::Constant(7.0)));
    } else {
        let version = labels(&[
            ("implementation", "CPython"),
            ("major", "3"),
            ("minor", "12"),
            ("patchlevel", "3"),
            ("version", "3.12.3"),
        ]);
        families.insert(
            0,
            family("python_info", "gauge", "Python platform information", vec![(version, Source::Constant(1.0))]),
        );
    }
    families
}
