//! Needs of tests: programs and privileges of the machine.

use std::env;
use std::fs::OpenOptions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Something that a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Namespaces, with or without privileges.
    Netns,
    /// Network namespaces without a user namespace.
    Root,
    /// The containernetworking plugins.
    Upstream,
    /// The command `nft`.
    Nft,
    /// The command `iptables`.
    Iptables,
    /// The commands `ip` and `tc`.
    Iproute,
    /// The command `dnsmasq`.
    Dnsmasq,
    /// The command `xmllint`.
    Xmllint,
    /// The command `chromium`.
    Chromium,
    /// The cargo that built the tests.
    Cargo,
    /// The device of tun and tap links.
    Tun,
}

impl Need {
    const ALL: [Need; 11] = [
        Need::Netns,
        Need::Root,
        Need::Upstream,
        Need::Nft,
        Need::Iptables,
        Need::Iproute,
        Need::Dnsmasq,
        Need::Xmllint,
        Need::Chromium,
        Need::Cargo,
        Need::Tun,
    ];

    /// Its word in `CNISPEC_REQUIRE`.
    pub fn word(self) -> &'static str {
        match self {
            Need::Netns => "netns",
            Need::Root => "root",
            Need::Upstream => "upstream",
            Need::Nft => "nft",
            Need::Iptables => "iptables",
            Need::Iproute => "iproute",
            Need::Dnsmasq => "dnsmasq",
            Need::Xmllint => "xmllint",
            Need::Chromium => "chromium",
            Need::Cargo => "cargo",
            Need::Tun => "tun",
        }
    }

    /// Why a test without it is ignored.
    pub fn reason(self) -> &'static str {
        match self {
            Need::Netns => "no namespaces can be made; `cnispec doctor` says why",
            Need::Root => "only root can make network namespaces without a user namespace",
            Need::Upstream => "upstream's plugins are not installed in /usr/lib/cni",
            Need::Nft => "`nft` is not installed",
            Need::Iptables => "`iptables` is not installed",
            Need::Iproute => "`ip` and `tc` are not installed",
            Need::Dnsmasq => "`dnsmasq` is not installed",
            Need::Xmllint => "`xmllint` is not installed; it is in the package libxml2-utils",
            Need::Chromium => "`chromium` is not installed",
            Need::Cargo => "the cargo that built the tests is not this user's to execute",
            Need::Tun => "/dev/net/tun is not there, or not this user's to open",
        }
    }

    fn is_there(self) -> bool {
        match self {
            Need::Netns => unshare("-n") || unshare("-Urn"),
            Need::Root => unshare("-n"),
            Need::Upstream => is_program(Path::new("/usr/lib/cni/bridge")),
            Need::Nft => is_installed("nft"),
            Need::Iptables => is_installed("iptables"),
            Need::Iproute => is_installed("ip") && is_installed("tc"),
            Need::Dnsmasq => is_installed("dnsmasq"),
            Need::Xmllint => is_installed("xmllint"),
            Need::Chromium => is_installed("chromium"),
            Need::Cargo => Command::new(env!("CARGO"))
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success()),
            Need::Tun => OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/net/tun")
                .is_ok(),
        }
    }
}

/// The first of these that the machine lacks; it is looked at once.
pub(crate) fn lacking(needs: &[Need]) -> Option<Need> {
    static THERE: [OnceLock<bool>; Need::ALL.len()] = [const { OnceLock::new() }; Need::ALL.len()];
    let is_there = |need: Need| *THERE[need as usize].get_or_init(|| need.is_there());
    needs.iter().copied().find(|need| !is_there(*need))
}

/// True if `CNISPEC_REQUIRE` names it.
///
/// # Panics
///
/// Where `CNISPEC_REQUIRE` holds a word that is none.
pub(crate) fn is_required(need: Need) -> bool {
    let required = env::var("CNISPEC_REQUIRE").unwrap_or_default();
    let mut words = required.split(',').filter(|word| !word.is_empty());
    words.any(|word| {
        let known = Need::ALL.into_iter().find(|need| need.word() == word);
        assert!(
            known.is_some(),
            "`{word}` in CNISPEC_REQUIRE is no prerequisite"
        );
        known == Some(need)
    })
}

fn unshare(option: &str) -> bool {
    let status = Command::new("unshare")
        .args([option, "--", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// True if a command is in PATH.
fn is_installed(command: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| is_program(&directory.join(command)))
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
