//! Amounts of memory.

use crate::error::{Code, Error, Result};

const UNITS: &[(&str, u64)] =
    &[("", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40), ("p", 1 << 50)];

/// `1024`, `64k`, `1.5GiB`, `2 MB`: bytes, with units of 1024; `-1` means no limit.
pub(in super::super) fn read(typed: &str) -> Result<i64> {
    if typed == "-1" {
        return Ok(-1);
    }
    parse(typed).ok_or_else(|| Error::of(Code::InvalidArgument, format!("invalid size: '{typed}'")))
}

fn parse(typed: &str) -> Option<i64> {
    let end = typed.find(|sign: char| !sign.is_ascii_digit() && sign != '.');
    let (number, unit) = typed.split_at(end.unwrap_or(typed.len()));
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = unit.strip_suffix('i').filter(|unit| !unit.is_empty()).unwrap_or(unit);
    let factor = UNITS.iter().find(|row| row.0 == unit)?.1;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.parse::<i64>().ok()?.checked_mul(i64::try_from(factor).ok()?)?;
    // Fifteen digits are more than a unit has bytes.
    let fraction = fraction.get(..15).unwrap_or(fraction);
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / scale;
    whole.checked_add(i64::try_from(part).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_1024_in_any_case() {
        for (typed, bytes) in [
            ("0", 0),
            ("1024", 1024),
            ("1024b", 1024),
            ("64k", 65536),
            ("64K", 65536),
            ("1kb", 1024),
            ("1KiB", 1024),
            ("1 MB", 1 << 20),
            ("1.5g", 3 << 29),
            ("0.5k", 512),
            ("2Ti", 2 << 40),
            ("1p", 1 << 50),
            ("-1", -1),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(read(typed).unwrap(), bytes, "{typed}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for typed in [
            "",
            "-2",
            "x",
            "1x",
            "k",
            "1kk",
            "1.2.3",
            "1  k",
            "9223372036854775808",
            "9e9p",
            "99999p",
            "+1",
            ".",
            "1i",
            "1.k",
            "１",
        ] {
            assert!(read(typed).is_err(), "{typed}");
        }
    }
}
