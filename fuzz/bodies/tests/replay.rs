//! Every target on its seeds and on what was found with it before.

use std::fs;
use std::path::{Path, PathBuf};

fn inputs(kind: &str, target: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(kind)
        .join(target);
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[test]
fn seeds_and_regressions_pass() {
    for (target, body) in cnispec_fuzz_bodies::ALL {
        let seeds = inputs("seeds", target);
        assert!(!seeds.is_empty(), "`{target}` has no seeds");
        let mut understood = 0;
        for path in seeds.into_iter().chain(inputs("regressions", target)) {
            println!("{}", path.display());
            understood += usize::from(body(
                &fs::read(&path).expect("a file of the repository can be read"),
            ));
        }
        // Otherwise the target tests nothing any more.
        assert!(understood > 0, "no seed of `{target}` is understood");
    }
}

/// A few thousand changed seeds: what the fuzzers do for hours, for a moment.
#[test]
fn changed_seeds_pass() {
    for (target, body) in cnispec_fuzz_bodies::ALL {
        for path in inputs("seeds", target) {
            let seed = fs::read(&path).expect("a file of the repository can be read");
            for number in 0..200 {
                let mut data = seed.clone();
                data.resize(seed.len() * 2 + 256, 0);
                let length = data.len();
                if let Some(size) =
                    cnispec_fuzz_bodies::mutate(&mut data, seed.len(), length, number)
                {
                    body(&data[..size]);
                }
            }
        }
    }
}

#[test]
fn every_target_can_be_fuzzed() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz_targets");
    for (target, _) in cnispec_fuzz_bodies::ALL {
        assert!(targets.join(format!("{target}.rs")).exists(), "{target}");
    }
}
