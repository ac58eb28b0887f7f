//! Durations as people write them.

use std::time::Duration;

/// A whole number and a unit: `20us`, `500ms`, `10s`, `2m`. It must be more than nothing.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration is a whole number with a unit, such as 500ms, 10s or 2m".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let microseconds = match unit {
        "us" => Some(number),
        "ms" => number.checked_mul(1_000),
        "s" => number.checked_mul(1_000_000),
        "m" => number.checked_mul(60_000_000),
        _ => None,
    }
    .ok_or_else(wrong)?;
    match microseconds {
        0 => Err("it must be more than nothing".to_owned()),
        // The lab multiplies deadlines; a day is more than anybody waits.
        1..=86_400_000_000 => Ok(Duration::from_micros(microseconds)),
        _ => Err("it must be at most a day".to_owned()),
    }
}

/// A duration in whole minutes and seconds, such as `1 min 5 s`.
pub(super) fn in_words(duration: Duration) -> String {
    match (duration.as_secs() / 60, duration.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_understood() {
        assert_eq!(parse("20us"), Ok(Duration::from_micros(20)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "1h",
            "10 s",
            "99999999999999999999s",
            "18446744073709551615m",
            "1441m",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = parse(&text);
        }
    }
}
