//! `cnispec validate`: what is wrong in network configurations, before a runtime finds out.

use std::path::{Path, PathBuf};

use super::arguments::ValidateArguments;
use super::doctor::PLUGIN_DIRECTORIES;
use super::failure::{Failure, USAGE};
use super::print;
use crate::report::visible;
use crate::runner::configurations;
use crate::validate::{self, Lookup, Problem, Severity};

pub(super) fn run(arguments: &ValidateArguments) -> Result<u8, Failure> {
    let lookup = Lookup {
        directories: match arguments.directories() {
            given if given.is_empty() => installed(),
            given => given,
        },
        given: Vec::new(),
    };
    let mut files = Vec::new();
    for path in &arguments.config {
        match path.is_dir() {
            true => files.extend(configurations(path)?),
            false => files.push(path.clone()),
        }
    }
    let problems: Vec<Vec<Problem>> = files
        .iter()
        .map(|file| validate::file(file, &lookup))
        .collect();
    print(|out| {
        for (file, problems) in files.iter().zip(&problems) {
            if problems.is_empty() {
                writeln!(out, "{}: ok", visible(&file.display().to_string()))?;
            }
            for problem in problems {
                let text = problem.to_string();
                let lines: Vec<String> = text.split('\n').map(visible).collect();
                writeln!(out, "{}", lines.join("\n"))?;
            }
        }
        Ok(())
    })?;
    let is_wrong = |problem: &Problem| problem.severity == Severity::Error;
    Ok(match problems.iter().flatten().any(is_wrong) {
        true => USAGE,
        false => 0,
    })
}

/// Where plugins are looked for if nobody says: CNI_PATH, or where they are usually installed.
fn installed() -> Vec<PathBuf> {
    match std::env::var_os("CNI_PATH") {
        Some(path) if !path.is_empty() => std::env::split_paths(&path).collect(),
        _ => PLUGIN_DIRECTORIES
            .iter()
            .map(PathBuf::from)
            .filter(|path| Path::is_dir(path))
            .collect(),
    }
}
