//! labkit's own load on this machine, seen from outside.

use axum::Router;
use labkit::live::Server;

use super::children;

/// What one worker of labkit's own load is called.
const LOOP: &str = "sh\0-c\0while :; do :; done";

/// How many loops of a load run below a process, however deep.
pub fn loops(below: u32) -> usize {
    let own = |id: &u32| {
        let line = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        usize::from(line.starts_with(LOOP))
    };
    children(below).iter().map(|id| own(id) + loops(*id)).sum()
}

/// How many loops run anywhere on this machine, also those that lost their parent.
pub fn loops_anywhere() -> usize {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let lines = processes.filter_map(|p| std::fs::read_to_string(p.path().join("cmdline")).ok());
    lines.filter(|l| l.starts_with(LOOP)).count()
}

/// Its page tells whether a load runs below sshd.
pub fn exporter(sshd: u32) -> Server {
    let app = Router::new().fallback(move || async move { format!("node_load1 {}\n", loops(sshd)) });
    Server::start("exporter", ([127, 0, 0, 1], 0).into(), app).expect("a free port")
}
