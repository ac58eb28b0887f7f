//! Certifies a plugin: `cargo run --example certify -- /usr/lib/cni/bridge`.

use std::error::Error;

use cnispec::{Outcome, Run, Verdict};

/// Prints every requirement that the plugin breaks. The program `cnispec` is beside this one or in PATH.
pub fn certify(plugin: &str) -> Result<(), Box<dyn Error>> {
    let report = Run::new(plugin).execute()?;
    let results = report.results.iter();
    for broken in results.filter(|result| result.outcome == Outcome::Fail) {
        println!("{}: {}", broken.check, broken.claim);
    }
    match report.summary.verdict {
        Some(Verdict::Conformant) => Ok(()),
        verdict => Err(format!("not certified: {verdict:?}").into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    certify(&std::env::args().nth(1).ok_or("usage: certify PLUGIN")?)
}
