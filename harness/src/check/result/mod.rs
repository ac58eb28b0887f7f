//! The result of an ADD: its form, and its agreement with the kernel.

pub(super) mod addresses;
pub(super) mod arguments;
pub(super) mod gateways;
pub(super) mod interfaces;
pub(super) mod route_attributes;
pub(super) mod routes;
pub(super) mod sandbox;
pub(super) mod shape;

use cni_observe::{Link, Snapshot};

use super::document::{Answer, answers};
use super::{Judged, Scope, Unmet};
use crate::scenario_id;
use crate::transcript::Transcript;

/// Scenarios in which every ADD succeeds.
pub(super) const ATTACHED: Scope = Scope::In(&[
    scenario_id::LIFECYCLE,
    scenario_id::TWO_CONTAINERS,
    scenario_id::FAMILIES,
    scenario_id::DELEGATION,
]);

pub(super) fn each(t: &Transcript, judge: fn(&Answer<'_>) -> Judged) -> Judged {
    answers(t)?
        .iter()
        .try_for_each(|answer| judge(answer).map_err(|unmet| unmet.at(answer.step)))
}

pub(super) fn link<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Link> {
    snapshot.links.iter().find(|link| link.name == name)
}

/// Returns true for a link such as a tap, which has no carrier until a program opens it. DAD and traffic wait for
/// that.
pub(super) fn waits_for_user(link: &Link) -> bool {
    link.up && !link.running && link.kind.as_deref() == Some("tun")
}

/// The hexadecimal digits of a MAC, in lower case.
pub(super) fn digits(mac: &str) -> String {
    mac.chars()
        .filter(char::is_ascii_hexdigit)
        .collect::<String>()
        .to_ascii_lowercase()
}

fn gone() -> Unmet {
    Unmet::Inconclusive("the container is gone".to_owned())
}
