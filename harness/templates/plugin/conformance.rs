//! Certifies the plugin with the program `cnispec`, which is in PATH.

use std::process::Command;

#[test]
fn the_plugin_conforms_to_the_specification() {
    let status = Command::new("cnispec")
        .args(["test", env!("CARGO_BIN_EXE_{{ name }}")])
        .args(["--config", "{{ name }}.conflist"])
        .status()
        .expect("cnispec is installed");
    assert!(status.success(), "{status}");
}
