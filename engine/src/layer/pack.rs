//! A folder becomes an archive.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, Mode, OFlags, fgetxattr, flistxattr, fstatfs, openat, readlinkat};
use rustix::io::Errno;
use tar::{Builder, EntryType, Header};

use super::changes::is_whiteout;
use super::{OPAQUE, WHITEOUT, is_opaque};
use crate::error::{Context, Result};

/// What the folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One layer of overlayfs: what hides names becomes whiteouts.
    Layer,
    /// A whole root file system.
    Tree,
}

/// The longest path, in bytes: `PATH_MAX`. What is deeper can be made, but not unpacked by others.
const LONGEST: usize = 4096;

/// What is packed, held by a descriptor: whoever else may write there can put another thing in its
/// place, and a link of theirs leads nowhere.
#[derive(Debug)]
pub struct Origin {
    /// For reading, of a file and of a folder; as of `O_PATH`, of all else.
    own: File,
    facts: Metadata,
}

impl Origin {
    /// What a name in a folder stands for; a link is the link.
    ///
    /// # Errors
    /// Of `openat(2)` and `fstat(2)`; something else takes the place of a file at this moment.
    pub fn at(folder: impl AsFd, name: &OsStr) -> io::Result<Origin> {
        let open = |at: BorrowedFd<'_>, name: &OsStr, more: OFlags| {
            let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | more;
            Ok::<_, io::Error>(File::from(openat(at, name, flags, Mode::empty())?))
        };
        let node = open(folder.as_fd(), name, OFlags::PATH)?;
        let facts = node.metadata()?;
        if facts.is_dir() {
            let own = open(node.as_fd(), OsStr::new("."), OFlags::RDONLY | OFlags::DIRECTORY)?;
            return Ok(Origin { own, facts });
        }
        if !facts.is_file() {
            return Ok(Origin { own: node, facts });
        }
        let own = open(folder.as_fd(), name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let facts = own.metadata()?;
        match facts.is_file() {
            true => Ok(Origin { own, facts }),
            false => Err(io::Error::other("something else has taken its place")),
        }
    }

    /// What a path of the host stands for, which is looked up as any is; at its end, a link is the
    /// link.
    ///
    /// # Errors
    /// As of [`Origin::at`].
    pub fn of_host(path: &Path) -> io::Result<Origin> {
        Origin::at(CWD, path.as_os_str())
    }

    fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.own)? {
            let name = entry?.file_name().to_bytes().to_owned();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Names and values of the attributes that others than the kernel's file systems know; a link
    /// and a node have none that can be read.
    fn attributes(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut names = vec![0_u8; 1 << 16];
        let length = match flistxattr(&self.own, &mut names[..]) {
            Err(Errno::NOTSUP | Errno::BADF) => 0,
            length => length?,
        };
        let mut found = Vec::new();
        for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let text = String::from_utf8_lossy(name);
            if text.contains(".overlay.") || text.starts_with("trusted.") {
                continue;
            }
            let mut value = vec![0_u8; 1 << 16];
            let length = fgetxattr(&self.own, name, &mut value[..])?;
            value.truncate(length);
            found.push((text.into_owned(), value));
        }
        Ok(found)
    }

    /// Whether it has no files but what the kernel tells and is told: proc, sysfs, cgroups.
    fn is_of_kernel(&self) -> io::Result<bool> {
        const KINDS: [i64; 4] = [0x9fa0, 0x6265_6572, 0x0027_e0eb, 0x6367_7270];
        Ok(KINDS.contains(&fstatfs(&self.own)?.f_type))
    }

    fn is_opaque(&self) -> bool {
        is_opaque(|name, value| fgetxattr(&self.own, name, value))
    }

    /// As many bytes as the archive is told, whatever somebody writes to the file meanwhile.
    fn content(&self) -> impl Read {
        (&self.own).chain(io::repeat(0)).take(self.facts.len())
    }
}

/// Packs a folder, in order of its names: the same files give the same bytes.
///
/// # Errors
/// Names the file that cannot be read.
pub fn pack(folder: &Path, form: Form, out: impl Write) -> Result<()> {
    let origin = Origin::of_host(folder).with_context(|| format!("open {}", folder.display()))?;
    let mut packer = Packer::new(form, out);
    packer.folder(origin, Path::new(""))?;
    packer.end()
}

/// Packs a file, or a folder with all in it, under a name of its own. With an empty name it is a
/// folder's content that is packed.
///
/// # Errors
/// Names the file that cannot be read.
pub fn pack_as(origin: Origin, name: &Path, out: impl Write) -> Result<()> {
    let mut packer = Packer::new(Form::Tree, out);
    if !name.as_os_str().is_empty() {
        packer.entry(&origin, name)?;
    }
    if origin.facts.is_dir() || name.as_os_str().is_empty() {
        packer.folder(origin, name)?;
    }
    packer.end()
}

/// A folder that is gone through, with the names that are still to come.
struct Level {
    folder: Origin,
    names: std::vec::IntoIter<OsString>,
}

struct Packer<W: Write> {
    archive: Builder<W>,
    form: Form,
    /// Files with several names, by device and number, with the first name.
    links: HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> Packer<W> {
    fn new(form: Form, out: W) -> Packer<W> {
        let mut archive = Builder::new(out);
        archive.mode(tar::HeaderMode::Complete);
        Packer { archive, form, links: HashMap::new() }
    }

    fn end(self) -> Result<()> {
        self.archive.into_inner().context("end the archive")?.flush().context("end the archive")
    }

    /// What is in a folder, and in those below. They are gone through without the stack, which ends
    /// before a container's program has to stop making folders in each other.
    fn folder(&mut self, folder: Origin, inside: &Path) -> Result<()> {
        let mut inside = inside.to_owned();
        let mut levels = vec![self.level(folder, &inside)?];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.next() else {
                levels.pop();
                inside.pop();
                continue;
            };
            let place = inside.join(&name);
            let origin = match place.as_os_str().len() < LONGEST {
                true => Origin::at(&level.folder.own, &name),
                false => Err(Errno::NAMETOOLONG.into()),
            };
            let origin = origin.with_context(|| format!("open ./{}", place.display()))?;
            self.entry(&origin, &place)?;
            if origin.facts.is_dir() {
                levels.push(self.level(origin, &place)?);
                inside = place;
            }
        }
        Ok(())
    }

    fn level(&mut self, folder: Origin, inside: &Path) -> Result<Level> {
        let names = match self.form == Form::Tree && folder.is_of_kernel()? {
            true => Vec::new(),
            false => folder.names().with_context(|| format!("read ./{}", inside.display()))?,
        };
        if self.form == Form::Layer && !inside.as_os_str().is_empty() && folder.is_opaque() {
            self.empty(&inside.join(OPAQUE))?;
        }
        Ok(Level { folder, names: names.into_iter() })
    }

    /// One entry, without what is in a folder.
    fn entry(&mut self, origin: &Origin, inside: &Path) -> Result<()> {
        let facts = &origin.facts;
        let kind = facts.file_type();
        if self.form == Form::Layer && is_whiteout(facts) {
            let mut name = OsString::from(WHITEOUT);
            name.push(inside.file_name().unwrap_or_default());
            return self.empty(&inside.with_file_name(name));
        }
        if kind.is_socket() {
            // A socket is of no use without the process that listens on it.
            return Ok(());
        }
        let packing = || format!("pack ./{}", inside.display());
        if !kind.is_dir() && facts.nlink() > 1 {
            if let Some(first) = self.links.get(&(facts.dev(), facts.ino())) {
                let (mut header, first) = (header(facts, EntryType::Link), first.clone());
                let written = self.archive.append_link(&mut header, inside, first);
                return written.with_context(packing);
            }
            self.links.insert((facts.dev(), facts.ino()), inside.to_owned());
        }
        self.attributes(origin).and_then(|()| self.single(origin, inside)).with_context(packing)
    }

    fn single(&mut self, origin: &Origin, inside: &Path) -> io::Result<()> {
        let facts = &origin.facts;
        let kind = facts.file_type();
        if kind.is_dir() {
            let mut name = inside.to_owned().into_os_string();
            name.push("/");
            let mut header = header(facts, EntryType::Directory);
            return self.archive.append_data(&mut header, name, io::empty());
        }
        if kind.is_file() {
            let mut header = header(facts, EntryType::Regular);
            header.set_size(facts.len());
            return self.archive.append_data(&mut header, inside, origin.content());
        }
        if kind.is_symlink() {
            let mut header = header(facts, EntryType::Symlink);
            let target = readlinkat(&origin.own, "", Vec::new())?;
            let target = Path::new(OsStr::from_bytes(target.to_bytes()));
            return self.archive.append_link(&mut header, inside, target);
        }
        let entry = match (kind.is_block_device(), kind.is_fifo()) {
            (true, _) => EntryType::Block,
            (_, true) => EntryType::Fifo,
            _ => EntryType::Char,
        };
        let mut header = header(facts, entry);
        header.set_device_major(rustix::fs::major(facts.rdev()))?;
        header.set_device_minor(rustix::fs::minor(facts.rdev()))?;
        self.archive.append_data(&mut header, inside, io::empty())
    }

    /// Attributes and times with fractions go before the entry.
    fn attributes(&mut self, origin: &Origin) -> io::Result<()> {
        let facts = &origin.facts;
        let mut records: Vec<(String, Vec<u8>)> = Vec::new();
        if facts.mtime_nsec() != 0 && facts.mtime() >= 0 {
            let time = format!("{}.{:09}", facts.mtime(), facts.mtime_nsec());
            records.push(("mtime".into(), time.into_bytes()));
        }
        let own = origin.attributes()?.into_iter();
        records.extend(own.map(|(name, value)| (format!("SCHILY.xattr.{name}"), value)));
        let records = records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        self.archive.append_pax_extensions(records)
    }

    fn empty(&mut self, inside: &Path) -> Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        Ok(self.archive.append_data(&mut header, inside, io::empty())?)
    }
}

fn header(facts: &Metadata, kind: EntryType) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(facts.mode() & 0o7777);
    header.set_uid(u64::from(facts.uid()));
    header.set_gid(u64::from(facts.gid()));
    header.set_mtime(u64::try_from(facts.mtime()).unwrap_or_default());
    header.set_size(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("dok-pack-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Does something when the first bytes arrive.
    struct Meddler<F: FnMut()>(Vec<u8>, F);

    impl<F: FnMut()> Write for Meddler<F> {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                (self.1)();
            }
            self.0.write(piece)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_link_that_takes_a_folders_place_meanwhile_leads_nowhere() {
        let folder = folder("swap");
        let [tree, secret] = ["tree", "secret"].map(|name| folder.join(name));
        fs::create_dir_all(&tree).unwrap();
        fs::create_dir_all(&secret).unwrap();
        fs::write(tree.join("file"), "of the tree").unwrap();
        fs::write(secret.join("file"), "of the host").unwrap();
        let origin = Origin::of_host(&tree).unwrap();
        let mut out = Meddler(Vec::new(), || {
            fs::rename(&tree, folder.join("away")).unwrap();
            symlink(&secret, &tree).unwrap();
        });
        pack_as(origin, Path::new("tree"), &mut out).unwrap();
        assert!(tree.is_symlink(), "it was to be exchanged");
        let text = String::from_utf8_lossy(&out.0);
        assert!(text.contains("of the tree") && !text.contains("of the host"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn folders_in_each_other_without_end_are_refused() {
        let folder = folder("deep");
        let mut at = File::open(&folder).unwrap();
        for _ in 0..3000 {
            rustix::fs::mkdirat(&at, "a", Mode::RWXU).unwrap();
            at = Origin::at(&at, OsStr::new("a")).unwrap().own;
        }
        let packed = pack(&folder, Form::Tree, io::sink());
        let words = format!("{:#}", packed.unwrap_err());
        assert!(words.starts_with("open ./a/a/a/"), "{words}");
        let removed = std::process::Command::new("rm").arg("-rf").arg(folder).status().unwrap();
        assert!(removed.success());
    }

    #[test]
    fn a_file_that_grows_or_shrinks_meanwhile_leaves_the_archive_sound() {
        for size in [0, 5000] {
            let folder = folder(&format!("size-{size}"));
            let path = folder.join("file");
            fs::write(&path, [b'x'; 1000]).unwrap();
            fs::write(folder.join("next"), "behind").unwrap();
            let mut out = Meddler(Vec::new(), || {
                File::options().write(true).open(&path).unwrap().set_len(size).unwrap();
            });
            pack(&folder, Form::Tree, &mut out).unwrap();
            let mut archive = tar::Archive::new(&out.0[..]);
            let sizes = archive.entries().unwrap().map(|entry| entry.unwrap().size());
            assert_eq!(sizes.collect::<Vec<_>>(), [1000, 6], "{size}");
            fs::remove_dir_all(folder).unwrap();
        }
    }
}
