//! A composite action for GitHub: it runs `cnispec test` in a workflow and leaves the reports behind.

/// The action's metadata file, `action.yml`. Inputs reach its shell as variables: a workflow's text is never part of the
/// script.
pub const ACTION: &str = include_str!("../../templates/publish/action.yml");

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn parsed() -> Value {
        serde_saphyr::from_str(ACTION).unwrap()
    }

    #[test]
    fn the_action_has_the_form_that_github_reads() {
        let action = parsed();
        let keys: Vec<&String> = action.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "description", "inputs", "outputs", "runs"]);
        let id = |id: &String| {
            id.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
        };
        for (name, input) in action["inputs"].as_object().unwrap() {
            assert!(
                id(name) && input["description"].is_string() && input["required"].is_boolean(),
                "{name}"
            );
            // GitHub has nothing but texts as defaults.
            assert!(input.get("default").is_none_or(Value::is_string), "{name}");
        }
        assert_eq!(action["runs"]["using"], "composite");
        for step in action["runs"]["steps"].as_array().unwrap() {
            // A composite action's step that runs something must name its shell.
            assert!(step["run"].is_string() && step["shell"].is_string());
            assert!(
                !step["run"].as_str().unwrap().contains("${{"),
                "a workflow's text in the script"
            );
            for value in step["env"].as_object().unwrap().values() {
                let name = value
                    .as_str()
                    .unwrap()
                    .trim_start_matches("${{ inputs.")
                    .trim_end_matches(" }}");
                assert!(action["inputs"].get(name).is_some(), "{name}");
            }
        }
        for output in action["outputs"].as_object().unwrap().values() {
            assert!(
                output["value"]
                    .as_str()
                    .unwrap()
                    .starts_with("${{ steps.test.outputs.")
            );
        }
    }

    #[test]
    fn the_script_hands_everything_on_and_keeps_the_status() {
        let directory = tempfile::tempdir().unwrap();
        let action = parsed();
        let script = action["runs"]["steps"][0]["run"].as_str().unwrap();
        let said = directory.path().join("said");
        let cnispec =
            "cnispec() { printf '%s|' \"$@\" >> \"$SAID\"; echo >> \"$SAID\"; return 5; }";
        let ended = std::process::Command::new("bash")
            .args([
                "--noprofile",
                "--norc",
                "-eo",
                "pipefail",
                "-c",
                &format!("{cnispec}\n{script}"),
            ])
            .current_dir(directory.path())
            .env("PLUGIN", "a b")
            .env("CONFIG", "my net.conflist")
            .env("EXPECT", "")
            .env("STRICT", "true")
            .env("BASELINE", "")
            .env("REPORTS", "out")
            .env("SAID", &said)
            .env("GITHUB_OUTPUT", directory.path().join("output"))
            .env("GITHUB_STEP_SUMMARY", directory.path().join("summary"))
            .status()
            .unwrap();
        assert_eq!(ended.code(), Some(5));
        assert_eq!(
            std::fs::read_to_string(said).unwrap(),
            "test|a|b|--config|my net.conflist|--strict|--report|json=out/cnispec.json|--report|junit=out/cnispec.xml|\n"
        );
        let output = std::fs::read_to_string(directory.path().join("output")).unwrap();
        assert_eq!(output, "status=5\nreport=out/cnispec.json\n");
    }
}
