//! One `criu swrk`: started where it is to work, asked once, and waited for.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::message::{self, Kind, Response};
use super::{Listener, Notice};
use crate::cgroup::Entry;
use crate::error::{Code, Doing, Error, Result};
use crate::launch::{self, Child, Request};
use crate::plan;
use crate::sys::fd::{end_at_exec_from, here, open_at, replace, set_end_at_exec, stat};
use crate::sys::{file, keyring, mount, namespace, pidfd, process, socket};

/// Where programs are when nobody says so.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What lets the container's root look for keys in its session keyring (`KEY_USR_SEARCH`).
const SEARCH: u32 = 0x0008_0000;

/// What CRIU is to work in, and so the processes that it restores.
#[derive(Debug, Default)]
pub struct Place<'a> {
    /// A root file system, and the empty directory that it is bound to, for no others to see.
    pub root: Option<(&'a Path, &'a Path)>,
    /// The way into the cgroup.
    pub entry: Entry,
    /// The name of a new session keyring.
    pub keyring: Option<&'a str>,
    /// Directories that it gets, under the number that they have here, and their paths.
    pub directories: Vec<(&'a OwnedFd, &'a Path)>,
    /// Other descriptors that it gets.
    pub inherit: Vec<&'a OwnedFd>,
    /// Which standard streams it has.
    pub streams: Streams,
}

/// The standard streams of CRIU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Streams {
    /// /dev/null
    #[default]
    None,
    /// Those of the runtime.
    Callers,
}

/// A running `criu swrk`.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    socket: OwnedFd,
}

impl Worker {
    /// Starts one.
    ///
    /// # Errors
    /// There is no criu, or its place cannot be made.
    pub(super) fn start(place: Place<'_>) -> Result<Worker> {
        let program = find_program()?;
        let (told, tell) = socket::pair().doing(|| "open a channel".into())?;
        let request = Request {
            new: place.root.map_or(0, |_| plan::Kind::Mount.flag()),
            cgroup: place.entry.directory().map(|fd| fd.try_clone_to_owned()).transpose()?,
            ..Request::default()
        };
        let child = launch::spawn(request, |rest| {
            let error = become_criu(&place, rest.make, &program, &tell);
            // Nobody is left to tell when the runtime has gone.
            let _ = socket::send(tell.as_fd(), error.to_string().as_bytes(), &[]);
            Err(error)
        })?;
        drop(tell);
        let words = |bytes: &[u8]| Error::new(String::from_utf8_lossy(bytes));
        let (first, mut fds) = socket::receive(told.as_fd())?;
        let socket = fds.pop().ok_or_else(|| words(&first))?;
        // execve(2) closes the other end without a word.
        match socket::receive(told.as_fd())? {
            (last, _) if last.is_empty() => Ok(Worker { child, socket }),
            (last, _) => Err(words(&last)),
        }
    }

    pub(super) fn pid(&self) -> i32 {
        self.child.pid
    }

    /// Asks, passes on what it tells meanwhile, and waits for its answer and its end.
    ///
    /// # Errors
    /// What the listener says, after CRIU has undone what it did; otherwise what CRIU says.
    pub(super) fn talk(
        self,
        request: &[u8],
        kind: Kind,
        listener: Listener<'_>,
    ) -> Result<Response> {
        let answer = self.converse(request, kind, listener);
        let Worker { child, socket } = self;
        // It waits for another request until then.
        drop(socket);
        let ended = pidfd::reap(&child.keep().pidfd);
        let answer = answer?;
        ended.doing(|| "wait for criu".into())?;
        Ok(answer)
    }

    fn converse(&self, request: &[u8], kind: Kind, listener: Listener<'_>) -> Result<Response> {
        socket::send(self.socket.as_fd(), request, &[]).doing(|| "ask criu".into())?;
        let mut refused = None;
        loop {
            let (bytes, fds) = socket::receive(self.socket.as_fd())?;
            if bytes.is_empty() {
                return Err(refused.unwrap_or_else(|| Error::new("criu died")));
            }
            let answer = Response::read(&bytes).doing(|| "read criu's answer".into())?;
            match answer.notify {
                Some((name, pid)) if answer.success && refused.is_none() => {
                    refused = listener(Notice { name, pid, fds }).err();
                    let said = message::notified(refused.is_none());
                    socket::send(self.socket.as_fd(), &said, &[]).doing(|| "answer criu".into())?;
                }
                _ if refused.is_some() => {
                    let said = message::notified(false);
                    // It gives up, and may have hung up already.
                    let _ = socket::send(self.socket.as_fd(), &said, &[]);
                }
                _ => return accepted(answer, kind),
            }
        }
    }
}

fn accepted(answer: Response, kind: Kind) -> Result<Response> {
    match (answer.success, answer.answers(kind)) {
        (true, true) => Ok(answer),
        (true, false) => Err(Error::new("criu answers something else than it was asked")),
        (false, _) => {
            let Response { errno, words, .. } = answer;
            let cause = match errno {
                0 => String::new(),
                number => format!(": {}", std::io::Error::from_raw_os_error(number.abs())),
            };
            let words = match words.trim() {
                "" => String::new(),
                words => format!(": {words}"),
            };
            Err(Error::new(format!("criu gave up{cause}{words}")))
        }
    }
}

/// In the child: does not return when all goes well.
fn become_criu(place: &Place<'_>, make: u64, program: &str, tell: &OwnedFd) -> Error {
    let socket = match prepare(place, make, tell) {
        Ok(socket) => socket,
        Err(error) => return error,
    };
    let args = ["criu", "swrk", &socket.as_raw_fd().to_string()].map(str::to_owned);
    let mut env: Vec<String> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let entry = [name.into_vec(), b"=".to_vec(), value.into_vec()].concat();
            String::from_utf8(entry).ok()
        })
        .collect();
    if std::env::var_os("PATH").is_none() {
        env.push(format!("PATH={PATH}"));
    }
    let env: Vec<&str> = env.iter().map(String::as_str).collect();
    let failed: Result<()> =
        Err(process::execute(program, &args, &env)).doing(|| format!("execute {program}"));
    failed.err().unwrap_or_else(|| Error::new("criu was not executed"))
}

/// Gives CRIU's end of the socket. It is made here: CRIU takes the numbers of directories to be
/// descriptors of who made the socket, and so they are its own.
fn prepare(place: &Place<'_>, make: u64, tell: &OwnedFd) -> Result<OwnedFd> {
    launch::reset_signals()?;
    if place.streams == Streams::None {
        let null =
            open_at(here(), "/dev/null", libc::O_RDWR, 0).doing(|| "open /dev/null".into())?;
        (0..3).try_for_each(|number| replace(null.as_fd(), number))?;
    }
    if let Some((root, at)) = place.root {
        namespace::leave(make).doing(|| "make a mount namespace".into())?;
        bind_root(root, at)?;
        place.directories.iter().try_for_each(|(directory, path)| enter(directory, path))?;
    }
    place.entry.join().doing(|| "enter the cgroup".into())?;
    if let Some(name) = place.keyring {
        join_keyring(name).doing(|| format!("join session keyring {name}"))?;
    }
    let (theirs, own) = socket::pair().doing(|| "open a channel".into())?;
    end_at_exec_from(3)?;
    let directories = place.directories.iter().map(|(directory, _)| *directory);
    for fd in directories.chain(place.inherit.iter().copied()).chain([&own]) {
        set_end_at_exec(fd.as_raw_fd(), false)?;
    }
    socket::send(tell.as_fd(), b"criu", &[theirs.as_fd()])?;
    Ok(own)
}

/// CRIU mounts in its directories, which it can only where they are of its own mount namespace.
fn enter(directory: &OwnedFd, path: &Path) -> Result<()> {
    let words = || format!("open {}", path.display());
    let here = file::open_dir(path).doing(words)?;
    let (found, expected) = (stat(here.as_fd())?, stat(directory.as_fd())?);
    match (found.st_dev, found.st_ino) == (expected.st_dev, expected.st_ino) {
        true => Ok(replace(here.as_fd(), directory.as_raw_fd())?),
        false => Err(Error::new("it has become another directory")).doing(words),
    }
}

/// CRIU wants a mount point that nothing covers. What is mounted here is gone with the processes
/// that see it, and the host never does.
fn bind_root(root: &Path, at: &Path) -> Result<()> {
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| Error::new("a path is not UTF-8"))
    };
    let (root, at) = (text(root)?, text(at)?);
    mount::mount(None, "/", None, (libc::MS_SLAVE | libc::MS_REC, None))
        .doing(|| "make / slave".into())?;
    mount::mount(Some(&root), &at, None, (libc::MS_BIND | libc::MS_REC, None))
        .doing(|| format!("bind the root {root}"))
}

/// A quota that is used up, or a kernel without keyrings, leaves the caller's.
fn join_keyring(name: &str) -> Result<()> {
    match keyring::join_session(name) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EDQUOT)) => Ok(()),
        joined => {
            let key = joined?;
            Ok(keyring::set_permissions(key, keyring::permissions(key)? | SEARCH)?)
        }
    }
}

fn find_program() -> Result<String> {
    let path = std::env::var("PATH").unwrap_or_else(|_| PATH.into());
    path.split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| PathBuf::from(folder).join("criu").to_string_lossy().into_owned())
        .find(|program| process::check_executable(program).is_ok())
        .ok_or_else(|| Error::of(Code::FileNotFound, "criu: executable file not found in $PATH"))
}
