//! The store of attachments.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cni_runtime::{Error, SystemError};
use proptest::prelude::*;
use serde_json::{Value, json};
use trials::test;

use crate::recorder::{Recorder, attachment, network, runtime};

/// As libcni's `cacheAdd` writes it; the configuration is base64.
const BY_LIBCNI: &str = r#"{"kind":"cniCacheV1","containerId":"c1","config":"eyJuYW1lIjoibmV0In0=","ifName":"eth0","networkName":"net","netns":"/run/netns/n","cniArgs":[["A","1"]],"capabilityArgs":{"mac":"m"},"result":{"cniVersion":"1.0.0","dns":{"domain":"a.b"}}}"#;

fn put(cache: &Path, name: &str, bytes: &[u8]) {
    fs::create_dir_all(cache.join("results")).unwrap();
    fs::write(cache.join("results").join(name), bytes).unwrap();
}

#[test]
fn an_attachment_is_stored_as_libcni_does() {
    let cache = tempfile::tempdir().unwrap();
    let dir = cache.path().join("not/yet/there");
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, &dir);
    let list = network("1.0.0", &["a"]);
    let mut rt = attachment("c1");
    rt.args = vec![("A".to_owned(), "1".to_owned())];
    rt.capability_args.insert("mac".to_owned(), json!("m"));
    runtime.add_network_list(&list, &rt).unwrap();
    let file = dir.join("results/net-c1-eth0");
    let stored: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let keys: Vec<&str> = stored
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "kind",
            "containerId",
            "config",
            "ifName",
            "networkName",
            "netns",
            "cniArgs",
            "capabilityArgs",
            "result"
        ]
    );
    assert_eq!(
        stored["result"],
        json!({"cniVersion": "1.0.0", "dns": {"domain": "a"}, "own": 1})
    );
    assert_eq!(stored["cniArgs"], json!([["A", "1"]]));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        dir.join("results").metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    let names: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["results"]);
    let (config, stored) = runtime
        .network_list_cached_config(&list, &attachment("c1"))
        .unwrap()
        .unwrap();
    assert_eq!((config.as_slice(), stored), (list.as_bytes(), rt.clone()));
    runtime.del_network_list(&list, &rt).unwrap();
    assert!(!file.exists());
}

#[test]
fn what_libcni_stored_is_read() {
    let cache = tempfile::tempdir().unwrap();
    put(cache.path(), "net-c1-eth0", BY_LIBCNI.as_bytes());
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let (list, rt) = (network("1.0.0", &["a"]), attachment("c1"));
    let stored = runtime
        .network_list_cached_result(&list, &rt)
        .unwrap()
        .unwrap();
    assert_eq!(stored.result.dns.domain, "a.b");
    let (config, stored) = runtime
        .network_list_cached_config(&list, &rt)
        .unwrap()
        .unwrap();
    assert_eq!(config, br#"{"name":"net"}"#);
    assert_eq!(
        (stored.args, stored.capability_args.len()),
        (vec![("A".to_owned(), "1".to_owned())], 1)
    );
    let attachments = runtime.cached_attachments(Some("c1")).unwrap();
    assert_eq!(
        (attachments.len(), attachments[0].netns.as_str()),
        (1, "/run/netns/n")
    );
    assert!(runtime.cached_attachments(Some("c")).unwrap().is_empty());
}

#[test]
fn a_bare_result_of_older_libraries_is_read() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    for legacy in [
        json!({"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.0.0.2/24"}]}),
        json!({"ip4": {"ip": "10.0.0.2/24"}}),
    ] {
        put(cache.path(), "net-c1-eth0", legacy.to_string().as_bytes());
        let stored = runtime
            .network_list_cached_result(&network("1.0.0", &["a"]), &attachment("c1"))
            .unwrap()
            .unwrap();
        assert_eq!(
            stored.document,
            json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]})
        );
    }
    assert!(runtime.cached_attachments(None).unwrap().is_empty());
}

#[test]
fn what_cannot_be_used_stops_check_but_never_del() {
    let of_another = BY_LIBCNI.replace("\"c1\"", "\"other\"");
    let without_result = r#"{"kind":"cniCacheV1","containerId":"c1","ifName":"eth0","networkName":"net","config":null}"#;
    for broken in [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "7",
        &BY_LIBCNI[..100],
        &of_another,
        without_result,
        r#"{"cniVersion":"9.9.9"}"#,
    ] {
        let cache = tempfile::tempdir().unwrap();
        put(cache.path(), "net-c1-eth0", broken.as_bytes());
        let plugins = Recorder::good();
        let runtime = runtime(&plugins, cache.path());
        let (list, rt) = (network("1.0.0", &["a"]), attachment("c1"));
        let error = runtime.check_network_list(&list, &rt).unwrap_err();
        assert!(
            matches!(error, Error::System(SystemError::StoredResult { .. })),
            "{broken}: {error}"
        );
        runtime.gc_network_list(&list, &[]).unwrap();
        plugins.forget();
        runtime.del_network_list(&list, &rt).unwrap();
        assert_eq!(plugins.titles(), ["DEL a"], "{broken}");
        assert_eq!(plugins.calls()[0].stdin.get("prevResult"), None, "{broken}");
        assert!(
            runtime
                .network_list_cached_result(&list, &rt)
                .unwrap()
                .is_none(),
            "{broken}"
        );
    }
}

#[test]
fn two_attachments_may_share_a_file_name() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let named = |name: &str| {
        let mut list = network("1.0.0", &["a"]);
        list.name = name.to_owned();
        list
    };
    let (list, rt) = (named("net-c"), attachment("1"));
    let (other, other_rt) = (named("net"), attachment("c-1"));
    runtime.add_network_list(&list, &rt).unwrap();
    plugins.forget();
    runtime.del_network_list(&other, &other_rt).unwrap();
    assert_eq!(plugins.calls()[0].stdin.get("prevResult"), None);
    assert!(
        runtime
            .network_list_cached_result(&list, &rt)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_pipe_in_place_of_a_file_is_not_waited_for() {
    let cache = tempfile::tempdir().unwrap();
    put(cache.path(), "other", b"");
    let pipe = cache.path().join("results/net-c1-eth0");
    let mkfifo = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(mkfifo.unwrap().success());
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let list = network("1.0.0", &["a"]);
    runtime.gc_network_list(&list, &[]).unwrap();
    runtime.del_network_list(&list, &attachment("c1")).unwrap();
    assert!(!pipe.exists());
}

#[test]
fn a_directory_in_place_of_a_file_does_not_stop_del() {
    let cache = tempfile::tempdir().unwrap();
    fs::create_dir_all(cache.path().join("results/net-c1-eth0")).unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    runtime
        .del_network_list(&network("1.0.0", &["a"]), &attachment("c1"))
        .unwrap();
    let error = runtime
        .add_network_list(&network("1.0.0", &["a"]), &attachment("c1"))
        .unwrap_err();
    assert!(
        matches!(error, Error::System(SystemError::Io { .. })),
        "{error}"
    );
    let left: Vec<_> = fs::read_dir(cache.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["results"]);
}

#[test]
fn names_never_lead_out_of_the_directory() {
    let cache = tempfile::tempdir().unwrap();
    let outside = cache.path().join("outside");
    fs::write(&outside, BY_LIBCNI).unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, &cache.path().join("cache"));
    let mut rt = attachment("x");
    rt.if_name = "y/../../../outside".to_owned();
    runtime
        .del_network_list(&network("1.0.0", &["a"]), &rt)
        .unwrap();
    assert!(outside.exists());
    assert_eq!(plugins.calls()[0].stdin.get("prevResult"), None);
}

#[test]
fn an_attachment_may_say_where_it_is_stored() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = cni_runtime::Runtime::new(&plugins, ["/plugins".into()]);
    let rt = cni_runtime::RuntimeConf {
        cache_dir: Some(cache.path().to_owned()),
        ..attachment("c1")
    };
    runtime
        .add_network_list(&network("1.0.0", &["a"]), &rt)
        .unwrap();
    assert!(cache.path().join("results/net-c1-eth0").exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_stored_bytes_stop_del(bytes: Vec<u8>, cut in 0..BY_LIBCNI.len(), flip in 0..BY_LIBCNI.len()) {
        let cache = tempfile::tempdir().unwrap();
        let mut flipped = BY_LIBCNI.as_bytes().to_vec();
        flipped[flip] ^= 0x15;
        let plugins = Recorder::good();
        let runtime = runtime(&plugins, cache.path());
        for stored in [bytes.as_slice(), &BY_LIBCNI.as_bytes()[..cut], &flipped] {
            put(cache.path(), "net-c1-eth0", stored);
            prop_assert!(runtime.del_network_list(&network("1.0.0", &["a"]), &attachment("c1")).is_ok());
        }
    }
}
