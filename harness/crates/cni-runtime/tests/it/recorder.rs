//! Plugins that are only scripted: every call is recorded, and answered as told.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use cni_runtime::{CallEnv, Exec, ExecError, Exit, FindError, Runtime, RuntimeConf, find_in_path};
use cni_types::NetworkConfigList;
use serde_json::{Value, json};

/// One call as a plugin sees it.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub plugin: String,
    pub operation: String,
    pub stdin: Value,
    pub env: Vec<(String, String)>,
}

impl Recorded {
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// As in `ADD bridge`.
    pub fn title(&self) -> String {
        format!("{} {}", self.operation, self.plugin)
    }
}

type Answer = dyn Fn(&Recorded) -> Result<Vec<u8>, ExecError>;

/// Stands for every plugin there is.
pub struct Recorder {
    calls: RefCell<Vec<Recorded>>,
    answer: Box<Answer>,
}

impl Recorder {
    pub fn answering(answer: impl Fn(&Recorded) -> Result<Vec<u8>, ExecError> + 'static) -> Self {
        Self {
            calls: RefCell::default(),
            answer: Box::new(answer),
        }
    }

    /// ADD returns a result that names the plugin, VERSION every version; everything else succeeds.
    pub fn good() -> Self {
        Self::answering(|call| Ok(good_answer(call)))
    }

    pub fn calls(&self) -> Vec<Recorded> {
        self.calls.borrow().clone()
    }

    pub fn titles(&self) -> Vec<String> {
        self.calls.borrow().iter().map(Recorded::title).collect()
    }

    pub fn forget(&self) {
        self.calls.borrow_mut().clear();
    }
}

impl Exec for Recorder {
    fn find_in_path(
        &self,
        plugin_type: &str,
        plugin_dirs: &[PathBuf],
    ) -> Result<PathBuf, FindError> {
        match plugin_type {
            "missing" => find_in_path(plugin_type, &["/dev/null".into()]),
            _ => Ok(plugin_dirs[0].join(plugin_type)),
        }
    }

    fn exec(&self, plugin: &Path, stdin: &[u8], env: &CallEnv) -> Result<Vec<u8>, ExecError> {
        let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
        let call = Recorded {
            plugin: text(plugin.file_name().unwrap()),
            operation: text(env.get("CNI_COMMAND").unwrap()),
            stdin: serde_json::from_slice(stdin).unwrap(),
            env: env
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        };
        self.calls.borrow_mut().push(call.clone());
        (self.answer)(&call)
    }
}

pub fn good_answer(call: &Recorded) -> Vec<u8> {
    let answer = match call.operation.as_str() {
        "ADD" => {
            json!({ "cniVersion": call.stdin["cniVersion"], "dns": { "domain": call.plugin }, "own": 1 })
        }
        "VERSION" => {
            json!({ "cniVersion": "1.1.0", "supportedVersions": ["0.4.0", "1.0.0", "1.1.0"] })
        }
        _ => return Vec::new(),
    };
    answer.to_string().into_bytes()
}

pub fn failure(stdout: &str) -> ExecError {
    ExecError::Failed {
        exit: Exit::Code(1),
        stdout: stdout.as_bytes().to_vec(),
        stderr: Vec::new(),
    }
}

/// A network of these plugins.
pub fn network(version: &str, plugins: &[&str]) -> NetworkConfigList {
    let plugins: Vec<Value> = plugins
        .iter()
        .map(|plugin| json!({ "type": plugin }))
        .collect();
    let document = json!({ "cniVersion": version, "name": "net", "plugins": plugins });
    NetworkConfigList::from_value(document).unwrap()
}

pub fn attachment(container_id: &str) -> RuntimeConf {
    RuntimeConf {
        container_id: container_id.to_owned(),
        netns: "/run/netns/n".to_owned(),
        if_name: "eth0".to_owned(),
        ..RuntimeConf::default()
    }
}

pub fn runtime<'e>(exec: &'e dyn Exec, cache: &Path) -> Runtime<'e> {
    Runtime::new(exec, [PathBuf::from("/plugins"), PathBuf::from("/more")])
        .with_cache_dir(cache)
        .with_inherited_env([
            ("PATH".into(), "/bin".into()),
            ("CNI_IFNAME".into(), "inherited".into()),
        ])
}
