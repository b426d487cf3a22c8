//! Lookups inside a root that somebody else may be changing: by descriptor, never by joined path.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use super::fd::open_at;
use super::{c_string, check, errno};
use crate::weakness;

/// `RESOLVE_NO_XDEV`: no crossing into another mount.
pub const NO_OTHER_MOUNT: u64 = 0x01;
/// `RESOLVE_NO_MAGICLINKS`: no link of /proc that leads out of it.
pub const NO_MAGIC_LINKS: u64 = 0x02;
/// `RESOLVE_NO_SYMLINKS`
pub const NO_LINKS: u64 = 0x04;
/// `RESOLVE_BENEATH`: an error for what would leave the directory.
pub const BENEATH: u64 = 0x08;
/// `RESOLVE_IN_ROOT`: the directory is the root of every lookup.
pub const IN_ROOT: u64 = 0x10;

/// How many links one lookup may follow, as in the kernel.
const MAX_LINKS: usize = 40;
/// How often a lookup is tried again while somebody renames beside it (EAGAIN).
const MAX_TRIES: usize = 128;

/// `openat2(2)` with O_CLOEXEC.
///
/// # Errors
/// What [`is_refused`] knows where the kernel (before 5.6) or a filter does not offer it.
pub fn open_with(
    dir: BorrowedFd<'_>,
    path: &str,
    (flags, mode): (i32, u32),
    resolve: u64,
) -> io::Result<OwnedFd> {
    let path = c_string(path)?;
    let how = [(flags | libc::O_CLOEXEC) as u64, mode.into(), resolve];
    for _ in 0..MAX_TRIES {
        // SAFETY: the path is a C string, and `how` has the three words of struct open_how; both
        // live over the call.
        let fd = check(unsafe {
            libc::syscall(
                libc::SYS_openat2,
                dir.as_raw_fd(),
                path.as_ptr(),
                how.as_ptr(),
                size_of_val(&how),
            )
        });
        match fd {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {}
            // SAFETY: a new descriptor that nobody else owns.
            other => return Ok(unsafe { OwnedFd::from_raw_fd(other? as i32) }),
        }
    }
    Err(errno(libc::EAGAIN))
}

/// Whether openat2(2) itself may be what is refused: some filters answer EPERM to calls that they
/// do not know. The walk that is then made gets the kernel's own EPERM again.
pub(super) fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// `readlinkat(2)` of the link that a descriptor refers to, or of `name` below a directory.
pub fn read_link(dir: BorrowedFd<'_>, name: &str) -> io::Result<OsString> {
    let name = c_string(name)?;
    let mut target = vec![0u8; libc::PATH_MAX as usize];
    // SAFETY: the name is a C string; pointer and length are those of one vector.
    let length = check(unsafe {
        libc::readlinkat(dir.as_raw_fd(), name.as_ptr(), target.as_mut_ptr().cast(), target.len())
    })?;
    target.truncate(length as usize);
    Ok(OsString::from_vec(target))
}

/// `mkdirat(2)`
pub fn make_directory(dir: BorrowedFd<'_>, name: &str, mode: u32) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the name is a C string that lives over the call.
    check(unsafe { libc::mkdirat(dir.as_raw_fd(), name.as_ptr(), mode) }).map(drop)
}

/// `mknodat(2)`
pub fn make_node(dir: BorrowedFd<'_>, name: &str, mode: u32, device: u64) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the name is a C string that lives over the call.
    check(unsafe { libc::mknodat(dir.as_raw_fd(), name.as_ptr(), mode, device) }).map(drop)
}

/// `symlinkat(2)`
pub fn make_link(target: &str, dir: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let (target, name) = (c_string(target)?, c_string(name)?);
    // SAFETY: both are C strings that live over the call.
    check(unsafe { libc::symlinkat(target.as_ptr(), dir.as_raw_fd(), name.as_ptr()) }).map(drop)
}

/// `unlinkat(2)`; `flags` is 0 or AT_REMOVEDIR.
pub fn remove(dir: BorrowedFd<'_>, name: &str, flags: i32) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the name is a C string that lives over the call.
    check(unsafe { libc::unlinkat(dir.as_raw_fd(), name.as_ptr(), flags) }).map(drop)
}

/// `fchmodat(2)`, which follows a link.
pub fn set_mode(dir: BorrowedFd<'_>, name: &str, mode: u32) -> io::Result<()> {
    let name = c_string(name)?;
    // SAFETY: the name is a C string that lives over the call.
    check(unsafe { libc::fchmodat(dir.as_raw_fd(), name.as_ptr(), mode, 0) }).map(drop)
}

/// `renameat(2)` within one directory.
pub fn rename(dir: BorrowedFd<'_>, from: &str, to: &str) -> io::Result<()> {
    let (from, to) = (c_string(from)?, c_string(to)?);
    let dir = dir.as_raw_fd();
    // SAFETY: both are C strings that live over the call.
    check(unsafe { libc::renameat(dir, from.as_ptr(), dir, to.as_ptr()) }).map(drop)
}

/// `faccessat(2)`: whether there is something of this name.
pub fn exists(dir: BorrowedFd<'_>, name: &str) -> bool {
    let Ok(name) = c_string(name) else { return false };
    super::access(dir.as_raw_fd(), &name, libc::F_OK).is_ok()
}

/// A directory that is the root of lookups: links and `..` cannot lead out of it.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Root {
    fn from(directory: OwnedFd) -> Root {
        Root(directory)
    }
}

impl Root {
    /// Opens a directory as a root.
    pub fn open(dir: BorrowedFd<'_>, path: &str) -> io::Result<Root> {
        open_at(dir, path, libc::O_PATH | libc::O_DIRECTORY, 0).map(Root)
    }

    /// What a path refers to, as a descriptor that cannot read or write.
    pub fn find(&self, path: &str) -> io::Result<OwnedFd> {
        self.open_file(path, libc::O_PATH)
    }

    /// Opens a file that exists.
    pub fn open_file(&self, path: &str, flags: i32) -> io::Result<OwnedFd> {
        let inside = path.trim_start_matches('/');
        let inside = if inside.is_empty() { "." } else { inside };
        if weakness::leaves_out("lookups stay inside") {
            return open_at(self.as_fd(), inside, flags, 0);
        }
        match open_with(self.as_fd(), inside, (flags, 0), IN_ROOT | NO_MAGIC_LINKS) {
            Err(error) if is_refused(&error) => self.walk(inside, flags, Missing::Refuse),
            other => other,
        }
    }

    /// The directory at a path, made with those above it where they are missing.
    pub fn make_directories(&self, path: &str, mode: u32) -> io::Result<OwnedFd> {
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        match self.open_file(path, flags) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            other => return other,
        }
        // Mostly only the last one is missing.
        let made = self.open_parent(path).and_then(|(parent, name)| {
            make_directory(parent.as_fd(), name, mode)?;
            open_at(parent.as_fd(), name, flags | libc::O_NOFOLLOW, 0)
        });
        made.or_else(|_| self.walk(path, flags, Missing::MakeDirectory(mode)))
    }

    /// The file at a path, made empty, with the directories above it, where it is missing.
    pub fn make_file(&self, path: &str, mode: u32) -> io::Result<OwnedFd> {
        match self.find(path) {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                self.walk(path, libc::O_PATH, Missing::MakeFile(mode))
            }
            other => other,
        }
    }

    /// The directory that holds a path, made where it is missing, and the last name.
    ///
    /// # Errors
    /// EINVAL where the last name cannot be made: `.`, `..`, or the root itself.
    pub fn parent_of<'p>(&self, path: &'p str) -> io::Result<(OwnedFd, &'p str)> {
        let (parent, name) = split(path)?;
        Ok((self.make_directories(parent, 0o755)?, name))
    }

    fn open_parent<'p>(&self, path: &'p str) -> io::Result<(OwnedFd, &'p str)> {
        let (parent, name) = split(path)?;
        Ok((self.open_file(parent, libc::O_PATH | libc::O_DIRECTORY)?, name))
    }

    /// Component by component, for kernels without openat2 and for what is yet to be made: each
    /// name is opened without following it, links are put in front of what is left, and `..` goes
    /// back to a descriptor that was held on the way down.
    fn walk(&self, path: &str, flags: i32, missing: Missing) -> io::Result<OwnedFd> {
        let mut left: Vec<String> = names(path);
        let mut held: Vec<OwnedFd> = Vec::new();
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                held.pop();
                continue;
            }
            let at = held.last().map_or(self.as_fd(), |fd| fd.as_fd());
            let found = missing.open(at, &name, left.is_empty())?;
            if super::fd::stat(found.as_fd())?.st_mode & libc::S_IFMT != libc::S_IFLNK {
                held.push(found);
                continue;
            }
            if left.is_empty() && flags & libc::O_NOFOLLOW != 0 {
                return Ok(found);
            }
            refuse_magic(&found)?;
            links += 1;
            if links > MAX_LINKS {
                return Err(errno(libc::ELOOP));
            }
            let target = read_link(found.as_fd(), "")?;
            let target = target.to_str().ok_or_else(|| errno(libc::EILSEQ))?;
            if target.starts_with('/') {
                held.clear();
            }
            left.extend(names(target));
        }
        let last = held.pop().map_or_else(|| self.0.try_clone(), Ok)?;
        reopen(last, flags)
    }
}

/// What holds a path, and its last name.
fn split(path: &str) -> io::Result<(&str, &str)> {
    let path = path.trim_end_matches('/');
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "" | "." | ".." => Err(errno(libc::EINVAL)),
        _ => Ok((parent, name)),
    }
}

/// What a walk does about a name that is not there.
#[derive(Debug, Clone, Copy)]
enum Missing {
    Refuse,
    MakeDirectory(u32),
    /// The last name becomes a file, those before it directories.
    MakeFile(u32),
}

impl Missing {
    fn open(self, dir: BorrowedFd<'_>, name: &str, last: bool) -> io::Result<OwnedFd> {
        let open = || open_at(dir, name, libc::O_PATH | libc::O_NOFOLLOW, 0);
        let missing = match open() {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => error,
            other => return other,
        };
        let made = match self {
            Missing::Refuse => return Err(missing),
            Missing::MakeFile(mode) if last => {
                let flags = libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW;
                open_at(dir, name, flags, mode).map(drop)
            }
            Missing::MakeFile(_) => make_directory(dir, name, 0o755),
            Missing::MakeDirectory(mode) => make_directory(dir, name, mode),
        };
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => open(),
        }
    }
}

/// Links of /proc lead anywhere: they count as a loop, as RESOLVE_NO_MAGICLINKS has it.
fn refuse_magic(link: &OwnedFd) -> io::Result<()> {
    const PROC_SUPER_MAGIC: i64 = 0x9fa0;
    let plain = super::fd::stat(link.as_fd())?.st_size > 0
        || super::fd::stat_filesystem(link.as_fd())?.f_type as i64 != PROC_SUPER_MAGIC;
    if plain { Ok(()) } else { Err(errno(libc::ELOOP)) }
}

/// Opens what an O_PATH descriptor refers to for real, where more than O_PATH was asked for.
fn reopen(fd: OwnedFd, flags: i32) -> io::Result<OwnedFd> {
    if flags & libc::O_PATH == 0 {
        return super::procfs::Procfs::of_this_process()?.reopen(fd.as_fd(), flags);
    }
    let is_directory = super::fd::stat(fd.as_fd())?.st_mode & libc::S_IFMT == libc::S_IFDIR;
    match flags & libc::O_DIRECTORY != 0 && !is_directory {
        true => Err(errno(libc::ENOTDIR)),
        false => Ok(fd),
    }
}

/// The names of a path, last one first.
fn names(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|name| !name.is_empty() && *name != ".")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fd::here;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Tree {
            let path =
                std::env::temp_dir().join(format!("onggi-path-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(path.join("root/a/b")).unwrap();
            std::fs::write(path.join("outside"), "secret").unwrap();
            std::fs::write(path.join("root/a/file"), "inside").unwrap();
            symlink("/a/b", path.join("root/absolute")).unwrap();
            symlink("../../../../a/file", path.join("root/a/up")).unwrap();
            symlink("../../outside", path.join("root/a/escape")).unwrap();
            symlink("loop", path.join("root/loop")).unwrap();
            symlink("nowhere", path.join("root/dangling")).unwrap();
            Tree(path)
        }
        fn root(&self) -> Root {
            Root::open(here(), self.0.join("root").to_str().unwrap()).unwrap()
        }
        fn inode(&self, path: &str) -> u64 {
            std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(self.0.join(path)).unwrap())
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_walk_finds_what_openat2_finds() {
        let tree = Tree::new("same");
        let root = tree.root();
        let inode = |fd: OwnedFd| super::super::fd::stat(fd.as_fd()).unwrap().st_ino;
        for (path, real) in [
            ("/", "root"),
            ("a/file", "root/a/file"),
            ("/a/up", "root/a/file"),
            ("absolute", "root/a/b"),
            ("absolute/../file", "root/a/file"),
            ("../../a", "root/a"),
        ] {
            let wanted = tree.inode(real);
            assert_eq!(inode(root.find(path).unwrap()), wanted, "{path}");
            let walked = root.walk(path, libc::O_PATH, Missing::Refuse).unwrap();
            assert_eq!(inode(walked), wanted, "walk {path}");
        }
        for (path, number) in
            [("a/escape", libc::ENOENT), ("loop", libc::ELOOP), ("none/x", libc::ENOENT)]
        {
            assert_eq!(root.find(path).unwrap_err().raw_os_error(), Some(number), "{path}");
            let error = root.walk(path, libc::O_PATH, Missing::Refuse).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(number), "walk {path}");
        }
    }

    #[test]
    fn the_walk_refuses_magic_links_and_opens_for_reading() {
        let proc = Root::open(here(), "/proc").unwrap();
        let error = proc.walk("self/root/etc", libc::O_PATH, Missing::Refuse).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        let tree = Tree::new("read");
        let file = tree.root().walk("a/up", libc::O_RDONLY, Missing::Refuse).unwrap();
        assert_eq!(super::super::fd::read_all(file.as_fd(), 100).unwrap(), b"inside");
    }

    #[test]
    fn directories_and_files_are_made_inside_only() {
        let tree = Tree::new("make");
        let root = tree.root();
        root.make_directories("absolute/new/dir", 0o755).unwrap();
        assert!(tree.0.join("root/a/b/new/dir").is_dir());
        root.make_file("/x/y/file", 0o644).unwrap();
        root.make_file("/x/y/file", 0o644).unwrap();
        assert!(tree.0.join("root/x/y/file").is_file());
        root.make_file("dangling", 0o644).unwrap();
        assert!(tree.0.join("root/nowhere").is_file());
        root.make_directories("a/escape/made", 0o755).unwrap();
        assert!(tree.0.join("root/outside/made").is_dir());
        assert!(root.make_directories("loop/x", 0o755).is_err());
        assert!(tree.0.join("outside").is_file());
        assert_eq!(std::fs::read_dir(&tree.0).unwrap().count(), 2);
    }
}
