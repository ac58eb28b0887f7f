//! Processes that a plugin has left running.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::isolation;
use crate::transcript::Process;

/// How long a process may take to get its command line.
const STARTING: Duration = Duration::from_millis(100);

/// Processes in the lab, other than its first one, which takes leave of those that have ended.
pub fn running() -> io::Result<Vec<Process>> {
    let mut found = Vec::new();
    let processes = isolation::processes();
    for entry in fs::read_dir(&processes)? {
        let name = entry?.file_name();
        let Some(pid) = name
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
            .filter(|pid| *pid != 1)
        else {
            continue;
        };
        if let Some(command) = command_of(&processes.join(pid.to_string())) {
            found.push(Process { pid, command });
        }
    }
    found.sort_by_key(|process| process.pid);
    Ok(found)
}

/// Returns true if plugins have started so many processes that no more may be.
pub fn are_many() -> bool {
    const MANY: usize = 512;
    let listed = fs::read_dir(isolation::processes());
    listed.is_ok_and(|listed| listed.count() > MANY)
}

/// How long a process in the lab has waited for a processor since it was started, at most; zero where the kernel does not say.
pub fn longest_wait_for_a_processor() -> Duration {
    let listed = fs::read_dir(isolation::processes())
        .into_iter()
        .flatten()
        .flatten();
    // The first process takes leave of all others, and lives as long as the lab.
    let listed = listed.filter(|process| process.file_name() != "1");
    let waits = listed.filter_map(|process| {
        let statistics = fs::read_to_string(process.path().join("schedstat")).ok()?;
        statistics.split(' ').nth(1)?.parse().ok()
    });
    waits.max().map_or(Duration::ZERO, Duration::from_nanos)
}

/// The command line of a process, unless it has ended. One that is just starting has none yet.
fn command_of(process: &Path) -> Option<String> {
    let deadline = Instant::now() + STARTING;
    loop {
        let command = fs::read(process.join("cmdline")).ok()?;
        if command.is_empty() && has_ended(process) {
            return None;
        }
        if !command.is_empty() || Instant::now() > deadline {
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            return Some(command.trim_end().to_owned());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// True for a zombie, which waits for its last thread or for its parent.
fn has_ended(process: &Path) -> bool {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    // The name before the state may hold anything, brackets included.
    stat.rsplit(") ")
        .next()
        .is_none_or(|rest| rest.is_empty() || rest.starts_with(['Z', 'X']))
}
