//! The runtime as its users call it, with scripted plugins and with real processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod attachments;
mod cache;
mod delegation;
mod files;
mod hostile;
mod json;
mod networks;
mod process;
mod recorder;
mod upstream;
mod walk_through;

fn main() -> std::process::ExitCode {
    trials::main([])
}
