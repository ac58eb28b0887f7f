//! Upstream's plugins, as a distribution installs them.

use std::path::{Path, PathBuf};

use cni_runtime::{ProcessExec, Runtime};
use cni_types::{NetworkConfigList, Version};
use serde_json::json;
use trials::test;

use crate::recorder::attachment;

/// The directory of upstream's plugins.
pub const UPSTREAM: &str = "/usr/lib/cni";

fn network(version: &str, data_dir: &Path) -> NetworkConfigList {
    let ipam = json!({"type": "host-local", "subnet": "10.1.2.0/24", "dataDir": data_dir});
    let plugin = json!({"type": "host-local", "ipam": ipam});
    NetworkConfigList::from_value(
        json!({"cniVersion": version, "name": "net", "plugins": [plugin]}),
    )
    .unwrap()
}

#[test(Upstream)]
fn host_local_goes_through_its_life_in_every_version() {
    let plugin_dir = PathBuf::from(UPSTREAM);
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"] {
        let dir = tempfile::tempdir().unwrap();
        let exec = ProcessExec::new().with_stderr(|_| {});
        let runtime =
            Runtime::new(&exec, [plugin_dir.clone()]).with_cache_dir(dir.path().join("cache"));
        let list = network(version, &dir.path().join("data"));
        let rt = attachment("c1");
        assert!(runtime.validate_network_list(&list).unwrap().is_empty());
        let added = runtime.add_network_list(&list, &rt).unwrap();
        assert_eq!(added.result.cni_version.to_string(), version);
        assert_eq!(
            added.result.ips[0].address.to_string(),
            "10.1.2.2/24",
            "{version}"
        );
        let reservation = dir.path().join("data/net/10.1.2.2");
        assert!(reservation.exists());
        if list.cni_version.supports_check() {
            runtime.check_network_list(&list, &rt).unwrap();
        }
        runtime.del_network_list(&list, &rt).unwrap();
        assert!(!reservation.exists());
        assert!(runtime.cached_attachments(None).unwrap().is_empty());
    }
}

#[test(Upstream)]
fn an_unsupported_version_is_told_before_and_by_the_plugin() {
    let plugin_dir = PathBuf::from(UPSTREAM);
    let dir = tempfile::tempdir().unwrap();
    let exec = ProcessExec::new().with_stderr(|_| {});
    let runtime = Runtime::new(&exec, [plugin_dir]).with_cache_dir(dir.path());
    let info = runtime.version_info("host-local").unwrap();
    assert!(info.supports(Version::V1_0_0) && !info.supports(Version::new(9, 0, 0)));
    let list = network("9.0.0", dir.path());
    assert!(runtime.validate_network_list(&list).is_err());
    let error = runtime
        .add_network_list(&list, &attachment("c1"))
        .unwrap_err();
    assert_eq!(
        error.reported().unwrap().code,
        cni_types::code::INCOMPATIBLE_VERSION
    );
}
