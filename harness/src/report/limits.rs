//! Which versions a plugin's neighbours keep from being tried.

use cni_types::Version;

use super::model::SubjectFacts;
use crate::subject::Neighbour;

impl SubjectFacts {
    /// A sentence for each neighbour that does not know every version that the plugin claims.
    pub fn limits(&self) -> Vec<String> {
        let limit = |neighbour: &Neighbour| {
            let known = &neighbour.supported_versions;
            let claimed = self.supported_versions.iter().copied();
            let untried: Vec<Version> = claimed.filter(|v| !known.contains(v)).collect();
            if known.is_empty() || untried.is_empty() {
                return None;
            }
            let verb = if untried.len() == 1 { "is" } else { "are" };
            Some(format!(
                "{} {verb} not tried: `{}` knows {} only",
                listed(&untried),
                neighbour.plugin_type,
                listed(known)
            ))
        };
        self.neighbours.iter().filter_map(limit).collect()
    }

    /// The versions that are claimed, and which of them are not tried, as this makes text harmless.
    pub(super) fn with_limits(&self, claimed: String, escape: fn(&str) -> String) -> String {
        let limits = self.limits();
        let limits = limits.iter().map(|limit| escape(limit)).collect();
        [vec![claimed], limits].concat().join("; ")
    }
}

/// Versions as people list them; three or more that follow each other by the first and the last.
fn listed(versions: &[Version]) -> String {
    let place = |version: &Version| Version::ALL.iter().position(|known| known == version);
    let mut parts: Vec<String> = Vec::new();
    let mut rest = versions;
    while let Some(first) = rest.first() {
        let follows = |pair: &&[Version]| place(&pair[0]).map(|at| at + 1) == place(&pair[1]);
        let length = 1 + rest.windows(2).take_while(follows).count();
        let (run, others) = rest.split_at(length);
        match run {
            [_, _, .., last] => parts.push(format!("{first} to {last}")),
            run => parts.extend(run.iter().map(Version::to_string)),
        }
        rest = others;
    }
    match parts.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        parts => parts.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::subject;

    #[test]
    fn whoever_limits_the_versions_is_named_with_what_it_knows() {
        let neighbour = |name: &str, supported_versions: &[Version]| Neighbour {
            plugin_type: name.to_owned(),
            supported_versions: supported_versions.to_vec(),
        };
        let facts = SubjectFacts {
            supported_versions: Version::ALL.to_vec(),
            neighbours: vec![
                neighbour("oldipam", &Version::ALL[..5]),
                neighbour("silent", &[]),
                neighbour("new", &Version::ALL),
                neighbour("odd", &[Version::V0_1_0, Version::V0_3_1, Version::V0_4_0]),
            ],
            ..SubjectFacts::of(&subject())
        };
        assert_eq!(
            facts.limits(),
            [
                "1.0.0 and 1.1.0 are not tried: `oldipam` knows 0.1.0 to 0.4.0 only",
                "0.2.0, 0.3.0, 1.0.0 and 1.1.0 are not tried: `odd` knows 0.1.0, 0.3.1 and 0.4.0 only",
            ]
        );
    }
}
