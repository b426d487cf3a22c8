//! A terminal of our own for the runtime, where we have none: what a program with `exec --tty`
//! writes then goes through it to our standard output.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, isatty, tcgetattr, tcsetattr};

use crate::error::{Context, Result};

/// Whether one of our standard streams is a terminal.
pub(super) fn is_there() -> bool {
    isatty(io::stdin()) || isatty(io::stdout()) || isatty(io::stderr())
}

/// Runs a command on a new terminal, and passes on what it writes there.
///
/// # Errors
/// No terminal can be made; standard output cannot be written.
pub(super) fn run(command: &mut Command) -> Result<ExitStatus> {
    let (ours, its) = pair().context("make a terminal")?;
    let copy = || its.try_clone().map(Stdio::from).context("copy a descriptor");
    command.stdin(copy()?).stdout(copy()?).stderr(copy()?);
    let mut child = command.spawn().context("run the runtime")?;
    // Our end tells of the end when nobody has the other.
    drop(its);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let passed = pass_on(ours);
    let status = child.wait().context("wait for the runtime")?;
    passed.map(|()| status)
}

/// The two ends. What is written to the second comes out of the first as it is.
fn pair() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let its = open(ptsname(&ours, Vec::new())?.as_c_str(), flags, Mode::empty())?;
    let mut settings = tcgetattr(&its)?;
    settings.make_raw();
    tcsetattr(&its, OptionalActions::Now, &settings)?;
    Ok((ours, its))
}

fn pass_on(terminal: OwnedFd) -> Result<()> {
    let (mut terminal, mut stdout) = (File::from(terminal), io::stdout().lock());
    let mut bytes = vec![0; 16 << 10];
    loop {
        let length = match terminal.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A terminal whose other end is closed.
            Ok(0) | Err(_) => return Ok(()),
            Ok(length) => length,
        };
        let written = stdout.write_all(&bytes[..length]).and_then(|()| stdout.flush());
        written.context("write the program's output")?;
    }
}
