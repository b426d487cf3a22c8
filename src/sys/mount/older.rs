//! The older way: mount(2), which knows paths only.
//!
//! No path of the container is given to it. A mount is made at a workbench: a tmpfs that is put
//! over the container's root for this moment and found by `/..`, since nothing else leads there
//! from a root that is the process's own. There the mount gets its attributes, and from there it is
//! moved, by the links of a procfs at the workbench, from one descriptor to another: what is
//! covered is what was looked up, and nobody sees the mount without its attributes.

mod bench;
mod flags;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::{Attributes, ID_MAP, ID_MAPPED, Reach, mount};
use crate::sys::fd::{mount_flags, open_at, stat};
use crate::sys::needs;
use crate::sys::procfs::Procfs;
use bench::{Home, Workbench, links_of, number, topmost_here};
use flags::new_flags;

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
        bench
            .at_links(|| remount(&number(made.as_fd()), made.as_fd(), wanted.attributes))
            .map_err(|error| words_of_refusal(error, wanted.attributes))?;
    }
    fill(made.as_fd())?;
    let move_it =
        || mount(Some(&number(made.as_fd())), &number(target), None, (libc::MS_MOVE, None));
    bench.at_links(move_it)?;
    Ok(made)
}

/// In a user namespace the flags of what was mounted outside are locked: only a copy that the
/// runtime made there, and mount_setattr(2) knows, is free of them.
fn words_of_refusal(error: io::Error, attributes: Attributes) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EPERM) if attributes.clear != 0 => needs(TAKEN_BACK, "5.12"),
        _ => error,
    }
}

const TAKEN_BACK: &str = "to take back a flag of the source (mount_setattr(2))";

pub(super) fn bind_onto_itself(directory: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Home::note()?.leave_for(directory, || {
        mount(Some("."), ".", None, (libc::MS_BIND | libc::MS_REC, None))?;
        topmost_here()
    })
}

pub(super) fn set_attributes(
    fd: BorrowedFd<'_>,
    attributes: Attributes,
    reach: Reach,
) -> io::Result<()> {
    check_can(attributes, reach)?;
    let home = Home::note()?;
    // A directory needs no path; nobody of the container's has a hand in /proc yet.
    if stat(fd)?.st_mode & libc::S_IFMT == libc::S_IFDIR {
        return home.leave_for(fd, || change(".", fd, attributes, reach));
    }
    let links = links_of(&Procfs::of_this_process()?)?;
    home.leave_for(links.as_fd(), || change(&number(fd), fd, attributes, reach))
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

#[cfg(test)]
mod tests {
    use super::super::READ_ONLY;
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
    fn what_only_mount_setattr_can_do_is_told() {
        let recursive = Attributes { set: READ_ONLY, ..Attributes::default() };
        let words = check_can(recursive, Reach::All).unwrap_err().to_string();
        assert!(words.contains("mount_setattr(2)") && words.contains("5.12"), "{words}");
        assert!(check_can(recursive, Reach::One).is_ok());
    }
}
