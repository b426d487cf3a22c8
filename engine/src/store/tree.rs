//! Folders are removed with all in them, however deep: a container's program makes them as deep as
//! it likes, deeper than descriptors and the stack reach.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, renameat, statat, unlinkat};

/// How deep is gone at once. What is deeper is moved to the top first.
const DEEPEST: usize = 32;

/// Removes a file, or a folder with all in it. No link is followed.
///
/// # Errors
/// Of the calls that read, move and remove; ENOENT where there is nothing.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if !path.symlink_metadata()?.is_dir() {
        return fs::remove_file(path);
    }
    let mut remover = Remover { top: open(CWD, path.as_os_str())?, moved: 0 };
    loop {
        let before = remover.moved;
        let top = remover.top.try_clone()?;
        remover.empty(top.as_fd(), 0)?;
        if remover.moved == before {
            return fs::remove_dir(path);
        }
    }
}

struct Remover {
    top: OwnedFd,
    /// How many folders were moved to the top.
    moved: u64,
}

impl Remover {
    fn empty(&mut self, folder: BorrowedFd<'_>, depth: usize) -> io::Result<()> {
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let facts = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(facts.st_mode) != FileType::Directory {
                unlinkat(folder, name, AtFlags::empty())?;
            } else if depth == DEEPEST {
                self.moved += 1;
                renameat(folder, name, &self.top, format!("deep-{}", self.moved))?;
            } else {
                self.empty(open(folder, name)?.as_fd(), depth + 1)?;
                unlinkat(folder, name, AtFlags::REMOVEDIR)?;
            }
        }
        Ok(())
    }
}

fn open(at: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_goes_however_deep_it_is_and_what_its_links_lead_to_stays() {
        // In memory: a disk takes long to make as many folders.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory } else { &std::env::temp_dir() };
        let folder = place.join(format!("dok-tree-{}", std::process::id()));
        let tree = folder.join("tree");
        let _ = remove(&folder);
        fs::create_dir_all(&tree).unwrap();
        fs::write(folder.join("kept"), "").unwrap();
        std::os::unix::fs::symlink("..", tree.join("up")).unwrap();
        fs::write(tree.join("file"), "").unwrap();
        let mut at = open(CWD, tree.as_os_str()).unwrap();
        for _ in 0..30_000 {
            rustix::fs::mkdirat(&at, "a", Mode::RWXU).unwrap();
            rustix::fs::symlinkat("/", &at, "root").unwrap();
            at = open(at.as_fd(), OsStr::new("a")).unwrap();
        }
        remove(&tree).unwrap();
        assert!(!tree.exists() && folder.join("kept").exists());
        assert_eq!(remove(&tree).unwrap_err().kind(), io::ErrorKind::NotFound);
        remove(&folder).unwrap();
    }
}
