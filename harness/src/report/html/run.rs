//! The timeline of one scenario in one version on the page.

use askama::Template;

use super::super::escape::visible;
use super::super::model::{Timeline, TimelineStep};
use super::call::CallView;
use super::run_id;

#[derive(Template)]
#[template(path = "report/run.html")]
pub(super) struct RunView {
    id: String,
    scenario: String,
    version: String,
    calls: String,
    ending: Option<String>,
    steps: Vec<StepView>,
}

enum StepView {
    Call(Box<CallView>),
    Note(String),
}

impl RunView {
    pub fn new(timeline: &Timeline) -> Self {
        let calls = timeline
            .steps
            .iter()
            .filter(|step| matches!(step, TimelineStep::Call(_)))
            .count();
        Self {
            id: run_id(&timeline.scenario, timeline.spec_version),
            scenario: visible(&timeline.scenario),
            version: timeline.spec_version.to_string(),
            calls: match calls {
                1 => "1 call".to_owned(),
                number => format!("{number} calls"),
            },
            ending: timeline.ending.as_deref().map(visible),
            steps: timeline.steps.iter().map(StepView::new).collect(),
        }
    }
}

impl StepView {
    fn new(step: &TimelineStep) -> Self {
        match step {
            TimelineStep::Call(call) => Self::Call(Box::new(CallView::told(call))),
            TimelineStep::Change(what) => Self::Note(format!("The lab: {}", visible(what))),
            TimelineStep::Observation(label) => {
                Self::Note(format!("The lab looked closely: {}", visible(label)))
            }
        }
    }
}
