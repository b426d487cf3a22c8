//! How a command ends.

use crate::error::{Code, Error};

/// The exit codes, which the callers of runc know.
///
/// | code | meaning |
/// |---|---|
/// | 0 | done |
/// | 1 | not done: the runtime failed, or the command line is wrong |
/// | 255 | `exec` could not start its process |
/// | the process's own | `run` and `exec` in the foreground: its code, or 128 + the signal |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode(u8);

impl ExitCode {
    /// Done.
    pub const DONE: ExitCode = ExitCode(0);
    /// The runtime failed, or the command line is wrong.
    pub const FAILED: ExitCode = ExitCode(1);
    /// `exec` could not start its process.
    pub const EXEC_FAILED: ExitCode = ExitCode(255);

    /// The code of a process that was run: 0 to 255.
    pub fn of_process(code: i32) -> ExitCode {
        u8::try_from(code).map_or(ExitCode::EXEC_FAILED, ExitCode)
    }

    /// The number that the caller gets.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> std::process::ExitCode {
        code.0.into()
    }
}

/// What a command gives.
pub(super) type Outcome = Result<ExitCode, Failure>;

/// Why a command did not do what it was told.
#[derive(Debug)]
pub(super) struct Failure {
    words: String,
    kind: Code,
    code: ExitCode,
    /// What may help, on lines of its own.
    hint: Option<String>,
    /// Help was asked for instead.
    help: bool,
}

impl Failure {
    /// The command line is wrong; `usage` says what is right.
    pub(super) fn of_usage(words: String, usage: String) -> Failure {
        let (kind, code) = (Code::InvalidArgument, ExitCode::FAILED);
        Failure { words, kind, code, hint: Some(usage), help: false }
    }

    /// `--help` was met.
    pub(super) fn help() -> Failure {
        let (kind, code) = (Code::InvalidArgument, ExitCode::DONE);
        Failure { words: String::new(), kind, code, hint: None, help: true }
    }

    /// `exec` could not start its process.
    pub(super) fn of_exec(error: Error) -> Failure {
        let words = format!("exec failed: {error}");
        Failure { words, code: ExitCode::EXEC_FAILED, ..Failure::from(error) }
    }

    /// Whether help was asked for.
    pub(super) fn is_help(&self) -> bool {
        self.help
    }

    pub(super) fn words(&self) -> &str {
        &self.words
    }

    /// What kind of failure it is, for the log.
    pub(super) fn kind(&self) -> Code {
        self.kind
    }

    pub(super) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(super) fn code(&self) -> ExitCode {
        self.code
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let too_old = || "this Linux is too old for it, or a filter refuses it".to_owned();
        let hint = error.is(libc::ENOSYS).then(too_old);
        let (words, kind) = (error.to_string(), error.code());
        Failure { words, kind, code: ExitCode::FAILED, hint, help: false }
    }
}
