//! The fuzz targets on the inputs kept in `fuzz/corpus`: seeds, and whatever was once handled badly.

use std::time::{Duration, Instant};

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

/// How long one input may take; the fuzzer itself stops at 25 s, with optimised code.
const LONGEST: Duration = Duration::from_secs(20);

#[test]
fn kept_inputs_are_handled() {
    let corpora = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, run) in fuzz::TARGETS {
        let folder = corpora.join(name);
        let mut inputs = 0;
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("an entry can be read").path();
            let data = std::fs::read(&path).expect("an input can be read");
            let started = Instant::now();
            if let Err(cause) = std::panic::catch_unwind(|| run(&data)) {
                let words = cause.downcast_ref::<String>().map_or("a panic", String::as_str);
                panic!("{}: {words}", path.display());
            }
            assert!(started.elapsed() < LONGEST, "{} takes {:?}", path.display(), started.elapsed());
            inputs += 1;
        }
        assert!(inputs >= 3, "{} has {inputs} inputs", folder.display());
    }
}
