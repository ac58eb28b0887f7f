use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use cni_types::{CniError, Operation, Version};
use serde_json::{Value, json};

use crate::{Env, Plugin, code, request};

/// Runs one call of `plugin` (section 2) and returns the exit status: 0, or 1 with an error of section 5 on `stdout`.
pub fn run(
    plugin: &impl Plugin,
    env: &dyn Env,
    mut stdin: impl Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    let mut input = Vec::new();
    let answer = match stdin.read_to_end(&mut input) {
        Ok(_) => catch_unwind(AssertUnwindSafe(|| answer(plugin, env, &input)))
            .unwrap_or_else(|_| Err(panicked())),
        Err(e) => {
            Err(CniError::new(code::IO_FAILURE, "stdin cannot be read").with_details(e.to_string()))
        }
    };
    let exit = u8::from(answer.is_err());
    let document = match answer {
        Ok(None) => return exit,
        Ok(Some(document)) => document,
        Err(error) => error.to_value(request::version_in_use(&input, plugin.supported_versions())),
    };
    match writeln!(stdout, "{document}").and_then(|()| stdout.flush()) {
        Ok(()) => exit,
        Err(e) => {
            // Nobody is left to tell but the log; and should that fail too, nobody at all.
            let _ = writeln!(stderr, "stdout cannot be written: {e}");
            1
        }
    }
}

/// The document to print, if the operation has one.
fn answer<P: Plugin>(plugin: &P, env: &dyn Env, input: &[u8]) -> Result<Option<Value>, CniError> {
    let supported = plugin.supported_versions();
    match request::operation(env)? {
        Operation::Add => {
            let call = request::call(Operation::Add, env, input, supported)?;
            let result = plugin.add(&call)?;
            Ok(Some(result.to_value(call.network.version)?))
        }
        Operation::Check => plugin
            .check(&request::call(Operation::Check, env, input, supported)?)
            .map(|()| None),
        Operation::Del => plugin
            .del(&request::call(Operation::Del, env, input, supported)?)
            .map(|()| None),
        Operation::Gc => plugin
            .gc(&request::gc(env, input, supported)?)
            .map(|()| None),
        Operation::Status => plugin
            .status(&request::network(Operation::Status, env, input, supported)?)
            .map(|()| None),
        Operation::Version => version_document(input, supported).map(Some),
        newer => {
            let msg = format!("{newer} is not supported");
            Err(CniError::new(code::INVALID_ENVIRONMENT, msg))
        }
    }
}

fn version_document(input: &[u8], supported: &[Version]) -> Result<Value, CniError> {
    let names: Vec<String> = supported.iter().map(Version::to_string).collect();
    Ok(
        json!({ "cniVersion": request::asked_version(input, supported)?, "supportedVersions": names }),
    )
}

fn panicked() -> CniError {
    CniError::new(code::INTERNAL, "the plugin panicked")
        .with_details("this is a defect of the plugin; stderr says where")
}
