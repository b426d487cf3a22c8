//! Errors: a chain of what was being done, and at its root, where a caller must tell cases apart, a
//! [`Refusal`].

mod words;

use std::fmt;
use std::io;

use rustix::io::Errno;

pub use anyhow::{Context, Result};

/// Why something was refused, as far as a caller acts on it: the command line by its exit code, the
/// API by its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was named is not there.
    NotFound,
    /// It contradicts what is there: a name that is taken, a container that runs.
    Conflict,
    /// The request makes no sense, whatever is there.
    Invalid,
    /// Another party does not let us.
    Denied,
    /// The words of a command line make no sense: nothing was asked of anybody yet.
    Usage,
}

/// A request that was refused, with the words for the person who made it.
#[derive(Debug)]
pub struct Refusal {
    /// The case.
    pub kind: Kind,
    /// Whole sentences as Docker says them, where it has them: programs match these words.
    pub words: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Refusal {}

/// A refusal as an error.
pub fn refuse(kind: Kind, words: impl Into<String>) -> anyhow::Error {
    Refusal { kind, words: words.into() }.into()
}

/// The case, where the error is a refusal; everything else is a failure of ours or of the machine.
pub fn kind(error: &anyhow::Error) -> Option<Kind> {
    error.downcast_ref::<Refusal>().map(|refusal| refusal.kind)
}

/// What was being done and what failed, in one line.
pub fn told(error: &anyhow::Error) -> String {
    error.chain().map(words::of).collect::<Vec<_>>().join(": ")
}

/// The words for an error of the kernel's, in lower case, as Docker has them.
pub fn lower_case(errno: Errno) -> String {
    let own = || io::Error::from(errno).to_string();
    let text = words::of_glibc(errno).map_or_else(own, str::to_owned);
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// For removals: what is gone already is no failure.
pub trait IfThere {
    /// The result, where something was there.
    ///
    /// # Errors
    /// Every error but that nothing is there.
    fn if_there(self) -> io::Result<()>;
}

impl IfThere for io::Result<()> {
    fn if_there(self) -> io::Result<()> {
        match self {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_found_below_what_was_being_done() {
        let error = refuse(Kind::NotFound, "No such image: nginx").context("run web");
        assert_eq!(kind(&error), Some(Kind::NotFound));
        assert_eq!(format!("{error:#}"), "run web: No such image: nginx");
        assert_eq!(kind(&anyhow::anyhow!("disk full")), None);
    }
}
