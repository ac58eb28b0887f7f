//! Network configurations on disk.

use std::fs;
use std::path::Path;

use cni_runtime::{
    ConfigurationError, Error, load_network_list, network_list_from_file, single_from_file,
};
use cni_types::NetworkConfigList;
use proptest::prelude::*;
use trials::test;

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn types(list: &NetworkConfigList) -> Vec<&str> {
    list.plugins
        .iter()
        .filter_map(|plugin| plugin.plugin_type())
        .collect()
}

#[test]
fn lists_go_before_single_plugins_and_files_by_name() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "00.conf", r#"{"name":"n","type":"single"}"#);
    write(
        dir.path(),
        "20.conflist",
        r#"{"name":"n","plugins":[{"type":"second"}]}"#,
    );
    write(
        dir.path(),
        "10.conflist",
        r#"{"name":"n","plugins":[{"type":"first"}]}"#,
    );
    write(dir.path(), "05.json", r#"{"name":"m","type":"json"}"#);
    write(dir.path(), "06.conf", r#"{"name":"m","type":"conf"}"#);
    write(dir.path(), "00.txt", r#"{"name":"m","type":"text"}"#);
    fs::create_dir(dir.path().join("00.conflist")).unwrap();
    assert_eq!(
        types(&load_network_list(dir.path(), "n").unwrap()),
        ["first"]
    );
    assert_eq!(
        types(&load_network_list(dir.path(), "m").unwrap()),
        ["json"]
    );
}

#[test]
fn a_broken_file_stands_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "00.conflist", "{\n  \"name\": \"n\",");
    write(dir.path(), "01.conflist", r#"{"name":"other","plugins":7}"#);
    write(
        dir.path(),
        "10.conflist",
        r#"{"name":"n","plugins":[{"type":"a"}]}"#,
    );
    assert_eq!(types(&load_network_list(dir.path(), "n").unwrap()), ["a"]);
    let error = load_network_list(dir.path(), "other").unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("01.conflist`: `plugins` is not a list: 7 (line 1, column 27)"),
        "{error}"
    );
    let error = load_network_list(dir.path(), "absent")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("no network configuration `absent` in "),
        "{error}"
    );
    assert!(
        error.contains("00.conflist`: is not JSON") && error.contains("(line 2, column"),
        "{error}"
    );
}

#[test]
fn an_empty_directory_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for dir in [dir.path().to_owned(), dir.path().join("absent")] {
        let error = load_network_list(&dir, "n").unwrap_err();
        assert!(
            matches!(
                error,
                Error::Configuration(ConfigurationError::NoneFound(_))
            ),
            "{error}"
        );
    }
}

#[test]
fn plugins_in_the_networks_folder_come_after_those_inlined() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "n.conflist",
        r#"{"name":"n","plugins":[{"type":"inlined"}]}"#,
    );
    write(dir.path(), "m.conflist", r#"{"name":"m"}"#);
    write(
        dir.path(),
        "only.conflist",
        r#"{"name":"o","loadOnlyInlinedPlugins":true,"plugins":[{"type":"inlined"}]}"#,
    );
    for network in ["n", "m", "o"] {
        write(
            dir.path(),
            &format!("{network}/20.conf"),
            r#"{"type":"second"}"#,
        );
        write(
            dir.path(),
            &format!("{network}/10.conf"),
            r#"{"type":"first"}"#,
        );
        write(
            dir.path(),
            &format!("{network}/05.json"),
            r#"{"type":"ignored"}"#,
        );
    }
    assert_eq!(
        types(&load_network_list(dir.path(), "n").unwrap()),
        ["inlined", "first", "second"]
    );
    assert_eq!(
        types(&load_network_list(dir.path(), "m").unwrap()),
        ["first", "second"]
    );
    assert_eq!(
        types(&load_network_list(dir.path(), "o").unwrap()),
        ["inlined"]
    );
    write(dir.path(), "n/30.conf", "{}");
    let error = load_network_list(dir.path(), "n").unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("n/30.conf`: `type` is missing (line 1, column 1)"),
        "{error}"
    );
}

#[test]
fn a_network_without_plugins_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.conflist", "\n{\"name\":\"n\"}");
    write(dir.path(), "b.conflist", "\n{\"name\":\"..\"}");
    write(dir.path(), "stray.conf", r#"{"type":"stray"}"#);
    for file in ["a.conflist", "b.conflist"] {
        let error = network_list_from_file(&dir.path().join(file)).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains(file)
                && error.contains("`plugins` is missing")
                && error.ends_with("(line 2, column 1)"),
            "{error}"
        );
    }
    let error = single_from_file(&dir.path().join("stray.conf")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("`name` is missing (line 1, column 1)"),
        "{error}"
    );
}

#[test]
fn a_type_that_leads_elsewhere_is_refused_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "a.conflist",
        "{\"name\":\"n\",\"plugins\":[\n{\"type\":\"../../bin/sh\"}]}",
    );
    write(dir.path(), "b.conf", r#"{"name":"m","type":"/bin/sh"}"#);
    write(dir.path(), "k.conflist", r#"{"name":"k"}"#);
    write(dir.path(), "k/10.conf", r#"{"type":".."}"#);
    for (network, said) in [
        (
            "n",
            "a.conflist`: `plugins[0].type` is not the name of a file in a plugin directory: \"../../bin/sh\" (line 2, column 9)",
        ),
        (
            "m",
            "b.conf`: `type` is not the name of a file in a plugin directory: \"/bin/sh\" (line 1, column 20)",
        ),
        (
            "k",
            "k/10.conf`: `type` is not the name of a file in a plugin directory: \"..\" (line 1, column 9)",
        ),
    ] {
        let error = load_network_list(dir.path(), network)
            .unwrap_err()
            .to_string();
        assert!(error.ends_with(said), "{error}");
    }
}

#[test]
fn of_several_names_the_last_counts() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "a.conflist",
        r#"{"name":"m","name":"n","plugins":[{"type":"a"}]}"#,
    );
    assert_eq!(load_network_list(dir.path(), "n").unwrap().name, "n");
    assert!(load_network_list(dir.path(), "m").is_err());
}

#[test]
fn a_pipe_among_the_files_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("00.conflist");
    let mkfifo = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(mkfifo.unwrap().success());
    write(
        dir.path(),
        "10.conflist",
        r#"{"name":"n","plugins":[{"type":"a"}]}"#,
    );
    assert_eq!(types(&load_network_list(dir.path(), "n").unwrap()), ["a"]);
    let error = load_network_list(dir.path(), "m").unwrap_err().to_string();
    assert!(
        error.contains("00.conflist") && error.contains("not a regular file"),
        "{error}"
    );
}

#[test]
fn one_of_a_thousand_networks_is_found() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..1000 {
        let text =
            format!(r#"{{"cniVersion":"1.0.0","name":"net{number}","plugins":[{{"type":"a"}}]}}"#);
        write(dir.path(), &format!("{number:04}.conflist"), &text);
    }
    assert_eq!(
        load_network_list(dir.path(), "net999").unwrap().name,
        "net999"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_it_panic(name in "[^/\0]{1,20}", bytes: Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        for extension in ["conflist", "conf", "json"] {
            fs::write(dir.path().join(format!("{name}.{extension}")), &bytes).unwrap();
        }
        prop_assert!(load_network_list(dir.path(), "n").is_err());
    }

    #[test]
    fn no_configuration_makes_it_panic_and_every_error_says_where(
        key in "name|cniVersion|cniVersions|disableCheck|disableGC|loadOnlyInlinedPlugins|plugins|type|capabilities|ipam|dns|args",
        value in crate::json::any_json(),
        inner in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut list = serde_json::json!({"name": "n", "plugins": [{"type": "a"}]});
        let place = if inner { &mut list["plugins"][0] } else { &mut list };
        place[&key] = value;
        fs::write(dir.path().join("n.conflist"), list.to_string()).unwrap();
        match network_list_from_file(&dir.path().join("n.conflist")) {
            Ok(loaded) => {
                for plugin in &loaded.plugins {
                    let rt = crate::recorder::attachment("c");
                    let derived = cni_runtime::derive_plugin_config(&loaded, plugin, None, &rt.capability_args);
                    prop_assert!(serde_json::from_slice::<serde_json::Value>(&derived).unwrap().is_object());
                }
            }
            Err(error) => {
                let error = error.to_string();
                prop_assert!(error.contains("n.conflist") && error.contains("(line 1, column "), "{}", error);
                prop_assert!(error.contains('`'), "{}", error);
            }
        }
    }
}
