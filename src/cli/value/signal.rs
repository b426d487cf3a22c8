//! Signals by number or name.

use crate::error::{Code, Error, Result};

const NAMES: &[(&str, i32)] = &[
    ("ABRT", libc::SIGABRT),
    ("ALRM", libc::SIGALRM),
    ("BUS", libc::SIGBUS),
    ("CHLD", libc::SIGCHLD),
    ("CLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("FPE", libc::SIGFPE),
    ("HUP", libc::SIGHUP),
    ("ILL", libc::SIGILL),
    ("INT", libc::SIGINT),
    ("IO", libc::SIGIO),
    ("IOT", libc::SIGABRT),
    ("KILL", libc::SIGKILL),
    ("PIPE", libc::SIGPIPE),
    ("POLL", libc::SIGIO),
    ("PROF", libc::SIGPROF),
    ("PWR", libc::SIGPWR),
    ("QUIT", libc::SIGQUIT),
    ("RTMAX", LAST),
    ("RTMIN", FIRST_REAL_TIME),
    ("SEGV", libc::SIGSEGV),
    ("STKFLT", libc::SIGSTKFLT),
    ("STOP", libc::SIGSTOP),
    ("SYS", libc::SIGSYS),
    ("TERM", libc::SIGTERM),
    ("TRAP", libc::SIGTRAP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("USR1", libc::SIGUSR1),
    ("USR2", libc::SIGUSR2),
    ("VTALRM", libc::SIGVTALRM),
    ("WINCH", libc::SIGWINCH),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
];

// As kill(1) and the other runtimes count, whatever C library they are built with.
const FIRST_REAL_TIME: i32 = 34;
const LAST: i32 = 64;

/// `9`, `KILL`, `SIGKILL`, in any case, and `RTMIN+n` or `RTMAX-n`; 0 only asks whether the
/// process is there.
pub(in super::super) fn read(typed: &str) -> Result<i32> {
    let number = match typed.parse::<u8>() {
        Ok(number) => Some(i32::from(number)),
        Err(_) => by_name(&typed.to_ascii_uppercase()),
    };
    number
        .filter(|number| (0..=LAST).contains(number))
        .ok_or_else(|| Error::of(Code::InvalidArgument, format!("unknown signal \"{typed}\"")))
}

fn by_name(name: &str) -> Option<i32> {
    let name = name.strip_prefix("SIG").unwrap_or(name);
    let steps = |text: &str| text.parse::<u8>().ok().map(i32::from);
    if let Some(above) = name.strip_prefix("RTMIN+") {
        return steps(above).map(|steps| FIRST_REAL_TIME + steps);
    }
    if let Some(below) = name.strip_prefix("RTMAX-") {
        return steps(below).map(|steps| LAST - steps).filter(|n| *n >= FIRST_REAL_TIME);
    }
    NAMES.iter().find(|row| row.0 == name).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_a_number_and_names_in_any_case() {
        for (typed, number) in [
            ("9", 9),
            ("KILL", 9),
            ("SIGKILL", 9),
            ("sigkill", 9),
            ("Term", 15),
            ("0", 0),
            ("64", 64),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("rtmin+30", 64),
            ("SIGRTMAX-1", 63),
            ("SIGRTMAX", 64),
        ] {
            assert_eq!(read(typed).unwrap(), number, "{typed}");
        }
    }

    #[test]
    fn what_is_no_signal_is_told_as_typed() {
        for typed in ["", "65", "-9", "FOO", "SIG", "RTMIN+31", "RTMAX-31", "RTMIN+x", "9 ", "300"]
        {
            let error = read(typed).unwrap_err().to_string();
            assert_eq!(error, format!("unknown signal \"{typed}\""));
        }
    }
}
