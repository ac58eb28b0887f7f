use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// `CNI_ARGS`: pairs separated by semicolons, as in `FOO=BAR;ABC=123` (section 2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CniArgs(Vec<(String, String)>);

/// A pair that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not of the form `KEY=VALUE`")]
pub struct InvalidPair(pub String);

impl CniArgs {
    /// The value of a key; the last one, if the key stands more than once.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .filter(|(name, _)| *name == key)
            .map(|(_, value)| value)
            .last()
    }

    /// Every pair, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// True if there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for CniArgs {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl FromStr for CniArgs {
    type Err = InvalidPair;

    fn from_str(text: &str) -> Result<Self, InvalidPair> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.split(';')
            .map(|pair| match pair.split_once('=') {
                Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
                _ => Err(InvalidPair(pair.to_owned())),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for CniArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{key}={value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_keep_their_order() {
        let args: CniArgs = "FOO=BAR;ABC=1=2;E=".parse().unwrap();
        assert_eq!(
            args.iter().collect::<Vec<_>>(),
            [("FOO", "BAR"), ("ABC", "1=2"), ("E", "")]
        );
        assert_eq!(args.get("ABC"), Some("1=2"));
        assert_eq!(args.get("X"), None);
    }

    #[test]
    fn a_pair_without_a_key_or_a_sign_is_named() {
        assert_eq!(
            "A=1;B".parse::<CniArgs>().unwrap_err(),
            InvalidPair("B".to_owned())
        );
        assert_eq!(
            "=1".parse::<CniArgs>().unwrap_err(),
            InvalidPair("=1".to_owned())
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(pairs in proptest::collection::vec(("[A-Za-z0-9_]{1,8}", "[^;]{0,8}"), 0..4)) {
            let args: CniArgs = pairs.into_iter().collect();
            prop_assert_eq!(args.to_string().parse(), Ok(args));
        }
    }
}
