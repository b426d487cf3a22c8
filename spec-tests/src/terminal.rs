//! Terminals made by the test, console sockets, and descriptors sent over unix sockets.

use std::fs::File;
use std::io::{IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::container::PATIENCE;
use crate::runtime::wait_until;

/// A unix socket that waits for a descriptor: `--console-socket`, `--pidfd-socket`.
#[derive(Debug)]
pub struct DescriptorSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl DescriptorSocket {
    /// Listens at `directory/NAME`.
    pub fn new(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(name);
        let listener = UnixListener::bind(&path).with_context(|| path.display().to_string())?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first message of the first connection: its bytes and its only descriptor.
    pub fn receive(&self) -> Result<(String, File)> {
        let accepted = wait_until(PATIENCE, || self.listener.accept().ok());
        let (stream, _) = accepted.context("nobody connected to the socket")?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        receive(&stream)
    }
}

fn receive(stream: &UnixStream) -> Result<(String, File)> {
    let mut bytes = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut controls = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg(stream, &mut parts, &mut controls, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for control in controls.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = control {
            descriptors.extend(received);
        }
    }
    if descriptors.len() != 1 {
        bail!("{} descriptors in the message, not one", descriptors.len());
    }
    let text = String::from_utf8_lossy(&bytes[..message.bytes]).into_owned();
    Ok((text, File::from(descriptors.remove(0))))
}

/// A terminal made by the test.
#[derive(Debug)]
pub struct Terminal {
    /// The side of the person who types.
    pub controller: File,
    /// The side of the program.
    pub user: File,
}

impl Terminal {
    /// A terminal of this size.
    pub fn new(rows: u16, columns: u16) -> Result<Self> {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        unlockpt(&controller)?;
        let name = ptsname(&controller, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let user = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
        let terminal = Self { controller: controller.into(), user: user.into() };
        terminal.resize(rows, columns)?;
        Ok(terminal)
    }

    /// Gives it another size (`SIGWINCH` goes to its foreground processes).
    pub fn resize(&self, rows: u16, columns: u16) -> Result<()> {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(&self.controller, size)?)
    }
}

/// Types a text into a terminal.
pub fn type_into(mut controller: &File, text: &str) -> Result<()> {
    Ok(controller.write_all(text.as_bytes())?)
}

/// Reads a terminal until `words` were seen.
pub fn read_until(controller: &File, words: &str) -> Result<String> {
    let mut seen = String::new();
    let start = Instant::now();
    while !seen.contains(words) {
        match read_some(controller) {
            Some(text) => seen += &text,
            None => bail!("the terminal ended before {words:?}: {seen:?}"),
        }
        if start.elapsed() > PATIENCE {
            bail!("no {words:?} on the terminal: {seen:?}");
        }
    }
    Ok(seen)
}

/// Reads a terminal until its other side is closed.
pub fn read_to_end(controller: &File) -> Result<String> {
    let mut seen = String::new();
    let start = Instant::now();
    while let Some(text) = read_some(controller) {
        seen += &text;
        if start.elapsed() > PATIENCE {
            bail!("the terminal does not end: {seen:?}");
        }
    }
    Ok(seen)
}

/// What is there within a moment; none at the end.
fn read_some(mut controller: &File) -> Option<String> {
    let mut ready = [PollFd::new(controller, PollFlags::IN)];
    let moment = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    if poll(&mut ready, Some(&moment)).ok()? == 0 {
        return Some(String::new());
    }
    let mut bytes = [0; 4096];
    let length = controller.read(&mut bytes).ok().filter(|length| *length > 0)?;
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
}
