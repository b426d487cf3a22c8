//! One error for the runtime: what we were doing, outermost first, and the cause.

mod code;
mod words;

use std::fmt;
use std::io;

pub use code::Code;

/// A failure, told once, from the outside in: `make mounts: mount proc on /proc: Operation not
/// permitted (os error 1)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What we were doing, innermost first; told in reverse.
    doing: Vec<String>,
    /// The cause's words.
    cause: String,
    /// The system call's error number, where there was one.
    errno: Option<i32>,
    /// The kind, where whoever made the error knew it.
    code: Option<Code>,
}

/// What the runtime's functions return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure without a system call behind it.
    pub fn new(cause: impl Into<String>) -> Error {
        Error { doing: Vec::new(), cause: cause.into(), errno: None, code: None }
    }

    /// A failure of a kind that callers can tell apart.
    pub fn of(code: Code, cause: impl Into<String>) -> Error {
        Error { code: Some(code), ..Error::new(cause) }
    }

    /// A failure as it came from another process.
    pub fn told(words: String, errno: Option<i32>) -> Error {
        Error { errno, ..Error::new(words) }
    }

    /// Puts a lower-case verb phrase in front.
    pub fn within(mut self, doing: String) -> Error {
        self.doing.push(doing);
        self
    }

    /// Says which kind of failure this is, unless that is known already.
    pub fn or_code(mut self, code: Code) -> Error {
        self.code = self.code.or(Some(code));
        self
    }

    /// The kind of failure: what its maker said, else what the error number means.
    pub fn code(&self) -> Code {
        self.code.or(self.errno.map(Code::of_errno)).unwrap_or(Code::Failed)
    }

    /// The system call's error number, where there was one.
    pub fn errno(&self) -> Option<i32> {
        self.errno
    }

    /// Whether a system call failed with this number.
    pub fn is(&self, errno: i32) -> bool {
        self.errno == Some(errno)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for doing in self.doing.iter().rev() {
            write!(f, "{doing}: ")?;
        }
        f.write_str(&self.cause)
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        let errno = error.raw_os_error();
        let words =
            errno.and_then(|errno| Some(format!("{} (os error {errno})", words::of(errno)?)));
        Error { errno, ..Error::new(words.unwrap_or_else(|| error.to_string())) }
    }
}

impl From<nix::errno::Errno> for Error {
    fn from(errno: nix::errno::Errno) -> Error {
        io::Error::from_raw_os_error(errno as i32).into()
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::new(error.to_string())
    }
}

/// Says what was being done when something failed.
pub trait Doing<T> {
    /// Puts a lower-case verb phrase in front of the error; only where it adds a fact.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;

    /// Says which kind of failure it is, unless that is known already.
    fn or_code(self, code: Code) -> Result<T>;
}

impl<T, E: Into<Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| error.into().within(what()))
    }

    fn or_code(self, code: Code) -> Result<T> {
        self.map_err(|error| error.into().or_code(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_from_the_outside_in() {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        let error = Err::<(), _>(missing)
            .doing(|| "read state.json".into())
            .doing(|| "create web".into())
            .unwrap_err();
        assert!(error.is(libc::ENOENT));
        assert_eq!(
            error.to_string(),
            "create web: read state.json: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn the_kind_is_what_its_maker_says_or_what_the_number_means() {
        assert_eq!(Error::new("x").code(), Code::Failed);
        assert_eq!(Error::of(Code::NotFound, "x").or_code(Code::InUse).code(), Code::NotFound);
        let denied = Error::from(io::Error::from_raw_os_error(libc::EPERM));
        assert_eq!(denied.code(), Code::PermissionDenied);
        assert_eq!(denied.or_code(Code::HookFailed).code(), Code::HookFailed);
    }
}
