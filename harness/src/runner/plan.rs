//! Which scenarios are run, in which versions.

use cni_types::Version;

use crate::engine::Task;
use crate::scenario;
use crate::subject::Subject;

/// Every scenario that fits, in each of these versions.
pub fn plan(subject: &Subject, versions: &[Version], chosen: impl Fn(&str) -> bool) -> Vec<Task> {
    versions
        .iter()
        .flat_map(|version| {
            scenario::all()
                .into_iter()
                .map(move |scenario| (*version, scenario))
        })
        .filter(|(version, scenario)| {
            scenario.fits(subject, *version) && chosen(scenario.id.as_str())
        })
        // Scenarios that do not depend on the version are run once, in the newest.
        .filter(|(version, scenario)| !scenario.once || versions.iter().max() == Some(version))
        .map(|(spec_version, scenario)| Task {
            scenario: scenario.id.as_str().to_owned(),
            spec_version,
        })
        .collect()
}
