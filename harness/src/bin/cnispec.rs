//! The command `cnispec`, and every plugin and command that it carries: the name it is called by decides.

use std::path::Path;
use std::process::ExitCode;

use cnispec::bench::stopwatch::Stopwatch;
use cnispec::bench::trace;
use cnispec::fuzz::executor::Executor;
use cnispec::runner::session::Servant;
use cnispec::runner::{session, worker};
use cnispec::{cli, cnitool, scripted, wrapper};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let name = Path::new(&program)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // The recording plugin stands in for another under the other's name.
    if let Some(status) = scripted::recorder::main() {
        return status;
    }
    match name.as_str() {
        "ptp" => return cni_skel::main(cni_reference::ptp::Ptp),
        "host-local" => return cni_skel::main(cni_reference::host_local::HostLocal),
        "planted" => return scripted::planted::main(),
        "cnitool" => return cnitool::main(arguments),
        // What stands behind the dot is the fault that it commits.
        name if name.split('.').next() == Some("scripted") => return scripted::main(),
        name if name.split('.').next() == Some("scripted-runtime") => {
            return scripted::runtime::main(arguments);
        }
        name if name.split('.').next() == Some("wrapper") => return wrapper::main(name),
        _ => {}
    }
    match arguments.next() {
        Some(word) if word == worker::INIT => worker::init(),
        Some(word) if word == Executor::WORD => session::init::<Executor>(),
        Some(word) if word == Stopwatch::WORD => session::init::<Stopwatch>(),
        Some(word) if word == trace::TRACED => trace::traced(),
        _ => cli::main(),
    }
}
