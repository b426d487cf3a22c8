//! How a command starts a monitor, and the socket between them: one way goes the word that all is
//! ready, with descriptors, the other what became of it.

use std::fs::File;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use super::wire::{self, Kind};
use super::{WORD, gift};
use crate::error::{Context, Result};
use crate::runtime::Runtime;
use crate::store::Store;

/// A monitor that has been started, and waits for the word to begin. Dropped without it, it has
/// ended.
#[must_use = "it waits for the word to begin"]
#[derive(Debug)]
pub struct Waiting(Option<UnixStream>);

/// Starts a monitor while what its program needs is still being made: it begins with
/// [`Waiting::begin`].
///
/// # Errors
/// Where our own program cannot be executed.
pub fn spawn(store: &Store, runtime: &Runtime, id: &str) -> Result<Waiting> {
    let (ours, starter) = UnixStream::pair().context("make a socket")?;
    let mut command = Command::new("/proc/self/exe");
    command.arg(WORD).arg(store.root()).arg(store.run()).arg(&runtime.program).arg(id);
    command.stdin(OwnedFd::from(starter)).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("start the monitor")?;
    Ok(Waiting(Some(ours)))
}

impl Waiting {
    /// Lets it start the program, and hold the files for as long as it lives. The answer is its
    /// first client, who has said what it wants.
    ///
    /// # Errors
    /// Of the calls that send.
    pub fn begin(mut self, kept: &[OwnedFd], wanted: u8) -> Result<UnixStream> {
        let ours = self.0.take().context("speak to the monitor")?;
        // Said with the files: what a short program writes goes to those who have spoken.
        match gift::leave(&ours, kept, &wire::frame(Kind::Hello, &[wanted])) {
            // It has ended, and said why: that is still to be read.
            Err(error) if is_hang_up(&error) => Ok(ours),
            said => said.map(|()| ours),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(mut ours) = self.0.take() else { return };
        // It hangs up when it has let go of all that it had.
        let _ = ours.shutdown(Shutdown::Write);
        let _ = io::copy(&mut ours, &mut io::sink());
    }
}

fn is_hang_up(error: &anyhow::Error) -> bool {
    error.downcast_ref() == Some(&rustix::io::Errno::PIPE)
}

/// The monitor's end: its standard input, in whose place comes nothing.
pub(super) fn socket() -> Result<UnixStream> {
    let socket = io::stdin().as_fd().try_clone_to_owned().context("take the first client")?;
    let nothing = File::open("/dev/null").context("open /dev/null")?;
    rustix::stdio::dup2_stdin(&nothing).context("let go of standard input")?;
    Ok(UnixStream::from(socket))
}
