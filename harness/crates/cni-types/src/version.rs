use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A version of the CNI specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Changes when documents of older versions are no longer understood.
    pub major: u32,
    /// Changes when something is added.
    pub minor: u32,
    /// Changes when something is mended.
    pub patch: u32,
}

impl Version {
    /// The first version; a configuration without `cniVersion` is of this one.
    pub const V0_1_0: Version = Version::new(0, 1, 0);
    /// 0.2.0 brought VERSION.
    pub const V0_2_0: Version = Version::new(0, 2, 0);
    /// 0.3.0 brought configuration lists, and results with interfaces.
    pub const V0_3_0: Version = Version::new(0, 3, 0);
    /// 0.3.1 mended 0.3.0.
    pub const V0_3_1: Version = Version::new(0, 3, 1);
    /// 0.4.0 brought CHECK.
    pub const V0_4_0: Version = Version::new(0, 4, 0);
    /// 1.0.0 took single configurations, and the `version` of addresses, away.
    pub const V1_0_0: Version = Version::new(1, 0, 0);
    /// 1.1.0 brought GC and STATUS.
    pub const V1_1_0: Version = Version::new(1, 1, 0);

    /// Every released version, oldest first.
    pub const ALL: [Version; 7] = [
        Version::V0_1_0,
        Version::V0_2_0,
        Version::V0_3_0,
        Version::V0_3_1,
        Version::V0_4_0,
        Version::V1_0_0,
        Version::V1_1_0,
    ];

    /// The newest released version.
    pub const LATEST: Version = Version::V1_1_0;

    /// The version with these numbers, released or not.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// True if it was released.
    pub fn is_known(&self) -> bool {
        Self::ALL.contains(self)
    }

    /// True if it has CHECK.
    pub fn supports_check(&self) -> bool {
        *self >= Self::V0_4_0
    }

    /// True if it has GC and STATUS.
    pub fn supports_gc_status(&self) -> bool {
        *self >= Self::V1_1_0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a version of the form `1.2.3`")]
pub struct InvalidVersion(pub String);

impl FromStr for Version {
    type Err = InvalidVersion;

    /// Nothing is 0.1.0, and missing numbers are 0, as in upstream's library.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        if text.is_empty() {
            return Ok(Self::V0_1_0);
        }
        let invalid = || InvalidVersion(text.to_owned());
        let mut numbers = [0; 3];
        let mut parts = text.split('.');
        for (number, part) in numbers.iter_mut().zip(&mut parts) {
            if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(invalid());
            }
            *number = part.parse().map_err(|_| invalid())?;
        }
        match parts.next() {
            Some(_) => Err(invalid()),
            None => Ok(Self::new(numbers[0], numbers[1], numbers[2])),
        }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn upstream_leniency_is_shared() {
        assert_eq!("".parse(), Ok(Version::V0_1_0));
        assert_eq!("1".parse(), Ok(Version::V1_0_0));
        assert_eq!("1.1".parse(), Ok(Version::V1_1_0));
        for odd in [
            "v1.0.0",
            "1.0.0.0",
            "1..0",
            "1.0.0-rc1",
            "+1.0.0",
            " 1.0.0",
            "99999999999.0.0",
        ] {
            assert!(odd.parse::<Version>().is_err(), "{odd}");
        }
    }

    #[test]
    fn versions_are_ordered_by_number_not_by_text() {
        assert!(Version::ALL.is_sorted());
        assert!(Version::new(1, 10, 0) > Version::new(1, 9, 0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(major: u32, minor: u32, patch: u32) {
            let version = Version::new(major, minor, patch);
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = text.parse::<Version>();
        }
    }
}
