//! A procfs that nobody else can mount over: every read and write below /proc goes through it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::errno;
use super::fd::{open_at, stat, stat_filesystem, write_once};
use super::path::{BENEATH, NO_MAGIC_LINKS, NO_OTHER_MOUNT, is_refused, open_with};
use crate::weakness;

const PROC_SUPER_MAGIC: i64 = 0x9fa0;
const PROC_ROOT_INODE: u64 = 1;

/// The root directory of a procfs, verified.
#[derive(Debug)]
pub struct Procfs(OwnedFd);

impl Procfs {
    /// # Errors
    /// EXDEV where it is no procfs, or not its root directory.
    pub(super) fn verified(root: OwnedFd) -> io::Result<Procfs> {
        match place(root.as_fd())? {
            Place::Root => Ok(Procfs(root)),
            _ if weakness::leaves_out("a private procfs") => Ok(Procfs(root)),
            Place::Elsewhere | Place::Below => Err(errno(libc::EXDEV)),
        }
    }

    /// The one at /proc, for the runtime itself, which trusts its own mount namespace.
    pub fn of_this_process() -> io::Result<Procfs> {
        open_proc().and_then(Procfs::verified)
    }

    /// Opens a file of it: no mount and no magic link on the way.
    pub fn open(&self, path: &str, flags: i32) -> io::Result<OwnedFd> {
        if weakness::leaves_out("a private procfs") {
            return open_at(self.0.as_fd(), path, flags, 0);
        }
        let resolve = BENEATH | NO_OTHER_MOUNT | NO_MAGIC_LINKS;
        match open_with(self.0.as_fd(), path, (flags, 0), resolve) {
            Err(error) if is_refused(&error) => self.walk(path, flags),
            other => other,
        }
    }

    /// Reads a small file.
    pub fn read(&self, path: &str) -> io::Result<String> {
        let bytes = super::fd::read_all(self.open(path, libc::O_RDONLY)?.as_fd(), 64 << 10)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Writes a file in one go.
    pub fn write(&self, path: &str, text: &str) -> io::Result<()> {
        write_once(self.open(path, libc::O_WRONLY)?.as_fd(), text.as_bytes())
    }

    /// Opens what a descriptor of this process refers to once more, with other flags.
    pub fn reopen(&self, fd: BorrowedFd<'_>, flags: i32) -> io::Result<OwnedFd> {
        let links = self.open("self/fd", libc::O_PATH | libc::O_DIRECTORY)?;
        open_at(links.as_fd(), &fd.as_raw_fd().to_string(), flags, 0)
    }

    /// `chmod(2)` of what an O_PATH descriptor refers to, which fchmod(2) refuses.
    pub fn set_mode(&self, fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
        let links = self.open("self/fd", libc::O_PATH | libc::O_DIRECTORY)?;
        super::path::set_mode(links.as_fd(), &fd.as_raw_fd().to_string(), mode)
    }

    /// Looks at a process; nothing when there is none of this id.
    pub fn life(&self, pid: i32) -> io::Result<Option<Life>> {
        let mut line = [0; 1024];
        let file = self.open(&format!("{pid}/stat"), libc::O_RDONLY);
        let line = file.and_then(|file| super::fd::read_once(file.as_fd(), &mut line));
        // One that goes meanwhile is ESRCH, be it to the open or to the read.
        match line.as_ref().map_err(io::Error::raw_os_error) {
            Err(Some(libc::ENOENT | libc::ESRCH)) => Ok(None),
            _ => Ok(parse_life(&String::from_utf8_lossy(line?))),
        }
    }

    /// Without openat2: name by name, each of which must be on procfs and on the same instance.
    fn walk(&self, path: &str, flags: i32) -> io::Result<OwnedFd> {
        let instance = stat(self.0.as_fd())?.st_dev;
        // The one link that may be on the way: the id of this process where the procfs is from.
        let own = super::path::read_link(self.0.as_fd(), "self")?;
        let own = own.to_str().filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        let own = own.ok_or_else(|| errno(libc::EXDEV))?;
        let mut at = self.0.try_clone()?;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let name = if name == "self" { own } else { name };
            let last = names.peek().is_none();
            let flags = if last { flags } else { libc::O_PATH | libc::O_DIRECTORY };
            at = open_at(at.as_fd(), name, flags | libc::O_NOFOLLOW, 0)?;
            let same = stat(at.as_fd())?.st_dev == instance;
            if !same || stat_filesystem(at.as_fd())?.f_type as i64 != PROC_SUPER_MAGIC {
                return Err(errno(libc::EXDEV));
            }
        }
        Ok(at)
    }
}

/// Where a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On another file system.
    Elsewhere,
    /// The root directory of a procfs.
    Root,
    /// A file or directory below it.
    Below,
}

/// Tells whether a descriptor is of a procfs, and which part of it.
pub fn place(fd: BorrowedFd<'_>) -> io::Result<Place> {
    if stat_filesystem(fd)?.f_type as i64 != PROC_SUPER_MAGIC {
        return Ok(Place::Elsewhere);
    }
    Ok(if stat(fd)?.st_ino == PROC_ROOT_INODE { Place::Root } else { Place::Below })
}

/// A process as /proc/PID/stat shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Its state: `R`, `S`, `Z` …
    pub state: char,
    /// Whether it is still the copy that clone(2) made: it has executed no program yet.
    pub is_a_copy: bool,
    /// Clock ticks from boot to its start: with the id, a name that is not given twice.
    pub start: u64,
}

impl Life {
    /// Whether it is but waiting to be reaped.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// A process's flag of the kernel (sched.h): execve(2) takes it away.
const PF_FORKNOEXEC: u64 = 0x40;

/// Reads a line of /proc/PID/stat. The program's name may hold anything, so the fields are counted
/// from its closing bracket.
pub fn parse_life(stat: &str) -> Option<Life> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let flags: u64 = fields.nth(5)?.parse().ok()?;
    let start = fields.nth(12)?.parse().ok()?;
    Some(Life { state, is_a_copy: flags & PF_FORKNOEXEC != 0, start })
}

fn open_proc() -> io::Result<OwnedFd> {
    open_at(super::fd::here(), "/proc", libc::O_PATH | libc::O_DIRECTORY, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_reads_what_openat2_reads_and_no_magic_link() {
        let proc = Procfs::of_this_process().unwrap();
        for open in [Procfs::open, Procfs::walk] {
            open(&proc, "self", libc::O_PATH | libc::O_DIRECTORY).unwrap();
            open(&proc, "self/fd", libc::O_PATH | libc::O_DIRECTORY).unwrap();
            let file = open(&proc, "self/comm", libc::O_RDONLY).unwrap();
            assert!(!super::super::fd::read_all(file.as_fd(), 100).unwrap().is_empty());
            assert!(open(&proc, "self/root/etc", libc::O_PATH).is_err());
            assert!(open(&proc, "self/exe", libc::O_RDONLY).is_err());
        }
    }

    #[test]
    fn one_that_goes_while_it_is_looked_at_is_gone() {
        let proc = Procfs::of_this_process().unwrap();
        for _ in 0..200 {
            let mut child = std::process::Command::new("true").spawn().unwrap();
            let pid = child.id().cast_signed();
            let reaper = std::thread::spawn(move || child.wait());
            while proc.life(pid).unwrap().is_some() {}
            reaper.join().unwrap().unwrap();
        }
    }

    #[test]
    fn a_process_is_told_by_its_start_whatever_its_name() {
        let fields = "S 1 2 3 4 5 64 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        let life = parse_life(&format!("12 (a) R 1 (b)) {fields}"));
        assert_eq!(life, Some(Life { state: 'S', is_a_copy: true, start: 4711 }));
        assert_eq!(parse_life("12 (a"), None);
        let proc = Procfs::of_this_process().unwrap();
        assert!(proc.life(std::process::id() as i32).unwrap().is_some());
        assert_eq!(proc.life(i32::MAX).unwrap(), None);
    }

    #[test]
    fn what_is_no_procfs_is_refused() {
        let other = open_at(super::super::fd::here(), "/", libc::O_PATH, 0).unwrap();
        assert!(Procfs::verified(other).is_err());
        let below = open_at(super::super::fd::here(), "/proc/self", libc::O_PATH, 0).unwrap();
        assert!(Procfs::verified(below).is_err());
    }
}
