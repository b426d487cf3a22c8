//! Pure: words for signals, as kill(1) and Docker know them.

use std::fmt;
use std::str::FromStr;

use nix::sys::signal::Signal as Named;

use crate::error::{Kind, refuse};

/// The highest number of a signal on Linux.
const HIGHEST: u32 = 64;

/// The signals of real-time programs that are left by the C library, from the first to the last.
const REAL_TIME: std::ops::RangeInclusive<u32> = 34..=HIGHEST;

/// A signal, which is shown by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(u32);

impl Signal {
    /// What nobody can hold.
    pub const KILL: Signal = Signal(9);
    /// What ends a container that says nothing else.
    pub const TERM: Signal = Signal(15);

    /// The signal of a number, if there is one.
    pub fn of(number: u32) -> Option<Signal> {
        (1..=HIGHEST).contains(&number).then_some(Signal(number))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `TERM`, `SIGTERM`, `15`, `RTMIN+1`; what is none is told in Docker's words.
impl FromStr for Signal {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Signal, anyhow::Error> {
        let wrong = || refuse(Kind::Invalid, format!("invalid signal: {text}"));
        text.parse().ok().or_else(|| named(text)).and_then(Signal::of).ok_or_else(wrong)
    }
}

fn named(text: &str) -> Option<u32> {
    let name = text.to_ascii_uppercase();
    let bare = name.strip_prefix("SIG").unwrap_or(&name);
    let from = |offset: &str| if offset.is_empty() { Some(0) } else { offset[1..].parse().ok() };
    let number = if let Some(offset) = bare.strip_prefix("RTMIN") {
        REAL_TIME.start().checked_add(from(offset).filter(|_| !offset.starts_with('-'))?)?
    } else if let Some(offset) = bare.strip_prefix("RTMAX") {
        REAL_TIME.end().checked_sub(from(offset).filter(|_| !offset.starts_with('+'))?)?
    } else {
        return u32::try_from(format!("SIG{bare}").parse::<Named>().ok()? as i32).ok();
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
            assert_eq!(text.parse().ok(), expected.map(Signal), "{text}");
        }
        assert_eq!("SIG42".parse::<Signal>().unwrap_err().to_string(), "invalid signal: SIG42");
    }
}
