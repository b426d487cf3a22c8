//! The names of containers: `names/NAME` is a symbolic link whose text is the id, so that a name is
//! taken by one call that fails where it is taken already. The text is the id in base64: so short
//! that ext4 keeps it in the inode. The digits themselves would have a block of the disk, and
//! removing the link would wait for that.
//!
//! A link whose container is not there belongs to a process that died between the two; under the
//! lock of the folder it is known to be nobody's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::{Lock, Store, durable};
use crate::error::{Context, IfThere, Kind, Result, refuse};

impl Store {
    fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    /// Holds all names, for as long as one is given or taken.
    pub(super) fn lock_names(&self) -> Result<Lock> {
        let names = self.names();
        durable::make_private_folder(&names)
            .and_then(|()| Lock::wait(&names))
            .with_context(|| format!("lock {}", names.display()))
    }

    /// Names that stand for no container, or for one that has another name; the caller holds their
    /// lock.
    pub(super) fn names_of_nobody(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for link in super::litter::list(&self.names())? {
            let name = link.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let owner = self.id_of_name(name).unwrap_or_default();
            let container = self.read_container(&owner)?;
            if container.is_none_or(|container| container.name != name) {
                found.push(link);
            }
        }
        Ok(found)
    }

    /// The id that a name stands for.
    pub(super) fn id_of_name(&self, name: &str) -> Option<String> {
        if !is_name(name) {
            return None;
        }
        let target = fs::read_link(self.names().join(name)).ok()?;
        id_of_text(target.to_str()?)
    }

    /// Gives a name to an id; the names are locked by the caller.
    pub(super) fn take_name(&self, name: &str, id: &str) -> Result<()> {
        check_name(name)?;
        let link = self.names().join(name);
        if let Some(owner) = self.id_of_name(name) {
            // One that a killed rename left is nobody's either.
            if self.read_container(&owner)?.is_some_and(|container| container.name == name) {
                return Err(taken(name, &owner));
            }
            fs::remove_file(&link).with_context(|| format!("remove {}", link.display()))?;
        }
        symlink(text_of_id(id), &link).with_context(|| format!("make {}", link.display()))
    }

    /// Takes a name back, if it stands for this id.
    pub(super) fn drop_name(&self, name: &str, id: &str) -> Result<()> {
        if self.id_of_name(name).as_deref() != Some(id) {
            return Ok(());
        }
        let removed = fs::remove_file(self.names().join(name)).if_there();
        removed.with_context(|| format!("remove the name {name}"))
    }
}

fn text_of_id(id: &str) -> String {
    let digits = id.as_bytes().chunks(2).filter_map(|pair| str::from_utf8(pair).ok());
    let bytes: Vec<u8> = digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn id_of_text(text: &str) -> Option<String> {
    // As it was before: a store that somebody has keeps its names.
    if text.len() == 64 {
        return Some(text.to_owned());
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(super::id_of_bytes(&bytes))
}

fn taken(name: &str, owner: &str) -> anyhow::Error {
    let words = format!(
        "Conflict. The container name \"/{name}\" is already in use by container \"{owner}\". \
         You have to remove (or rename) that container to be able to reuse that name."
    );
    refuse(Kind::Conflict, words)
}

/// What a container may be called.
///
/// # Errors
/// In Docker's words.
pub fn check_name(name: &str) -> Result<()> {
    if is_name(name) {
        return Ok(());
    }
    let allowed = "[a-zA-Z0-9][a-zA-Z0-9_.-]";
    let words = format!("Invalid container name ({name}), only {allowed} are allowed");
    Err(refuse(Kind::Invalid, words))
}

/// At least two characters, the first a letter or a digit; no more than a file's name has.
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    (2..=255).contains(&name.len())
        && letters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && letters.all(|rest| rest.is_ascii_alphanumeric() || b"_.-".contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ext4 keeps in the inode.
    #[test]
    fn a_link_has_room_in_its_inode() {
        let id = super::super::random_id().unwrap();
        let text = text_of_id(&id);
        assert!(text.len() < 60, "{text}");
        assert_eq!(id_of_text(&text).as_ref(), Some(&id));
        assert_eq!(id_of_text(&id), Some(id));
    }

    #[test]
    fn a_name_is_at_least_two_characters_without_a_slash() {
        for good in ["ab", "web-1", "0a", "A.b_c"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "x", "-ab", ".ab", "a/b", "a b", "ä1"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
