//! Which versions of the SPEC a subject is tried in.

use cni_types::Version;

use crate::error::Error;
use crate::kind::Kind;
use crate::report::SubjectFacts;
use crate::subject::Subject;

/// The versions to test in: those that the plugin and its neighbours know, or those of them that were asked for.
pub fn versions(subject: &Subject, asked: &[Version]) -> Result<Vec<Version>, Error> {
    let usable = subject.usable_versions();
    if subject.supported.is_empty() {
        return Ok(if asked.is_empty() {
            usable
        } else {
            sorted(asked)
        });
    }
    if let Some(other) = asked
        .iter()
        .find(|version| !subject.supported.contains(version))
    {
        let claimed: Vec<String> = subject.supported.iter().map(Version::to_string).collect();
        let (why, they) = match subject.kind {
            Kind::Runtime => ("runtimes are not tried in", "they are tried in"),
            _ => ("the plugin does not claim to support", "it claims"),
        };
        return Err(Error::Usage(format!(
            "{why} version {other}\nhint: {they} {}",
            claimed.join(", ")
        )));
    }
    if let Some(other) = asked.iter().find(|version| !usable.contains(version)) {
        return Err(Error::Usage(format!(
            "not every plugin of `{}` knows version {other}: {}\nhint: a list is of one version for all its plugins",
            subject.fixture.origin,
            limits(subject).join("; ")
        )));
    }
    match (asked, usable.as_slice()) {
        ([], []) => Err(Error::Usage(format!(
            "no version is known to every plugin of `{}`: {}\nhint: a list is of one version for all its plugins",
            subject.fixture.origin,
            limits(subject).join("; ")
        ))),
        ([], _) => Ok(usable),
        _ => Ok(sorted(asked)),
    }
}

fn limits(subject: &Subject) -> Vec<String> {
    SubjectFacts::of(subject).limits()
}

fn sorted(versions: &[Version]) -> Vec<Version> {
    let mut versions = versions.to_vec();
    versions.sort();
    versions.dedup();
    versions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::subject;

    #[test]
    fn only_claimed_versions_are_tested() {
        let claimed = |supported: &[Version]| Subject {
            supported: supported.to_vec(),
            ..subject()
        };
        let two = claimed(&[Version::V0_4_0, Version::V1_0_0]);
        assert_eq!(
            versions(&two, &[]).unwrap(),
            [Version::V0_4_0, Version::V1_0_0]
        );
        assert_eq!(
            versions(&two, &[Version::V1_0_0, Version::V1_0_0]).unwrap(),
            [Version::V1_0_0]
        );
        let Err(Error::Usage(message)) = versions(&two, &[Version::V1_1_0]) else {
            panic!("1.1.0 is not claimed");
        };
        assert!(
            message.contains("hint: it claims 0.4.0, 1.0.0"),
            "{message}"
        );
    }

    #[test]
    fn a_plugin_that_claims_nothing_is_still_tested() {
        let silent = Subject {
            supported: Vec::new(),
            ..subject()
        };
        assert_eq!(
            versions(&silent, &[]).unwrap(),
            [silent.version_of_fixture()]
        );
        assert_eq!(
            versions(&silent, &[Version::V0_3_1]).unwrap(),
            [Version::V0_3_1]
        );
    }
}
