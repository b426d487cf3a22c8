//! Pure: words for signals, as kill(1) and Docker know them.

use nix::sys::signal::Signal;

use crate::error::{Kind, Result, refuse};

/// The highest number of a signal on Linux.
const HIGHEST: u32 = 64;

/// The signals of real-time programs that are left by the C library, from the first to the last.
const REAL_TIME: std::ops::RangeInclusive<u32> = 34..=HIGHEST;

/// Whether this is a signal: `TERM`, `SIGTERM`, `15`, `RTMIN+1`.
///
/// # Errors
/// In Docker's words.
pub fn check(text: &str) -> Result<()> {
    match number(text) {
        Some(_) => Ok(()),
        None => Err(refuse(Kind::Invalid, format!("invalid signal: {text}"))),
    }
}

/// A signal's number.
pub(super) fn number(text: &str) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return (1..=HIGHEST).contains(&number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    let bare = name.strip_prefix("SIG").unwrap_or(&name);
    let from = |offset: &str| if offset.is_empty() { Some(0) } else { offset[1..].parse().ok() };
    let number = if let Some(offset) = bare.strip_prefix("RTMIN") {
        REAL_TIME.start().checked_add(from(offset).filter(|_| !offset.starts_with('-'))?)?
    } else if let Some(offset) = bare.strip_prefix("RTMAX") {
        REAL_TIME.end().checked_sub(from(offset).filter(|_| !offset.starts_with('+'))?)?
    } else {
        return u32::try_from(format!("SIG{bare}").parse::<Signal>().ok()? as i32).ok();
    };
    REAL_TIME.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        for (text, expected) in [
            ("TERM", Some(15)),
            ("sigkill", Some(9)),
            ("1", Some(1)),
            ("64", Some(64)),
            ("RTMIN", Some(34)),
            ("SIGRTMIN+1", Some(35)),
            ("RTMAX-1", Some(63)),
            ("0", None),
            ("65", None),
            ("SIG42", None),
            ("RTMAX+1", None),
            ("RTMIN+31", None),
            ("", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        assert_eq!(check("SIG42").unwrap_err().to_string(), "invalid signal: SIG42");
    }
}
