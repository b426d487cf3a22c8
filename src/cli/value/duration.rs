//! Durations as Go writes them.

use std::time::Duration;

use crate::error::{Error, Result};

const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// `5s`, `100ms`, `1m30s`, `1.5h`: numbers, each with its unit.
pub(in super::super) fn read(typed: &str) -> Result<Duration> {
    parse(typed).ok_or_else(|| Error::new("not a duration like 5s, 100ms or 1m30s"))
}

fn parse(typed: &str) -> Option<Duration> {
    if typed == "0" {
        return Some(Duration::ZERO);
    }
    let (mut total, mut rest) = (Duration::ZERO, typed);
    loop {
        let (part, after) = first(rest)?;
        total = total.checked_add(part)?;
        rest = after;
        if rest.is_empty() {
            return Some(total);
        }
    }
}

/// The first number with its unit, and what follows.
fn first(text: &str) -> Option<(Duration, &str)> {
    let is_number = |sign: char| sign.is_ascii_digit() || sign == '.';
    let (number, rest) = text.split_at(text.find(|sign| !is_number(sign))?);
    let (unit, rest) = rest.split_at(rest.find(is_number).unwrap_or(rest.len()));
    let factor = UNITS.iter().find(|row| row.0 == unit)?.1;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    // Nobody counts finer than nanoseconds of an hour.
    let fraction = fraction.get(..13).unwrap_or(fraction);
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / scale;
    Some((Duration::from_nanos(whole.checked_add(u64::try_from(part).ok()?)?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (typed, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("5s", 5_000),
            ("100ms", 100),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("1h1m1s1ms", 3_661_001),
            ("2000us", 2),
            ("2000µs", 2),
            ("3000000ns", 3),
        ] {
            assert_eq!(read(typed).unwrap(), Duration::from_millis(milliseconds), "{typed}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for typed in ["", "5", "s", "5x", "-5s", "5s5", "1..5s", "99999999999h", "5 s"] {
            assert!(read(typed).is_err(), "{typed}");
        }
    }
}
