//! A finding as a folder: the case, the violation, the clause, and a script that reproduces it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::executor::{Mode, Outcome, Request};
use super::oracle::Violation;
use super::pool::Pool;
use super::repro;
use crate::check::{self, Check};
use crate::error::HarnessError;
use crate::subject::Subject;
use crate::transcript::Transcript;

/// The form of `finding.json`.
const SCHEMA: &str = "cnispec.finding.v1";

/// The name of the file that makes a folder a finding.
pub const FILE: &str = "finding.json";

/// How often a finding is replayed before it is reported.
pub const REPLAYS: u32 = 3;

/// A claim that a plugin breaks, and the smallest course of calls known to show it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The form of this document.
    pub schema: String,
    /// The broken claim.
    pub broken: Violation,
    /// The clause: where to read it, and its words.
    pub clause: ClauseQuote,
    /// The case.
    pub case: Case,
    /// How it must be done.
    pub how: Mode,
    /// The deadline of one call, in milliseconds.
    pub timeout_ms: u64,
    /// Violations of disputed clauses count.
    pub strict: bool,
    /// How often it showed when it was tried again in new labs.
    pub replayed: u32,
    /// How often it was tried again: less often where there was no time left.
    #[serde(default)]
    pub tried: u32,
    /// How long it took to find, in milliseconds.
    pub found_after_ms: u64,
    /// Whom it was found in, and in which network.
    pub subject: Subject,
}

/// A clause, quoted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClauseQuote {
    /// Its place in the SPEC.
    pub url: String,
    /// Its words.
    pub quote: String,
}

impl ClauseQuote {
    fn of(broken: &Violation) -> Self {
        let clause = check::find(&broken.check).and_then(|check| check.clause(broken.spec_version));
        clause.map_or_else(Self::default, |clause| Self {
            url: clause.url(broken.spec_version),
            quote: clause.quote.to_owned(),
        })
    }
}

impl Finding {
    /// A finding that was not tried again yet.
    pub fn new(subject: &Subject, broken: Violation, case: Case, how: Mode) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            clause: ClauseQuote::of(&broken),
            broken,
            case,
            how,
            timeout_ms: 0,
            strict: false,
            replayed: 0,
            tried: 0,
            found_after_ms: 0,
            subject: subject.clone(),
        }
    }

    /// The check that it breaks.
    pub fn check(&self) -> Option<&'static Check> {
        check::find(&self.broken.check)
    }

    /// Returns true if it reproduced on every attempt.
    pub fn is_sure(&self) -> bool {
        self.replayed == self.tried
    }

    /// Returns true if it is what the calls have left behind, rather than what one of them did.
    pub fn is_about_residue(&self) -> bool {
        matches!(self.how, Mode::Twice)
    }

    /// A name for its folder that no other finding of the plugin has.
    pub fn name(&self) -> String {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.broken.signature.hash(&mut hasher);
        format!("{}-{:08x}", self.broken.check, hasher.finish() >> 32)
    }

    /// Does it again in a new lab: what happened, and how the claim was broken, if it was.
    pub fn replay(
        &self,
        pool: &Pool<'_>,
    ) -> Result<(Option<Transcript>, Option<Violation>), HarnessError> {
        let how = match self.how {
            Mode::Once | Mode::Recorded => Mode::Recorded,
            Mode::Twice => Mode::Twice,
        };
        let request = Request {
            case: self.case.clone(),
            how,
        };
        let outcome: Outcome = pool.ask_afresh(&request)?;
        let mut broken: Vec<Violation> = outcome.broken;
        broken.retain(|broken| broken.check == self.broken.check);
        let same = broken
            .iter()
            .position(|broken| broken.signature == self.broken.signature);
        let broken = match same {
            Some(index) => Some(broken.swap_remove(index)),
            None => broken.into_iter().next(),
        };
        Ok((outcome.transcript.map(|transcript| *transcript), broken))
    }

    /// Writes the folder, below `directory`. Returns its path.
    pub fn write(&self, directory: &Path, transcript: Option<&Transcript>) -> io::Result<PathBuf> {
        let folder = directory.join(self.name());
        fs::create_dir_all(&folder)?;
        let write = |name: &str, content: &[u8]| fs::write(folder.join(name), content);
        write(FILE, &pretty(self)?)?;
        if let Some(transcript) = transcript {
            write("transcript.json", &pretty(transcript)?)?;
            for (name, content) in repro::inputs(self, transcript) {
                write(&name, &content)?;
            }
            write("repro.sh", repro::script(self, transcript).as_bytes())?;
        }
        Ok(folder)
    }

    /// Reads a folder, or its `finding.json`.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = if path.is_dir() {
            path.join(FILE)
        } else {
            path.to_owned()
        };
        let finding: Self = serde_json::from_slice(&fs::read(file)?)?;
        if finding.schema == SCHEMA {
            Ok(finding)
        } else {
            let what = format!("its `schema` is `{}`, not `{SCHEMA}`", finding.schema);
            Err(io::Error::new(io::ErrorKind::InvalidData, what))
        }
    }
}

fn pretty(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}
