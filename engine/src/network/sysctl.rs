//! The kernel's settings under /proc/sys/net, of the network namespace that the calling thread is
//! in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Context, IfThere, Result};

fn path(name: &str) -> PathBuf {
    Path::new("/proc/sys/net").join(name)
}

/// The value, where the kernel has the setting.
pub(super) fn read(name: &str) -> Option<String> {
    fs::read_to_string(path(name)).ok().map(|text| text.trim().to_owned())
}

/// Writes a value.
pub(super) fn write(name: &str, value: &str) -> Result<()> {
    let path = path(name);
    fs::write(&path, value).with_context(|| format!("write {value} to {}", path.display()))
}

/// Writes a value; a kernel without the setting (one without IPv6) has what it stands for.
pub(super) fn write_where_there(name: &str, value: &str) -> io::Result<()> {
    fs::write(path(name), value).if_there()
}

/// The names in a folder of settings; none where there is no such folder.
pub(super) fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(path(folder)).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}
