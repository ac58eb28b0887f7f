use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use cni_types::{AddResult, CniError};
use serde_json::Value;

use crate::{Network, code};

/// The least capacity of a pipe. A longer configuration is written while the answer is read.
const PIPE_CAPACITY: usize = 4096;

/// A delegated plugin (section 4): executed with the same environment, and the complete configuration on stdin.
pub struct Delegate<'a> {
    network: &'a Network<'a>,
    plugin: String,
    path: PathBuf,
}

impl<'a> Delegate<'a> {
    /// Looks the plugin up in `CNI_PATH`. A `type` that leads out of those directories is refused (code 7), and so is
    /// the name of this program: with the same configuration it would call itself without end.
    pub fn find(network: &'a Network<'a>, plugin: &str) -> Result<Self, CniError> {
        if plugin.is_empty() || plugin.contains(['/', '\0']) || matches!(plugin, "." | "..") {
            let msg =
                format!("invalid network configuration: `{plugin}` is not the name of a plugin");
            return Err(CniError::new(code::INVALID_CONFIG, msg));
        }
        if own_name().is_some_and(|own| own == plugin) {
            let msg =
                format!("invalid network configuration: `{plugin}` cannot delegate to itself");
            return Err(CniError::new(code::INVALID_CONFIG, msg));
        }
        let Some(dirs) = network.env.get("CNI_PATH").filter(|dirs| !dirs.is_empty()) else {
            let msg = format!(
                "`CNI_PATH` is missing, so the delegated plugin `{plugin}` cannot be found"
            );
            return Err(CniError::new(code::INVALID_ENVIRONMENT, msg));
        };
        let found = std::env::split_paths(&dirs)
            .filter(|dir| !dir.as_os_str().is_empty())
            .map(|dir| dir.join(plugin))
            .find(|path| is_executable(path));
        match found {
            Some(path) => Ok(Self {
                network,
                plugin: plugin.to_owned(),
                path,
            }),
            None => {
                let msg = format!("delegated plugin `{plugin}` not found");
                let details = format!(
                    "no executable of this name in `CNI_PATH`: {}",
                    dirs.to_string_lossy()
                );
                Err(CniError::new(code::INTERNAL, msg).with_details(details))
            }
        }
    }

    /// ADD of the delegate, and its result.
    pub fn add(&self) -> Result<AddResult, CniError> {
        let answer = self.exec("ADD")?;
        let malformed = |what: String| {
            CniError::new(
                code::DECODING_FAILURE,
                format!("delegated plugin `{}` returned no result", self.plugin),
            )
            .with_details(what)
        };
        let document: Value =
            serde_json::from_slice(&answer).map_err(|e| malformed(e.to_string()))?;
        self.network
            .result(&document)
            .map_err(|e| malformed(e.to_string()))
    }

    /// CHECK of the delegate.
    pub fn check(&self) -> Result<(), CniError> {
        self.exec("CHECK").map(drop)
    }

    /// DEL of the delegate.
    pub fn del(&self) -> Result<(), CniError> {
        self.exec("DEL").map(drop)
    }

    /// GC of the delegate.
    pub fn gc(&self) -> Result<(), CniError> {
        self.exec("GC").map(drop)
    }

    /// STATUS of the delegate.
    pub fn status(&self) -> Result<(), CniError> {
        self.exec("STATUS").map(drop)
    }

    fn exec(&self, operation: &str) -> Result<Vec<u8>, CniError> {
        let child = Command::new(&self.path)
            .env_clear()
            .envs(self.network.env.all())
            .env("CNI_COMMAND", operation)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        let output = child
            .and_then(|child| converse(child, self.network.bytes))
            .map_err(|e| {
                self.failure(
                    operation,
                    format!("cannot execute {}: {e}", self.path.display()),
                )
            })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        // The delegate's own words, if it has any.
        Err(CniError::from_slice(&output.stdout).unwrap_or_else(|| {
            let said = String::from_utf8_lossy(&output.stdout);
            self.failure(
                operation,
                format!("{}, stdout: {}", output.status, said.trim()),
            )
        }))
    }

    fn failure(&self, operation: &str, details: String) -> CniError {
        CniError::new(
            code::INTERNAL,
            format!("{operation} of delegated plugin `{}` failed", self.plugin),
        )
        .with_details(details)
    }
}

/// ADD with IPAM (section 4): ADD of the delegate, then `work` on its result. If either fails, DEL of the delegate.
pub fn add_with_ipam(
    network: &Network<'_>,
    plugin: &str,
    work: impl FnOnce(AddResult) -> Result<AddResult, CniError>,
) -> Result<AddResult, CniError> {
    let ipam = Delegate::find(network, plugin)?;
    let added = ipam.add().and_then(work);
    if added.is_err()
        && let Err(error) = ipam.del()
    {
        // The reason of the failure goes to the runtime unaltered, so this can only be logged.
        eprintln!("DEL of delegated plugin `{plugin}` failed after a failed ADD: {error}");
    }
    added
}

/// The name that this program was called by.
fn own_name() -> Option<OsString> {
    let program = std::env::args_os().next()?;
    Path::new(&program).file_name().map(OsStr::to_owned)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn converse(mut child: Child, input: &[u8]) -> std::io::Result<Output> {
    let stdin = child.stdin.take();
    let write = move || match stdin.map(|mut pipe| pipe.write_all(input)) {
        // A delegate may answer without reading.
        Some(Err(e)) if e.kind() != ErrorKind::BrokenPipe => Err(e),
        _ => Ok(()),
    };
    if input.len() <= PIPE_CAPACITY {
        write()?;
        return child.wait_with_output();
    }
    std::thread::scope(|scope| {
        let writer = scope.spawn(write);
        let output = child.wait_with_output();
        writer.join().unwrap_or(Ok(()))?;
        output
    })
}
