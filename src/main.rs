//! The labkit command.

use std::process::ExitCode;

/// An expression may be a chain of thousands of operators, and evaluation takes a frame for each. Memory that is never
/// touched costs nothing.
const STACK: usize = 512 << 20;

fn main() -> ExitCode {
    // Where no such pool or thread is to be had, the usual ones do for everything but hostile input.
    let _ = rayon::ThreadPoolBuilder::new().stack_size(STACK).build_global();
    match std::thread::Builder::new().name("labkit".to_owned()).stack_size(STACK).spawn(labkit::cli::main) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(_) => labkit::cli::main(),
    }
}
