//! The fuzz targets on the inputs kept in `fuzz/corpus`: seeds, and whatever was once handled badly.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;

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

/// Every kept input of every target.
fn kept() -> &'static [Vec<Vec<u8>>] {
    static KEPT: OnceLock<Vec<Vec<Vec<u8>>>> = OnceLock::new();
    KEPT.get_or_init(|| {
        let corpora = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let inputs = |name: &str| {
            let folder = std::fs::read_dir(corpora.join(name)).expect("the folder can be listed");
            let mut paths: Vec<_> = folder.map(|e| e.expect("an entry can be read").path()).collect();
            paths.sort();
            paths.iter().map(|p| std::fs::read(p).expect("an input can be read")).collect()
        };
        fuzz::TARGETS.iter().map(|(name, _)| inputs(name)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_kept_inputs_put_together_are_handled(
        target in 0..fuzz::TARGETS.len(),
        pieces in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..5),
        glue in prop::sample::select(vec!["", "\n", " ", "\t", "(", ")", "{", "}}", "\"", "'", "\\", "-", ":", ",", "é", "\0"]),
    ) {
        let inputs = &kept()[target];
        let mut data = Vec::new();
        for (which, from, to) in pieces {
            let input = which.get(inputs);
            let (from, to) = (from.index(input.len() + 1), to.index(input.len() + 1));
            data.extend_from_slice(&input[from.min(to)..from.max(to)]);
            data.extend_from_slice(glue.as_bytes());
        }
        (fuzz::TARGETS[target].1)(&data);
    }
}
