//! The older way: mount(2), which knows paths only.
//!
//! No path of the container is given to it. A mount is made at a workbench: a tmpfs that is put
//! over the container's root for this moment and found by `/..`, since nothing else leads there
//! from a root that is the process's own. There the mount gets its attributes, and from there it is
//! moved, by the links of a procfs at the workbench, from one descriptor to another: what is
//! covered is what was looked up, and nobody sees the mount without its attributes.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::{ATIME, Attributes, ID_MAP, ID_MAPPED, READ_ONLY, Reach, detach, mount};
use crate::sys::fd::{here, mount_flags, open_at, stat};
use crate::sys::namespace::change_root;
use crate::sys::needs;
use crate::sys::path::make_directory;
use crate::sys::process::change_directory_to;
use crate::sys::procfs::Procfs;

const PATH_ONLY: i32 = libc::O_PATH | libc::O_NOFOLLOW;
const DIRECTORY: i32 = libc::O_PATH | libc::O_DIRECTORY;

/// What is to be mounted once its target is known.
#[derive(Debug)]
pub(super) struct Wanted {
    what: What,
    attributes: Attributes,
}

#[derive(Debug)]
enum What {
    /// What the descriptor shows.
    Copy(OwnedFd, Reach),
    /// A new file system.
    New(New),
}

/// A file system as mount(2) takes it.
#[derive(Debug, Clone, Default)]
pub struct New {
    kind: String,
    source: String,
    /// `MS_*`
    flags: u64,
    options: Vec<String>,
}

impl New {
    pub(super) fn of(kind: &str) -> New {
        New { kind: kind.to_owned(), ..New::default() }
    }

    /// Labels have commas, and so are quoted.
    ///
    /// # Errors
    /// EINVAL for another value that would become two options.
    pub(super) fn set(&mut self, key: &str, value: &str) -> io::Result<()> {
        if key == "source" {
            self.source = value.to_owned();
            return Ok(());
        }
        match key.ends_with("context") {
            true => self.options.push(format!("{key}=\"{value}\"")),
            false => self.option(format!("{key}={value}"))?,
        }
        Ok(())
    }

    pub(super) fn set_flag(&mut self, key: &str) -> io::Result<()> {
        self.flags |= match key {
            "ro" => libc::MS_RDONLY,
            "sync" => libc::MS_SYNCHRONOUS,
            "dirsync" => libc::MS_DIRSYNC,
            "lazytime" => libc::MS_LAZYTIME,
            "mand" => libc::MS_MANDLOCK,
            "iversion" => libc::MS_I_VERSION,
            "silent" => libc::MS_SILENT,
            other => return self.option(other.to_owned()),
        };
        Ok(())
    }

    fn option(&mut self, option: String) -> io::Result<()> {
        // An escape of overlayfs, which alone has one; a backslash may be escaped as well.
        let free = match self.kind.as_str() {
            "overlay" => option.replace(r"\\", "").replace(r"\,", ""),
            _ => option.clone(),
        };
        if free.contains(',') {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        self.options.push(option);
        Ok(())
    }

    pub(super) fn wanted(&self, attributes: u64) -> io::Result<Wanted> {
        let attributes = Attributes { set: attributes, ..Attributes::default() };
        Ok(Wanted { what: What::New(self.clone()), attributes })
    }

    /// On what the working directory's `place` is.
    fn mount(&self, place: &str) -> io::Result<()> {
        let source = if self.source.is_empty() { "none" } else { &self.source };
        let options = self.options.join(",");
        mount(Some(source), place, Some(&self.kind), (self.flags, Some(&options)))
    }
}

impl Wanted {
    pub(super) fn copy(
        dir: BorrowedFd<'_>,
        path: &str,
        (reach, flags): (Reach, i32),
    ) -> io::Result<Wanted> {
        let nofollow = if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { libc::O_NOFOLLOW } else { 0 };
        let source = match path {
            "" => dir.try_clone_to_owned()?,
            _ => open_at(dir, path, libc::O_PATH | nofollow, 0)?,
        };
        Ok(Wanted { what: What::Copy(source, reach), attributes: Attributes::default() })
    }

    pub(super) fn shown(&self) -> Option<BorrowedFd<'_>> {
        match &self.what {
            What::Copy(source, _) => Some(source.as_fd()),
            What::New(_) => None,
        }
    }

    pub(super) fn is_new(&self, kind: &str) -> bool {
        matches!(&self.what, What::New(new) if new.kind == kind)
    }

    pub(super) fn set(&mut self, attributes: Attributes, reach: Reach) -> io::Result<()> {
        check_can(attributes, reach)?;
        let Attributes { set, clear, .. } = self.attributes;
        self.attributes.set = set & !attributes.clear | attributes.set;
        self.attributes.clear = clear & !attributes.set | attributes.clear;
        Ok(())
    }
}

/// # Errors
/// What mount_setattr(2) alone can do, by its name.
fn check_can(attributes: Attributes, reach: Reach) -> io::Result<()> {
    let Attributes { set, clear, .. } = attributes;
    match (set & ID_MAP != 0, (set | clear) != 0 && reach == Reach::All) {
        (true, _) => Err(needs(ID_MAPPED, "5.12")),
        (_, true) => Err(needs("a recursive mount option (mount_setattr(2))", "5.12")),
        _ => Ok(()),
    }
}

/// Makes what is wanted at a workbench over `root`, and moves it onto `target`.
pub(super) fn attach<E: From<io::Error>>(
    wanted: &Wanted,
    root: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    fill: impl FnOnce(BorrowedFd<'_>) -> Result<(), E>,
) -> Result<OwnedFd, E> {
    let bench = Workbench::over(root)?;
    let made = bench.make(&wanted.what)?;
    if wanted.attributes != Attributes::default() {
        bench.at_links(|| remount(&number(made.as_fd()), made.as_fd(), wanted.attributes))?;
    }
    fill(made.as_fd())?;
    let move_it =
        || mount(Some(&number(made.as_fd())), &number(target), None, (libc::MS_MOVE, None));
    bench.at_links(move_it)?;
    Ok(made)
}

pub(super) fn bind_onto_itself(directory: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let home = Home::note()?;
    change_directory_to(directory)?;
    mount(Some("."), ".", None, (libc::MS_BIND | libc::MS_REC, None))?;
    let made = topmost_here();
    home.go()?;
    made
}

pub(super) fn set_attributes(
    fd: BorrowedFd<'_>,
    attributes: Attributes,
    reach: Reach,
) -> io::Result<()> {
    check_can(attributes, reach)?;
    let home = Home::note()?;
    // A directory needs no path; nobody of the container's has a hand in /proc yet.
    let is_directory = stat(fd)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
    let name = if is_directory { ".".to_owned() } else { number(fd) };
    match is_directory {
        true => change_directory_to(fd)?,
        false => change_directory_to(links_of(&Procfs::of_this_process()?)?.as_fd())?,
    }
    let result = change(&name, fd, attributes, reach);
    home.go()?;
    result
}

fn change(name: &str, fd: BorrowedFd<'_>, attributes: Attributes, reach: Reach) -> io::Result<()> {
    if attributes.set | attributes.clear != 0 {
        remount(name, fd, attributes)?;
    }
    let recursive = if reach == Reach::All { libc::MS_REC } else { 0 };
    match attributes.propagation {
        0 => Ok(()),
        kind => mount(None, name, None, (kind | recursive, None)),
    }
}

/// The whole set of flags is told anew, those that stay as well.
fn remount(name: &str, fd: BorrowedFd<'_>, attributes: Attributes) -> io::Result<()> {
    let flags = new_flags(mount_flags(fd)?, attributes);
    mount(None, name, None, (libc::MS_REMOUNT | libc::MS_BIND | flags, None))
}

/// Attribute of mount_setattr(2), flag of statvfs(3), flag of mount(2).
const FLAGS: [(u64, u64, u64); 6] = [
    (READ_ONLY, libc::ST_RDONLY, libc::MS_RDONLY),
    (super::NO_SUID, libc::ST_NOSUID, libc::MS_NOSUID),
    (super::NO_DEV, libc::ST_NODEV, libc::MS_NODEV),
    (super::NO_EXEC, libc::ST_NOEXEC, libc::MS_NOEXEC),
    (0x80, libc::ST_NODIRATIME, libc::MS_NODIRATIME),
    (0x20_0000, 0x2000, 0x100),
];

fn new_flags(now: u64, Attributes { set, clear, .. }: Attributes) -> u64 {
    let is_set = |(attribute, flag, _): &&(u64, u64, u64)| {
        set & attribute != 0 || (now & flag != 0 && clear & attribute == 0)
    };
    let flags = FLAGS.iter().filter(is_set).fold(0, |flags, row| flags | row.2);
    flags | access_time(now, set, clear)
}

/// One of three values, of which `relatime` is zero.
fn access_time(now: u64, set: u64, clear: u64) -> u64 {
    const NO: u64 = 0x10;
    const STRICT: u64 = 0x20;
    match (clear & ATIME != 0, set & ATIME) {
        (_, NO) => libc::MS_NOATIME,
        (_, STRICT) => libc::MS_STRICTATIME,
        (true, _) => libc::MS_RELATIME,
        (false, _) if now & libc::ST_NOATIME != 0 => libc::MS_NOATIME,
        (false, _) if now & libc::ST_RELATIME != 0 => libc::MS_RELATIME,
        (false, _) => libc::MS_STRICTATIME,
    }
}

/// The name of a descriptor's link.
fn number(fd: BorrowedFd<'_>) -> String {
    fd.as_raw_fd().to_string()
}

fn links_of(procfs: &Procfs) -> io::Result<OwnedFd> {
    procfs.open("self/fd", DIRECTORY)
}

/// The process's root and working directory, to come back to.
struct Home {
    root: OwnedFd,
    directory: OwnedFd,
}

impl Home {
    fn note() -> io::Result<Home> {
        let open = |path| open_at(here(), path, DIRECTORY, 0);
        Ok(Home { root: open("/")?, directory: open(".")? })
    }

    fn go(&self) -> io::Result<()> {
        change_directory_to(self.root.as_fd())?;
        change_root(".")?;
        change_directory_to(self.directory.as_fd())
    }
}

/// What is mounted over the working directory: `..` of a root is itself, and what covers it.
/// Leaves the process there.
fn topmost_here() -> io::Result<OwnedFd> {
    change_root(".")?;
    open_at(here(), "/..", DIRECTORY, 0)
}

/// A tmpfs over a directory, with a procfs, a directory and a file in it; all gone when dropped.
struct Workbench<'a> {
    over: BorrowedFd<'a>,
    home: Home,
    root: Option<OwnedFd>,
    links: Option<OwnedFd>,
}

impl<'a> Workbench<'a> {
    fn over(over: BorrowedFd<'a>) -> io::Result<Workbench<'a>> {
        let home = Home::note()?;
        change_directory_to(over)?;
        let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        mount(Some("none"), ".", Some("tmpfs"), (flags, Some("mode=700,nr_inodes=8")))?;
        let mut bench = Workbench { over, home, root: None, links: None };
        let root = topmost_here();
        bench.home.go()?;
        let root = bench.root.insert(root?);
        change_directory_to(root.as_fd())?;
        // Neither copied with what lies around it, nor told to anybody.
        mount(None, ".", None, (libc::MS_UNBINDABLE, None))?;
        make_directory(root.as_fd(), "d", 0o700)?;
        open_at(root.as_fd(), "f", libc::O_CREAT | libc::O_EXCL, 0o600)?;
        let links = procfs_in(root.as_fd());
        bench.home.go()?;
        // A user namespace may have no right to a new procfs.
        let procfs = links.or_else(|_| Procfs::of_this_process())?;
        bench.links = Some(links_of(&procfs)?);
        Ok(bench)
    }

    /// Makes a mount here; gives its descriptor.
    fn make(&self, what: &What) -> io::Result<OwnedFd> {
        let root = self.root.as_ref().map_or(self.over, |root| root.as_fd());
        let shown = match what {
            What::Copy(source, _) => stat(source.as_fd())?.st_mode & libc::S_IFMT,
            What::New(_) => libc::S_IFDIR,
        };
        let place = if shown == libc::S_IFDIR { "d" } else { "f" };
        match what {
            What::Copy(source, reach) => {
                let place = open_at(root, place, PATH_ONLY, 0)?;
                let recursive = if *reach == Reach::All { libc::MS_REC } else { 0 };
                let (source, place) = (number(source.as_fd()), number(place.as_fd()));
                let flags = libc::MS_BIND | recursive;
                self.at_links(|| mount(Some(&source), &place, None, (flags, None)))?;
            }
            What::New(new) => {
                change_directory_to(root)?;
                let made = new.mount(place);
                self.home.go()?;
                made?;
            }
        }
        open_at(root, place, PATH_ONLY, 0)
    }

    /// Does something where the numbers of descriptors are names.
    fn at_links(&self, action: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if let Some(links) = &self.links {
            change_directory_to(links.as_fd())?;
        }
        let result = action();
        self.home.go()?;
        result
    }
}

impl Drop for Workbench<'_> {
    fn drop(&mut self) {
        // The topmost mount there: what was made here has been moved, or goes as well.
        let _ = change_directory_to(self.over).and_then(|()| detach("."));
        let _ = self.home.go();
    }
}

/// A new procfs below a workbench.
fn procfs_in(root: BorrowedFd<'_>) -> io::Result<Procfs> {
    make_directory(root, "p", 0o700)?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    mount(Some("proc"), "p", Some("proc"), (flags, None))?;
    Procfs::verified(open_at(root, "p", DIRECTORY, 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_would_become_two_options_is_refused() {
        for (kind, value, is_one) in [
            ("tmpfs", "/a", true),
            ("tmpfs", "/a,dev", false),
            ("tmpfs", r"/a\,dev", false),
            ("overlay", r"/a\,b:/c", true),
            ("overlay", r"/a\\\,b", true),
            ("overlay", r"/a\\,b", false),
            ("overlay", r"/a\,b,c", false),
        ] {
            assert_eq!(New::of(kind).set("lowerdir", value).is_ok(), is_one, "{kind} {value}");
        }
    }

    #[test]
    fn flags_that_are_not_named_stay_as_they_are() {
        let now = libc::ST_NOSUID | libc::ST_NODEV | libc::ST_RELATIME;
        let change =
            Attributes { set: READ_ONLY, clear: super::super::NO_DEV, ..Default::default() };
        let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_RELATIME;
        assert_eq!(new_flags(now, change), flags);
    }

    #[test]
    fn an_access_time_mode_takes_the_place_of_another() {
        let change = |set| Attributes { set, clear: ATIME, ..Attributes::default() };
        assert_eq!(new_flags(libc::ST_NOATIME, change(0)), libc::MS_RELATIME);
        assert_eq!(new_flags(libc::ST_RELATIME, change(0x10)), libc::MS_NOATIME);
        assert_eq!(new_flags(0, Attributes::default()), libc::MS_STRICTATIME);
    }

    #[test]
    fn what_only_mount_setattr_can_do_is_told() {
        let recursive = Attributes { set: READ_ONLY, ..Attributes::default() };
        let words = check_can(recursive, Reach::All).unwrap_err().to_string();
        assert!(words.contains("mount_setattr(2)") && words.contains("5.12"), "{words}");
        assert!(check_can(recursive, Reach::One).is_ok());
    }
}
