//! Mounts: made out of sight, given their attributes, then attached to what a descriptor refers to.
//!
//! There are two ways. The newer one has descriptors for all of it: Linux 5.2, and 5.12 for
//! attributes. The older one is mount(2). A process starts on the newer way; once the kernel, or a
//! filter around us, has refused one of its calls, it goes on with the older one.

mod newer;
mod older;
mod procfs;

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use super::fd::{here, open_at, stat};
use super::path::Root;
use super::procfs::{Place, Procfs, place};
use super::{c_string, check, probe};

/// `MOUNT_ATTR_RDONLY`
pub const READ_ONLY: u64 = 0x1;
/// `MOUNT_ATTR_NOSUID`
pub const NO_SUID: u64 = 0x2;
/// `MOUNT_ATTR_NODEV`
pub const NO_DEV: u64 = 0x4;
/// `MOUNT_ATTR_NOEXEC`
pub const NO_EXEC: u64 = 0x8;
/// `MOUNT_ATTR__ATIME`, the group of three modes.
pub const ATIME: u64 = 0x70;
/// `MOUNT_ATTR_IDMAP`
pub const ID_MAP: u64 = 0x10_0000;

/// `struct mount_attr` (linux/mount.h).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Attributes {
    /// Bits to set.
    pub set: u64,
    /// Bits to clear.
    pub clear: u64,
    /// `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE`, `MS_UNBINDABLE` or 0.
    pub propagation: u64,
    /// A user namespace for `MOUNT_ATTR_IDMAP`.
    pub user_namespace: u64,
}

/// Whether a call is about one mount or also about those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This mount alone.
    One,
    /// And all below.
    All,
}

impl Reach {
    /// Recursive, or not.
    pub fn recursive(recursive: bool) -> Reach {
        if recursive { Reach::All } else { Reach::One }
    }

    fn flag(self) -> u32 {
        if self == Reach::All { libc::AT_RECURSIVE as u32 } else { 0 }
    }
}

/// Whether this process, or the one that it is a clone of, was refused the newer way.
static OLDER: AtomicBool = AtomicBool::new(false);

fn is_older() -> bool {
    OLDER.load(Ordering::Relaxed)
}

/// Some filters answer EPERM to calls that they do not know: then a call that is wrong in every
/// respect is answered so too, where the kernel would find fault with it.
fn note_refusal(number: libc::c_long, error: &io::Error) {
    if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) && probe::refuses(number) {
        OLDER.store(true, Ordering::Relaxed);
    }
}

/// Does something with mounts, and does it once more where it failed because the newer way has
/// turned out to be refused. Nothing may have been attached by then.
///
/// # Errors
/// Those of the last time.
pub fn either_way<T, E>(mut action: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let was_older = is_older();
    match action() {
        Err(_) if is_older() != was_older => action(),
        done => done,
    }
}

/// Whether a mount can be there without being attached, as far as this process knows.
pub fn can_stay_detached() -> bool {
    !is_older()
}

/// What only the newer way has, as [`needs`](super::needs) names it.
pub const ID_MAPPED: &str = "an id-mapped mount (mount_setattr(2))";

/// A mount that nobody sees yet.
#[derive(Debug)]
pub struct Detached(Form);

#[derive(Debug)]
enum Form {
    /// It is there.
    Made(OwnedFd),
    /// The older way makes it when it is attached.
    Wanted(older::Wanted),
}

impl Detached {
    /// One that another process has made; nothing where it could not be attached.
    pub fn received(mount: OwnedFd) -> Option<Detached> {
        (!is_older()).then_some(Detached(Form::Made(mount)))
    }

    /// Its descriptor; nothing where it is made only when it is attached.
    pub fn into_descriptor(self) -> Option<OwnedFd> {
        match self.0 {
            Form::Made(mount) => Some(mount),
            Form::Wanted(_) => None,
        }
    }

    /// Its root directory or file; nothing for a file system that is not there yet.
    pub fn shown(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            Form::Made(mount) => Some(mount.as_fd()),
            Form::Wanted(wanted) => wanted.shown(),
        }
    }

    /// `S_IFDIR` and the like: what its root is.
    ///
    /// # Errors
    /// `fstat(2)`
    pub fn file_type(&self) -> io::Result<u32> {
        self.shown().map_or(Ok(libc::S_IFDIR), |root| Ok(stat(root)?.st_mode & libc::S_IFMT))
    }

    /// Whether it is of a procfs, and which part of it.
    ///
    /// # Errors
    /// `fstatfs(2)`
    pub fn place(&self) -> io::Result<Place> {
        match (&self.0, self.shown()) {
            (_, Some(root)) => place(root),
            (Form::Wanted(wanted), None) if wanted.is_new("proc") => Ok(Place::Root),
            _ => Ok(Place::Elsewhere),
        }
    }

    /// Changes its attributes.
    ///
    /// # Errors
    /// `mount_setattr(2)`; what the older way cannot do names the version of Linux that can.
    pub fn set(&mut self, attributes: Attributes, reach: Reach) -> io::Result<()> {
        match &mut self.0 {
            Form::Made(mount) => newer::set_attributes(mount.as_fd(), attributes, reach),
            Form::Wanted(wanted) => wanted.set(attributes, reach),
        }
    }

    /// Puts it onto what `target` refers to, inside `root`; gives the mount's descriptor.
    ///
    /// # Errors
    /// `move_mount(2)`, or what the older way needs for the same
    pub fn attach(self, root: &Root, target: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        self.fill_and_attach(root, target, |_| Ok::<(), io::Error>(()))
    }

    /// The same, with something done in it before anybody sees it.
    ///
    /// # Errors
    /// As above, and those of `fill`
    pub fn fill_and_attach<E: From<io::Error>>(
        self,
        root: &Root,
        target: BorrowedFd<'_>,
        fill: impl FnOnce(BorrowedFd<'_>) -> Result<(), E>,
    ) -> Result<OwnedFd, E> {
        match self.0 {
            Form::Made(mount) => {
                fill(mount.as_fd())?;
                newer::attach(mount.as_fd(), target)?;
                Ok(mount)
            }
            Form::Wanted(wanted) => older::attach(&wanted, root.as_fd(), target, fill),
        }
    }
}

/// A copy of the mount at `path` below `dir` (of `dir` itself when `path` is empty).
///
/// # Errors
/// `open_tree(2)`, or `open(2)`
pub fn copy_tree(dir: BorrowedFd<'_>, path: &str, reach: Reach) -> io::Result<Detached> {
    copy(dir, path, (reach, 0))
}

/// The same, where a link that `path` ends in is itself what is copied.
///
/// # Errors
/// As above
pub fn copy_link(dir: BorrowedFd<'_>, path: &str, reach: Reach) -> io::Result<Detached> {
    copy(dir, path, (reach, libc::AT_SYMLINK_NOFOLLOW))
}

fn copy(dir: BorrowedFd<'_>, path: &str, (reach, flags): (Reach, i32)) -> io::Result<Detached> {
    let form = either_way(|| match is_older() {
        true => older::Wanted::copy(dir, path, (reach, flags)).map(Form::Wanted),
        false => newer::open_tree(dir, path, reach.flag() | flags as u32).map(Form::Made),
    });
    form.map(Detached)
}

/// Makes a directory a mount of its own, with what is mounted below it; gives its descriptor.
///
/// # Errors
/// `open_tree(2)` and `move_mount(2)`, or `mount(2)`
pub fn bind_onto_itself(directory: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    either_way(|| {
        if is_older() {
            return older::bind_onto_itself(directory);
        }
        let made = newer::open_tree(directory, "", Reach::All.flag())?;
        newer::attach(made.as_fd(), directory).map(|()| made)
    })
}

/// Changes the attributes of the mount whose root a descriptor refers to.
///
/// # Errors
/// `mount_setattr(2)`; what the older way cannot do names the version of Linux that can.
pub fn set_attributes(
    mount: BorrowedFd<'_>,
    attributes: Attributes,
    reach: Reach,
) -> io::Result<()> {
    either_way(|| match is_older() {
        true => older::set_attributes(mount, attributes, reach),
        false => newer::set_attributes(mount, attributes, reach),
    })
}

/// A file system that is being configured.
#[derive(Debug)]
pub enum Filesystem {
    /// The newer way's.
    Newer(newer::Context),
    /// The older way's.
    Older(older::New),
}

impl Filesystem {
    /// Begins with one of this type.
    ///
    /// # Errors
    /// `fsopen(2)`
    pub fn open(kind: &str) -> io::Result<Filesystem> {
        either_way(|| match is_older() {
            true => Ok(Filesystem::Older(older::New::of(kind))),
            false => newer::Context::open(kind).map(Filesystem::Newer),
        })
    }

    /// An option with a value; `source` is one.
    ///
    /// # Errors
    /// `fsconfig(2)`
    pub fn set(&mut self, key: &str, value: &str) -> io::Result<()> {
        match self {
            Filesystem::Newer(context) => context.set(key, value),
            Filesystem::Older(new) => new.set(key, value),
        }
    }

    /// An option without a value.
    ///
    /// # Errors
    /// `fsconfig(2)`
    pub fn set_flag(&mut self, key: &str) -> io::Result<()> {
        match self {
            Filesystem::Newer(context) => context.set_flag(key),
            Filesystem::Older(new) => new.set_flag(key),
        }
    }

    /// Makes it: a mount with these attribute bits.
    ///
    /// # Errors
    /// `fsconfig(2)` and `fsmount(2)`
    pub fn mount(&mut self, attributes: u64) -> io::Result<Detached> {
        Ok(Detached(match self {
            Filesystem::Newer(context) => Form::Made(context.mount(attributes)?),
            Filesystem::Older(new) => Form::Wanted(new.wanted(attributes)?),
        }))
    }

    /// What the file system itself says of the last error, if anything.
    pub fn message(&self) -> Option<String> {
        match self {
            Filesystem::Newer(context) => context.message(),
            Filesystem::Older(_) => None,
        }
    }
}

/// `mount(2)`: an absent string is a null pointer.
pub fn mount(
    source: Option<&str>,
    target: &str,
    kind: Option<&str>,
    (flags, data): (u64, Option<&str>),
) -> io::Result<()> {
    let [source, kind, data] = [source, kind, data].map(|text| text.map(c_string).transpose());
    let (source, kind, data) = (source?, kind?, data?);
    let pointer = |text: &Option<std::ffi::CString>| {
        text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
    };
    let target = c_string(target)?;
    // SAFETY: each pointer is null or a C string that lives over the call.
    let result = unsafe {
        libc::mount(pointer(&source), target.as_ptr(), pointer(&kind), flags, pointer(&data).cast())
    };
    check(result).map(drop)
}

/// `umount2(2)` with MNT_DETACH.
pub fn detach(path: &str) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the path is a C string that lives over the call.
    check(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// The id of the mount that a path is on, as proc_pid_fdinfo(5) tells it.
pub fn id_at(path: &str) -> io::Result<u64> {
    let file = open_at(here(), path, libc::O_PATH, 0)?;
    let about = Procfs::of_this_process()?.read(&format!("self/fdinfo/{}", file.as_raw_fd()))?;
    let mut lines = about.lines();
    let id = lines.find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    id.ok_or_else(|| ErrorKind::InvalidData.into())
}

/// `pivot_root(2)` of the working directory, with the old root mounted over the new one.
pub fn pivot_here() -> io::Result<()> {
    // SAFETY: both paths are C string literals.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) }).map(drop)
}
