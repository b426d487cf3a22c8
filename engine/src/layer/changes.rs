//! What a read-write layer changed in those below it.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::{Context, Result};

/// How a name changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It was there and is another now.
    Modified,
    /// It was not there.
    Added,
    /// It is there no more.
    Deleted,
}

impl Kind {
    /// The letter in Docker's list.
    pub fn letter(self) -> char {
        match self {
            Kind::Modified => 'C',
            Kind::Added => 'A',
            Kind::Deleted => 'D',
        }
    }
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The absolute path in the container.
    pub path: PathBuf,
    /// How it changed.
    pub kind: Kind,
}

/// Whether overlayfs takes a file for the absence of its name.
pub(super) fn is_whiteout(facts: &fs::Metadata) -> bool {
    facts.file_type().is_char_device() && facts.rdev() == 0
}

/// Whether overlayfs shows nothing of the layers below in a folder.
fn is_opaque(folder: &Path) -> bool {
    super::is_opaque(|name, value| rustix::fs::lgetxattr(folder, name, value))
}

/// The changes that a read-write layer (`upper`) makes to the layers below it, the lowest first, in
/// order of their paths.
///
/// # Errors
/// Of the calls that read folders.
pub fn changes(upper: &Path, lower: &[PathBuf]) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    let lower: Vec<PathBuf> = lower.iter().rev().cloned().collect();
    walk(upper, Path::new("/"), &lower, &mut found)
        .with_context(|| format!("look through {}", upper.display()))?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// `lower` has the highest first, and only layers that reach here.
fn walk(upper: &Path, shown: &Path, lower: &[PathBuf], found: &mut Vec<Change>) -> io::Result<()> {
    let hides = is_opaque(upper);
    let mut own = Vec::new();
    for entry in fs::read_dir(upper)? {
        let entry = entry?;
        let (name, facts) = (entry.file_name(), entry.metadata()?);
        let path = shown.join(&name);
        let below = below(lower, Path::new(&name));
        own.push(name);
        let kind = match (is_whiteout(&facts), below.is_empty()) {
            (true, true) => continue,
            (true, false) => Kind::Deleted,
            (false, true) => Kind::Added,
            (false, false) => Kind::Modified,
        };
        found.push(Change { path: path.clone(), kind });
        if facts.is_dir() {
            let below = if hides { &[] } else { &below[..] };
            walk(&entry.path(), &path, below, found)?;
        }
    }
    if hides {
        for name in names_below(lower)?.into_iter().filter(|name| !own.contains(name)) {
            found.push(Change { path: shown.join(name), kind: Kind::Deleted });
        }
    }
    Ok(())
}

/// Where the layers below show a name, the highest first; nothing, where it is hidden or nowhere.
fn below(lower: &[PathBuf], name: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in lower {
        let path = folder.join(name);
        match path.symlink_metadata() {
            Ok(facts) if is_whiteout(&facts) => break,
            Ok(facts) if facts.is_dir() => {
                let last = is_opaque(&path);
                found.push(path);
                if last {
                    break;
                }
            }
            Ok(_) => {
                // A file hides what is below it, and is hidden by a folder above it.
                if found.is_empty() {
                    found.push(path);
                }
                break;
            }
            Err(_) => {}
        }
    }
    found
}

fn names_below(lower: &[PathBuf]) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = Vec::new();
    for folder in lower.iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            if !names.contains(&name) && !below(lower, Path::new(&name)).is_empty() {
                names.push(name);
            }
        }
    }
    Ok(names)
}
