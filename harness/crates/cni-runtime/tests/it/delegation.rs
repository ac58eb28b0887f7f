//! Delegation from a plugin written in Rust.

use cni_runtime::{Delegation, Exec, delegate_del};
use cni_types::Version;
use serde_json::json;
use trials::test;

use crate::recorder::Recorder;

fn delegation(exec: &dyn Exec) -> Delegation<'_> {
    Delegation::new(exec).with_env([
        ("CNI_COMMAND".into(), "ADD".into()),
        ("CNI_CONTAINERID".into(), "c1".into()),
        ("CNI_PATH".into(), "/plugins:/more".into()),
        ("HOME".into(), "/root".into()),
    ])
}

#[test]
fn a_delegate_gets_the_same_environment_and_configuration() {
    let plugins = Recorder::answering(|_| {
        Ok(br#"{"ips":[{"version":"4","address":"10.0.0.2/24"}]}"#.to_vec())
    });
    let config = br#"{"cniVersion":"0.4.0","name":"net","type":"ptp","ipam":{"type":"i"}}"#;
    let added = delegation(&plugins).add("i", config).unwrap();
    assert_eq!(added.result.cni_version, Version::V0_4_0);
    delegation(&plugins).check("i", config).unwrap();
    delegation(&plugins).del("i", config).unwrap();
    delegation(&plugins).gc("i", config).unwrap();
    delegation(&plugins).status("i", config).unwrap();
    assert_eq!(
        plugins.titles(),
        ["ADD i", "CHECK i", "DEL i", "GC i", "STATUS i"]
    );
    for call in plugins.calls() {
        assert_eq!(
            call.stdin,
            serde_json::from_slice::<serde_json::Value>(config).unwrap()
        );
        assert_eq!(call.variable("CNI_CONTAINERID"), Some("c1"));
        assert_eq!(
            (call.variable("CNI_PATH"), call.variable("HOME")),
            (Some("/plugins:/more"), Some("/root"))
        );
    }
}

#[test]
fn the_delegates_error_is_reported() {
    let plugins = Recorder::answering(|_| {
        Err(crate::recorder::failure(
            &json!({"code": 7, "msg": "bad"}).to_string(),
        ))
    });
    let error = delegation(&plugins).del("i", b"{}").unwrap_err();
    assert_eq!(error.to_string(), "plugin `i` failed (DEL): bad (code 7)");
}

#[test]
fn a_delegate_outside_of_cni_path_is_not_run() {
    let exec = cni_runtime::ProcessExec::new();
    let error = delegation(&exec).del("../../bin/true", b"{}").unwrap_err();
    assert!(
        error.to_string().contains("is not the name of a plugin"),
        "{error}"
    );
    assert!(delegate_del(&exec, "../../bin/true", b"{}").is_err());
}
