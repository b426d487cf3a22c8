//! What came of a call, and what a test may demand of it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use anyhow::{Result, bail};

/// What came of a call.
#[derive(Debug, Default)]
pub struct Output {
    pub(crate) words: String,
    pub(crate) status: Option<ExitStatus>,
    pub(crate) trouble: String,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Output {
    /// The exit code; none after a signal or a time-out.
    pub fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// Both streams, in one text.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Lines of stdout.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// Demands exit code 0.
    pub fn ok(self) -> Result<Self> {
        self.exits(0)
    }

    /// Demands this exit code.
    pub fn exits(self, code: i32) -> Result<Self> {
        if self.code() != Some(code) {
            bail!("expected exit code {code}: {self}");
        }
        Ok(self)
    }

    /// Demands an exit code other than 0 (not a signal, not a hang).
    pub fn fails(self) -> Result<Self> {
        if matches!(self.code(), None | Some(0)) {
            bail!("expected a failure: {self}");
        }
        Ok(self)
    }

    /// Demands a failure whose text has these words (case counts: engines match them).
    pub fn fails_with(self, words: &str) -> Result<Self> {
        let output = self.fails()?;
        if !output.text().contains(words) {
            bail!("expected the words {words:?}: {output}");
        }
        Ok(output)
    }

    /// Demands exit code 0 and exactly these words on stdout, white space around them aside.
    pub fn says(self, words: &str) -> Result<Self> {
        let output = self.ok()?;
        if output.stdout.trim() != words {
            bail!("expected stdout {words:?}: {output}");
        }
        Ok(output)
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = match self.status {
            Some(status) if status.signal().is_some() => format!("{status}"),
            Some(status) => format!("exit code {}", status.code().unwrap_or(-1)),
            None => self.trouble.clone(),
        };
        write!(out, "`{}`: {end}\nstdout: {}\nstderr: {}", self.words, self.stdout, self.stderr)
    }
}
