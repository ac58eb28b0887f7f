//! A plugin manifest for Sonobuoy: one pod on every node, which certifies the plugins that stand there.
//!
//! The form is Sonobuoy's (`sonobuoy-config`, `podSpec`, `spec`, `extra-volumes`): the container leaves its results
//! in `/tmp/sonobuoy/results`, and says which they are in a file `done`.

use askama::Template;
use serde_json::json;

/// Where Sonobuoy's worker looks for results.
const RESULTS: &str = "/tmp/sonobuoy/results";

#[derive(Template)]
#[template(path = "publish/sonobuoy.yaml", escape = "none")]
struct Manifest<'a> {
    /// Quoted: JSON's texts are YAML's.
    image: &'a str,
    results: &'a str,
    /// Where Kubernetes has plugins and networks.
    bin: &'a str,
    networks: &'a str,
}

/// The manifest, for an image that has `cnispec` and a shell in it.
pub fn sonobuoy(image: &str) -> askama::Result<String> {
    let manifest = Manifest {
        image: &json!(image).to_string(),
        results: RESULTS,
        bin: "/opt/cni/bin",
        networks: "/etc/cni/net.d",
    };
    manifest.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_manifest_has_the_form_that_sonobuoy_reads() {
        let text = sonobuoy("registry.example/cnispec:1").unwrap();
        insta::assert_snapshot!("sonobuoy", text);
        let manifest: Value = serde_saphyr::from_str(&text).unwrap();
        let keys: Vec<&String> = manifest.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            ["sonobuoy-config", "podSpec", "spec", "extra-volumes"]
        );
        let config = &manifest["sonobuoy-config"];
        assert_eq!(config["driver"], "DaemonSet");
        assert_eq!(config["plugin-name"], "cnispec");
        assert_eq!(config["result-format"], "junit");
        let spec = &manifest["spec"];
        assert_eq!(spec["image"], "registry.example/cnispec:1");
        // Every mount is of a volume: Sonobuoy's own, or one of the manifest's.
        let volumes = manifest["extra-volumes"].as_array().unwrap();
        for mount in spec["volumeMounts"].as_array().unwrap() {
            let own = volumes.iter().any(|volume| volume["name"] == mount["name"]);
            assert!(own || mount["name"] == "results", "{mount}");
        }
        for volume in volumes {
            assert!(
                volume["hostPath"]["path"]
                    .as_str()
                    .unwrap()
                    .starts_with('/')
            );
        }
    }

    #[test]
    fn the_script_says_which_file_has_the_results() {
        let text = sonobuoy("x").unwrap();
        let manifest: Value = serde_saphyr::from_str(&text).unwrap();
        let script = manifest["spec"]["command"][2].as_str().unwrap();
        // The script with a cnispec of our own, in a directory of our own.
        let directory = tempfile::tempdir().unwrap();
        let results = directory.path().display().to_string();
        for (cnispec, status, done) in [
            (
                "cnispec() { for a; do case $a in junit=*) echo x > ${a#junit=};; esac; done; return 1; }",
                0,
                "cnispec.xml",
            ),
            ("cnispec() { return 3; }", 3, "error.txt"),
        ] {
            let _ = std::fs::remove_file(directory.path().join("cnispec.xml"));
            let script = format!("{cnispec}\n{}", script.replace(RESULTS, &results));
            let ended = std::process::Command::new("/bin/sh")
                .args(["-c", &script])
                .status()
                .unwrap();
            assert_eq!(ended.code(), Some(status));
            let said = std::fs::read_to_string(directory.path().join("done")).unwrap();
            assert_eq!(said, format!("{results}/{done}"));
            assert!(std::path::Path::new(&said).is_file());
        }
    }

    #[test]
    fn an_image_is_never_taken_for_yaml() {
        let manifest: Value = serde_saphyr::from_str(&sonobuoy("x: [y]\n# z").unwrap()).unwrap();
        assert_eq!(manifest["spec"]["image"], "x: [y]\n# z");
    }
}
