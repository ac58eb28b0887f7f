//! Hardware addresses of Ethernet links.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A MAC address, written `0a:58:0a:00:00:02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for MacAddr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::Unusable {
            what: "a MAC address",
            requirement: "consists of six bytes in hexadecimal, joined by colons",
            value: text.to_owned(),
        };
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts
                .next()
                .filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()));
            *byte = part
                .and_then(|part| u8::from_str_radix(part, 16).ok())
                .ok_or_else(refused)?;
        }
        if parts.next().is_some() {
            Err(refused())
        } else {
            Ok(Self(bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: [u8; 6]) {
            let mac = MacAddr(bytes);
            assert_eq!(mac.to_string().parse::<MacAddr>().unwrap(), mac);
        }

        #[test]
        fn anything_else_is_refused(text: String) {
            if let Ok(mac) = text.parse::<MacAddr>() {
                assert_eq!(mac.to_string(), text.to_lowercase().replace('-', ":"));
            }
        }
    }

    #[test]
    fn six_bytes_are_asked_for() {
        for text in [
            "",
            "0a:58",
            "0a:58:0a:00:00:02:03",
            "0a:58:0a:00:00:0g",
            "a:58:0a:00:00:02",
            "+a:58:0a:00:00:02",
        ] {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
    }
}
