//! The catalogue of checks.
//!
//! A check is a pure function of a transcript. It reads raw bytes and JSON values, never the typed documents of the
//! runtime and the reference plugins, so that they cannot share a misreading of the SPEC.

mod add;
mod asked;
mod beside;
mod chain;
mod changes;
mod check_operation;
pub(crate) mod clause;
mod concurrency;
mod convention;
#[doc(hidden)]
pub mod coverage;
mod crash;
mod del;
mod delegation;
mod disputes;
mod document;
mod drift;
mod error;
mod form;
mod gc;
mod identity;
mod input;
mod ipam;
mod names;
mod pool;
mod protocol;
mod questions;
mod result;
mod runtime;
mod status;
mod store;
mod traffic;
mod version;

use cni_types::Version;

use crate::fault::Fault;
use crate::kind::Kind;
use crate::scenario_id::{self, ScenarioId};
use crate::transcript::Transcript;

pub use clause::{Clause, Level, Page, Versions};
pub use protocol::LEAVES_OTHERS_ALONE;

/// A disputed clause is reported, and fails a plugin only with `--strict`.
#[derive(Debug, Clone, Copy)]
pub struct Dispute {
    /// The contradiction, in the SPEC or between the SPEC and its implementations.
    pub reason: &'static str,
    /// A link to it.
    pub reference: &'static str,
}

/// The scenarios whose transcripts a check reads.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// Every scenario that a plain run leads: the claim is about every call.
    Every,
    /// The scenarios with these ids.
    In(&'static [ScenarioId]),
}

/// Reason given when a check does not apply to a plugin that makes no network device.
pub const NO_DEVICE: &str =
    "the fixture says that the plugin makes no network device (`cnispec.netdevice`)";

/// Checks of the container's interface, which do not apply to a plugin that makes none.
const OF_DEVICES: &[&str] = &[
    "add.honours-ifname",
    "add.refuses-existing-interface",
    "add.sets-interface-up",
    "check.allows-later-additions",
    "check.allows-later-adjustments",
    "del.without-addresses-succeeds",
    "del.without-interface-succeeds",
];

/// One requirement, and the judge of it.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Stable name, `operation.claim`; never renamed, never reused.
    pub id: &'static str,
    /// The claim; true if the requirement is met.
    pub claim: &'static str,
    /// The kinds of plugin to which it applies.
    pub binds: &'static [Kind],
    /// Its clauses. The check does not apply in versions without a clause; one without any clause is an expectation, in every version.
    pub clauses: &'static [&'static [Clause]],
    /// The scenarios whose transcripts it judges.
    pub scope: Scope,
    /// The fault of the scripted plugin that must trip it.
    pub fault: Fault,
    /// Set when the clause is disputed.
    pub dispute: Option<Dispute>,
    /// The judge.
    pub judge: fn(&Transcript) -> Judged,
}

impl Check {
    /// Returns true if the check judges transcripts of this scenario with a subject of this kind.
    pub fn reads(&self, scenario: &str, kind: Kind) -> bool {
        let covers = match self.scope {
            Scope::Every => !scenario_id::is_deep(scenario),
            Scope::In(ids) => ids.iter().any(|id| id.as_str() == scenario),
        };
        covers && self.binds.contains(&kind)
    }

    /// Returns true if it is about the interface that a plugin makes in the container.
    pub fn is_of_devices(&self) -> bool {
        OF_DEVICES.contains(&self.id)
    }

    /// The strongest clause in this version.
    pub fn clause(&self, version: Version) -> Option<&'static Clause> {
        self.clauses_of(version).into_iter().next()
    }

    /// How strongly it binds in this version; none where it does not. What the SPEC does not ask for is an expectation.
    pub fn level(&self, version: Version) -> Option<Level> {
        match self.clauses.is_empty() {
            true => Some(Level::Expectation),
            false => self.clause(version).map(|clause| clause.level),
        }
    }

    /// The strongest level, over all versions.
    pub fn strongest_level(&self) -> Option<Level> {
        let levels = Version::ALL.into_iter();
        levels.filter_map(|version| self.level(version)).max()
    }

    /// The clauses of this version that can be broken, the strongest first.
    pub fn clauses_of(&self, version: Version) -> Vec<&'static Clause> {
        let mut clauses: Vec<_> = self
            .every_clause()
            .filter(|clause| clause.versions.contains(&version) && clause.level > Level::May)
            .collect();
        clauses.sort_by_key(|clause| std::cmp::Reverse(clause.level));
        clauses
    }

    /// The clauses of all versions.
    pub fn every_clause(&self) -> impl Iterator<Item = &'static Clause> {
        self.clauses.iter().flat_map(|list| list.iter())
    }

    /// The part of the id before the dot: an operation, or `protocol` and the like.
    pub fn section(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

/// `Ok` when the transcript shows the claim met.
pub type Judged = Result<(), Unmet>;

/// The reason why a claim is not shown to be met.
#[derive(Debug, Clone, PartialEq)]
pub enum Unmet {
    /// The transcript shows a violation.
    Broken(Box<Breach>),
    /// The claim does not apply to the subject; the fact that makes it so.
    NotApplicable(String),
    /// A prerequisite did not hold; which one.
    Inconclusive(String),
    /// A call that the claim depends on failed.
    Prevented {
        /// The prerequisite that did not hold.
        why: String,
        /// The call that failed; index into [`Transcript::steps`].
        by: usize,
    },
}

/// A violation of a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// Every acceptable outcome.
    pub expected: Vec<String>,
    /// The actual outcome.
    pub actual: String,
    /// The step that shows it; index into [`Transcript::steps`].
    pub step: Option<usize>,
    /// The changes of state that show it.
    pub changes: Vec<crate::transcript::StateChange>,
}

impl Unmet {
    /// A violation: the acceptable outcomes, and the actual one.
    pub fn broken<E: Into<String>>(
        expected: impl IntoIterator<Item = E>,
        actual: impl Into<String>,
    ) -> Self {
        Unmet::Broken(Box::new(Breach {
            expected: expected.into_iter().map(Into::into).collect(),
            actual: actual.into(),
            step: None,
            changes: Vec::new(),
        }))
    }

    /// Adds the step that shows the violation, unless it has one.
    pub fn at(mut self, step: usize) -> Self {
        if let Unmet::Broken(breach) = &mut self {
            breach.step.get_or_insert(step);
        }
        self
    }

    /// Adds the changes of state that show the violation.
    pub fn showing(mut self, changes: Vec<crate::transcript::StateChange>) -> Self {
        if let Unmet::Broken(breach) = &mut self {
            breach.changes = changes;
        }
        self
    }
}

/// Every check, in the order of reports.
pub fn catalogue() -> Vec<&'static Check> {
    let lists = [
        version::CHECKS,
        protocol::CHECKS,
        error::CHECKS,
        input::CHECKS,
        add::CHECKS,
        names::CHECKS,
        result::shape::CHECKS,
        result::interfaces::CHECKS,
        result::sandbox::CHECKS,
        result::addresses::CHECKS,
        result::gateways::CHECKS,
        result::routes::CHECKS,
        result::route_attributes::CHECKS,
        result::arguments::CHECKS,
        form::CHECKS,
        chain::CHECKS,
        ipam::CHECKS,
        check_operation::CHECKS,
        drift::CHECKS,
        drift::LATER,
        del::CHECKS,
        del::missing::CHECKS,
        del::residue::CHECKS,
        del::host::CHECKS,
        gc::CHECKS,
        status::CHECKS,
        pool::CHECKS,
        identity::CHECKS,
        concurrency::CHECKS,
        traffic::CHECKS,
        delegation::execution::CHECKS,
        delegation::error::CHECKS,
        delegation::result::CHECKS,
        convention::CHECKS,
        convention::link::CHECKS,
        convention::bandwidth::CHECKS,
        convention::dns::CHECKS,
        convention::addresses::CHECKS,
        crash::CHECKS,
        runtime::order::CHECKS,
        runtime::prev_result::CHECKS,
        runtime::configuration::CHECKS,
        runtime::parameters::CHECKS,
        runtime::error::CHECKS,
        runtime::concurrency::CHECKS,
        runtime::attachments::CHECKS,
        runtime::status::CHECKS,
    ];
    lists.into_iter().flatten().collect()
}

/// The check with this id.
pub fn find(id: &str) -> Option<&'static Check> {
    catalogue().into_iter().find(|check| check.id == id)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn checks_of_devices_are_known() {
        for id in super::OF_DEVICES {
            assert!(super::find(id).is_some(), "{id}");
        }
    }

    /// A literal that borrows fields (`..TEMPLATE`) compiles without a judge or a fault of its own.
    #[test]
    fn no_check_borrows_its_fields() {
        fn visit(directory: &Path) -> usize {
            let mut files = 0;
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files += visit(&path);
                    continue;
                }
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                for check in text.split("Check {\n").skip(1) {
                    let fields = check.split("\n    }").next().unwrap();
                    let borrows = fields.lines().any(|line| line.trim().starts_with(".."));
                    assert!(!borrows, "{}: {fields}", path.display());
                }
            }
            files
        }
        let files = visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check"));
        assert!(files > 30);
    }
}
