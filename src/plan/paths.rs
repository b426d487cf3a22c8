//! The root, and paths that are hidden or made read-only.

use std::path::{Path, PathBuf};

use super::Options;
use super::mount_options::propagation;
use super::text::text;
use super::types::{
    ContainerPath, Kind, Namespaces, Propagation, PropagationKind, Root, RootSwitch,
};
use crate::error::{Error, Result};
use crate::spec::{Spec, Str};

/// What the host's tree gets when the spec says nothing: its changes come in, none go out.
const HOST_IS_MASTER: Propagation = Propagation { kind: PropagationKind::Slave, recursive: true };

/// Where the root is and how it is entered.
pub(super) fn root(
    spec: &Spec<'_>,
    options: &Options<'_>,
    namespaces: &Namespaces,
) -> Result<Root> {
    let root = spec.root.as_ref().ok_or_else(|| Error::new("root: is missing"))?;
    let wanted = wanted_propagation(&spec.linux.rootfs_propagation)?;
    let switch = match namespaces.has(Kind::Mount) {
        true => options.root_switch,
        false => without_a_mount_namespace(options, wanted)?,
    };
    let kind = wanted.map(|wanted| wanted.kind);
    if switch == RootSwitch::Move && kind == Some(PropagationKind::Private) {
        let words = "linux.rootfsPropagation: [r]private is not safe without pivot_root";
        return Err(Error::new(words));
    }
    // An unbindable tree could not be bound to be entered, so that waits until afterwards.
    let (host_propagation, own_propagation) = match kind {
        Some(PropagationKind::Shared) => (wanted, wanted),
        Some(PropagationKind::Unbindable) => (None, wanted),
        _ => (wanted, None),
    };
    Ok(Root {
        path: host_path(options.bundle, &text("root.path", &root.path)?),
        switch,
        host_propagation: host_propagation.unwrap_or(HOST_IS_MASTER),
        own_propagation,
        readonly: root.readonly,
    })
}

/// The tree is the host's then, and neither moved nor told how to propagate.
fn without_a_mount_namespace(
    options: &Options<'_>,
    wanted: Option<Propagation>,
) -> Result<RootSwitch> {
    const LACK: &str = "without a private MNT namespace";
    match (options.root_switch, wanted) {
        (RootSwitch::Move, _) => {
            Err(Error::new(format!("--no-pivot: unable to use no-pivot {LACK}")))
        }
        (_, Some(_)) => {
            let words = format!("unable to set rootfs propagation {LACK}");
            Err(Error::new(format!("linux.rootfsPropagation: {words}")))
        }
        _ => Ok(RootSwitch::Chroot),
    }
}

fn wanted_propagation(word: &str) -> Result<Option<Propagation>> {
    if word.is_empty() {
        return Ok(None);
    }
    let known = propagation(word);
    known.map(Some).ok_or_else(|| {
        Error::new(format!("linux.rootfsPropagation: rootfsPropagation={word} is not supported"))
    })
}

/// A path of the host; a relative one starts at the bundle.
pub(super) fn host_path(bundle: &Path, path: &str) -> PathBuf {
    bundle.join(path).components().collect()
}

/// What is left of a clean path of the host inside of the root, when it leads there; the letters
/// alone decide. Every path leads into a root that is `/`.
pub(super) fn inside<'a>(root: &Path, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(root.to_str().filter(|root| *root != "/")?)?;
    match rest {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}

/// Paths that are hidden or made read-only: each once, in order; an empty one names nothing.
pub(super) fn container_paths(field: &str, paths: &[Str<'_>]) -> Result<Vec<ContainerPath>> {
    let mut known: Vec<ContainerPath> = Vec::with_capacity(paths.len());
    for path in paths.iter().filter(|path| !path.is_empty()) {
        let path = ContainerPath::new(&clean(&text(field, path)?));
        if !known.contains(&path) {
            known.push(path);
        }
    }
    Ok(known)
}

/// A path without `.`, `..` and doubled slashes, decided by the letters alone as runc does it;
/// `..` stops at the root. What links do is the business of who resolves it.
pub(super) fn clean(path: &str) -> String {
    let mut clean = String::with_capacity(path.len() + 1);
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => clean.truncate(clean.rfind('/').unwrap_or(0)),
            part => {
                clean.push('/');
                clean.push_str(part);
            }
        }
    }
    if clean.is_empty() {
        clean.push('/');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cleaned_by_its_letters() {
        let cases = [
            ("/", "/"),
            ("", "/"),
            ("proc", "/proc"),
            ("//a//b/", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/../../etc", "/etc"),
            ("/a/..", "/"),
        ];
        for (path, expected) in cases {
            assert_eq!(clean(path), expected, "{path:?}");
        }
    }

    #[test]
    fn a_path_through_the_root_begins_there() {
        let cases = [
            ("/b/rootfs", "/b/rootfs/etc/x", Some("/etc/x")),
            ("/b/rootfs", "/b/rootfs", Some("/")),
            ("/b/rootfs", "/b/rootfs2/x", None),
            ("/b/rootfs", "/etc", None),
            ("/", "/etc", None),
        ];
        for (root, path, expected) in cases {
            assert_eq!(inside(Path::new(root), path), expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_named_twice_is_hidden_once() {
        let paths = ["/proc/kcore".into(), "".into(), "/proc//kcore".into(), "/sys".into()];
        let paths = container_paths("linux.maskedPaths", &paths).unwrap();
        assert_eq!(paths, [ContainerPath::new("/proc/kcore"), ContainerPath::new("/sys")]);
    }

    #[test]
    fn a_relative_root_starts_at_the_bundle() {
        for (path, expected) in [("rootfs", "/b/rootfs"), (".", "/b"), ("/r", "/r")] {
            assert_eq!(host_path(Path::new("/b"), path), Path::new(expected));
        }
    }
}
