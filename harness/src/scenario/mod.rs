//! Scenarios: courses of calls and changes. They judge nothing; the lab records them.

mod attachments;
mod chain;
mod concurrency;
mod crash;
mod del;
mod delegation;
mod drift;
mod identity;
mod input;
mod lifecycle;
mod names;
mod network;
mod pool;
mod probe;
mod runtime;
mod traffic;

use cni_types::{Operation, Version};

use crate::engine::lab::Direct;
use crate::engine::lab::OperationResult;
use crate::engine::lab::{Lab, StepResult, Stop};
use crate::kind::Kind;
use crate::label::{Label, Life};
use crate::scenario_id::{self, ScenarioId};
use crate::subject::Subject;
use crate::transcript::{Output, has_pool};

pub use probe::{FIRST_ADD, PROBE};

/// One course of events.
pub struct Scenario {
    /// Its stable name.
    pub id: ScenarioId,
    /// Its description, in a sentence.
    pub title: &'static str,
    /// The kinds of plugin that it can be done with.
    pub kinds: &'static [Kind],
    /// The first version of the SPEC in which it can be done.
    pub since: Version,
    /// True if it is run in the newest version alone, since the version makes no difference to it.
    pub once: bool,
    /// Its requirement on the subject; a scenario whose requirement is not met is not planned.
    pub requires: Requires,
    /// Does it.
    pub run: fn(&mut Lab) -> StepResult,
}

/// A requirement of a scenario on the subject's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requires {
    /// Nothing in particular.
    Nothing,
    /// An IPAM plugin, named by `ipam`.
    Ipam,
    /// A delegate: the IPAM plugin, or one that ADD was seen to execute.
    Delegate,
    /// Two attachments at once: the fixture does not say that the plugin takes one only.
    ConcurrentAttachments,
    /// An IPAM configuration with subnets, which can be replaced by others.
    Pool,
}

impl Scenario {
    /// True if it can be run with this subject, in this version.
    pub fn fits(&self, subject: &Subject, version: Version) -> bool {
        self.kinds.contains(&subject.kind) && version >= self.since && self.requires.met_by(subject)
    }
}

impl Requires {
    fn met_by(self, subject: &Subject) -> bool {
        match self {
            Requires::Nothing => true,
            Requires::Ipam => subject.ipam_type().is_some(),
            Requires::Delegate => subject.ipam_type().is_some() || !subject.delegates.is_empty(),
            Requires::Pool => has_pool(&subject.fixture.list) && !subject.fixture.setup.exclusive,
            Requires::ConcurrentAttachments => !subject.fixture.setup.exclusive,
        }
    }
}

const PLUGINS: &[Kind] = &[Kind::Interface, Kind::Chained];
const INTERFACE: &[Kind] = &[Kind::Interface];

/// ADD and DEL of a new container by the subject, called in an unusual way; what stands beside it is called as
/// usual.
fn attach_and_detach(
    lab: &Lab,
    life: Life,
    unusual: impl for<'a> Fn(Direct<'a>) -> Direct<'a>,
) -> StepResult {
    let name = life.container;
    lab.container(name).create()?;
    lab.plugin().must_precede(name)?;
    let added = unusual(
        lab.plugin()
            .direct(life.add, Operation::Add)
            .container(name),
    )
    .run()?;
    if let (true, Output::Document(result)) = (added.succeeded(), added.output()) {
        lab.container(name).store_result(Some(result));
    }
    unusual(
        lab.plugin()
            .direct(life.del, Operation::Del)
            .container(name),
    )
    .run()?;
    lab.plugin().del_companions(name)
}

/// ADD that a plugin may refuse for reasons of its own; what it refuses then, in words.
fn add_unless_refused(lab: &Lab, label: Label<'_>, container: &str, refusal: &str) -> StepResult {
    match lab.plugin().add(label, container)? {
        OperationResult::Succeeded => Ok(()),
        OperationResult::Failed(how) => Err(Stop::NotApplicable(format!("{refusal}: {how}"))),
    }
}

/// The scenarios that show something of a plugin whose ADD never succeeds.
const WITHOUT_ATTACHMENT: &[ScenarioId] = &[
    scenario_id::VERSION,
    scenario_id::STATUS,
    scenario_id::REQUIRED_VARIABLES,
    scenario_id::BAD_INPUT,
    scenario_id::IMPOSSIBLE_NAMES,
];

/// True if a scenario shows nothing unless ADD succeeds.
pub fn needs_attachment(id: &str) -> bool {
    !WITHOUT_ATTACHMENT.iter().any(|known| known.as_str() == id)
}

/// Every scenario, in the order in which they are run.
pub fn all() -> Vec<&'static Scenario> {
    [
        network::SCENARIOS,
        lifecycle::SCENARIOS,
        del::SCENARIOS,
        attachments::SCENARIOS,
        identity::SCENARIOS,
        concurrency::SCENARIOS,
        pool::SCENARIOS,
        traffic::SCENARIOS,
        drift::SCENARIOS,
        input::SCENARIOS,
        names::SCENARIOS,
        delegation::SCENARIOS,
        chain::SCENARIOS,
        runtime::SCENARIOS,
        crash::SCENARIOS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The scenario with this id, those before every run included.
pub fn find(id: &str) -> Option<&'static Scenario> {
    let mut known = all().into_iter().chain([PROBE, FIRST_ADD]);
    known.find(|scenario| scenario.id.as_str() == id)
}

#[cfg(test)]
mod tests {
    use super::{FIRST_ADD, PROBE, all};
    use crate::scenario_id;

    /// A check that reads an id without a scenario would never be judged.
    #[test]
    fn every_id_is_of_one_scenario() {
        for id in scenario_id::ALL {
            let scenarios = all().into_iter().chain([PROBE, FIRST_ADD]);
            let count = scenarios.filter(|scenario| scenario.id == *id).count();
            assert_eq!(count, 1, "{id}");
        }
    }
}
