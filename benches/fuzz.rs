//! Executions per second of the fuzzer against a bare loop that spawns the same plugin with the same input,
//! for calls that change nothing. Interleaved block by block, so that other load affects both equally.
//!
//! `cargo bench -p cnispec --bench fuzz -- PLUGIN…`

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use cni_reference::host_local::HostLocal;
use cni_reference::ptp::Ptp;
use cni_types::Operation;
use cnispec::HarnessError;
use cnispec::internal::{
    Case, Executor, Handler, Invocation, Mode, Pool, Request, Settings, Subject, recorder,
    requests, session,
};

const BLOCKS: usize = 12;
const BLOCK: usize = 80;

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let program = PathBuf::from(arguments.next().unwrap_or_default());
    // In the labs, this program is what they carry.
    if let Some(status) = recorder::main() {
        return status;
    }
    match program.file_name().and_then(OsStr::to_str) {
        Some("ptp") => return cni_skel::main(Ptp),
        Some("host-local") => return cni_skel::main(HostLocal),
        _ => {}
    }
    let arguments: Vec<String> = arguments.collect();
    if arguments.first().is_some_and(|word| word == Executor::WORD) {
        return session::init::<Executor>();
    }
    let mut plugins: Vec<PathBuf> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .map(PathBuf::from)
        .collect();
    if plugins.is_empty() {
        plugins.push(PathBuf::from(env!("CARGO_BIN_EXE_ptp")));
    }
    for plugin in plugins {
        if let Err(error) = compare(&plugin) {
            eprintln!("{}: {error}", plugin.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn compare(plugin: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let subject = Subject::new(Some(plugin), None, None, Vec::new())?;
    let settings = Settings {
        jobs: 1,
        seed: 1,
        timeout: Duration::from_secs(20),
    };
    let pool = Pool::new(&subject, &settings, false)?;
    let version = Invocation::new(Operation::Version, br#"{"cniVersion":"1.0.0"}"#.to_vec());
    let rejected = Invocation::new(
        Operation::Add,
        br#"{"cniVersion":"1.0.0","name":5}"#.to_vec(),
    );
    for (what, invocation) in [("VERSION", version), ("a rejected ADD", rejected)] {
        let cases = vec![Case::of(invocation.clone()); BLOCK];
        let requests = requests(&cases, Mode::Once);
        ask(&pool, requests[..8].to_vec())?;
        let mut ratios = Vec::new();
        let (mut ours, mut bare) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..BLOCKS {
            let block = requests.clone();
            let started = Instant::now();
            ask(&pool, block)?;
            let block = started.elapsed();
            let started = Instant::now();
            for _ in 0..BLOCK {
                spawn(plugin, &invocation)?;
            }
            let block_bare = started.elapsed();
            ratios.push(block_bare.as_secs_f64() / block.as_secs_f64());
            ours += block;
            bare += block_bare;
        }
        ratios.sort_by(f64::total_cmp);
        let rate = |time: Duration| {
            f64::from(u32::try_from(BLOCKS * BLOCK).unwrap_or(0)) / time.as_secs_f64()
        };
        println!(
            "{} {what}: {:.0} a second, bare {:.0} a second; ratio {:.2} (quartiles {:.2} to {:.2}), {} labs",
            plugin.display(),
            rate(ours),
            rate(bare),
            ratios[BLOCKS / 2],
            ratios[BLOCKS / 4],
            ratios[BLOCKS * 3 / 4],
            pool.labs_made(),
        );
    }
    Ok(())
}

fn ask(pool: &Pool<'_>, requests: Vec<Request>) -> Result<(), HarnessError> {
    pool.answer(
        None,
        |_, _| {},
        |queue| {
            queue.put(requests);
            queue.next().map(drop)
        },
    )
}

fn spawn(plugin: &Path, invocation: &Invocation) -> std::io::Result<()> {
    let mut child = Command::new(plugin)
        .env_clear()
        .env("CNI_COMMAND", invocation.operation.as_str())
        .env("CNI_CONTAINERID", "c")
        .env("CNI_NETNS", "/run/netns/none")
        .env("CNI_IFNAME", "eth0")
        .env("CNI_PATH", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A plugin may end without reading.
        let _ = stdin.write_all(&invocation.stdin.0);
    }
    child.wait().map(drop)
}
