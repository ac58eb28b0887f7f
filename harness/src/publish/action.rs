//! A composite action for GitHub: installs cnispec, runs `cnispec test` and keeps the reports.

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

    fn steps(action: &Value) -> &Vec<Value> {
        action["runs"]["steps"].as_array().unwrap()
    }

    /// The inputs that the expressions of a step read.
    fn inputs_of(step: &Value) -> Vec<String> {
        let text = step.to_string();
        let is_of_name = |c: char| c.is_ascii_lowercase() || c == '-';
        text.split("inputs.")
            .skip(1)
            .map(|rest| rest.chars().take_while(|c| is_of_name(*c)).collect())
            .collect()
    }

    #[test]
    fn every_input_is_used() {
        let action = parsed();
        let used: Vec<String> = steps(&action).iter().flat_map(inputs_of).collect();
        for input in action["inputs"].as_object().unwrap().keys() {
            assert!(used.contains(input), "{input}");
        }
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
        for step in steps(&action) {
            // A step of a composite action uses another action, or runs a script and names its shell.
            assert_eq!(step["uses"].is_string(), step["run"].is_null(), "{step}");
            assert_eq!(step["shell"].is_string(), step["run"].is_string(), "{step}");
            let script = step["run"].as_str().unwrap_or_default();
            assert!(!script.contains("${{"), "a workflow's text in the script");
            for name in inputs_of(step) {
                assert!(action["inputs"].get(&name).is_some(), "{name}");
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
        let test = steps(&action).iter().find(|step| step["id"] == "test");
        let script = test.unwrap()["run"].as_str().unwrap();
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
            .env("KIND", "")
            .env("SPEC", "1.0.0 1.1.0")
            .env("PROFILE", "extended")
            .env("ARGS", "--strict")
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
            format!(
                "test|a|b|--profile|extended|--strict|--spec|1.0.0|--spec|1.1.0|--config|my net.conflist\
                 |--report|json=out/cnispec.json|--report|junit=out/cnispec.xml|--report|html=out/cnispec.html\
                 |--report|sarif=out/cnispec.sarif|--report|markdown={}|\n",
                directory.path().join("summary").display()
            )
        );
        let output = std::fs::read_to_string(directory.path().join("output")).unwrap();
        assert_eq!(output, "status=5\nreport=out/cnispec.json\n");
    }
}
