//! Archives that are written to a file.

use std::fs::{self, File};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Context, Result};

/// Bytes that are written at once.
pub(super) const PIECE: usize = 1 << 17;

/// The file has its name when it is whole; what was there before stays until then. It is for its
/// owner alone: an archive holds whatever secrets the files in it hold.
pub(super) fn write_file(
    path: &Path,
    write: impl FnOnce(BufWriter<File>) -> Result<()>,
) -> Result<()> {
    let writing = || format!("write {}", path.display());
    if path.metadata().is_ok_and(|facts| !facts.is_file()) {
        let file = File::options().write(true).open(path).with_context(writing)?;
        return write(BufWriter::with_capacity(PIECE, file));
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", std::process::id()));
    let mut own = File::options();
    let file = own.write(true).create_new(true).mode(0o600).open(&aside).with_context(writing)?;
    let written = write(BufWriter::with_capacity(PIECE, file))
        .and_then(|()| fs::rename(&aside, path).with_context(writing));
    if written.is_err() {
        // The error says more than a file that could not be removed.
        let _ = fs::remove_file(&aside);
    }
    written
}
