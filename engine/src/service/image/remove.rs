//! Taking images and names away.

use std::collections::BTreeSet;

use crate::error::{Kind, Result, refuse};
use crate::image::{Digest, Reference};
use crate::model::{Event, Subject};
use crate::service::Engine;
use crate::service::filters::Filters;
use crate::store::Image;

/// What was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// A name.
    Untagged(String),
    /// An image, or a layer that no other image has at this place.
    Deleted(Digest),
}

/// What became of a prune.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// What was taken away.
    pub removed: Vec<Removed>,
    /// Bytes that became free.
    pub bytes: u64,
}

impl Engine {
    /// Takes a name away, and with its last name the image; by an id the image with all its names.
    ///
    /// # Errors
    /// Where there is none, or a container needs it and nobody insists.
    pub fn remove_image(&self, name_or_id: &str, force: bool) -> Result<Vec<Removed>> {
        if name_or_id.trim().is_empty() {
            return Err(refuse(Kind::Invalid, "image name cannot be blank"));
        }
        let image = self.store.image(name_or_id)?;
        let by_id = name_or_id.trim_start_matches("sha256:");
        let named = name_or_id.parse::<Reference>().ok().map(Reference::or_latest);
        let named = named.filter(|name| {
            image.tags.contains(name)
                || image.digests.contains(name)
                || !image.id.hex().starts_with(by_id)
        });
        let removed = match named {
            Some(name) => self.remove_by_name(&image, &name, name_or_id, force)?,
            None => self.remove_by_id(&image, force)?,
        };
        self.store.collect()?;
        Ok(removed)
    }

    fn remove_by_name(
        &self,
        image: &Image,
        name: &Reference,
        typed: &str,
        force: bool,
    ) -> Result<Vec<Removed>> {
        let others = image.tags.iter().any(|tag| tag != name);
        if others {
            // The repository's digests go with its last tag.
            let same = |tag: &&Reference| *tag != name && tag.name() == name.name();
            let mut going = vec![name.clone()];
            if name.tag.is_some() && !image.tags.iter().any(|tag| same(&tag)) {
                going.extend(image.digests.iter().filter(|d| d.name() == name.name()).cloned());
            }
            return self.untag(&image.id, &going);
        }
        let uses = self.containers_of(&image.id)?;
        if let Some(user) = uses.first().filter(|_| !force) {
            let words = format!(
                "conflict: unable to remove repository reference \"{typed}\" (must force) - \
                 container {} is using its referenced image {}",
                short(&user.0),
                image.id.short()
            );
            return Err(refuse(Kind::Conflict, words));
        }
        self.delete(image)
    }

    fn remove_by_id(&self, image: &Image, force: bool) -> Result<Vec<Removed>> {
        let uses = self.containers_of(&image.id)?;
        let runs = uses.iter().any(|(_, running)| *running);
        let repositories: BTreeSet<String> = image.tags.iter().map(Reference::name).collect();
        if repositories.len() > 1 && !force && !runs {
            let words = format!(
                "conflict: unable to delete {} (must be forced) - image is referenced in multiple \
                 repositories",
                image.id.short()
            );
            return Err(refuse(Kind::Conflict, words));
        }
        if let Some((user, _)) = uses.first().filter(|_| !force && !runs) {
            let words = format!(
                "conflict: unable to delete {} (must be forced) - image is being used by stopped \
                 container {}",
                image.id.short(),
                short(user)
            );
            return Err(refuse(Kind::Conflict, words));
        }
        self.delete(image)
    }

    fn containers_of(&self, image: &Digest) -> Result<Vec<(String, bool)>> {
        let uses = self.store.uses()?.into_iter().filter(|own| own.image == *image);
        Ok(uses.map(|own| (own.container, own.running)).collect())
    }

    /// Takes away the image with all its names.
    fn delete(&self, image: &Image) -> Result<Vec<Removed>> {
        if let Some((user, _)) = self.containers_of(&image.id)?.iter().find(|(_, running)| *running)
        {
            let words = format!(
                "conflict: unable to delete {} (cannot be forced) - image is being used by running \
                 container {}",
                image.id.short(),
                short(user)
            );
            return Err(refuse(Kind::Conflict, words));
        }
        let names: Vec<Reference> = image.tags.iter().chain(&image.digests).cloned().collect();
        let mut others = BTreeSet::new();
        for other in self.store.images()?.iter().filter(|other| other.id != image.id) {
            others.extend(chain(&other.diff_ids));
        }
        // First the image, then its names: what is killed in between leaves names of nothing, which
        // nobody sees.
        self.store.remove_image_record(&image.id)?;
        let mut removed = self.untag(&image.id, &names)?;
        removed.push(Removed::Deleted(image.id));
        let id = image.id.to_string();
        self.store.tell(&Event::of_image(&id, "delete", &id));
        let own = chain(&image.diff_ids).into_iter().rev();
        removed.extend(own.filter(|layer| !others.contains(layer)).map(Removed::Deleted));
        Ok(removed)
    }

    fn untag(&self, image: &Digest, names: &[Reference]) -> Result<Vec<Removed>> {
        for name in names {
            self.store.remove_reference(name)?;
            let event = Event::of_image(&image.to_string(), "untag", &name.familiar());
            self.store.tell(&event);
        }
        Ok(names.iter().map(|name| Removed::Untagged(name.familiar())).collect())
    }

    /// Takes away images that no container needs: those without a tag, or all.
    ///
    /// # Errors
    /// Where a filter makes no sense.
    pub fn prune_images(&self, all: bool, filters: &Filters) -> Result<Pruned> {
        let mut removed = Vec::new();
        for image in self.images(filters)? {
            let dangling = image.tags.is_empty();
            if (all || dangling) && self.containers_of(&image.id)?.is_empty() {
                removed.extend(self.delete(&image)?);
            }
        }
        let bytes = self.store.collect()?;
        self.store.tell(&Event::of_prune(Subject::Image, bytes));
        Ok(Pruned { removed, bytes })
    }
}

fn short(container: &str) -> &str {
    container.get(..12).unwrap_or(container)
}

/// The layers with what is below each, which is what Docker calls a layer.
fn chain(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::new();
    for diff_id in diff_ids {
        let next = match chain.last() {
            Some(below) => Digest::of(format!("{below} {diff_id}").as_bytes()),
            None => *diff_id,
        };
        chain.push(next);
    }
    chain
}
