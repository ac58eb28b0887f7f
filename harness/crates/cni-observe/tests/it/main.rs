//! Snapshots against the running kernel, and against what `ip`, `nft`, `iptables` and `tc` say of it.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is a test, also what has no `#[test]`"
)]

mod configure;
mod kinds;
mod observe;
#[path = "../../../cni-netlink/tests/it/support.rs"]
mod support;

fn main() -> std::process::ExitCode {
    trials::main([])
}
