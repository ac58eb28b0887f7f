//! `cnispec list`: what is checked, and what is done for it.

use std::io::{self, Write};

use serde::Serialize;

use super::arguments::{LevelName, ListArguments, ListFormat, Listed};
use super::failure::Failure;
use super::print;
use crate::check::{self, Check, Level};
use crate::kind::Kind;
use crate::report::write_json;
use crate::scenario::{self, Scenario};

pub(super) fn run(arguments: &ListArguments) -> Result<u8, Failure> {
    let rows: Vec<Row> = match arguments.what {
        Listed::Checks => check::catalogue().into_iter().map(Row::of_check).collect(),
        Listed::Scenarios => scenario::all().into_iter().map(Row::of_scenario).collect(),
    };
    let kind = arguments.kind.map(Kind::from);
    let level = arguments.level.map(|level| match level {
        LevelName::Must => Level::Must,
        LevelName::Should => Level::Should,
        LevelName::Expectation => Level::Expectation,
    });
    let rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| kind.is_none_or(|kind| row.kinds.contains(&kind)))
        .filter(|row| level.is_none_or(|level| row.level == Some(level)))
        .collect();
    print(|out| match arguments.format {
        ListFormat::Text => write_text(&rows, out),
        ListFormat::Json => write_json(&rows, out),
    })?;
    Ok(0)
}

/// A check or a scenario.
#[derive(Serialize)]
struct Row {
    id: &'static str,
    /// The strongest level of a check, over all versions of the SPEC.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    /// The kinds of plugin that it is for.
    kinds: &'static [Kind],
    /// The claim of a check, the title of a scenario.
    about: &'static str,
}

impl Row {
    fn of_check(check: &'static Check) -> Self {
        Self {
            id: check.id,
            level: check.strongest_level(),
            kinds: check.binds,
            about: check.claim,
        }
    }

    fn of_scenario(scenario: &'static Scenario) -> Self {
        Self {
            id: scenario.id.as_str(),
            level: None,
            kinds: scenario.kinds,
            about: scenario.title,
        }
    }

    fn level(&self) -> &'static str {
        self.level.map_or("", Level::as_str)
    }

    fn kinds(&self) -> String {
        let kinds = self.kinds.iter().map(|kind| kind.as_str());
        kinds.collect::<Vec<_>>().join(" ")
    }
}

fn write_text(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let width = |text: &dyn Fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or(0);
    let (ids, levels, kinds) = (
        width(&|row| row.id.len()),
        width(&|row| row.level().len()),
        width(&|row| row.kinds().len()),
    );
    let gap = if levels == 0 { "" } else { "  " };
    rows.iter().try_for_each(|row| {
        writeln!(
            out,
            "{:<ids$}  {:<levels$}{gap}{:<kinds$}  {}",
            row.id,
            row.level(),
            row.kinds(),
            row.about
        )
    })
}
