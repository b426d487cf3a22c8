//! An archive becomes a folder.
//!
//! The layer is not trusted. Names are looked up below its root by the kernel (openat2(2)), the
//! last part of a name never follows a link, and everything it can make long is limited.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Uid, XattrFlags};
use rustix::io::Errno;
use tar::{Archive, Entry, EntryType};

use super::facts::{Facts, dress_open, facts, times};
use super::place::{Root, clean};
use super::stream::{Gauge, Meter};
use super::wrapped::between_entries;
use super::{BETWEEN_ENTRIES, Form, OPAQUE, WHITEOUT, opaque_attribute};
use crate::error::{Context, Result};
use crate::image::Digest;

/// How much a layer may make of itself.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The bytes of all its files.
    pub bytes: u64,
    /// Its entries.
    pub entries: u64,
}

impl Limits {
    /// For a layer of so many bytes as it was sent: a hundred times as long unpacked is more than
    /// any real one, and less than a bomb.
    pub fn of(sent: u64) -> Limits {
        Limits { bytes: sent.saturating_mul(100).max(1 << 30), entries: 5_000_000 }
    }
}

/// The most that may come after the last entry.
const AFTER: u64 = 16 << 20;
/// The longest path that a system call takes.
const PATH_MAX: usize = 4096;

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpacked {
    /// The digest of the archive.
    pub diff_id: Digest,
    /// The bytes of its files.
    pub size: u64,
    /// Its entries.
    pub entries: u64,
}

/// Unpacks an archive into an empty folder.
///
/// # Errors
/// Names the entry that cannot be made, or why the archive is refused. What was unpacked until then
/// stays in the folder.
pub fn unpack(source: impl Read, folder: &Path, limits: Limits) -> Result<Unpacked> {
    Unpacker::new(folder, Form::Layer, limits)?.unpack(source)
}

/// To whom files of an archive belong when it is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Whom the archive names.
    AsSent,
    /// This user and this group.
    These(u32, u32),
}

/// Unpacks an archive into a folder that may have something in it: files take the place of files,
/// and no name means more than itself.
///
/// # Errors
/// Names the entry that cannot be made: a folder takes the place of nothing else, and nothing else
/// that of a folder.
pub fn unpack_tree(source: impl Read, folder: &Path, owner: Owner) -> Result<Unpacked> {
    let limits = Limits { bytes: u64::MAX, entries: u64::MAX };
    let mut unpacker = Unpacker::new(folder, Form::Tree, limits)?;
    if let Owner::These(user, group) = owner {
        unpacker.given_to = Some((Uid::from_raw(user), Gid::from_raw(group)));
    }
    unpacker.unpack(source)
}

struct Unpacker {
    root: Root,
    limits: Limits,
    size: u64,
    entries: u64,
    /// Folders get their times last: what is made in them changes these.
    folders: BTreeMap<PathBuf, Timespec>,
    /// Whether files can be given to others.
    owner: bool,
    /// Who gets them instead of whom the archive names.
    given_to: Option<(Uid, Gid)>,
    form: Form,
}

impl Unpacker {
    fn new(folder: &Path, form: Form, limits: Limits) -> Result<Unpacker> {
        let root = Root::open(folder, form);
        Ok(Unpacker {
            root: root.with_context(|| format!("open {}", folder.display()))?,
            limits,
            size: 0,
            entries: 0,
            folders: BTreeMap::new(),
            owner: rustix::process::geteuid().is_root(),
            given_to: None,
            form,
        })
    }

    fn unpack(mut self, source: impl Read) -> Result<Unpacked> {
        let (meter, gauge) = Meter::new(source);
        let mut archive = Archive::new(meter);
        self.all(&mut archive, &gauge)?;
        self.finish_folders()?;
        let diff_id = archive.into_inner().finish(AFTER)?;
        Ok(Unpacked { diff_id, size: self.size, entries: self.entries })
    }

    fn all<R: Read>(&mut self, archive: &mut Archive<Meter<R>>, gauge: &Gauge) -> Result<()> {
        let mut entries = archive.entries().context("read the archive")?;
        loop {
            gauge.allow(Some(BETWEEN_ENTRIES));
            let Some(entry) = entries.next() else { return Ok(()) };
            let mut entry = entry.map_err(between_entries)?;
            gauge.allow(None);
            self.entries += 1;
            anyhow::ensure!(
                self.entries <= self.limits.entries,
                "the layer has more than {} entries",
                self.limits.entries
            );
            let path = entry.path_bytes().into_owned();
            let shown = || format!("unpack {}", String::from_utf8_lossy(&path).escape_debug());
            self.entry(&mut entry, &path).with_context(shown)?;
            // What is left of it must not count as what stands between entries.
            io::copy(&mut entry, &mut io::sink()).with_context(shown)?;
        }
    }

    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>, path: &[u8]) -> Result<()> {
        anyhow::ensure!(path.len() < PATH_MAX, "the path is longer than {PATH_MAX} bytes");
        let path = clean(path)?;
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        self.size = self.size.saturating_add(entry.size());
        anyhow::ensure!(
            self.size <= self.limits.bytes,
            "the layer has more than {} bytes",
            self.limits.bytes
        );
        let Some(name) = path.file_name().map(OsStr::to_owned) else {
            anyhow::ensure!(kind == EntryType::Directory, "the layer's root is no folder");
            return self.root_entry(entry);
        };
        if self.form == Form::Layer && name.as_bytes().starts_with(WHITEOUT.as_bytes()) {
            return self.whiteout(&path, &name);
        }
        let facts = self.facts(entry)?;
        self.root.free(&path, kind == EntryType::Directory)?;
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(entry, &path, &name, &facts)
            }
            EntryType::Directory => self.folder(&path, &name, &facts),
            EntryType::Symlink => {
                let target = entry.link_name_bytes().context("the link says not where to")?;
                let target = OsStr::from_bytes(&target).to_owned();
                rustix::fs::symlinkat(target, self.root.parent(&path)?, &name)?;
                self.dress(&path, &name, &facts, false)
            }
            EntryType::Link => self.hard_link(entry, &path, &name),
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                self.node(entry, &path, &name)?;
                self.dress(&path, &name, &facts, true)
            }
            other => anyhow::bail!("an entry of the type {other:?} is not known"),
        }
    }

    fn facts<R: Read>(&self, entry: &mut Entry<'_, R>) -> Result<Facts> {
        let sent = facts(entry)?;
        Ok(Facts { owner: self.given_to.unwrap_or(sent.owner), ..sent })
    }

    fn root_entry<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<()> {
        let facts = self.facts(entry)?;
        self.folders.insert(PathBuf::new(), facts.modified);
        let root = self.root.lookup(Path::new(""), OFlags::RDONLY | OFlags::DIRECTORY)?;
        dress_open(root.as_fd(), &facts, self.owner)
    }

    /// `.wh.NAME` hides NAME of the layers below; `.wh..wh..opq` hides all in its folder.
    fn whiteout(&mut self, path: &Path, name: &OsStr) -> Result<()> {
        if name == OPAQUE {
            let parent = path.parent().unwrap_or(Path::new(""));
            self.root.parent(path)?;
            let folder = self.root.lookup(parent, OFlags::RDONLY | OFlags::DIRECTORY)?;
            rustix::fs::fsetxattr(&folder, opaque_attribute(), b"y", XattrFlags::empty())
                .with_context(|| format!("set {}", opaque_attribute()))?;
            return Ok(());
        }
        let hidden = &name.as_bytes()[WHITEOUT.len()..];
        if hidden.starts_with(WHITEOUT.as_bytes()) {
            // Other names of this kind were aufs's own files.
            return Ok(());
        }
        let hidden = OsStr::from_bytes(hidden);
        let right = !matches!(hidden.as_bytes(), b"" | b"." | b"..");
        anyhow::ensure!(right, "a whiteout of {hidden:?} makes no sense");
        let path = path.with_file_name(hidden);
        self.root.free(&path, false)?;
        let parent = self.root.parent(&path)?;
        rustix::fs::mknodat(parent, hidden, FileType::CharacterDevice, Mode::empty(), 0)
            .context("make a whiteout")
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        path: &Path,
        name: &OsStr,
        facts: &Facts,
    ) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let parent = self.root.parent(path)?;
        let own = Mode::from_raw_mode(0o600);
        let file = rustix::fs::openat(parent, name, flags | OFlags::CLOEXEC, own)?;
        let mut file = std::fs::File::from(file);
        let (size, sparse) = (entry.size(), entry.header().entry_type() == EntryType::GNUSparse);
        let written =
            if sparse { copy_sparse(entry, &mut file) } else { io::copy(entry, &mut file) };
        anyhow::ensure!(written? == size, "the archive ends within the file");
        dress_open(file.as_fd(), facts, self.owner)?;
        Ok(rustix::fs::futimens(&file, &times(facts.modified))?)
    }

    fn folder(&mut self, path: &Path, name: &OsStr, facts: &Facts) -> Result<()> {
        let parent = self.root.parent(path)?;
        match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
            Err(Errno::EXIST) => {}
            made => made?,
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(parent, name, flags, Mode::empty())?;
        dress_open(folder.as_fd(), facts, self.owner)?;
        self.folders.insert(path.to_owned(), facts.modified);
        Ok(())
    }

    fn hard_link<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        path: &Path,
        name: &OsStr,
    ) -> Result<()> {
        let target = entry.link_name_bytes().context("the link says not where to")?;
        let target = clean(&target)?;
        let own = target.file_name().context("a link to the layer's root")?;
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let source = self.root.lookup(target.parent().unwrap_or(Path::new("")), flags)?;
        let parent = self.root.parent(path)?;
        rustix::fs::linkat(source, own, parent, name, AtFlags::empty())
            .with_context(|| format!("link to {}", target.display()))
    }

    fn node<R: Read>(&mut self, entry: &Entry<'_, R>, path: &Path, name: &OsStr) -> Result<()> {
        let header = entry.header();
        let number = |number: io::Result<Option<u32>>| number.map(Option::unwrap_or_default);
        let device =
            rustix::fs::makedev(number(header.device_major())?, number(header.device_minor())?);
        let (kind, device) = match header.entry_type() {
            EntryType::Char => (FileType::CharacterDevice, device),
            EntryType::Block => (FileType::BlockDevice, device),
            _ => (FileType::Fifo, 0),
        };
        let reserved = kind == FileType::CharacterDevice && device == 0;
        anyhow::ensure!(!reserved, "the device 0:0 is how overlayfs hides a name");
        let parent = self.root.parent(path)?;
        Ok(rustix::fs::mknodat(parent, name, kind, Mode::from_raw_mode(0o600), device)?)
    }

    /// Owner, mode and times of what cannot be opened.
    fn dress(&mut self, path: &Path, name: &OsStr, facts: &Facts, has_mode: bool) -> Result<()> {
        let parent = self.root.parent(path)?;
        let (user, group) = facts.owner;
        if self.owner {
            let own = (Some(user), Some(group));
            rustix::fs::chownat(parent, name, own.0, own.1, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if has_mode {
            // It is no link, and nobody else writes here.
            rustix::fs::chmodat(parent, name, facts.mode, AtFlags::empty())?;
        }
        let times = times(facts.modified);
        Ok(rustix::fs::utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn finish_folders(&mut self) -> Result<()> {
        for (path, modified) in std::mem::take(&mut self.folders) {
            let folder = match self.root.lookup(&path, OFlags::RDONLY | OFlags::NOFOLLOW) {
                // A later entry took its place.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => continue,
                folder => folder.with_context(|| format!("open {}", path.display()))?,
            };
            rustix::fs::futimens(&folder, &times(modified))
                .with_context(|| format!("set the time of {}", path.display()))?;
        }
        Ok(())
    }
}

/// Zeros stay holes.
fn copy_sparse(source: &mut impl Read, file: &mut std::fs::File) -> io::Result<u64> {
    let mut piece = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        let n = source.read(&mut piece)?;
        if n == 0 {
            file.set_len(length)?;
            return Ok(length);
        }
        if piece[..n].iter().all(|byte| *byte == 0) {
            file.seek_relative(n as i64)?;
        } else {
            file.write_all(&piece[..n])?;
        }
        length += n as u64;
    }
}
