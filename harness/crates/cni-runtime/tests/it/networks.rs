//! GC, STATUS, VERSION and validation.

use cni_runtime::{ConfigurationError, Error};
use cni_types::{Attachment, NetworkConfigList, Version};
use serde_json::json;
use trials::test;

use crate::recorder::{Recorder, attachment, failure, good_answer, network, runtime};

fn valid(container_id: &str) -> Attachment {
    Attachment {
        container_id: container_id.to_owned(),
        ifname: "eth0".to_owned(),
    }
}

#[test]
fn gc_removes_stale_attachments_and_then_asks_every_plugin() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let list = network("1.1.0", &["a", "b"]);
    let mut other = network("1.1.0", &["x"]);
    other.name = "other".to_owned();
    for container in ["c1", "c2"] {
        runtime
            .add_network_list(&list, &attachment(container))
            .unwrap();
        runtime
            .add_network_list(&other, &attachment(container))
            .unwrap();
    }
    plugins.forget();
    runtime.gc_network_list(&list, &[valid("c1")]).unwrap();
    assert_eq!(plugins.titles(), ["DEL b", "DEL a", "GC a", "GC b"]);
    let calls = plugins.calls();
    assert_eq!(
        (
            calls[0].variable("CNI_CONTAINERID"),
            calls[0].variable("CNI_NETNS")
        ),
        (Some("c2"), Some("/run/netns/n"))
    );
    assert!(calls[0].stdin.get("prevResult").is_some());
    let listed = json!([{"containerID": "c1", "ifname": "eth0"}]);
    assert_eq!(
        calls[2].stdin,
        json!({"cniVersion": "1.1.0", "name": "net", "type": "a", "cni.dev/valid-attachments": listed, "cni.dev/attachments": listed})
    );
    let variables: Vec<&str> = calls[2].env.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(variables, ["CNI_COMMAND", "CNI_PATH", "PATH"]);
    let left: Vec<String> = runtime
        .cached_attachments(None)
        .unwrap()
        .into_iter()
        .map(|a| format!("{} {}", a.network, a.container_id))
        .collect();
    assert_eq!(left, ["net c1", "other c1", "other c2"]);
}

#[test]
fn gc_goes_on_after_errors_and_returns_all() {
    let cache = tempfile::tempdir().unwrap();
    let good = Recorder::good();
    let list = network("1.1.0", &["a", "missing-not", "b"]);
    runtime(&good, cache.path())
        .add_network_list(&list, &attachment("c1"))
        .unwrap();
    let failing = Recorder::answering(|call| match call.plugin.as_str() {
        "missing-not" => Ok(good_answer(call)),
        _ => Err(failure(r#"{"code":5,"msg":"no"}"#)),
    });
    let error = runtime(&failing, cache.path())
        .gc_network_list(&list, &[])
        .unwrap_err();
    let said: Vec<String> = error.each().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "plugin `b` failed (DEL): no (code 5)",
            "plugin `a` failed (GC): no (code 5)",
            "plugin `b` failed (GC): no (code 5)",
        ]
    );
}

#[test]
fn gc_can_be_disabled_and_exists_since_1_1_0() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let mut disabled = network("1.1.0", &["a"]);
    disabled.disable_gc = true;
    runtime.gc_network_list(&disabled, &[]).unwrap();
    assert!(plugins.titles().is_empty());
    let old = network("1.0.0", &["a"]);
    runtime.add_network_list(&old, &attachment("c1")).unwrap();
    plugins.forget();
    runtime.gc_network_list(&old, &[]).unwrap();
    assert_eq!(plugins.titles(), ["DEL a"]);
}

#[test]
fn status_ends_at_the_first_plugin_that_is_not_ready() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::answering(|call| match call.plugin.as_str() {
        "b" => Err(failure(r#"{"code":50,"msg":"daemon down"}"#)),
        _ => Ok(Vec::new()),
    });
    let runtime = runtime(&plugins, cache.path());
    let error = runtime
        .status_network_list(&network("1.1.0", &["a", "b", "c"]))
        .unwrap_err();
    assert_eq!(error.reported().unwrap().code, 50);
    assert_eq!(plugins.titles(), ["STATUS a", "STATUS b"]);
    assert_eq!(
        plugins.calls()[0].stdin,
        json!({"cniVersion": "1.1.0", "name": "net", "type": "a"})
    );
    plugins.forget();
    runtime
        .status_network_list(&network("1.0.0", &["b"]))
        .unwrap();
    assert!(plugins.titles().is_empty());
}

#[test]
fn version_asks_in_the_newest_version() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let info = runtime(&plugins, cache.path()).version_info("a").unwrap();
    assert_eq!(
        info.supported_versions,
        [Version::V0_4_0, Version::V1_0_0, Version::V1_1_0]
    );
    let call = &plugins.calls()[0];
    assert_eq!(
        (call.title().as_str(), &call.stdin),
        ("VERSION a", &json!({"cniVersion": "1.1.0"}))
    );
    assert_eq!(call.variable("CNI_CONTAINERID"), None);
}

#[test]
fn a_plugin_without_version_is_of_0_1_0() {
    let cache = tempfile::tempdir().unwrap();
    let old = Recorder::answering(|_| {
        Err(failure(
            r#"{"code":100,"msg":"unknown CNI_COMMAND: VERSION"}"#,
        ))
    });
    let info = runtime(&old, cache.path()).version_info("a").unwrap();
    assert_eq!(info.supported_versions, [Version::V0_1_0]);
    let broken = Recorder::answering(|_| Ok(b"{}".to_vec()));
    let error = runtime(&broken, cache.path())
        .version_info("a")
        .unwrap_err();
    assert!(
        error.to_string().contains("`cniVersion` is missing"),
        "{error}"
    );
}

#[test]
fn a_valid_network_tells_its_capabilities() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let list = NetworkConfigList::from_value(json!({
        "cniVersion": "1.0.0", "name": "net",
        "plugins": [
            {"type": "a", "capabilities": {"mac": true, "ips": false}},
            {"type": "b", "capabilities": {"portMappings": true, "mac": true}},
        ],
    }))
    .unwrap();
    assert_eq!(
        runtime.validate_network_list(&list).unwrap(),
        ["mac", "portMappings"]
    );
    let error = runtime
        .validate_network_list(&network("0.3.1", &["a", "missing", "b"]))
        .unwrap_err();
    let kinds: Vec<bool> = error
        .each()
        .iter()
        .map(|error| {
            matches!(
                error,
                Error::Configuration(ConfigurationError::VersionUnsupported { .. })
            )
        })
        .collect();
    assert_eq!(kinds, [true, false, true]);
}
