//! A run of the fuzzer for people.

use std::io::{self, Write};
use std::path::Path;

use super::campaign::CampaignResult;
use super::finding::Finding;
use super::tally::{Tally, percent};
use crate::report::{shell_quote, visible, visible_bytes};
use crate::subject::Subject;
use crate::transcript::{Bytes, Step, Transcript};

/// The most bytes of one output that are shown.
const SHOWN: usize = 400;

/// The share of inputs rejected at decoding from which on a run says little, in percent.
const LITTLE: u64 = 90;

/// How far a run has come, in a line.
pub fn progress(tally: &Tally) -> String {
    format!(
        "{:>3} s  {:<10}  {} calls, {:.0} a second  {} % past decoding  {} found",
        tally.elapsed.as_secs(),
        tally.phase.to_string(),
        tally.executions,
        tally.rate(),
        tally.percent_decoded(),
        tally.found,
    )
}

/// One finding.
pub fn finding(
    out: &mut dyn Write,
    finding: &Finding,
    transcript: Option<&Transcript>,
    folder: Option<&Path>,
) -> io::Result<()> {
    let broken = &finding.broken;
    let level = broken.level.as_str();
    writeln!(
        out,
        "finding: {} ({level}, {})",
        broken.check, broken.spec_version
    )?;
    if let Some(check) = finding.check() {
        writeln!(out, "  claim     {}", check.claim)?;
    }
    writeln!(out, "  clause    \"{}\"", finding.clause.quote)?;
    writeln!(out, "            {}", finding.clause.url)?;
    for expected in &broken.expected {
        writeln!(out, "  expected  {}", visible(expected))?;
    }
    writeln!(out, "  actual    {}", visible(&broken.actual))?;
    for (index, invocation) in finding.case.invocations.iter().enumerate() {
        writeln!(
            out,
            "  call {}    {} {}",
            index + 1,
            invocation.operation.as_str(),
            short(&invocation.stdin)
        )?;
        for (name, value) in &invocation.env {
            match value {
                Some(value) => writeln!(out, "            {name}={}", short(value))?,
                None => writeln!(out, "            {name} is not set")?,
            }
        }
        if let Some(reply) = &invocation.delegate {
            writeln!(
                out,
                "            its IPAM plugin answers, with status {}: {}",
                reply.status,
                short(&reply.stdout)
            )?;
        }
    }
    let step = broken.step.and_then(|step| transcript?.steps.get(step));
    if let Some(Step::Call(call)) = step {
        writeln!(out, "  outcome   {}", visible(&call.outcome()))?;
        for (name, stream) in [("stdout", &call.stdout), ("stderr", &call.stderr)] {
            if !stream.is_blank() {
                writeln!(out, "  {name}    {}", short(stream))?;
            }
        }
    }
    match folder {
        Some(folder) => {
            let folder = shell_quote(&folder.to_string_lossy());
            writeln!(
                out,
                "  replay    cnispec replay {folder}   ({})\n",
                match finding.tried {
                    0 => shown_again(finding),
                    _ => format!("shown {}", shown_again(finding)),
                }
            )
        }
        None => writeln!(out, "  replayed  {}\n", shown_again(finding)),
    }
}

fn shown_again(finding: &Finding) -> String {
    match finding.tried {
        0 => "not tried again, since there was no time left".to_owned(),
        tried => format!("{} times of {tried}", finding.replayed),
    }
}

fn short(bytes: &Bytes) -> String {
    let shown = visible_bytes(&Bytes(bytes.0.iter().copied().take(SHOWN).collect()));
    match bytes.0.len() {
        length if length > SHOWN => format!("{shown}… ({length} bytes)"),
        _ => shown,
    }
}

/// Writes the summary: what was done, and the findings.
pub fn summary(
    out: &mut dyn Write,
    subject: &Subject,
    found: &CampaignResult,
    sure: usize,
    fleeting: &[&Finding],
) -> io::Result<()> {
    let tally = &found.tally;
    for finding in fleeting {
        writeln!(
            out,
            "not counted: {} showed again {} times of {}: {}",
            finding.broken.check,
            finding.replayed,
            finding.tried,
            visible(&finding.broken.actual)
        )?;
    }
    writeln!(
        out,
        "{}: {} calls in {} cases, {:.0} a second for {} s, in {} labs",
        visible(&subject.plugin_type),
        tally.executions,
        tally.cases,
        tally.rate(),
        found.elapsed.as_secs(),
        found.labs,
    )?;
    let past = tally.percent_decoded();
    writeln!(
        out,
        "  {} kinds of behaviour; {past} % of inputs got past decoding, {} % succeeded",
        found.behaviours,
        percent(tally.succeeded, tally.cases),
    )?;
    if 100 - past >= LITTLE {
        writeln!(
            out,
            "  warning: {} % of inputs were rejected at decoding: this run says little about what comes after",
            100 - past
        )?;
    }
    if tally.succeeded == 0 {
        writeln!(
            out,
            "  warning: no call succeeded: is the network configuration one that the plugin can use?"
        )?;
    }
    if subject.ipam_type().is_some() && tally.asked_ipam == 0 {
        writeln!(out, "  warning: no execution reached the IPAM plugin")?;
    }
    match sure {
        0 => writeln!(out, "nothing found"),
        1 => writeln!(out, "1 finding"),
        count => writeln!(out, "{count} findings"),
    }
}
