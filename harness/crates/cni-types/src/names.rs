use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

/// A name that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{name}` is not a valid {what}: {rule}")]
pub struct InvalidName {
    /// The kind of name.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule_of:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(name: &str) -> Result<Self, InvalidName> {
                match $rule_of(name) {
                    None => Ok(Self(name.to_owned())),
                    Some(rule) => Err(InvalidName { what: $what, name: name.to_owned(), rule }),
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(name: &str) -> Result<Self, InvalidName> {
                name.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// `CNI_CONTAINERID`: a container, as the runtime calls it (section 3).
    ContainerId, "container id", broken_identifier
}

name! {
    /// `name` of a network configuration: unique on a host (section 1).
    NetworkName, "network name", broken_identifier
}

name! {
    /// `CNI_IFNAME`: an interface's name in the container (section 3).
    IfName, "interface name", broken_ifname
}

fn broken_identifier(name: &str) -> Option<&'static str> {
    let mut characters = name.chars();
    match characters.next() {
        None => return Some("it is empty"),
        Some(first) if !first.is_ascii_alphanumeric() => {
            return Some("it does not start with a letter or digit");
        }
        Some(_) => {}
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (!characters.all(allowed)).then_some("only letters, digits, `_`, `.` and `-` are allowed")
}

fn broken_ifname(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > 15 {
        Some("it is longer than 15 bytes")
    } else if name == "." || name == ".." {
        Some("`.` and `..` are not allowed")
    } else if name.contains(['/', ':']) || name.contains(char::is_whitespace) {
        Some("`/`, `:` and white space are not allowed")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn container_ids_and_network_names() {
        for good in ["a", "7", "a_b.c-d", &"x".repeat(253)] {
            assert!(good.parse::<ContainerId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "_a", "a/b", "a b", "ä", "a\n", "../a"] {
            assert!(bad.parse::<ContainerId>().is_err(), "{bad:?}");
            assert!(bad.parse::<NetworkName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn interface_names() {
        for good in ["e", "eth0", "fifteen-bytes-x", "a.b", "ä"] {
            assert!(good.parse::<IfName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "sixteen-bytes-xx",
            "a/b",
            "a:b",
            "a b",
            "a\t",
            "a\u{a0}b",
        ] {
            assert!(bad.parse::<IfName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_error_says_which_rule() {
        let error = "a/b".parse::<IfName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a/b` is not a valid interface name: `/`, `:` and white space are not allowed"
        );
    }

    proptest! {
        #[test]
        fn what_follows_the_rules_is_accepted(id in "[a-zA-Z0-9][a-zA-Z0-9_.-]{0,80}", ifname in "[a-z0-9_][!-.0-9;-~]{0,14}") {
            prop_assert_eq!(id.parse::<ContainerId>().unwrap().to_string(), id.clone());
            prop_assert_eq!(id.parse::<NetworkName>().unwrap().to_string(), id);
            prop_assert_eq!(ifname.parse::<IfName>().unwrap().to_string(), ifname);
        }

        #[test]
        fn what_is_accepted_can_be_a_file_name(text: String) {
            let harmless = |name: &str| !name.contains(['/', '\0']) && !matches!(name, "" | "." | "..");
            prop_assert!(text.parse::<ContainerId>().is_err() || harmless(&text));
            prop_assert!(text.parse::<IfName>().is_err() || harmless(&text));
        }
    }
}
