//! Volumes with options of the driver: another file system than the store's, or another folder. It
//! is mounted in the bundle of each container that has it, and goes with that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::mount::MountFlags;

use crate::error::{Context, Kind, Result, refuse};
use crate::model::MountPoint;
use crate::rootfs;
use crate::store::volumes::Volume;

/// What mount(8) is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Driven {
    kind: String,
    device: String,
    flags: MountFlags,
    /// Words that are the file system's own.
    data: String,
}

/// Words that every file system knows.
const FLAGS: &[(&str, MountFlags)] = &[
    ("bind", MountFlags::BIND),
    ("dirsync", MountFlags::DIRSYNC),
    ("mand", MountFlags::PERMIT_MANDATORY_FILE_LOCKING),
    ("noatime", MountFlags::NOATIME),
    ("nodev", MountFlags::NODEV),
    ("nodiratime", MountFlags::NODIRATIME),
    ("noexec", MountFlags::NOEXEC),
    ("nosuid", MountFlags::NOSUID),
    ("rbind", MountFlags::BIND.union(MountFlags::REC)),
    ("relatime", MountFlags::RELATIME),
    ("ro", MountFlags::RDONLY),
    ("rw", MountFlags::empty()),
    ("strictatime", MountFlags::STRICTATIME),
    ("sync", MountFlags::SYNCHRONOUS),
];

impl Driven {
    /// Reads the options; `None` where there are none.
    ///
    /// # Errors
    /// In Docker's words.
    pub(super) fn read(options: Option<&BTreeMap<String, String>>) -> Result<Option<Driven>> {
        let Some(options) = options.filter(|options| !options.is_empty()) else { return Ok(None) };
        let wrong = |words: String| Err(refuse(Kind::Invalid, words));
        if let Some(key) = options.keys().find(|key| !matches!(&***key, "type" | "device" | "o")) {
            return wrong(format!("invalid option: {key:?}"));
        }
        let option = |key: &str| options.get(key).cloned().unwrap_or_default();
        let (kind, device) = (option("type"), option("device"));
        let (mut flags, mut data) = (MountFlags::empty(), Vec::new());
        let words = option("o");
        for word in words.split(',').filter(|word| !word.is_empty()) {
            match FLAGS.iter().find(|(name, _)| *name == word) {
                Some((_, flag)) => flags |= *flag,
                None => data.push(word),
            }
        }
        for (is_missing, what) in [
            (device.is_empty(), "device"),
            (kind.is_empty() && !flags.contains(MountFlags::BIND), "type"),
        ] {
            if is_missing {
                return wrong(format!("missing required option: {what:?}"));
            }
        }
        Ok(Some(Driven { kind, device, flags, data: data.join(",") }))
    }
}

/// Mounts what a volume's options name, in the bundle of a container that has it.
pub(super) fn mount(volume: &Volume, bundle: &Path) -> Result<()> {
    let Some(driven) = Driven::read(volume.options.as_ref())? else { return Ok(()) };
    let Driven { kind, device, flags, data } = driven;
    let target = place(&volume.name, bundle);
    rootfs::mount_at(&device, &kind, flags, &data, &target)
        .with_context(|| format!("mount {device}, which is the volume {}", volume.name))
}

/// Where the files of a mount are: of a volume with options, in the bundle.
pub(super) fn source(point: &MountPoint, bundle: &Path) -> PathBuf {
    match is_mounted(point, bundle) {
        true => place(&point.name, bundle),
        false => PathBuf::from(&point.source),
    }
}

/// Whether a mount is of a volume with options, which is mounted in the bundle now.
pub(super) fn is_mounted(point: &MountPoint, bundle: &Path) -> bool {
    !point.name.is_empty() && place(&point.name, bundle).exists()
}

fn place(volume: &str, bundle: &Path) -> PathBuf {
    rootfs::parts(bundle).join(format!("volume-{volume}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<Driven>> {
        let options = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Driven::read(Some(&options.collect()))
    }

    #[test]
    fn options_are_flags_and_the_file_systems_own_words() {
        let words = [("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m,nosuid,uid=1000,ro")];
        let driven = read(&words).unwrap().unwrap();
        assert_eq!(driven.data, "size=1m,uid=1000");
        assert_eq!(driven.flags, MountFlags::NOSUID | MountFlags::RDONLY);
        let bound = read(&[("type", "none"), ("device", "/srv"), ("o", "bind")]).unwrap().unwrap();
        assert_eq!((bound.flags, &*bound.device), (MountFlags::BIND, "/srv"));
        assert_eq!(read(&[]).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_mounted_is_refused() {
        for (words, expected) in [
            (&[("size", "1m")][..], "invalid option: \"size\""),
            (&[("type", "tmpfs")], "missing required option: \"device\""),
            (&[("device", "tmpfs")], "missing required option: \"type\""),
        ] {
            assert_eq!(read(words).unwrap_err().to_string(), expected);
        }
    }
}
