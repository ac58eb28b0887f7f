//! The reports of the parts of a run, joined; and whole reports put side by side.

use std::fmt;

use cni_types::Version;

use crate::check;
use crate::report::{Document, Environment, Matrix, Report, Shard, Untried};
use crate::scenario;

/// Reports that cannot be joined; everything that stands against it.
#[derive(Debug, PartialEq, Eq)]
pub struct MergeError(Vec<String>);

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the reports cannot be joined: {}\nhint: give every part of one run, with `--shard I/N`, once",
            self.0.join("; ")
        )
    }
}

impl std::error::Error for MergeError {}

/// A part of a run, and the file that it came from.
struct Part {
    file: String,
    report: Report,
    shard: Shard,
}

/// Joins the parts of each run, and puts the reports of several runs side by side. Each document comes with
/// the name of its file.
///
/// Parts belong together if they name the same plugin. They must be of the same binary, tool, seed and
/// selection, and all there, once.
pub fn merge(documents: Vec<(String, Document)>) -> Result<Document, MergeError> {
    let mut several = false;
    let mut untried: Vec<Untried> = Vec::new();
    let mut whole: Vec<Report> = Vec::new();
    let mut runs: Vec<Vec<Part>> = Vec::new();
    for (file, document) in documents {
        let reports = match document {
            Document::One(report) => vec![*report],
            Document::Many(matrix) => {
                several = true;
                for other in matrix.untried {
                    if !untried.contains(&other) {
                        untried.push(other);
                    }
                }
                matrix.reports
            }
        };
        for report in reports {
            let Some(shard) = report.environment.selection.shard else {
                whole.push(report);
                continue;
            };
            let file = file.clone();
            let part = Part {
                file,
                report,
                shard,
            };
            let same =
                |run: &&mut Vec<Part>| run[0].report.subject.path == part.report.subject.path;
            match runs.iter_mut().find(same) {
                Some(run) => run.push(part),
                None => runs.push(vec![part]),
            }
        }
    }
    let complaints: Vec<String> = runs.iter().flat_map(|run| complaints(run)).collect();
    if !complaints.is_empty() {
        return Err(MergeError(complaints));
    }
    whole.extend(runs.into_iter().map(join));
    match whole.pop() {
        Some(report) if whole.is_empty() && !several => Ok(report.into()),
        last => {
            whole.extend(last);
            Ok(Document::Many(Matrix::new(whole, untried)))
        }
    }
}

/// The reasons why parts do not make one run: foreign, missing and duplicate ones.
fn complaints(parts: &[Part]) -> Vec<String> {
    let first = &parts[0];
    let mut complaints = Vec::new();
    for part in &parts[1..] {
        for (what, here, there) in differing(first, part) {
            complaints.push(format!(
                "`{}` is foreign to `{}`: its {what} is {there}, not {here}",
                part.file, first.file
            ));
        }
    }
    if !complaints.is_empty() {
        return complaints;
    }
    let plugin = &first.report.subject.path;
    for index in 1..=first.shard.count {
        let files: Vec<String> = parts
            .iter()
            .filter(|part| part.shard.index == index)
            .map(|part| format!("`{}`", part.file))
            .collect();
        let name = format!("part {index} of {} of `{plugin}`", first.shard.count);
        match files.len() {
            0 => complaints.push(format!("{name} is missing")),
            1 => {}
            _ => complaints.push(format!(
                "{name} is there more than once: {}",
                files.join(", ")
            )),
        }
    }
    let planned: usize = parts.iter().map(|part| part.report.summary.planned).sum();
    if complaints.is_empty() && planned != first.shard.planned {
        complaints.push(format!(
            "the parts of `{plugin}` have {planned} of {} planned scenarios",
            first.shard.planned
        ));
    }
    complaints
}

/// In what two parts differ that must be the same in all parts of a run.
fn differing(one: &Part, other: &Part) -> Vec<(&'static str, String, String)> {
    let facts = |part: &Part| {
        let (subject, environment) = (&part.report.subject, &part.report.environment);
        let mut selection = environment.selection.clone();
        selection.shard = None;
        let versions: Vec<String> = subject
            .supported_versions
            .iter()
            .map(Version::to_string)
            .collect();
        [
            ("plugin's sha256", subject.sha256.clone()),
            ("version of cnispec", part.report.tool.version.clone()),
            ("seed", environment.seed.to_string()),
            ("number of parts", part.shard.count.to_string()),
            (
                "number of planned scenarios",
                part.shard.planned.to_string(),
            ),
            ("network configuration", environment.config.clone()),
            ("deadline", format!("{} ms", environment.timeout_ms)),
            ("strictness", environment.strict.to_string()),
            ("profile", format!("{:?}", environment.profile)),
            ("list of supported versions", versions.join(" ")),
            (
                "selection",
                serde_json::to_string(&selection).unwrap_or_default(),
            ),
        ]
    };
    let pairs = facts(one).into_iter().zip(facts(other));
    pairs
        .filter(|((_, here), (_, there))| here != there)
        .map(|((what, here), (_, there))| (what, here, there))
        .collect()
}

/// The parts as the one run that they are.
fn join(mut parts: Vec<Part>) -> Report {
    parts.sort_by_key(|part| part.shard.index);
    let mut parts = parts.into_iter().map(|part| part.report);
    let Some(mut joined) = parts.next() else {
        unreachable!("a run begins with its first part");
    };
    for part in parts {
        joined.summary.planned += part.summary.planned;
        joined.summary.executed += part.summary.executed;
        joined.results.extend(part.results);
        joined.harness_errors.extend(part.harness_errors);
        joined.timelines.extend(part.timelines);
        joined.findings.extend(part.findings);
        for latency in part.latency {
            match joined
                .latency
                .iter_mut()
                .find(|one| one.name == latency.name)
            {
                Some(one) => one.samples_us.extend(latency.samples_us),
                None => joined.latency.push(latency),
            }
        }
        add_environment(&mut joined.environment, &part.environment);
    }
    joined.environment.selection.shard = None;
    // The order in which one run would have them.
    let checks = check::catalogue();
    let checks = |id: &str| checks.iter().position(|check| check.id == id);
    let scenarios = scenario::all();
    let scenarios = |id: &str| {
        scenarios
            .iter()
            .position(|scenario| scenario.id.as_str() == id)
    };
    let last = |place: Option<usize>| place.unwrap_or(usize::MAX);
    joined.results.sort_by_cached_key(|entry| {
        let check = last(checks(&entry.check));
        (check, entry.spec_version, last(scenarios(&entry.scenario)))
    });
    joined
        .harness_errors
        .sort_by_cached_key(|fault| (fault.spec_version, last(scenarios(&fault.scenario))));
    joined
        .timelines
        .sort_by_cached_key(|done| (done.spec_version, last(scenarios(&done.scenario))));
    joined.recount();
    joined
}

/// Parts may have been run on several machines: the environment is that of all of them.
fn add_environment(joined: &mut Environment, part: &Environment) {
    if !joined
        .kernel
        .split(", ")
        .any(|kernel| kernel == part.kernel)
    {
        joined.kernel = format!("{}, {}", joined.kernel, part.kernel);
    }
    joined.rootless |= part.rootless;
    joined.started_at = joined.started_at.min(part.started_at);
    joined.wall_ms = joined.wall_ms.saturating_add(part.wall_ms);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use proptest::prelude::*;

    type Parts = Vec<(String, Document)>;
    type Spoil = fn(&mut Report);

    /// A whole report, and its parts: each result in the part of its scenario and version.
    fn divided(count: usize) -> (Report, Parts) {
        let whole = sample::catalogued();
        let tasks = sample::tasks(&whole);
        let parts = (1..=count).map(|index| {
            let mine: Vec<_> = tasks.iter().skip(index - 1).step_by(count).collect();
            let mut part = whole.clone();
            part.environment.selection.shard = Some(Shard {
                index,
                count,
                planned: tasks.len(),
            });
            part.results
                .retain(|entry| mine.contains(&&(entry.spec_version, entry.scenario.clone())));
            part.summary.planned = mine.len();
            part.summary.executed = mine.len();
            part.recount();
            (format!("{index}.json"), part.into())
        });
        let parts = parts.collect();
        (whole, parts)
    }

    fn spoilt(part: &mut (String, Document), spoil: impl FnOnce(&mut Report)) {
        if let Document::One(report) = &mut part.1 {
            spoil(report);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_parts_joined_are_the_whole(count in 1usize..9, rotated in 0usize..9) {
            let (mut whole, mut parts) = divided(count);
            parts.rotate_left(rotated % count);
            // How long each part took is told together.
            whole.environment.wall_ms *= count as u64;
            prop_assert_eq!(merge(parts).unwrap(), whole.into());
        }
    }

    #[test]
    fn foreign_missing_and_duplicate_parts_are_named() {
        let said = |change: &dyn Fn(&mut Parts)| {
            let (_, mut parts) = divided(3);
            change(&mut parts);
            merge(parts).unwrap_err().to_string()
        };
        let missing = said(&|parts| drop(parts.remove(1)));
        assert!(missing.contains("part 2 of 3 of `/plugins/"), "{missing}");
        assert!(missing.contains("is missing"), "{missing}");
        let twice = said(&|parts| {
            let one = parts[0].1.clone();
            parts.push(("again.json".to_owned(), one));
        });
        assert!(
            twice.contains("more than once: `1.json`, `again.json`"),
            "{twice}"
        );
        let foreign: [(&str, Spoil); 5] = [
            ("sha256", |report| report.subject.sha256 = "f".repeat(64)),
            ("version of cnispec", |report| {
                report.tool.version = "9.9.9".to_owned()
            }),
            ("seed", |report| report.environment.seed = 2),
            ("number of parts", |report| {
                report.environment.selection.shard = Some(Shard {
                    index: 2,
                    count: 4,
                    planned: 6,
                });
            }),
            ("selection", |report| {
                report.environment.selection.checks = vec!["del.*".to_owned()]
            }),
        ];
        for (what, spoil) in foreign {
            let text = said(&|parts| spoilt(&mut parts[1], spoil));
            assert!(
                text.contains("`2.json` is foreign to `1.json`: its"),
                "{text}"
            );
            assert!(text.contains(what), "{text}");
        }
        let short = said(&|parts| spoilt(&mut parts[2], |report| report.summary.planned = 0));
        assert!(short.contains("planned scenarios"), "{short}");
    }

    #[test]
    fn whole_reports_stand_side_by_side() {
        let one = sample::report();
        let mut other = one.clone();
        other.environment.kernel = "6.2.0".to_owned();
        let merged = merge(vec![
            ("a".to_owned(), one.clone().into()),
            ("b".to_owned(), other.into()),
        ]);
        let Document::Many(matrix) = merged.unwrap() else {
            panic!()
        };
        assert_eq!(matrix.reports.len(), 2);
        let names = matrix.names();
        assert!(names[1].ends_with("on 6.2.0"), "{names:?}");
        assert_eq!(
            merge(vec![("a".to_owned(), one.clone().into())]),
            Ok(one.into())
        );
    }
}
