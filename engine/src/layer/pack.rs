//! A folder becomes an archive.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::changes::{is_opaque, is_whiteout};
use super::{OPAQUE, WHITEOUT};
use crate::error::{Context, Result};

/// What the folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One layer of overlayfs: what hides names becomes whiteouts.
    Layer,
    /// A whole root file system.
    Tree,
}

/// Packs a folder, in order of its names: the same files give the same bytes.
///
/// # Errors
/// Names the file that cannot be read.
pub fn pack(folder: &Path, form: Form, out: impl Write) -> Result<()> {
    let mut packer = Packer::new(form, out);
    packer.folder(folder, Path::new(""))?;
    packer.end()
}

/// Packs a file, or a folder with all in it, under a name of its own. With an empty name it is a
/// folder's content that is packed.
///
/// # Errors
/// Names the file that cannot be read.
pub fn pack_as(path: &Path, name: &Path, out: impl Write) -> Result<()> {
    let mut packer = Packer::new(Form::Tree, out);
    if name.as_os_str().is_empty() {
        packer.folder(path, name)?;
    } else {
        packer.entry(path, name).with_context(|| format!("pack {}", path.display()))?;
    }
    packer.end()
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

    fn folder(&mut self, folder: &Path, inside: &Path) -> Result<()> {
        let read = || -> io::Result<Vec<OsString>> {
            fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
        };
        let mut names = read().with_context(|| format!("read {}", folder.display()))?;
        names.sort();
        if self.form == Form::Layer && !inside.as_os_str().is_empty() && is_opaque(folder) {
            self.empty(&inside.join(OPAQUE))?;
        }
        for name in names {
            let (path, inside) = (folder.join(&name), inside.join(&name));
            self.entry(&path, &inside).with_context(|| format!("pack {}", path.display()))?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, inside: &Path) -> Result<()> {
        let facts = path.symlink_metadata()?;
        let kind = facts.file_type();
        if self.form == Form::Layer && is_whiteout(&facts) {
            let mut name = OsString::from(WHITEOUT);
            name.push(inside.file_name().unwrap_or_default());
            return self.empty(&inside.with_file_name(name));
        }
        if kind.is_socket() {
            // A socket is of no use without the process that listens on it.
            return Ok(());
        }
        if !kind.is_dir() && facts.nlink() > 1 {
            if let Some(first) = self.links.get(&(facts.dev(), facts.ino())) {
                let (mut header, first) = (header(&facts, EntryType::Link), first.clone());
                return Ok(self.archive.append_link(&mut header, inside, first)?);
            }
            self.links.insert((facts.dev(), facts.ino()), inside.to_owned());
        }
        self.attributes(path, &facts)?;
        if kind.is_dir() {
            let mut name = inside.to_owned().into_os_string();
            name.push("/");
            let mut header = header(&facts, EntryType::Directory);
            self.archive.append_data(&mut header, name, io::empty())?;
            if self.form == Form::Tree && is_of_kernel(path)? {
                return Ok(());
            }
            return self.folder(path, inside);
        }
        self.single(path, inside, &facts)
    }

    fn single(&mut self, path: &Path, inside: &Path, facts: &Metadata) -> Result<()> {
        let kind = facts.file_type();
        if kind.is_file() {
            let mut header = header(facts, EntryType::Regular);
            header.set_size(facts.len());
            return Ok(self.archive.append_data(&mut header, inside, File::open(path)?)?);
        }
        if kind.is_symlink() {
            let mut header = header(facts, EntryType::Symlink);
            return Ok(self.archive.append_link(&mut header, inside, fs::read_link(path)?)?);
        }
        let entry = match (kind.is_block_device(), kind.is_fifo()) {
            (true, _) => EntryType::Block,
            (_, true) => EntryType::Fifo,
            _ => EntryType::Char,
        };
        let mut header = header(facts, entry);
        header.set_device_major(rustix::fs::major(facts.rdev()))?;
        header.set_device_minor(rustix::fs::minor(facts.rdev()))?;
        Ok(self.archive.append_data(&mut header, inside, io::empty())?)
    }

    /// Attributes and times with fractions go before the entry.
    fn attributes(&mut self, path: &Path, facts: &Metadata) -> Result<()> {
        let mut records: Vec<(String, Vec<u8>)> = Vec::new();
        if facts.mtime_nsec() != 0 && facts.mtime() >= 0 {
            let time = format!("{}.{:09}", facts.mtime(), facts.mtime_nsec());
            records.push(("mtime".into(), time.into_bytes()));
        }
        if !facts.file_type().is_symlink() {
            for name in attribute_names(path)? {
                let text = name.to_string_lossy();
                if text.contains(".overlay.") || text.starts_with("trusted.") {
                    continue;
                }
                let value = attribute(path, &name)?;
                records.push((format!("SCHILY.xattr.{text}"), value));
            }
        }
        let records = records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        Ok(self.archive.append_pax_extensions(records)?)
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

/// Whether a folder has no files but what the kernel tells and is told: proc, sysfs, cgroups.
fn is_of_kernel(folder: &Path) -> io::Result<bool> {
    const KINDS: [i64; 4] = [0x9fa0, 0x6265_6572, 0x0027_e0eb, 0x6367_7270];
    Ok(KINDS.contains(&rustix::fs::statfs(folder)?.f_type))
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

fn attribute_names(path: &Path) -> io::Result<Vec<OsString>> {
    let mut names = vec![0_u8; 1 << 16];
    let length = match rustix::fs::llistxattr(path, &mut names[..]) {
        Err(rustix::io::Errno::NOTSUP) => 0,
        length => length?,
    };
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| OsString::from_vec(name.to_vec())).collect())
}

fn attribute(path: &Path, name: &OsStr) -> io::Result<Vec<u8>> {
    let mut value = vec![0_u8; 1 << 16];
    let length = rustix::fs::lgetxattr(path, name.as_bytes(), &mut value[..])?;
    value.truncate(length);
    Ok(value)
}
