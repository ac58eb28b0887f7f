//! ADD, CHECK, DEL of attachments.

use cni_runtime::{ConfigurationError, Error, PluginFault};
use cni_types::{NetworkConfigList, PluginConfig, Version};
use serde_json::{Value, json};
use trials::test;

use crate::recorder::{Recorder, attachment, failure, good_answer, network, runtime};

#[test]
fn add_hands_each_result_on_and_returns_the_last() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let added = runtime(&plugins, cache.path())
        .add_network_list(&network("1.0.0", &["a", "b", "c"]), &attachment("c1"))
        .unwrap();
    assert_eq!(plugins.titles(), ["ADD a", "ADD b", "ADD c"]);
    let calls = plugins.calls();
    assert_eq!(
        calls[0].stdin,
        json!({"cniVersion": "1.0.0", "name": "net", "type": "a"})
    );
    let of = |plugin: &str| json!({"cniVersion": "1.0.0", "dns": {"domain": plugin}, "own": 1});
    assert_eq!(calls[1].stdin["prevResult"], of("a"));
    assert_eq!(calls[2].stdin["prevResult"], of("b"));
    assert_eq!(added.document, of("c"));
    assert_eq!(added.result.dns.domain, "c");
}

#[test]
fn every_parameter_is_an_environment_variable() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let mut rt = attachment("c1");
    rt.args = vec![
        ("A".to_owned(), "1".to_owned()),
        ("B".to_owned(), "2".to_owned()),
    ];
    runtime(&plugins, cache.path())
        .add_network_list(&network("1.0.0", &["a"]), &rt)
        .unwrap();
    let expected = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/n"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_ARGS", "A=1;B=2"),
        ("CNI_PATH", "/plugins:/more"),
        ("PATH", "/bin"),
    ];
    let call = &plugins.calls()[0];
    assert_eq!(
        call.env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn add_stops_at_the_first_error_and_stores_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::answering(|call| match call.plugin.as_str() {
        "b" => Err(failure(r#"{"code":11,"msg":"later"}"#)),
        _ => Ok(good_answer(call)),
    });
    let runtime = runtime(&plugins, cache.path());
    let list = network("1.0.0", &["a", "b", "c"]);
    let error = runtime
        .add_network_list(&list, &attachment("c1"))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin `b` failed (ADD): later (code 11)"
    );
    assert_eq!(error.reported().unwrap().code, 11);
    assert_eq!(plugins.titles(), ["ADD a", "ADD b"]);
    assert_eq!(
        runtime
            .network_list_cached_result(&list, &attachment("c1"))
            .unwrap(),
        None
    );
}

#[test]
fn an_answer_that_is_no_result_is_the_plugins_fault() {
    let cache = tempfile::tempdir().unwrap();
    for stdout in ["", "oops", "[]", r#"{"cniVersion":"1.0.0","ips":7}"#] {
        let plugins = Recorder::answering(move |_| Ok(stdout.as_bytes().to_vec()));
        let error = runtime(&plugins, cache.path())
            .add_network_list(&network("1.0.0", &["a"]), &attachment("c1"));
        let Err(Error::Plugin(error)) = error else {
            panic!("{error:?}")
        };
        assert!(
            matches!(error.fault, PluginFault::InvalidAnswer { .. }),
            "{error}"
        );
    }
}

#[test]
fn bad_names_reach_no_plugin() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let mut long = attachment("c1");
    long.if_name = "sixteen-bytes-xx".to_owned();
    let mut bad_network = network("1.0.0", &["a"]);
    bad_network.name = "../net".to_owned();
    for (list, rt) in [
        (network("1.0.0", &["a"]), attachment("")),
        (network("1.0.0", &["a"]), attachment("../c")),
        (network("1.0.0", &["a"]), long),
        (bad_network, attachment("c1")),
    ] {
        let error = runtime.add_network_list(&list, &rt).unwrap_err();
        assert!(
            matches!(error, Error::Configuration(ConfigurationError::Name(_))),
            "{error}"
        );
    }
    assert!(plugins.titles().is_empty());
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[test]
fn a_missing_plugin_is_the_configurations_fault() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let error = runtime(&plugins, cache.path())
        .add_network_list(&network("1.0.0", &["missing"]), &attachment("c"));
    assert!(
        matches!(
            error,
            Err(Error::Configuration(ConfigurationError::Find(_)))
        ),
        "{error:?}"
    );
}

#[test]
fn check_goes_forward_and_del_in_reverse_with_the_last_result() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let (list, rt) = (network("0.4.0", &["a", "b"]), attachment("c1"));
    let added = runtime.add_network_list(&list, &rt).unwrap();
    plugins.forget();
    runtime.check_network_list(&list, &rt).unwrap();
    runtime.del_network_list(&list, &rt).unwrap();
    assert_eq!(plugins.titles(), ["CHECK a", "CHECK b", "DEL b", "DEL a"]);
    assert!(
        plugins
            .calls()
            .iter()
            .all(|call| call.stdin["prevResult"] == added.document)
    );
    plugins.forget();
    runtime.del_network_list(&list, &rt).unwrap();
    assert!(
        plugins
            .calls()
            .iter()
            .all(|call| call.stdin.get("prevResult").is_none())
    );
}

#[test]
fn del_stops_at_an_error_and_keeps_the_result_for_the_next() {
    let cache = tempfile::tempdir().unwrap();
    let good = Recorder::good();
    let (list, rt) = (network("1.0.0", &["a", "b"]), attachment("c1"));
    runtime(&good, cache.path())
        .add_network_list(&list, &rt)
        .unwrap();
    let failing = Recorder::answering(|_| Err(failure("")));
    let failing_runtime = runtime(&failing, cache.path());
    let error = failing_runtime.del_network_list(&list, &rt).unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin `b` failed (DEL): exited with code 1 without an error document"
    );
    assert_eq!(failing.titles(), ["DEL b"]);
    assert!(
        failing_runtime
            .network_list_cached_result(&list, &rt)
            .unwrap()
            .is_some()
    );
}

#[test]
fn before_0_4_0_there_is_no_check_and_del_has_no_result() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let (list, rt) = (network("0.3.1", &["a"]), attachment("c1"));
    runtime.add_network_list(&list, &rt).unwrap();
    plugins.forget();
    let error = runtime.check_network_list(&list, &rt).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Configuration(ConfigurationError::CheckUnsupported(_))
        ),
        "{error}"
    );
    runtime.del_network_list(&list, &rt).unwrap();
    assert_eq!(plugins.titles(), ["DEL a"]);
    assert_eq!(plugins.calls()[0].stdin.get("prevResult"), None);
}

#[test]
fn check_can_be_disabled_and_needs_an_add() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let list = network("1.0.0", &["a"]);
    let error = runtime
        .check_network_list(&list, &attachment("c1"))
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Configuration(ConfigurationError::NotAttached { .. })
        ),
        "{error}"
    );
    let mut disabled = list;
    disabled.disable_check = true;
    runtime
        .check_network_list(&disabled, &attachment("c1"))
        .unwrap();
    assert!(plugins.titles().is_empty());
}

#[test]
fn the_stored_result_follows_the_configurations_version() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::answering(|call| {
        Ok(
            json!({"cniVersion": call.stdin["cniVersion"], "ips": [{"address": "10.0.0.2/24"}]})
                .to_string()
                .into_bytes(),
        )
    });
    let runtime = runtime(&plugins, cache.path());
    let rt = attachment("c1");
    runtime
        .add_network_list(&network("1.0.0", &["a"]), &rt)
        .unwrap();
    runtime
        .check_network_list(&network("0.4.0", &["a"]), &rt)
        .unwrap();
    let expected =
        json!({"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.0.0.2/24"}]});
    assert_eq!(plugins.calls()[1].stdin["prevResult"], expected);
}

#[test]
fn capability_arguments_go_to_those_that_declare_them() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let list = NetworkConfigList::from_value(json!({
        "cniVersion": "1.0.0", "name": "net",
        "plugins": [{"type": "a", "capabilities": {"mac": true}}, {"type": "b"}],
    }))
    .unwrap();
    let mut rt = attachment("c1");
    rt.capability_args
        .insert("mac".to_owned(), json!("02:00:00:00:00:01"));
    runtime(&plugins, cache.path())
        .add_network_list(&list, &rt)
        .unwrap();
    let calls = plugins.calls();
    assert_eq!(
        calls[0].stdin["runtimeConfig"],
        json!({"mac": "02:00:00:00:00:01"})
    );
    assert_eq!(
        (
            calls[0].stdin.get("capabilities"),
            calls[1].stdin.get("runtimeConfig")
        ),
        (None, None)
    );
}

#[test]
fn a_single_plugin_is_a_network_of_one() {
    let cache = tempfile::tempdir().unwrap();
    let plugins = Recorder::good();
    let runtime = runtime(&plugins, cache.path());
    let plugin = PluginConfig::from_value(
        json!({"cniVersion": "0.4.0", "own": [1], "name": "net", "type": "a"}),
    )
    .unwrap();
    let rt = attachment("c1");
    let added = runtime.add_network(&plugin, &rt).unwrap();
    assert_eq!(added.result.cni_version, Version::V0_4_0);
    assert_eq!(
        runtime.network_cached_result(&plugin, &rt).unwrap(),
        Some(added)
    );
    let (config, _) = runtime
        .network_cached_config(&plugin, &rt)
        .unwrap()
        .unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&config).unwrap(),
        Value::from(plugin.clone())
    );
    runtime.check_network(&plugin, &rt).unwrap();
    runtime.del_network(&plugin, &rt).unwrap();
    assert_eq!(plugins.titles(), ["ADD a", "CHECK a", "DEL a"]);
    assert_eq!(
        plugins.calls()[0].stdin,
        json!({"cniVersion": "0.4.0", "name": "net", "own": [1], "type": "a"})
    );
}
