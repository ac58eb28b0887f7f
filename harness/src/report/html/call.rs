//! A call of a plugin on the page: its streams, and what it changed in each namespace.

use askama::Template;

use super::super::block;
use super::super::escape::{visible, visible_bytes, visible_lines};
use super::super::model::{Difference, Evidence, Streams, TimelineCall};
use super::super::plot;
use crate::transcript::{Bytes, Exit, Role};

#[derive(Template)]
#[template(path = "report/call.html")]
pub(super) struct CallView {
    folded: bool,
    operation: String,
    label: String,
    container: Option<String>,
    class: &'static str,
    exit: String,
    wall: Option<String>,
    changed: String,
    role: Option<&'static str>,
    path: String,
    env: Vec<(String, String)>,
    streams: Vec<StreamView>,
    changes: ChangesView,
}

#[derive(Template)]
#[template(path = "report/stream.html")]
pub(super) struct StreamView {
    name: &'static str,
    text: String,
    more: usize,
}

#[derive(Template)]
#[template(path = "report/changes.html")]
pub(super) struct ChangesView {
    places: Vec<PlaceView>,
    left_out: usize,
}

struct PlaceView {
    name: String,
    changes: Vec<ChangeView>,
}

struct ChangeView {
    kind: String,
    object: String,
    detail: String,
}

impl CallView {
    /// A call in a timeline.
    pub fn told(call: &TimelineCall) -> Self {
        let number = call.state.len() + call.state_left_out;
        let mut streams: Vec<StreamView> = streams(&call.streams).into();
        for delegated in &call.delegated {
            streams.push(StreamView::new(
                "the delegate's stdin",
                &delegated.stdin,
                delegated.stdin_length,
            ));
            streams.push(StreamView::new(
                "the delegate's stdout",
                &delegated.stdout,
                delegated.stdout_length,
            ));
        }
        Self {
            folded: true,
            operation: call.operation.to_string(),
            label: visible(&call.label),
            container: call.container.as_deref().map(visible),
            class: class(&call.streams.exit),
            exit: visible(&block::ended(&call.streams.exit)),
            wall: Some(plot::duration(call.wall_us as f64)),
            changed: match number {
                0 => "nothing changed".to_owned(),
                1 => "1 change".to_owned(),
                number => format!("{number} changes"),
            },
            role: match call.role {
                Role::Subject => None,
                Role::Companion => Some("not under test:"),
            },
            path: visible(&call.path),
            env: environment(&call.env),
            streams,
            changes: ChangesView::new(&call.state, call.state_left_out),
        }
    }

    /// The call that shows a broken requirement; none where the whole scenario shows it.
    pub fn shown(evidence: &Evidence) -> Option<Self> {
        let (call, exit) = (evidence.call.as_ref()?, evidence.exit.as_ref()?);
        Some(Self {
            folded: false,
            operation: call.operation.to_string(),
            label: visible(&call.label),
            container: None,
            class: class(exit),
            exit: visible(&block::ended(exit)),
            wall: None,
            changed: String::new(),
            role: None,
            path: visible(&call.path),
            env: environment(&evidence.env),
            streams: vec![
                StreamView::new("stdin", &evidence.stdin, evidence.stdin.0.len()),
                StreamView::new("stdout", &evidence.stdout, evidence.stdout_length),
                StreamView::new("stderr", &evidence.stderr, evidence.stderr_length),
            ],
            changes: ChangesView::new(&evidence.state, 0),
        })
    }
}

impl StreamView {
    pub fn new(name: &'static str, bytes: &Bytes, length: usize) -> Self {
        Self {
            name,
            text: visible_lines(bytes),
            more: length.saturating_sub(bytes.0.len()),
        }
    }
}

impl ChangesView {
    /// The changes by namespace, in the order in which they come.
    pub fn new(differences: &[Difference], left_out: usize) -> Self {
        let mut places: Vec<PlaceView> = Vec::new();
        for difference in differences {
            let name = match difference.place.as_str() {
                "host" => "the host".to_owned(),
                container => format!("container {}", visible(container)),
            };
            let change = ChangeView {
                kind: visible(&difference.change),
                object: visible(&difference.object),
                detail: visible(&block::detail(difference)),
            };
            match places.iter_mut().find(|place| place.name == name) {
                Some(place) => place.changes.push(change),
                None => places.push(PlaceView {
                    name,
                    changes: vec![change],
                }),
            }
        }
        Self { places, left_out }
    }
}

fn streams(streams: &Streams) -> [StreamView; 3] {
    [
        StreamView::new("stdin", &streams.stdin, streams.stdin_length),
        StreamView::new("stdout", &streams.stdout, streams.stdout_length),
        StreamView::new("stderr", &streams.stderr, streams.stderr_length),
    ]
}

/// The variables of the SPEC; the others are the lab's.
fn environment<'e>(
    env: impl IntoIterator<Item = (&'e String, &'e Bytes)>,
) -> Vec<(String, String)> {
    let variables = env.into_iter().filter(|(name, _)| name.starts_with("CNI_"));
    variables
        .map(|(name, value)| (visible(name), visible_bytes(value)))
        .collect()
}

fn class(exit: &Exit) -> &'static str {
    match exit {
        Exit::Status(0) => "pass",
        _ => "fail",
    }
}
