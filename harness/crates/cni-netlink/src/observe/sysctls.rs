//! Sysctls and other files of the calling thread's namespace below `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const ROOT: &str = "/proc/sys";

/// Counters and tables that change by themselves.
const VOLATILE: [&str; 2] = ["nf_conntrack_count", "stable_secret"];

/// All network sysctls that can be read, by path below `/proc/sys`.
pub(super) fn read_all() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for directory in ["core", "ipv4", "ipv6", "bridge", "netfilter"] {
        collect(&Path::new(ROOT).join("net").join(directory), &mut found);
    }
    found
}

/// Some are only for writing and some only for the machine's own root: what cannot be read is no state to compare.
fn collect(directory: &Path, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // Timers of the neighbour tables, the same for every new link.
            if entry.file_name() != "neigh" {
                collect(&path, found);
            }
            continue;
        }
        if VOLATILE.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if let (Ok(key), Ok(value)) = (path.strip_prefix(ROOT), fs::read_to_string(&path)) {
            found.insert(key.display().to_string(), value.trim_end().to_owned());
        }
    }
}

/// The loaded tables of legacy iptables, after their family.
pub(super) fn xtables_legacy_tables() -> Vec<String> {
    // Unlike `/proc/net`, this is the calling thread's own namespace.
    let directory = Path::new("/proc/thread-self/net");
    let mut tables = Vec::new();
    for (family, file) in [("ipv4", "ip_tables_names"), ("ipv6", "ip6_tables_names")] {
        // Kernels without legacy iptables do not have the file.
        let names = fs::read_to_string(directory.join(file)).unwrap_or_default();
        tables.extend(names.lines().map(|name| format!("{family} {name}")));
    }
    tables.sort();
    tables
}
