//! Known failures: read for a run, and `cnispec expect update`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use similar::{ChangeTag, TextDiff};

use super::arguments::{ExpectArguments, ExpectCommand};
use super::failure::Failure;
use super::{print, settings, stored, target};
use crate::regression::{ExpectationError, Expectations, Known};
use crate::report::{Report, visible};
use crate::{check, scenario};

/// The file that is written where none is named.
const FILE: &str = "cnispec.expect.toml";

/// The known failures of a run, from the file that was named for it.
pub(super) struct Expected {
    path: PathBuf,
    expectations: Expectations,
}

impl Expected {
    /// Reads the file; nothing in it may be a mistake.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = stored::text(path, "file of expectations")?;
        let expectations = with_known(|known| Expectations::parse(&text, known))
            .map_err(|error| mistake(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            expectations,
        })
    }

    /// Marks what is known in these reports of one run. The answer is for after the reports are written.
    pub fn apply(&self, reports: &mut [Report]) -> Result<(), Failure> {
        with_known(|known| self.expectations.apply(reports, known))
            .map_err(|error| mistake(&self.path, &error))
    }
}

fn mistake(path: &Path, error: &ExpectationError) -> Failure {
    Failure::usage(format!("`{}`, {error}", path.display()))
}

fn with_known<T>(run: impl FnOnce(Known<'_>) -> T) -> T {
    let checks: Vec<&str> = check::catalogue().iter().map(|check| check.id).collect();
    let scenarios: Vec<&str> = scenario::all()
        .iter()
        .map(|scenario| scenario.id.as_str())
        .collect();
    run(Known {
        checks: &checks,
        scenarios: &scenarios,
    })
}

pub(super) fn run(arguments: &ExpectArguments) -> Result<u8, Failure> {
    let ExpectCommand::Update { report, expect } = &arguments.command;
    let document = stored::read(report)?;
    let path = match expect {
        Some(path) => path.clone(),
        None => settings::expectations()?.unwrap_or_else(|| PathBuf::from(FILE)),
    };
    let before = if path.exists() {
        stored::text(&path, "file of expectations")?
    } else {
        String::new()
    };
    let expectations = with_known(|known| Expectations::parse(&before, known))
        .map_err(|error| mistake(&path, &error))?;
    let after = with_known(|known| expectations.updated(document.reports(), known));
    // A file that says so is easier to understand than one that is not there.
    let after = match after.is_empty() {
        true => "# No failure of the plugin is known.\n".to_owned(),
        false => after,
    };
    if before == after {
        print(|out| {
            writeln!(
                out,
                "`{}` is up to date",
                visible(&path.display().to_string())
            )
        })?;
        return Ok(0);
    }
    target::write(Some(&path), |out| out.write_all(after.as_bytes()))?;
    print(|out| write_difference(&before, &after, out))?;
    eprintln!(
        "hint: give every new entry in `{}` its own reason and link",
        path.display()
    );
    Ok(0)
}

fn write_difference(before: &str, after: &str, out: &mut dyn Write) -> io::Result<()> {
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => continue,
        };
        writeln!(out, "{sign} {}", visible(change.value().trim_end()))?;
    }
    Ok(())
}
