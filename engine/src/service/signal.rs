//! Pure: the signals that there are.

use std::str::FromStr;

use nix::sys::signal::Signal;

use crate::error::{Kind, Result, refuse};

/// The signals of real time: from `RTMIN`, as glibc counts, to `RTMAX`.
const REAL_TIME: std::ops::RangeInclusive<u32> = 34..=64;

/// Whether a word is a signal: a number, or a name with or without `SIG`, in capitals or not.
///
/// # Errors
/// `Invalid signal: WORD`.
pub fn check(word: &str) -> Result<()> {
    let name = word.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let is_number =
        name.parse::<u32>().is_ok_and(|number| (1..=*REAL_TIME.end()).contains(&number));
    let is_known = Signal::from_str(&format!("SIG{name}")).is_ok();
    if is_number || is_known || real_time(name).is_some_and(|number| REAL_TIME.contains(&number)) {
        return Ok(());
    }
    Err(refuse(Kind::Invalid, format!("Invalid signal: {word}")))
}

/// `RTMIN+3`, `RTMAX-1`.
fn real_time(name: &str) -> Option<u32> {
    let (first, last) = (*REAL_TIME.start(), *REAL_TIME.end());
    match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(""), _) => Some(first),
        (_, Some("")) => Some(last),
        (Some(rest), _) => first.checked_add(rest.strip_prefix('+')?.parse().ok()?),
        (_, Some(rest)) => last.checked_sub(rest.strip_prefix('-')?.parse().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_a_number_or_a_name() {
        for good in ["9", "KILL", "sigterm", "64", "RTMIN", "SIGRTMIN+3", "rtmax-1", "IO"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in
            ["", "0", "-1", "65", "SIG", "BADSIG", "SIGBADSIG", "%%", " ", "RTMIN+31", "RTMIN3"]
        {
            let error = check(bad).expect_err(bad);
            assert_eq!(error.to_string(), format!("Invalid signal: {bad}"));
        }
    }
}
