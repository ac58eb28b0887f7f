use std::fmt::Display;

use cni_types::CniError;

use crate::{Env, code};

/// Reads the parameters of section 2 and gathers everything wrong with them, so that one error tells all of it.
pub(crate) struct Variables<'a> {
    env: &'a dyn Env,
    problems: Vec<String>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(env: &'a dyn Env) -> Self {
        Self {
            env,
            problems: Vec::new(),
        }
    }

    pub(crate) fn required<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        // As for every runtime and plugin in the field, an empty variable is a missing one.
        if self.env.get(name).is_none_or(|value| value.is_empty()) {
            self.problems.push(format!("`{name}` is missing"));
        }
        self.optional(name, parse)
    }

    pub(crate) fn optional<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.env.get(name).filter(|value| !value.is_empty())?;
        let parsed = match value.to_str() {
            Some(text) => parse(text).map_err(|e| e.to_string()),
            None => Err("not UTF-8".to_owned()),
        };
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(reason) => {
                self.problems.push(format!(
                    "`{name}` is invalid: {reason}: {:?}",
                    value.to_string_lossy()
                ));
                None
            }
        }
    }

    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    pub(crate) fn error(&self) -> CniError {
        CniError::new(
            code::INVALID_ENVIRONMENT,
            format!(
                "invalid environment variables: {}",
                self.problems.join(", ")
            ),
        )
    }
}
