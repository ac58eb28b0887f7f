//! The crate against the running kernel, and against what `ip` and `nft` say of it.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is a test, also what has no `#[test]`"
)]

mod netns;
mod nft;
mod plugin;
mod support;

fn main() -> std::process::ExitCode {
    trials::main([])
}
