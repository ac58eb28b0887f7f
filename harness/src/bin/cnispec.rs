//! The command `cnispec`, and every plugin and command that it carries: the name it is called by decides.

use std::path::Path;
use std::process::ExitCode;

use cnispec::internal::{
    Executor, Handler, Server, cnispec_main, cnitool_main, planted, recorder, scripted_main,
    scripted_runtime, session, tracer, worker, wrapper_main,
};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let name = Path::new(&program)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // The recording plugin stands in for another under the other's name.
    if let Some(status) = recorder::main() {
        return status;
    }
    match name.as_str() {
        "ptp" => return cni_skel::main(cni_reference::ptp::Ptp),
        "host-local" => return cni_skel::main(cni_reference::host_local::HostLocal),
        "planted" => return planted::main(),
        "cnitool" => return cnitool_main(arguments),
        // The part behind the dot names the fault to commit.
        name if name.split('.').next() == Some("scripted") => return scripted_main(),
        name if name.split('.').next() == Some("scripted-runtime") => {
            return scripted_runtime::main(arguments);
        }
        name if name.split('.').next() == Some("wrapper") => return wrapper_main(name),
        _ => {}
    }
    match arguments.next() {
        Some(word) if word == worker::INIT => worker::init(),
        Some(word) if word == Executor::WORD => session::init::<Executor>(),
        Some(word) if word == Server::WORD => session::init::<Server>(),
        Some(word) if word == tracer::TRACED => tracer::traced(),
        _ => cnispec_main(),
    }
}
