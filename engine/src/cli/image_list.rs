//! `dok images`: the images that are there.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value, json};

use super::filters::{filter, filters};
use super::flags::{is_set, switch};
use super::listing::{self, Column};
use super::refused::{self, Refused, Takes};
use super::{Globals, complain, human, print};
use crate::error::Result;
use crate::image::Reference;
use crate::store::Image;

const COLUMNS: &[Column] = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
    ("Digest", "DIGEST"),
    ("CreatedAt", "CREATED AT"),
    ("Containers", "CONTAINERS"),
    ("SharedSize", "SHARED SIZE"),
    ("UniqueSize", "UNIQUE SIZE"),
    ("VirtualSize", "VIRTUAL SIZE"),
];
/// Those that a table shows where nothing else is asked for.
const SHOWN: usize = 5;
const WITH_DIGESTS: &str =
    "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

const RAW: &str = "repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\n\
                   created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";
const RAW_WITH_DIGESTS: &str = "repository: {{.Repository}}\ntag: {{.Tag}}\ndigest: {{.Digest}}\n\
     image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";

const REFUSED: &[Refused] = &[Refused {
    flag: "tree",
    takes: Takes::Nothing,
    reason: "an image is of one platform here, and has nothing below it",
}];

pub(super) fn definition() -> Command {
    Command::new("images")
        .about("List images")
        .arg(Arg::new("repository").value_name("REPOSITORY[:TAG]"))
        .arg(switch("all", "Show all images: there are no intermediate ones here").short('a'))
        .arg(switch("digests", "Show digests"))
        .arg(switch("no-trunc", "Don't truncate output"))
        .arg(switch("quiet", "Only show image IDs").short('q'))
        .arg(filter().short('f'))
        .arg(super::format_flag())
        .args(refused::args(REFUSED))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let engine = globals.engine()?;
    let mut filters = filters(matches)?;
    if let Some(name) = matches.get_one::<String>("repository") {
        filters.entry("reference".into()).or_default().push(name.clone());
    }
    let whole = is_set(matches, "no-trunc");
    let digests = is_set(matches, "digests");
    let named = matches.get_one::<String>("repository");
    let images = engine.images(&filters)?;
    let rows: Vec<Value> = images.iter().flat_map(|image| rows(image, whole, digests)).collect();
    let format = globals.format(matches, "imagesFormat");
    let quiet = is_set(matches, "quiet");
    let format = match (listing::is_table(format.as_deref()), quiet, digests) {
        (true, true, _) => Some("{{.ID}}"),
        (true, false, true) => Some(WITH_DIGESTS),
        _ => format.as_deref(),
    };
    let raw = match (quiet, digests) {
        (true, _) => "image_id: {{.ID}}",
        (false, true) => RAW_WITH_DIGESTS,
        (false, false) => RAW,
    };
    let format = listing::or_raw(format, raw);
    if rows.is_empty() && named.is_some_and(|name| matches!(name.as_str(), "ls" | "list")) {
        let name = named.map_or("", String::as_str);
        complain(&format!("No images found matching {name:?}: did you mean \"dok image ls\"?"));
    }
    print(&listing::list(rows, COLUMNS, SHOWN, format)?)?;
    Ok(ExitCode::SUCCESS)
}

/// A row for each name; where digests are shown, each has the digest of its repository.
pub(super) fn rows(image: &Image, whole: bool, digests: bool) -> Vec<Value> {
    let none = || "<none>".to_owned();
    let digest = |name: &Reference| {
        let same = image.digests.iter().find(|known| known.name() == name.name());
        same.and_then(|known| known.digest).map_or_else(none, |digest| digest.to_string())
    };
    let mut names: Vec<(String, String, String)> = Vec::new();
    for tag in &image.tags {
        names.push((tag.familiar_name(), tag.tag.clone().unwrap_or_default(), digest(tag)));
    }
    if names.is_empty() {
        let known = image.digests.iter().take(if digests { usize::MAX } else { 1 });
        names.extend(known.map(|name| (name.familiar_name(), none(), digest(name))));
    }
    if names.is_empty() {
        names.push((none(), none(), none()));
    }
    let created = image.file.created.as_deref();
    let row = |(repository, tag, digest): (String, String, String)| {
        let moment = created.and_then(|text| text.parse().ok()).map(human::moment);
        json!({
            "Repository": repository,
            "Tag": tag,
            "Digest": digest,
            "ID": if whole { image.id.to_string() } else { image.id.short() },
            "CreatedSince": human::ago(created),
            "CreatedAt": moment.unwrap_or_default(),
            "Size": human::size(image.record.size, 3),
            "VirtualSize": human::size(image.record.size, 3),
            "Containers": "N/A",
            "SharedSize": "N/A",
            "UniqueSize": "N/A",
        })
    };
    names.into_iter().map(row).collect()
}
