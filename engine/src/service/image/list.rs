//! Which images there are, and what is known about one.

use serde::Serialize;

use super::now;
use crate::error::{Kind, Result, refuse};
use crate::image::config::Config;
use crate::image::{Digest, Reference};
use crate::model::Event;
use crate::service::Engine;
use crate::service::filters::{Filters, Labels, check_names, fit_labels, truth, until};
use crate::store::Image;
use crate::time::Time;

/// What images can be chosen by.
const FILTERS: [&str; 7] = ["before", "dangling", "label", "label!", "reference", "since", "until"];

/// The images that fit, of all that are there.
fn fitting(filters: &Filters, mut images: Vec<Image>) -> Result<Vec<Image>> {
    check_names(filters, &FILTERS)?;
    let anchor = |name: &str| {
        let value = filters.get(name).and_then(|values| values.first());
        value.map(|value| pivot(&images, value).map(made)).transpose()
    };
    let (before, since) = (anchor("before")?, anchor("since")?);
    let (dangling, limit) = (truth(filters, "dangling")?, until(filters)?);
    let none = Labels::new();
    images.retain(|image| {
        dangling.is_none_or(|wanted| image.tags.is_empty() == wanted)
            && before.is_none_or(|anchor| made(image) < anchor)
            && since.is_none_or(|anchor| made(image) > anchor)
            && limit.is_none_or(|limit| made(image) <= limit)
            && fit_labels(image.config.labels.as_ref().unwrap_or(&none), filters)
    });
    if let Some(patterns) = filters.get("reference") {
        let named = |name: &Reference| patterns.iter().any(|pattern| matches(name, pattern));
        for image in &mut images {
            image.tags.retain(named);
            image.digests.retain(named);
        }
        images.retain(|image| !image.tags.is_empty() || !image.digests.is_empty());
    }
    Ok(images)
}

fn pivot<'a>(all: &'a [Image], name: &str) -> Result<&'a Image> {
    let reference = name.parse::<Reference>().map(Reference::or_latest).ok();
    let named = |image: &&Image| {
        reference.as_ref().is_some_and(|reference| image.tags.contains(reference))
            || image.id.hex().starts_with(name.trim_start_matches("sha256:"))
    };
    let gone = || refuse(Kind::NotFound, format!("No such image: {name}"));
    all.iter().find(named).ok_or_else(gone)
}

/// When an image was made; one that does not say so is older than all others.
fn made(image: &Image) -> Time {
    let created = image.file.created.as_deref();
    created.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Whether a name is meant by a pattern: the repository alone or with its tag, each part between
/// slashes for itself.
fn matches(name: &Reference, pattern: &str) -> bool {
    let candidates = [name.familiar_name(), name.familiar(), name.name(), name.to_string()];
    candidates.iter().any(|text| glob(pattern.as_bytes(), text.as_bytes()))
}

/// `*` and `?` stop at slashes; `[a-z]` is one of several.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            let ends = (0..=text.len()).take_while(|at| !text[..*at].contains(&b'/'));
            ends.into_iter().any(|at| glob(rest, &text[at..]))
        }
        ([b'?', rest @ ..], [c, after @ ..]) if *c != b'/' => glob(rest, after),
        ([b'[', rest @ ..], [c, after @ ..]) => {
            let Some(end) = rest.iter().position(|b| *b == b']') else { return false };
            let (set, rest) = (&rest[..end], &rest[end + 1..]);
            let (not, set) = match set {
                [b'^', set @ ..] => (true, set),
                set => (false, set),
            };
            let range = set.windows(3).any(|w| w[1] == b'-' && (w[0]..=w[2]).contains(c));
            ((range || set.contains(c)) != not) && glob(rest, after)
        }
        ([p, rest @ ..], [c, after @ ..]) if p == c => glob(rest, after),
        _ => false,
    }
}

/// What `image inspect` tells, in Docker's order.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the words are Docker's")]
pub struct Inspected {
    pub id: Digest,
    pub repo_tags: Vec<String>,
    pub repo_digests: Vec<String>,
    pub parent: String,
    pub comment: String,
    pub created: String,
    pub docker_version: String,
    pub author: String,
    pub architecture: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
    pub os: String,
    pub size: u64,
    pub graph_driver: GraphDriver,
    #[serde(rename = "RootFS")]
    pub root_fs: RootFs,
    pub metadata: Metadata,
    pub config: Config,
}

/// Where the layers are.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GraphDriver {
    pub data: Places,
    pub name: &'static str,
}

/// Folders for overlayfs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Places {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub lower_dir: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub upper_dir: String,
}

/// The layers by what is in them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RootFs {
    #[serde(rename = "Type")]
    pub kind: String,
    pub layers: Vec<Digest>,
}

/// When it was named.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metadata {
    pub last_tag_time: String,
}

/// A step of how an image was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The image, where this step ended with it.
    pub id: Option<Digest>,
    /// When, in RFC 3339.
    pub created: Option<String>,
    /// By which command.
    pub created_by: String,
    /// The bytes of the files that it brought.
    pub size: u64,
    /// A note.
    pub comment: String,
    /// The names of the image that it ended with.
    pub tags: Vec<String>,
}

impl Engine {
    /// The images that fit, the newest first. Filters are `before`, `dangling`, `label`, `label!`,
    /// `reference`, `since` and `until`.
    ///
    /// # Errors
    /// Where a filter makes no sense or an image cannot be read.
    pub fn images(&self, filters: &Filters) -> Result<Vec<Image>> {
        fitting(filters, self.store.images()?)
    }

    /// Everything about an image.
    ///
    /// # Errors
    /// `No such image: X`.
    pub fn inspect_image(&self, name_or_id: &str) -> Result<Inspected> {
        let image = self.store.image(name_or_id)?;
        let familiar = |names: &[Reference]| names.iter().map(Reference::familiar).collect();
        let file = &image.file;
        let more = |key: &str| file.more.get(key).and_then(|v| v.as_str()).unwrap_or_default();
        let mut folders: Vec<String> = Vec::new();
        for diff_id in image.diff_ids.iter().rev() {
            folders.push(self.store.layer(diff_id).join("fs").display().to_string());
        }
        let upper_dir = if folders.is_empty() { String::new() } else { folders.remove(0) };
        let last = file.history.last();
        Ok(Inspected {
            id: image.id,
            repo_tags: familiar(&image.tags),
            repo_digests: familiar(&image.digests),
            parent: image.record.parent.map(|id| id.to_string()).unwrap_or_default(),
            comment: last.map(|step| step.comment.clone()).unwrap_or_default(),
            created: file.created.clone().unwrap_or_else(|| "0001-01-01T00:00:00Z".into()),
            docker_version: more("docker_version").to_owned(),
            author: file.author.clone(),
            architecture: file.architecture.clone(),
            variant: file.variant.clone(),
            os: file.os.clone(),
            size: image.record.size,
            graph_driver: GraphDriver {
                data: Places { lower_dir: folders.join(":"), upper_dir },
                name: "overlay2",
            },
            root_fs: RootFs { kind: "layers".into(), layers: image.diff_ids.clone() },
            metadata: Metadata { last_tag_time: image.record.tagged.clone().unwrap_or_default() },
            config: image.config.clone(),
        })
    }

    /// How an image was made, the last step first.
    ///
    /// # Errors
    /// `No such image: X`.
    pub fn history(&self, name_or_id: &str) -> Result<Vec<Step>> {
        let image = self.store.image(name_or_id)?;
        let mut layers = image.diff_ids.iter();
        let mut steps = Vec::new();
        for entry in &image.file.history {
            let layer = if entry.empty_layer { None } else { layers.next() };
            let size = layer.map_or(Ok(0), |id| self.store.layer_facts(id).map(|f| f.size))?;
            steps.push(Step {
                id: None,
                created: entry.created.clone(),
                created_by: entry.created_by.clone(),
                size,
                comment: entry.comment.clone(),
                tags: Vec::new(),
            });
        }
        steps.reverse();
        if let Some(first) = steps.first_mut() {
            first.id = Some(image.id);
            first.tags = image.tags.iter().map(Reference::familiar).collect();
        }
        Ok(steps)
    }

    /// Lets another name stand for an image.
    ///
    /// # Errors
    /// `No such image: X`, or the name has a digest.
    pub fn tag(&self, name_or_id: &str, name: &Reference) -> Result<()> {
        if name.familiar_name() == "sha256" {
            let words = "refusing to create an ambiguous tag using digest algorithm as name";
            return Err(refuse(Kind::Invalid, words));
        }
        if name.digest.is_some() {
            let words = "refusing to create a tag with a digest reference";
            return Err(refuse(Kind::Invalid, words));
        }
        let _busy = self.store.busy()?;
        let id = self.image(name_or_id)?.id;
        let gone = || refuse(Kind::NotFound, format!("No such image: {name_or_id}"));
        let mut record = self.store.image_record(&id)?.ok_or_else(gone)?;
        record.tagged = Some(now());
        self.store.put_image(&id, &record)?;
        let name = name.clone().or_latest();
        self.store.put_reference(&name, &id, None)?;
        self.store.tell(&Event::of_image(&id.to_string(), "tag", &name.familiar()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stops_at_slashes() {
        let name = |text: &str| text.parse::<Reference>().unwrap().or_latest();
        for (text, pattern, expected) in [
            ("busybox", "busybox", true),
            ("busybox", "busy*", true),
            ("busybox", "busybox:latest", true),
            ("busybox", "*:lat?st", true),
            ("busybox", "busybox:1", false),
            ("me/busybox", "busy*", false),
            ("me/busybox", "*/busy*", true),
            ("me/busybox", "m[a-f]/busybox", true),
            ("h:5000/x", "h:5000/*", true),
            ("busybox", "docker.io/library/busybox", true),
        ] {
            assert_eq!(matches(&name(text), pattern), expected, "{text} {pattern}");
        }
    }
}
