//! Causes that keep several checks from being shown, on the page.

use std::collections::HashSet;

use askama::Template;

use super::super::escape::visible;
use super::super::groups::Cause;
use super::check::CaseView;

#[derive(Template)]
#[template(path = "report/cause.html")]
pub(super) struct CauseView {
    headline: String,
    effect: String,
    checks: Vec<String>,
    case: CaseView,
}

impl CauseView {
    /// `runs` are the ids of the timelines that stand on the page.
    pub fn new(cause: &Cause<'_>, runs: &HashSet<String>) -> Self {
        let checks = cause.groups.iter().map(|group| &group.example().check);
        Self {
            headline: visible(&cause.headline()),
            effect: cause.effect(),
            checks: checks.map(|check| visible(check)).collect(),
            case: CaseView::new(&[cause.example()], runs, true),
        }
    }
}
