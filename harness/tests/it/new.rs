//! `cnispec new`: a plugin that builds without network, and conforms.

use std::path::Path;
use std::process::{Command, Output};

use trials::test;

const CNISPEC: &str = env!("CARGO_BIN_EXE_cnispec");

fn new(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(CNISPEC)
        .arg("new")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// The worked example of `cni-skel`, certified in every version by the test that `cnispec new` writes.
#[test(Netns, Cargo)]
fn a_new_plugin_builds_and_is_certified_by_its_own_test() {
    let directory = tempfile::tempdir().unwrap();
    let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/crates");
    let made = new(directory.path(), &["my-mtu", "--crates", crates]);
    assert!(made.status.success(), "{made:?}");
    let plugin = directory.path().join("my-mtu");
    // The versions that are here already.
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    std::fs::copy(lock, plugin.join("Cargo.lock")).unwrap();
    let programs = Path::new(CNISPEC).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path)));
    let tested = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--target-dir"])
        .arg(directory.path().join("target"))
        .current_dir(&plugin)
        .env("PATH", path.unwrap())
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&tested.stdout),
        String::from_utf8_lossy(&tested.stderr),
    );
    assert!(tested.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}");
    let source = std::fs::read_to_string(plugin.join("src/main.rs")).unwrap();
    assert!(source.lines().count() < 80);
}

#[test]
fn a_new_plugin_is_refused_where_it_cannot_be_one() {
    let directory = tempfile::tempdir().unwrap();
    let ended = |arguments: &[&str]| {
        let output = new(directory.path(), arguments);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    for name in ["My", "a/b", "", "1st", "a b"] {
        let (status, message) = ended(&[name]);
        assert_eq!(status, Some(2), "{name}: {message}");
    }
    let (status, message) = ended(&["mine", "--crates", "/no/such"]);
    assert_eq!(status, Some(2), "{message}");
    assert!(message.contains("hint: --crates takes"), "{message}");
    assert_eq!(ended(&["mine"]).0, Some(0));
    let manifest = std::fs::read_to_string(directory.path().join("mine/Cargo.toml")).unwrap();
    let version = concat!("cni-skel = \"", env!("CARGO_PKG_VERSION"), "\"");
    assert!(manifest.contains(version), "{manifest}");
    let (status, message) = ended(&["mine"]);
    assert_eq!(status, Some(3), "{message}");
    assert!(message.contains("hint: choose another name"), "{message}");
}
