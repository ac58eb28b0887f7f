//! One command that shows a single result again.

use std::path::PathBuf;

use cni_types::Version;

/// The options of a run that decide its results.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// The plugin as it was given; none for the embedded reference plugin.
    pub plugin: Option<PathBuf>,
    /// The configuration as it was given.
    pub config: Option<PathBuf>,
    /// Every other argument that decides what happens, such as `--strict`.
    pub arguments: Vec<String>,
    /// The seed of names and identifiers.
    pub seed: u64,
}

impl Replay {
    /// The shell line for one check in one scenario and one version.
    pub fn line(&self, check: &str, scenario: &str, version: Version) -> String {
        let mut words = vec!["cnispec".to_owned(), "test".to_owned()];
        if let Some(plugin) = &self.plugin {
            let plugin = plugin.to_string_lossy();
            // Without a slash in front, a name such as `-x` would be taken for an option.
            words.push(if plugin.starts_with('-') {
                format!("./{plugin}")
            } else {
                plugin.into_owned()
            });
        }
        if let Some(config) = &self.config {
            words.push("--config".to_owned());
            words.push(config.to_string_lossy().into_owned());
        }
        words.extend(self.arguments.iter().cloned());
        for (option, value) in [
            ("--check", check.to_owned()),
            ("--scenario", scenario.to_owned()),
            ("--spec", version.to_string()),
            ("--seed", self.seed.to_string()),
        ] {
            words.push(option.to_owned());
            words.push(value);
        }
        words
            .iter()
            .map(|word| shell_quote(word))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The word as a POSIX shell reads it back.
pub fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_line_names_everything_that_decides() {
        let replay = Replay {
            plugin: Some("./my plugin".into()),
            config: Some("a'b.conflist".into()),
            arguments: vec!["--strict".to_owned()],
            seed: 7,
        };
        assert_eq!(
            replay.line("del.repeat-succeeds", "del-again", Version::V1_0_0),
            "cnispec test './my plugin' --config 'a'\\''b.conflist' --strict --check del.repeat-succeeds \
             --scenario del-again --spec 1.0.0 --seed 7"
        );
    }

    #[test]
    fn a_plugin_is_never_taken_for_an_option() {
        let replay = Replay {
            plugin: Some("--help".into()),
            ..Replay::default()
        };
        assert!(
            replay
                .line("a.b", "c", Version::V1_0_0)
                .starts_with("cnispec test ./--help --check")
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_shell_reads_the_word_back(word in "[^\0]{0,20}") {
            let script = format!("printf %s {}", shell_quote(&word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            prop_assert_eq!(output.stdout, word.into_bytes());
        }
    }
}
