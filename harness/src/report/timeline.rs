//! What was done in each scenario, as reports tell it: the calls with their streams and what they changed.

use std::collections::BTreeMap;

use crate::transcript::{Bytes, Call, Delegated, Ending, Exit, Role, State, Step, Transcript};
use crate::verdict::{Outcome, Row};

use super::change::difference;
use super::model::{Latency, Streams, Timeline, TimelineCall, TimelineStep};

/// The most of one stream that a timeline holds, in bytes: there are thousands of them in a report.
const STREAM_LIMIT: usize = 2048;
/// The most changes of state that a call shows.
const CHANGES_LIMIT: usize = 32;
/// The most that the timelines of one report hold together, in bytes of text.
const ROOM: usize = 4 << 20;
/// The most calls of one operation whose time is kept.
const SAMPLES_LIMIT: usize = 1000;

/// The timelines of a run for which there is room, in the run's order.
///
/// What broke something is told first, then what was left open, then the rest.
pub(super) fn timelines(transcripts: &[Transcript], rows: &[&Row<'_>]) -> Vec<Timeline> {
    let worst = |transcript: &Transcript| {
        let of_it = rows
            .iter()
            .filter(|row| std::ptr::eq(row.transcript, transcript));
        of_it.map(|row| row.outcome).max()
    };
    let mut order: Vec<(usize, Option<Outcome>)> =
        transcripts.iter().map(worst).enumerate().collect();
    order.sort_by_key(|(_, worst)| std::cmp::Reverse(*worst));
    let mut room = ROOM;
    let mut told: BTreeMap<usize, Timeline> = BTreeMap::new();
    for (position, _) in order {
        let transcript = &transcripts[position];
        if transcript.steps.is_empty() {
            continue;
        }
        let timeline = timeline(transcript);
        match room.checked_sub(size(&timeline)) {
            Some(left) => room = left,
            None => break,
        }
        told.insert(position, timeline);
    }
    told.into_values().collect()
}

/// How long the calls of the plugin under test took that succeeded, by operation.
pub(super) fn latency(transcripts: &[Transcript]) -> Vec<Latency> {
    let mut latency: Vec<Latency> = Vec::new();
    let calls = transcripts.iter().flat_map(Transcript::calls);
    for (_, call) in calls {
        if call.role != Role::Subject || call.exit != Exit::Status(0) {
            continue;
        }
        let name = call.operation.to_string();
        let position = latency.iter().position(|kind| kind.name == name);
        let kind = match position {
            Some(position) => &mut latency[position],
            None => latency.push_mut(Latency {
                name,
                samples_us: Vec::new(),
            }),
        };
        if kind.samples_us.len() < SAMPLES_LIMIT {
            kind.samples_us.push(call.usage.wall_us);
        }
    }
    latency
}

fn timeline(transcript: &Transcript) -> Timeline {
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
            Ending::NotApplicable(why) | Ending::CutShort(why) => Some(why.clone()),
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
    /// What stands around the text of a call or a change: member names and punctuation.
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

    #[test]
    fn there_is_room_for_what_broke_something_first() {
        let mut many: Vec<Transcript> = (0..4000)
            .map(|_| transcript("once", Version::V1_0_0))
            .collect();
        many.push(transcript("twice", Version::V1_0_0));
        let checks = crate::report::sample::checks();
        let judged: Vec<Row<'_>> = many
            .iter()
            .flat_map(|one| {
                crate::verdict::judge(one, &checks[1..2], crate::verdict::Strictness::Lenient)
            })
            .collect();
        let rows: Vec<&Row<'_>> = judged.iter().collect();
        let told = timelines(&many, &rows);
        assert!(told.len() < many.len());
        assert_eq!(told.last().unwrap().scenario, "twice");
        let text = serde_json::to_string(&told).unwrap();
        // What is not UTF-8 takes two digits a byte.
        assert!(text.len() < 3 * ROOM, "{}", text.len());
    }
}
