//! The command line. Data goes to standard output, everything else to standard error.

mod arguments;
mod bench;
mod diff;
mod doctor;
mod duration;
mod expect;
mod explain;
mod failure;
mod findings;
mod fuzz;
mod list;
mod manual;
mod merge;
mod new;
mod plugins;
mod plugins_given;
mod progress;
mod publish;
mod replay;
mod rerun;
mod settings;
mod snapshots;
mod stored;
mod target;
mod test;
mod validate;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use cni_netlink::process::share_one_arena;

pub use settings::settings_read;

use arguments::{Arguments, Command};
use failure::Failure;

use crate::cnitool;

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    share_one_arena();
    let words = match settings::completed(std::env::args_os().collect()) {
        Ok(words) => words,
        Err(failure) => return failed(&failure),
    };
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that nobody reads to its end is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE));
        }
    };
    let done = match arguments.command {
        Command::Test(arguments) => test::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Expect(arguments) => expect::run(&arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Claim(arguments) => publish::claim(&arguments),
        Command::Sonobuoy { image } => publish::sonobuoy(&image),
        Command::Action => publish::action(),
        Command::List(arguments) => list::run(&arguments),
        Command::Explain { pattern } => explain::run(&pattern),
        Command::Doctor => doctor::run(),
        Command::New(arguments) => new::run(&arguments),
        Command::Plugins { directory } => plugins::run(&directory),
        Command::Manual { directory } => manual::run(&directory),
        Command::Cnitool { words } => return cnitool::main(words),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    // Where nobody reads, the exit status still says it.
    let _ = writeln!(anstream::stderr(), "error: {failure}");
    ExitCode::from(failure.status)
}

/// Writes to standard output. A reader that has gone away has read enough.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    to_reader(
        write(&mut out).and_then(|()| out.flush()),
        "standard output",
    )
}

fn to_reader(written: io::Result<()>, whom: &str) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::environment(
            format!("cannot write to {whom}: {error}"),
        )),
        _ => Ok(()),
    }
}
