//! sd_notify(3): what the program says of itself reaches whoever called the runtime.
//!
//! The container sees a socket of the runtime's own and not the caller's, for that one would take
//! anything from anybody: it is only told that the program is ready, and by which process.

use std::ffi::OsString;
use std::io::{ErrorKind, PipeReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use super::store::{Directory, NOTIFY as DIRECTORY};
use crate::criu;
use crate::error::{Doing, Result};
use crate::log;
use crate::plan::{Attributes, ContainerPath, Links, Mount, MountSource, Plan};
use crate::sys::{pidfd, socket};

/// The directory that the container sees.
const INSIDE: &str = "/run/notify";
/// The socket in it.
const NAME: &str = "notify.sock";
/// Read-only, no set-user-id programs, no devices, no programs (`MOUNT_ATTR_*`).
const ATTRIBUTES: u64 = 0x0f;
/// How long the caller may take to read what it was told.
const LIMIT: Duration = Duration::from_secs(30);
/// More than a message of sd_notify(3) ever has (bytes).
const SPACE: usize = 4096;

/// The caller's socket; nothing where it does not listen.
fn callers() -> Option<OsString> {
    std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty())
}

/// Makes the directory of the socket, if the caller listens, and the socket itself if the program
/// is to run `at_once`.
pub(super) fn open(directory: &Directory, at_once: bool) -> Result<Option<Notify>> {
    if callers().is_some() {
        directory.make_notify_directory()?;
    }
    if at_once { Notify::listen(directory) } else { Ok(None) }
}

/// Lets the container see the socket of a state directory, if the caller listens.
pub(super) fn plan(state_directory: &Path, plan: &mut Plan) {
    if callers().is_none() {
        return;
    }
    let from = state_directory.join(DIRECTORY);
    plan.mounts.push(Mount {
        target: ContainerPath::new(INSIDE),
        what: MountSource::Bind { from, recursive: false },
        attributes: Attributes { set: ATTRIBUTES, clear: 0 },
        recursive: Attributes::default(),
        propagation: Vec::new(),
        idmap: None,
        links: Links::default(),
    });
    let env = &mut plan.process.env;
    env.retain(|entry| !entry.starts_with("NOTIFY_SOCKET="));
    env.push(format!("NOTIFY_SOCKET={INSIDE}/{NAME}"));
}

/// Lets a container that sees the socket be written down; it gets another one when it is restored.
pub(super) fn add_to_dump(directory: &Directory, options: &mut criu::Options) {
    if directory.has_notify_directory() {
        options.mounts.push((INSIDE.into(), INSIDE.into()));
    }
}

/// The socket that the program writes to, and the caller's.
#[derive(Debug)]
pub(super) struct Notify {
    socket: UnixDatagram,
    caller: UnixDatagram,
}

impl Notify {
    /// Listens; nothing where the caller does not, or did not when the container was created.
    pub(super) fn listen(directory: &Directory) -> Result<Option<Notify>> {
        let Some(caller) = callers().filter(|_| directory.has_notify_directory()) else {
            return Ok(None);
        };
        let path = directory.notify_directory().join(NAME);
        // One that a `start` left which was killed.
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).doing(|| "listen for sd_notify".into())?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o777))
            .and_then(|()| socket.set_nonblocking(true))
            .doing(|| "open the sd_notify socket to the container".into())?;
        let address = match caller.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&caller),
        };
        let caller = address
            .and_then(|address| {
                let socket = UnixDatagram::unbound()?;
                socket.connect_addr(&address)?;
                Ok(socket)
            })
            .doing(|| format!("connect to NOTIFY_SOCKET {}", caller.display()))?;
        Ok(Some(Notify { socket, caller }))
    }

    /// Readable when the program has said something.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Reads what the program has said. Once it is ready the caller is told so, and that `main` is
    /// the process to watch; what comes back hangs up when the caller has read it.
    pub(super) fn pass_on(&self, main: u32) -> Result<Option<PipeReader>> {
        let mut buffer = [0; SPACE];
        loop {
            let length = match self.socket.recv(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                other => other.doing(|| "read from the sd_notify socket".into())?,
            };
            if let Some(line) = ready_line(&buffer[..length]) {
                return self.tell(line, main).map(Some).doing(|| "tell NOTIFY_SOCKET".into());
            }
        }
    }

    fn tell(&self, ready: &[u8], main: u32) -> Result<PipeReader> {
        self.caller.send(&[ready, b"\n"].concat())?;
        self.caller.send(format!("MAINPID={main}\n").as_bytes())?;
        let (reader, writer) = std::io::pipe()?;
        socket::send(self.caller.as_fd(), b"BARRIER=1", &[writer.as_fd()])?;
        Ok(reader)
    }

    /// Waits until the program is ready and the caller knows it, or until the program has ended.
    pub(super) fn until_ready(&self, init: BorrowedFd<'_>, main: u32) -> Result<()> {
        loop {
            pidfd::wait_for_any(&[Some(self.as_fd()), Some(init)], None)?;
            let has_ended = pidfd::wait_readable(init, Some(Duration::ZERO))?;
            if let Some(barrier) = self.pass_on(main)? {
                if !pidfd::wait_readable(barrier.as_fd(), Some(LIMIT))? {
                    log::warning("NOTIFY_SOCKET: the barrier was not answered for 30 seconds");
                }
                return Ok(());
            }
            if has_ended {
                return Ok(());
            }
        }
    }
}

fn ready_line(message: &[u8]) -> Option<&[u8]> {
    message.split(|byte| *byte == b'\n').find(|line| line.starts_with(b"READY="))
}

#[cfg(test)]
mod tests {
    use super::ready_line;

    #[test]
    fn only_the_line_that_says_ready_is_passed_on() {
        let message = b"STATUS=up\nREADY=1\nMAINPID=1\n";
        assert_eq!(ready_line(message), Some(&b"READY=1"[..]));
        assert_eq!(ready_line(b"STATUS=READY=1\n"), None);
        assert_eq!(ready_line(b""), None);
    }
}
