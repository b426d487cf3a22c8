//! `dok system df`: how much room everything takes.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::{Value, json};

use super::flags::{is_set, switch, text};
use super::listing::{Column, is_table, list, of_one, or_raw};
use super::{Globals, format_flag, human, image_list, print, ps};
use crate::error::Result;
use crate::service::Engine;
use crate::service::list::{Listed, Selection};
use crate::service::usage::{ImageUsage, Usage, VolumeUsage};

const COLUMNS: &[Column] = &[
    ("Type", "TYPE"),
    ("TotalCount", "TOTAL"),
    ("Active", "ACTIVE"),
    ("Size", "SIZE"),
    ("Reclaimable", "RECLAIMABLE"),
];

const RAW: &str = "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\n\
                   reclaimable: {{.Reclaimable}}\n";

pub(super) fn definition() -> Command {
    Command::new("system df")
        .about("Show disk usage")
        .arg(format_flag())
        .arg(switch("verbose", "Show detailed information on space usage").short('v'))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    if is_set(matches, "verbose") {
        let parts = Parts::read(&engine)?;
        print(&match text(matches, "format") {
            Some(format) if !is_table(Some(&format)) => of_one(&parts.object(), &format)?,
            _ => parts.tables()?,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = [
        row("Images", engine.usage_of_images()?),
        row("Containers", engine.usage_of_containers()?),
        row("Local Volumes", engine.usage_of_volumes()?),
        row("Build Cache", Usage::default()),
    ];
    let format = text(matches, "format");
    print(&list(rows, COLUMNS, COLUMNS.len(), or_raw(format.as_deref(), RAW))?)?;
    Ok(ExitCode::SUCCESS)
}

/// Every object with its room.
struct Parts {
    images: Vec<Value>,
    containers: Vec<Value>,
    volumes: Vec<Value>,
}

const IMAGES: &[Column] = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
    ("SharedSize", "SHARED SIZE"),
    ("UniqueSize", "UNIQUE SIZE"),
    ("Containers", "CONTAINERS"),
];
const CONTAINERS: &[Column] = &[
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Command", "COMMAND"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Size", "SIZE"),
    ("RunningFor", "CREATED"),
    ("Status", "STATUS"),
    ("Names", "NAMES"),
];
const VOLUMES: &[Column] = &[("Name", "VOLUME NAME"), ("Links", "LINKS"), ("Size", "SIZE")];

impl Parts {
    fn read(engine: &Engine) -> Result<Parts> {
        let selection = Selection { all: true, sizes: true, ..Selection::default() };
        let containers = engine.list_containers(&selection)?;
        let container = |listed: &Listed| {
            let mut row = ps::row(listed, false);
            row["Size"] = human::size(listed.size.map_or(0, |size| size.own), 3).into();
            row
        };
        let volume = |volume: VolumeUsage| {
            json!({"Name": volume.name, "Links": volume.links.to_string(),
                   "Size": human::size(volume.bytes, 4), "Driver": "local", "Scope": "local"})
        };
        Ok(Parts {
            images: engine.usage_by_image()?.iter().flat_map(images).collect(),
            containers: containers.iter().map(container).collect(),
            volumes: engine.usage_by_volume()?.into_iter().map(volume).collect(),
        })
    }

    fn tables(&self) -> Result<String> {
        let images = list(self.images.clone(), IMAGES, IMAGES.len(), None)?;
        let containers = list(self.containers.clone(), CONTAINERS, CONTAINERS.len(), None)?;
        let volumes = list(self.volumes.clone(), VOLUMES, VOLUMES.len(), None)?;
        Ok(format!(
            "Images space usage:\n\n{images}\nContainers space usage:\n\n{containers}\n\
             Local Volumes space usage:\n\n{volumes}\nBuild cache usage: 0B\n\n"
        ))
    }

    fn object(&self) -> Value {
        json!({"Images": self.images, "Containers": self.containers, "Volumes": self.volumes,
               "BuildCache": []})
    }
}

/// A row for each name of an image.
fn images(usage: &ImageUsage) -> Vec<Value> {
    let own = usage.image.record.size.saturating_sub(usage.shared);
    let complete = |mut row: Value| {
        row["SharedSize"] = human::size(usage.shared, 3).into();
        row["UniqueSize"] = human::size(own, 3).into();
        row["Containers"] = usage.containers.to_string().into();
        row
    };
    image_list::rows(&usage.image, false, false).into_iter().map(complete).collect()
}

fn row(kind: &str, usage: Usage) -> Value {
    let reclaimable = human::size(usage.reclaimable, 4);
    let reclaimable = match (usage.reclaimable * 100).checked_div(usage.bytes) {
        Some(share) => format!("{reclaimable} ({share}%)"),
        None => reclaimable,
    };
    json!({
        "Type": kind,
        "TotalCount": usage.total.to_string(),
        "Active": usage.active.to_string(),
        "Size": human::size(usage.bytes, 4),
        "Reclaimable": reclaimable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_to_go_has_its_share() {
        let usage = Usage { total: 2, active: 1, bytes: 646_722_683, reclaimable: 323_000_000 };
        let told = row("Images", usage);
        assert_eq!(
            (&told["Size"], &told["Reclaimable"]),
            (&"646.7MB".into(), &"323MB (49%)".into())
        );
        assert_eq!(row("Containers", Usage::default())["Reclaimable"], "0B");
    }
}
