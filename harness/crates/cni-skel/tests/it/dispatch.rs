use cni_types::{CniError, Version};
use serde_json::{Value, json};

use crate::plugin::{Answer, Probe, attachment, call, config};

fn without<'a>(env: Vec<(&'a str, &'a str)>, names: &[&str]) -> Vec<(&'a str, &'a str)> {
    env.into_iter()
        .filter(|(name, _)| !names.contains(name))
        .collect()
}

fn with<'a>(
    env: Vec<(&'a str, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut env = without(env, &[name]);
    env.push((name, value));
    env
}

#[test]
fn every_operation_reaches_the_plugin() {
    let probe = Probe::default();
    let added = call(&probe, &attachment("ADD"), &config("1.1.0"));
    assert_eq!(added.exit, 0, "{}", added.stdout);
    assert_eq!(added.document()["cniVersion"], "1.1.0");
    for operation in ["CHECK", "DEL", "STATUS"] {
        call(&probe, &attachment(operation), &config("1.1.0")).silent_success();
    }
    let gc = json!({ "cniVersion": "1.1.0", "name": "net", "type": "probe",
        "cni.dev/valid-attachments": [{ "containerID": "c1", "ifname": "eth0" }],
        "cni.dev/attachments": [{ "containerID": "c2", "ifname": "eth0" }] });
    call(&probe, &attachment("GC"), gc.to_string().as_bytes()).silent_success();
    assert_eq!(
        *probe.calls.borrow(),
        ["ADD", "CHECK", "DEL", "STATUS", "GC c1/eth0 c2/eth0"]
    );
}

#[test]
fn version_honours_its_stdin() {
    let ask = |stdin: &str| {
        call(
            &Probe::default(),
            &[("CNI_COMMAND", "VERSION")],
            stdin.as_bytes(),
        )
    };
    for (stdin, answered) in [
        (r#"{"cniVersion":"0.3.1"}"#, "0.3.1"),
        (r#"{"cniVersion":"1.1.0"}"#, "1.1.0"),
        (r#"{"cniVersion":"9.9.9"}"#, "9.9.9"),
        ("", "1.1.0"),
        ("{}", "0.1.0"),
    ] {
        let answer = ask(stdin);
        assert_eq!(answer.exit, 0, "{stdin}");
        let document = answer.document();
        assert_eq!(document["cniVersion"], answered, "{stdin}");
        let supported: Vec<String> = Version::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(document["supportedVersions"], json!(supported));
    }
    assert_eq!(ask("{").error().0, 6);
}

#[test]
fn missing_variables_are_named_all_at_once() {
    for (operation, required) in [
        ("ADD", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"][..]),
        ("CHECK", &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]),
        ("DEL", &["CNI_CONTAINERID", "CNI_IFNAME"]),
        ("GC", &["CNI_PATH"]),
    ] {
        let (code, text) = call(
            &Probe::default(),
            &[("CNI_COMMAND", operation)],
            &config("1.1.0"),
        )
        .error();
        assert_eq!(code, 4, "{operation}");
        let named: Vec<&str> = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]
            .into_iter()
            .filter(|name| text.contains(name))
            .collect();
        assert_eq!(named, required, "{operation}");
        for missing in required {
            let empty = with(attachment(operation), missing, "");
            for env in [empty, without(attachment(operation), &[missing])] {
                let (code, text) = call(&Probe::default(), &env, &config("1.1.0")).error();
                assert_eq!(code, 4, "{operation}");
                assert!(text.contains(missing), "{text}");
            }
        }
    }
    assert!(
        call(&Probe::default(), &[], b"")
            .error()
            .1
            .contains("CNI_COMMAND")
    );
}

#[test]
fn variables_that_are_not_required_may_be_missing() {
    let env = without(attachment("DEL"), &["CNI_NETNS", "CNI_PATH"]);
    call(&Probe::default(), &env, &config("1.1.0")).silent_success();
    call(
        &Probe::default(),
        &[("CNI_COMMAND", "STATUS")],
        &config("1.1.0"),
    )
    .silent_success();
    let env = without(attachment("ADD"), &["CNI_PATH"]);
    assert_eq!(call(&Probe::default(), &env, &config("1.1.0")).exit, 0);
}

#[test]
fn invalid_variables_are_named_with_their_value() {
    for (name, value) in [
        ("CNI_CONTAINERID", "../c1"),
        ("CNI_IFNAME", "sixteen-bytes-xx"),
        ("CNI_IFNAME", "a/b"),
        ("CNI_COMMAND", "add"),
    ] {
        let (code, text) = call(
            &Probe::default(),
            &with(attachment("ADD"), name, value),
            &config("1.1.0"),
        )
        .error();
        assert_eq!(code, 4);
        assert!(text.contains(name) && text.contains(value), "{text}");
    }
    let both = with(
        without(attachment("ADD"), &["CNI_NETNS"]),
        "CNI_IFNAME",
        "a/b",
    );
    let (_, text) = call(&Probe::default(), &both, &config("1.1.0")).error();
    assert!(
        text.contains("CNI_NETNS") && text.contains("CNI_IFNAME"),
        "{text}"
    );
}

#[test]
fn configurations_are_refused_with_their_code() {
    for (stdin, code) in [
        ("", 6),
        ("{", 6),
        ("[]", 6),
        ("null", 6),
        (
            r#"{"cniVersion":"1.1.0","name":"net","type":"probe"} trailing"#,
            6,
        ),
        (r#"{"cniVersion":1,"name":"net","type":"probe"}"#, 6),
        (r#"{"cniVersion":"abc","name":"net","type":"probe"}"#, 6),
        (r#"{"cniVersion":"1.1.0","type":"probe"}"#, 7),
        (r#"{"cniVersion":"1.1.0","name":"","type":"probe"}"#, 7),
        (r#"{"cniVersion":"1.1.0","name":"a/b","type":"probe"}"#, 7),
        (r#"{"cniVersion":"1.1.0","name":5,"type":"probe"}"#, 7),
        (r#"{"cniVersion":"99.0.0","name":"net","type":"probe"}"#, 1),
        (r#"{"cniVersion":"0.5.0","name":"net","type":"probe"}"#, 1),
    ] {
        let probe = Probe::default();
        let answer = call(&probe, &attachment("ADD"), stdin.as_bytes());
        assert_eq!(answer.error().0, code, "{stdin}: {}", answer.stdout);
        assert!(probe.calls.borrow().is_empty(), "{stdin}");
    }
}

#[test]
fn a_version_the_plugin_lacks_is_incompatible() {
    let probe = Probe {
        versions: Some(vec![Version::V0_3_1, Version::V1_0_0]),
        ..Probe::default()
    };
    let (code, text) = call(&probe, &attachment("ADD"), &config("0.4.0")).error();
    assert_eq!(code, 1);
    assert!(
        text.contains("0.4.0") && text.contains("0.3.1") && text.contains("1.0.0"),
        "{text}"
    );
}

#[test]
fn no_version_is_the_first_version() {
    for stdin in [
        r#"{"name":"net","type":"probe"}"#,
        r#"{"cniVersion":"","name":"net","type":"probe"}"#,
    ] {
        let answer = call(&Probe::default(), &attachment("ADD"), stdin.as_bytes());
        assert_eq!(answer.exit, 0, "{}", answer.stdout);
        assert_eq!(answer.document()["cniVersion"], "0.1.0", "{stdin}");
    }
}

#[test]
fn operations_need_a_version_that_has_them() {
    for (operation, version, allowed) in [
        ("CHECK", "0.3.1", false),
        ("CHECK", "0.4.0", true),
        ("STATUS", "1.0.0", false),
        ("STATUS", "1.1.0", true),
        ("GC", "1.0.0", false),
    ] {
        let answer = call(&Probe::default(), &attachment(operation), &config(version));
        match allowed {
            true => answer.silent_success(),
            false => assert_eq!(answer.error().0, 1, "{operation} {version}"),
        }
    }
}

#[test]
fn gc_without_a_list_removes_nothing() {
    let gc = |list: Value| {
        let mut stdin = json!({ "cniVersion": "1.1.0", "name": "net", "type": "probe" });
        if list != json!("absent") {
            stdin["cni.dev/valid-attachments"] = list;
        }
        let probe = Probe::default();
        let answer = call(&probe, &attachment("GC"), stdin.to_string().as_bytes());
        (answer, probe.calls.into_inner())
    };
    for bad in [
        json!("absent"),
        json!("x"),
        json!([1]),
        json!([{ "containerID": "c1" }]),
    ] {
        let (answer, calls) = gc(bad.clone());
        assert_eq!(answer.error().0, 7, "{bad}");
        assert!(calls.is_empty());
    }
    for empty in [json!([]), Value::Null] {
        let (answer, calls) = gc(empty);
        answer.silent_success();
        assert_eq!(calls, ["GC "]);
    }
}

#[test]
fn the_own_netns_is_refused_unless_overridden() {
    for operation in ["ADD", "CHECK"] {
        let own = with(
            attachment(operation),
            "CNI_NETNS",
            "/proc/thread-self/ns/net",
        );
        let (code, text) = call(&Probe::default(), &own, &config("1.1.0")).error();
        assert_eq!(code, 4);
        assert!(text.contains("CNI_NETNS"), "{text}");
        for yes in ["1", "true", "TRUE"] {
            let env = with(own.clone(), "CNI_NETNS_OVERRIDE", yes);
            assert_eq!(call(&Probe::default(), &env, &config("1.1.0")).exit, 0);
        }
    }
}

#[test]
fn a_plugins_error_is_one_document_in_the_configurations_version() {
    let error = CniError::new(123, "no such thing").with_details("at all");
    for version in ["0.1.0", "0.4.0", "1.1.0"] {
        let probe = Probe {
            fail: Some(error.clone()),
            ..Probe::default()
        };
        let answer = call(&probe, &attachment("ADD"), &config(version));
        assert_eq!(answer.exit, 1);
        let expected = json!({ "cniVersion": version, "code": 123, "msg": "no such thing", "details": "at all" });
        assert_eq!(answer.document(), expected);
    }
}

#[test]
fn a_panic_is_one_error_document() {
    let probe = Probe {
        panic: true,
        ..Probe::default()
    };
    let (code, _) = call(&probe, &attachment("DEL"), &config("1.1.0")).error();
    assert!(code >= 100);
}

#[test]
fn the_previous_result_is_parsed_on_demand() {
    let with_previous = |operation, previous: Value| -> Answer {
        let stdin = json!({ "cniVersion": "1.1.0", "name": "net", "type": "probe", "prevResult": previous });
        call(
            &Probe::default(),
            &attachment(operation),
            stdin.to_string().as_bytes(),
        )
    };
    assert_eq!(
        with_previous("CHECK", json!({ "cniVersion": "1.1.0", "ips": "none" }))
            .error()
            .0,
        7
    );
    with_previous("DEL", json!({ "cniVersion": "1.1.0", "ips": "none" })).silent_success();
    let good = json!({ "cniVersion": "1.1.0", "ips": [{ "address": "10.0.0.2/24" }] });
    with_previous("CHECK", good).silent_success();
}
