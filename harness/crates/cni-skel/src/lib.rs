#![doc = include_str!("../README.md")]

mod call;
mod delegate;
mod env;
mod netns;
mod plugin;
mod request;
mod run;
mod variables;

pub use call::{Call, GcCall, Network};
pub use cni_types::code;
pub use delegate::{Delegate, add_with_ipam};
pub use env::{Env, ProcessEnv};
pub use plugin::Plugin;
pub use run::run;

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

/// Runs `plugin` as this process: parameters from the environment, configuration from stdin, one document to stdout.
pub fn main(plugin: impl Plugin) -> ExitCode {
    let stdin = std::io::stdin();
    // Someone who calls the plugin by hand must get an answer, not a process that waits for a configuration.
    let input: Box<dyn Read> = if stdin.is_terminal() {
        Box::new(std::io::empty())
    } else {
        Box::new(stdin.lock())
    };
    let mut stdout = std::io::stdout().lock();
    let exit = run(
        &plugin,
        &ProcessEnv,
        input,
        &mut stdout,
        &mut std::io::stderr(),
    );
    match stdout.flush() {
        Ok(()) => ExitCode::from(exit),
        Err(_) => ExitCode::FAILURE,
    }
}
