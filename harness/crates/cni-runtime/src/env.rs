use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use cni_types::Operation;

use crate::RuntimeConf;

/// The parameters of section 2. None of them is ever inherited.
const PARAMETERS: [&str; 6] = [
    "CNI_COMMAND",
    "CNI_CONTAINERID",
    "CNI_NETNS",
    "CNI_IFNAME",
    "CNI_ARGS",
    "CNI_PATH",
];

/// The environment of one call: the parameters of section 2, and the rest as the plugin inherits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEnv {
    parameters: Vec<(String, OsString)>,
    inherited: Vec<(OsString, OsString)>,
}

impl CallEnv {
    /// ADD, DEL or CHECK of an attachment: every parameter is set, even to nothing.
    pub fn of_attachment(operation: Operation, rt: &RuntimeConf, plugin_dirs: &[PathBuf]) -> Self {
        Self::empty()
            .with("CNI_COMMAND", operation.as_str())
            .with("CNI_CONTAINERID", &rt.container_id)
            .with("CNI_NETNS", &rt.netns)
            .with("CNI_IFNAME", &rt.if_name)
            .with("CNI_ARGS", cni_args(&rt.args))
            .with("CNI_PATH", cni_path(plugin_dirs))
    }

    /// GC or STATUS of a network, which have no attachment parameters.
    pub fn of_network(operation: Operation, plugin_dirs: &[PathBuf]) -> Self {
        Self::empty()
            .with("CNI_COMMAND", operation.as_str())
            .with("CNI_PATH", cni_path(plugin_dirs))
    }

    /// VERSION. Plugins older than it refuse any call without these parameters, before they look at the operation.
    pub fn of_version() -> Self {
        Self::empty()
            .with("CNI_COMMAND", Operation::Version.as_str())
            .with("CNI_NETNS", "dummy")
            .with("CNI_IFNAME", "dummy")
            .with("CNI_PATH", "dummy")
    }

    /// A delegated plugin's (section 4): the delegating plugin's own, but for the operation.
    pub fn of_delegate(
        operation: Operation,
        own: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut env = Self::empty();
        for (name, value) in own {
            match name.to_str().filter(|name| PARAMETERS.contains(name)) {
                Some(parameter) => env = env.with(parameter, value),
                None => env.inherited.push((name, value)),
            }
        }
        env.with("CNI_COMMAND", operation.as_str())
    }

    fn empty() -> Self {
        Self {
            parameters: Vec::new(),
            inherited: Vec::new(),
        }
    }

    /// Inherits this environment, except CNI parameters.
    #[must_use]
    pub fn inheriting(mut self, inherited: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let is_parameter =
            |name: &OsStr| name.to_str().is_some_and(|name| PARAMETERS.contains(&name));
        self.inherited = inherited
            .into_iter()
            .filter(|(name, _)| !is_parameter(name))
            .collect();
        self
    }

    /// Sets a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.parameters.push((name.to_owned(), value)),
        }
        self
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_os_str())
    }

    /// The parameters alone, in the SPEC's order.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// Every variable, the parameters first.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let inherited = self
            .inherited
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        self.parameters()
            .map(|(name, value)| (OsStr::new(name), value))
            .chain(inherited)
    }
}

/// `CNI_ARGS`: pairs as `A=1;B=2`.
pub fn cni_args(args: &[(String, String)]) -> String {
    let pairs: Vec<String> = args
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(";")
}

/// `CNI_PATH`: directories, separated by colons.
pub fn cni_path(plugin_dirs: &[PathBuf]) -> OsString {
    let dirs: Vec<&OsStr> = plugin_dirs.iter().map(|dir| dir.as_os_str()).collect();
    dirs.join(OsStr::new(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(env: &CallEnv) -> Vec<(String, String)> {
        let text = |text: &OsStr| text.to_str().unwrap().to_owned();
        env.iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn os(name: &str, value: &str) -> (OsString, OsString) {
        (name.into(), value.into())
    }

    #[test]
    fn an_attachment_sets_every_parameter() {
        let rt = RuntimeConf {
            container_id: "c".to_owned(),
            netns: "/n".to_owned(),
            if_name: "eth0".to_owned(),
            args: vec![pair("A", "1"), pair("B", "")],
            ..RuntimeConf::default()
        };
        let env = CallEnv::of_attachment(Operation::Add, &rt, &["/a".into(), "/b".into()])
            .inheriting([
                os("PATH", "/bin"),
                os("CNI_IFNAME", "old"),
                os("CNI_NETNS_OVERRIDE", "1"),
            ]);
        assert_eq!(
            variables(&env),
            [
                pair("CNI_COMMAND", "ADD"),
                pair("CNI_CONTAINERID", "c"),
                pair("CNI_NETNS", "/n"),
                pair("CNI_IFNAME", "eth0"),
                pair("CNI_ARGS", "A=1;B="),
                pair("CNI_PATH", "/a:/b"),
                pair("PATH", "/bin"),
                pair("CNI_NETNS_OVERRIDE", "1"),
            ]
        );
    }

    #[test]
    fn a_network_has_no_attachment_parameters() {
        let env = CallEnv::of_network(Operation::Gc, &["/a".into()])
            .inheriting([os("CNI_CONTAINERID", "c")]);
        assert_eq!(
            variables(&env),
            [pair("CNI_COMMAND", "GC"), pair("CNI_PATH", "/a")]
        );
    }

    #[test]
    fn a_delegate_has_its_callers_environment() {
        let own = [
            os("CNI_COMMAND", "ADD"),
            os("X", "1"),
            os("CNI_CONTAINERID", "c"),
        ];
        let env = CallEnv::of_delegate(Operation::Del, own);
        assert_eq!(
            variables(&env),
            [
                pair("CNI_COMMAND", "DEL"),
                pair("CNI_CONTAINERID", "c"),
                pair("X", "1")
            ]
        );
        assert_eq!(env.get("CNI_CONTAINERID"), Some(OsStr::new("c")));
    }
}
