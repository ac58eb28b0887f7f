use cnispec::check;
use cnispec::internal::{Expectations, Known, scenarios};

/// Files of known failures are read or refused, with the place and a way out; what is written again of one
/// is read again.
pub fn expectations(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let checks: Vec<&str> = check::catalogue().iter().map(|check| check.id).collect();
    let scenarios: Vec<&str> = scenarios()
        .iter()
        .map(|scenario| scenario.id.as_str())
        .collect();
    let known = Known {
        checks: &checks,
        scenarios: &scenarios,
    };
    match Expectations::parse(text, known) {
        Ok(expectations) => {
            let written = expectations.updated(&[], known);
            let again = Expectations::parse(&written, known).unwrap();
            assert_eq!(again.updated(&[], known), written);
            true
        }
        Err(error) => {
            assert!(
                (1..=text.lines().count() + 1).contains(&error.line),
                "{error}"
            );
            assert!(!error.what.is_empty() && !error.hint.is_empty(), "{error}");
            false
        }
    }
}
