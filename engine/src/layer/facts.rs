//! What an archive says of a file beside its kind and its content, and how the file gets it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use tar::Entry;

use crate::error::{Context, Result};

/// What an entry says beside its kind and its content.
pub(super) struct Facts {
    pub(super) mode: Mode,
    pub(super) owner: (Uid, Gid),
    pub(super) modified: Timespec,
    pub(super) attributes: Vec<(OsString, Vec<u8>)>,
}

pub(super) fn facts<R: Read>(entry: &mut Entry<'_, R>) -> Result<Facts> {
    let header = entry.header();
    let raw = header.as_old();
    let number = |field: &[u8], read: io::Result<u64>| match is_blank(field) {
        true => Ok(0),
        false => read,
    };
    let mode = if is_blank(&raw.mode) { 0 } else { header.mode().context("read its mode")? };
    let mode = Mode::from_raw_mode(mode & 0o7777);
    let id = |id: u64| u32::try_from(id).ok().filter(|id| *id != u32::MAX);
    let user = id(number(&raw.uid, header.uid())?).context("the user's number is too large")?;
    let group = id(number(&raw.gid, header.gid())?).context("the group's number is too large")?;
    let seconds = number(&raw.mtime, header.mtime())?;
    let mut modified = Timespec { tv_sec: seconds.try_into().unwrap_or(i64::MAX), tv_nsec: 0 };
    let mut attributes = Vec::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension.context("read its attributes")?;
        let (key, value) = (extension.key_bytes(), extension.value_bytes());
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            attributes.push((attribute(name)?, value.to_vec()));
        } else if key == b"mtime" {
            modified = pax_time(value).context("read its time")?;
        }
    }
    let owner = (Uid::from_raw(user), Gid::from_raw(group));
    Ok(Facts { mode, owner, modified, attributes })
}

/// A number that was not written is 0, as other readers have it.
fn is_blank(field: &[u8]) -> bool {
    field.iter().all(|byte| matches!(byte, 0 | b' '))
}

/// The name of an attribute that a layer may set: what overlayfs reads is not for layers.
fn attribute(name: &[u8]) -> Result<OsString> {
    let of_overlay = [b"trusted.overlay.".as_slice(), b"user.overlay."];
    let name = OsStr::from_bytes(name);
    let own = of_overlay.iter().any(|start| name.as_bytes().starts_with(start));
    anyhow::ensure!(!own, "the layer sets {name:?}, by which overlayfs is controlled");
    Ok(name.to_owned())
}

/// Seconds since 1970 with a fraction.
fn pax_time(text: &[u8]) -> Option<Timespec> {
    let text = std::str::from_utf8(text).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let (seconds, nanos) = (seconds.parse::<i64>().ok()?, digits.parse::<i64>().ok()?);
    match text.starts_with('-') && nanos > 0 {
        true => Some(Timespec { tv_sec: seconds - 1, tv_nsec: 1_000_000_000 - nanos }),
        false => Some(Timespec { tv_sec: seconds, tv_nsec: nanos }),
    }
}

pub(super) fn times(modified: Timespec) -> Timestamps {
    Timestamps { last_access: modified, last_modification: modified }
}

/// Owner, mode and attributes, in this order: a new owner takes the mode's special bits and the
/// capabilities away.
pub(super) fn dress_open(file: BorrowedFd<'_>, facts: &Facts, owner: bool) -> Result<()> {
    if owner {
        rustix::fs::fchown(file, Some(facts.owner.0), Some(facts.owner.1))
            .context("give it away")?;
    }
    rustix::fs::fchmod(file, facts.mode).context("set its mode")?;
    for (name, value) in &facts.attributes {
        match rustix::fs::fsetxattr(file, name, value, XattrFlags::empty()) {
            // Labels of a security module that this machine does not have say nothing here.
            Err(Errno::NOTSUP) => {}
            Err(Errno::PERM) if !owner => {}
            set => set.with_context(|| format!("set {}", name.display()))?,
        }
    }
    Ok(())
}
