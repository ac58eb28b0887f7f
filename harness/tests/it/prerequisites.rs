//! What a test needs and this machine may lack.

/// Whether the prerequisite holds. Where it does not, the test is ignored with the reason, unless
/// `CNISPEC_REQUIRE` names it: then the test fails.
pub fn have(name: &str, holds: bool, reason: &str) -> bool {
    let required = std::env::var("CNISPEC_REQUIRE").unwrap_or_default();
    assert!(
        holds || !required.split(',').any(|word| word == name),
        "required and missing: {reason}"
    );
    if !holds {
        eprintln!("ignored: {reason}");
    }
    holds
}

/// Whether labs can be made.
pub fn have_namespaces() -> bool {
    let doctor = std::process::Command::new(env!("CARGO_BIN_EXE_cnispec"))
        .arg("doctor")
        .output();
    let holds = doctor.is_ok_and(|output| output.status.success());
    have(
        "netns",
        holds,
        "this machine does not let us make namespaces; see `cnispec doctor`",
    )
}

/// The directory of upstream's plugins.
pub const UPSTREAM: &str = "/usr/lib/cni";

/// Whether upstream's plugins are installed.
pub fn have_upstream() -> bool {
    let holds = std::path::Path::new(UPSTREAM).join("bridge").is_file();
    have(
        "upstream",
        holds,
        "upstream's plugins are not installed (`apt-get install containernetworking-plugins`)",
    )
}

/// Whether iptables is installed.
pub fn have_iptables() -> bool {
    let holds = ["/usr/sbin/iptables", "/sbin/iptables"]
        .iter()
        .any(|path| std::path::Path::new(path).exists());
    have("iptables", holds, "iptables is not installed")
}
