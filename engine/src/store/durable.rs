//! Files that are there whole or not at all, also after a power cut.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// Makes a folder and what leads to it, for the owner alone.
///
/// # Errors
/// Of `mkdir(2)`, other than that it exists.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    // Mostly it is there, and mkdir(2) would lock the folder above to find out.
    match folder.is_dir() {
        true => Ok(()),
        false => DirBuilder::new().recursive(true).mode(0o700).create(folder),
    }
}

/// Replaces a file in one step: whoever reads it sees the old text or the new one.
///
/// # Errors
/// Of the calls that write, sync and rename; the file is then as it was.
pub fn replace(file: &Path, contents: &[u8]) -> io::Result<()> {
    put(file, contents, Durability::Kept)
}

/// What a power cut may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: it is on the disk when the call returns.
    Kept,
    /// All of it, since it says nothing after a reboot; a killed process still takes nothing.
    Passing,
}

/// Replaces a file in one step, and makes it durable if it is to be kept.
///
/// # Errors
/// Of the calls that write, sync and rename; the file is then as it was.
pub fn put(file: &Path, contents: &[u8], durability: Durability) -> io::Result<()> {
    let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let aside = folder.join(format!(".{}.{}", name.display(), std::process::id()));
    let written = write_new(&aside, contents, durability).and_then(|()| fs::rename(&aside, file));
    if written.is_err() {
        // What is left of a file that nobody knows says nothing more than the error.
        let _ = fs::remove_file(&aside);
    }
    written?;
    match durability {
        Durability::Kept => sync_folder(folder),
        Durability::Passing => Ok(()),
    }
}

/// Replaces the text of a file that is there, in its own place: for a disk that has no room for
/// another one. Blanks take the place of what is left over, so that it is one call which needs no
/// room, and whoever reads it sees the old text or the new one.
///
/// # Errors
/// Of the calls that open and write.
pub fn overwrite(file: &Path, contents: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(file)?;
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut text = contents.to_vec();
    text.resize(length.max(contents.len()), b' ');
    match file.write_at(&text, 0)? {
        written if written == text.len() => Ok(()),
        _ => Err(io::ErrorKind::StorageFull.into()),
    }
}

/// Makes names that were added to a folder or taken from it durable.
///
/// # Errors
/// Of `open(2)` and `fsync(2)`.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn write_new(file: &Path, contents: &[u8], durability: Durability) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    file.write_all(contents)?;
    match durability {
        Durability::Kept => file.sync_all(),
        Durability::Passing => Ok(()),
    }
}
