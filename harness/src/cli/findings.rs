//! Replays findings of the fuzzer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use super::print;
use crate::engine::Settings;
use crate::error::HarnessError;
use crate::fuzz::finding::{FILE, Finding};
use crate::fuzz::pool::Pool;
use crate::fuzz::report;
use crate::subject::{EMBEDDED_PTP, Subject};

/// How long a call may take at least: what is judged is not the machine's speed.
const DEADLINE: Duration = Duration::from_secs(10);

/// The finding in a folder.
pub(super) fn finding(path: &Path) -> Result<u8, Failure> {
    let finding = read(path)?;
    let (transcript, broken) = finding.replay(&pool(&finding)?)?;
    print(|out| match &broken {
        Some(broken) => {
            let now = Finding {
                broken: broken.clone(),
                ..finding.clone()
            };
            report::finding(out, &now, transcript.as_ref(), Some(path))?;
            writeln!(out, "it still reproduces")
        }
        None => writeln!(
            out,
            "{} does not reproduce any more: {}",
            finding.name(),
            finding.broken.check
        ),
    })?;
    Ok(u8::from(broken.is_some()))
}

/// Every finding below a directory, tried on another plugin or another version of the same.
pub(super) fn directory(directory: &Path, subject: &Subject) -> Result<u8, Failure> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(directory)
        .map_err(|error| unreadable(directory, &error))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(FILE).exists())
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(Failure::usage(format!(
            "`{}` holds no findings\nhint: give a directory that `cnispec fuzz --findings` has written",
            directory.display()
        )));
    }
    let mut shown = 0_usize;
    for folder in &folders {
        let mut finding = read(folder)?;
        finding.subject.path.clone_from(&subject.path);
        finding.subject.sha256.clone_from(&subject.sha256);
        let (transcript, broken) = finding.replay(&pool(&finding)?)?;
        shown += usize::from(broken.is_some());
        print(|out| match broken {
            Some(broken) => {
                finding.broken = broken;
                report::finding(out, &finding, transcript.as_ref(), Some(folder))
            }
            None => writeln!(out, "does not show: {}", finding.name()),
        })?;
    }
    print(|out| writeln!(out, "{shown} of {} findings show", folders.len()))?;
    Ok(u8::from(shown > 0))
}

fn read(path: &Path) -> Result<Finding, Failure> {
    let finding = Finding::read(path).map_err(|error| unreadable(path, &error))?;
    let plugin = &finding.subject.path;
    if plugin != Path::new(EMBEDDED_PTP) && !plugin.exists() {
        return Err(Failure::usage(format!(
            "the plugin `{}` of the finding is not there\nhint: `cnispec test PLUGIN --replay DIR` tries findings on another file",
            plugin.display()
        )));
    }
    Ok(finding)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!(
        "`{}` is no finding: {error}\nhint: give a folder that `cnispec fuzz --findings` has written",
        path.display()
    ))
}

fn pool(finding: &Finding) -> Result<Pool<'_>, HarnessError> {
    let settings = Settings {
        jobs: 1,
        seed: 0,
        timeout: DEADLINE.max(Duration::from_millis(finding.timeout_ms)),
    };
    Pool::new(&finding.subject, &settings, finding.strict)
}
