//! Tests of the whole: the command as its users call it, on real and on broken plugins.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something unexpected happens"
)]

mod accomplice;
mod bench;
mod browser;
mod cnitool;
mod delegates;
mod dependencies;
mod environment;
mod escapes;
mod fault_matrix;
mod faults;
mod fuzz;
mod interruption;
mod library;
mod neighbours;
mod new;
mod readme;
mod recipe;
mod refusals;
mod regression;
mod report;
mod requirements;
mod residue;
mod rows;
mod runtimes;
mod samples;
mod services;
mod styles;
mod transcripts;
mod unattached;
mod upstream;
mod users;
mod walls;
mod wrappers;

fn main() -> std::process::ExitCode {
    if let Some(code) = accomplice::act() {
        return code;
    }
    trials::main(
        rows::trials()
            .into_iter()
            .chain(fault_matrix::trials())
            .chain(transcripts::trials()),
    )
}
