use std::ffi::OsString;

/// Where the protocol parameters of section 2 come from. All of them are handed on to a delegated plugin.
pub trait Env {
    /// The value of one variable.
    fn get(&self, name: &str) -> Option<OsString>;

    /// Every variable.
    fn all(&self) -> Vec<(OsString, OsString)>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn get(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn all(&self) -> Vec<(OsString, OsString)> {
        std::env::vars_os().collect()
    }
}

/// An environment made of values, for tests and fuzzers.
impl<K: AsRef<str>, V: AsRef<std::ffi::OsStr>> Env for Vec<(K, V)> {
    fn get(&self, name: &str) -> Option<OsString> {
        self.iter()
            .find(|(key, _)| key.as_ref() == name)
            .map(|(_, value)| value.as_ref().to_owned())
    }

    fn all(&self) -> Vec<(OsString, OsString)> {
        self.iter()
            .map(|(key, value)| (key.as_ref().into(), value.as_ref().to_owned()))
            .collect()
    }
}
