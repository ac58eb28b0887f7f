//! The timeline of each scenario in reports: the calls with their streams and changes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::transcript::{Bytes, Call, Delegated, Ending, Exit, State, Step, Transcript};
use crate::verdict::Outcome;

use super::change::difference;
use super::model::{Streams, Timeline, TimelineCall, TimelineStep};

/// The most of one stream that a timeline holds, in bytes: there are thousands of them in a report.
const STREAM_LIMIT: usize = 2048;
/// The most changes of state that a call shows.
const CHANGES_LIMIT: usize = 32;
/// The most that the timelines of one report hold together, in bytes of text.
const ROOM: usize = 4 << 20;

/// The timelines of a run for which there is room.
///
/// Scenarios with broken checks come first, then inconclusive ones, then the rest, each in the run's order. The selection
/// does not depend on the order in which scenarios end.
#[derive(Default)]
pub(super) struct Timelines {
    told: BTreeMap<Rank, (usize, Timeline)>,
    /// Of all that are told, in bytes.
    size: usize,
    /// The first for which there is no room: nothing is told from there on.
    end: Option<Rank>,
}

/// The worst that came of a scenario, and its position in the run.
type Rank = (Reverse<Option<Outcome>>, usize);

impl Timelines {
    /// Takes the timeline of the scenario at this position; what comes last has to make room.
    pub fn take(&mut self, position: usize, worst: Option<Outcome>, timeline: Timeline) {
        let rank = (Reverse(worst), position);
        if self.end.is_some_and(|end| rank > end) {
            return;
        }
        let size = size(&timeline);
        self.size += size;
        self.told.insert(rank, (size, timeline));
        while self.size > ROOM
            && let Some((rank, (size, _))) = self.told.pop_last()
        {
            self.size -= size;
            self.end = Some(rank);
        }
    }

    /// Those that are told, in the run's order.
    pub fn in_order(self) -> Vec<Timeline> {
        let told = self.told.into_iter();
        let by_position: BTreeMap<usize, Timeline> = told
            .map(|((_, position), (_, timeline))| (position, timeline))
            .collect();
        by_position.into_values().collect()
    }
}

/// The timeline of a scenario.
pub(super) fn of(transcript: &Transcript) -> Timeline {
    let step = |step: &Step| match step {
        Step::Call(call) => TimelineStep::Call(Box::new(told(call, &transcript.states))),
        Step::Change { what, .. } => TimelineStep::Change(what.clone()),
        Step::Exchange(exchange) => TimelineStep::Change(exchange.sentence()),
        Step::Observation { label, .. } => TimelineStep::Observation(label.clone()),
    };
    Timeline {
        scenario: transcript.scenario.clone(),
        spec_version: transcript.spec_version,
        ending: match &transcript.ending {
            Ending::Completed => None,
            ending => Some(ending.why().to_owned()),
        },
        steps: transcript.steps.iter().map(step).collect(),
    }
}

fn told(call: &Call, states: &[State]) -> TimelineCall {
    let changes = match (states.get(call.before), states.get(call.after)) {
        (Some(before), Some(after)) => before.changes(after),
        _ => Vec::new(),
    };
    TimelineCall {
        operation: call.operation,
        label: call.label.clone(),
        role: call.role,
        container: call.container.clone(),
        path: call.path.clone(),
        env: call
            .env
            .iter()
            .filter(|(name, _)| name.starts_with("CNI_"))
            .cloned()
            .collect(),
        streams: Streams {
            stdin: beginning(&call.stdin, STREAM_LIMIT),
            stdin_length: call.stdin.0.len(),
            exit: call.exit.clone(),
            stdout: beginning(&call.stdout, STREAM_LIMIT),
            stdout_length: call.stdout.0.len(),
            stderr: beginning(&call.stderr, STREAM_LIMIT),
            stderr_length: call.stderr.0.len(),
        },
        wall_us: call.usage.wall_us,
        state: changes.iter().take(CHANGES_LIMIT).map(difference).collect(),
        state_left_out: changes.len().saturating_sub(CHANGES_LIMIT),
        delegated: call.delegated.iter().map(delegated).collect(),
    }
}

fn delegated(call: &Delegated) -> Streams {
    Streams {
        stdin: beginning(&call.stdin, STREAM_LIMIT),
        stdin_length: call.stdin.0.len(),
        exit: Exit::Status(call.status),
        stdout: beginning(&call.stdout, STREAM_LIMIT),
        stdout_length: call.stdout.0.len(),
        stderr: Bytes::default(),
        stderr_length: 0,
    }
}

/// The beginning of a stream; text stays text.
pub(super) fn beginning(bytes: &Bytes, limit: usize) -> Bytes {
    if bytes.0.len() <= limit {
        return bytes.clone();
    }
    let cut = match std::str::from_utf8(&bytes.0) {
        Ok(text) => text.floor_char_boundary(limit),
        Err(_) => limit,
    };
    Bytes(bytes.0[..cut].to_vec())
}

/// About how much of a report a timeline takes, in bytes.
fn size(timeline: &Timeline) -> usize {
    /// The size of a call or a change without its text: member names and punctuation.
    const FRAME: usize = 100;
    let streams = |streams: &Streams| {
        FRAME + streams.stdin.0.len() + streams.stdout.0.len() + streams.stderr.0.len()
    };
    let step = |step: &TimelineStep| match step {
        TimelineStep::Call(call) => {
            let env = call
                .env
                .iter()
                .map(|(name, value)| name.len() + value.0.len());
            let state = call
                .state
                .iter()
                .map(|change| FRAME + change.object.len() + change.detail.to_string().len());
            let delegated = call.delegated.iter().map(streams);
            streams(&call.streams)
                + env.chain(state).chain(delegated).sum::<usize>()
                + FRAME
                + call.path.len()
        }
        TimelineStep::Change(text) | TimelineStep::Observation(text) => FRAME + text.len(),
    };
    timeline.steps.iter().map(step).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::transcript;
    use cni_types::Version;

    #[test]
    fn a_long_stream_is_cut_between_characters() {
        let text = format!("a{}", "é".repeat(STREAM_LIMIT));
        let cut = beginning(&Bytes::from(text.as_str()), STREAM_LIMIT);
        assert_eq!(cut.0.len(), STREAM_LIMIT - 1);
        assert!(std::str::from_utf8(&cut.0).is_ok());
        let cut = beginning(&Bytes(vec![0xff; STREAM_LIMIT + 1]), STREAM_LIMIT);
        assert_eq!(cut.0.len(), STREAM_LIMIT);
    }

    /// Which of these scenarios, with their outcomes, are told if they end in this order.
    fn told(outcomes: &[Outcome], order: impl Iterator<Item = usize>) -> Vec<String> {
        let mut timelines = Timelines::default();
        for position in order {
            let told = of(&transcript(&position.to_string(), Version::V1_0_0));
            timelines.take(position, Some(outcomes[position]), told);
        }
        let told = timelines.in_order();
        // Bytes that are not UTF-8 take two digits each.
        let text = serde_json::to_string(&told).unwrap();
        assert!(text.len() < 3 * ROOM, "{}", text.len());
        told.into_iter().map(|one| one.scenario).collect()
    }

    #[test]
    fn there_is_room_for_what_broke_something_first() {
        let mut outcomes = vec![Outcome::Pass; 4000];
        outcomes.extend([Outcome::Fail; 3]);
        outcomes.extend([Outcome::Inconclusive; 10]);
        let all = outcomes.len();
        let forwards = told(&outcomes, 0..all);
        assert!(forwards.len() < all);
        assert_eq!(forwards[0], "0");
        assert_eq!(forwards[forwards.len() - 13], "4000");
        assert_eq!(told(&outcomes, (0..all).rev()), forwards);
        assert_eq!(told(&outcomes, (0..all).map(|n| n * 7 % all)), forwards);
    }
}
