//! Which namespaces are made and which are joined.

use super::id_maps::id_maps;
use super::text::text;
use super::types::{IdMap, IdMaps, Kind, MapWriter, Namespaces};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::spec::Spec;

/// The namespaces in the order of the spec, and what a new one starts with.
pub(super) fn namespaces(spec: &Spec<'_>, host: &Host) -> Result<Namespaces> {
    let linux = &spec.linux;
    let mut namespaces = Namespaces::default();
    for namespace in &linux.namespaces {
        let kind = Kind::from_name(&namespace.kind).ok_or_else(|| {
            Error::new(format!("linux.namespaces: namespace {:?} does not exist", namespace.kind))
        })?;
        match namespace.path.is_empty() {
            true => namespaces.new.push(kind),
            false => {
                let path = text("linux.namespaces", &namespace.path)?;
                namespaces.join.push((kind, path.into()));
            }
        }
    }
    let maps = id_maps(&linux.uid_mappings, &linux.gid_mappings);
    if namespaces.makes(Kind::User) {
        let write = writer(&maps, host);
        namespaces.id_maps = Some(IdMaps { write, ..maps });
    } else if namespaces.has(Kind::User) && !linux.uid_mappings.is_empty() {
        // containerd and CRI-O write both the path and the maps of a namespace they have made.
        namespaces.joined_maps = Some(maps);
    }
    namespaces.time_offsets = time_offsets(spec)?;
    Ok(namespaces)
}

/// Who may write the maps (user_namespaces(7)): who has CAP_SETUID here any, everyone else one
/// line for the own id; for other ids newuidmap(1) and newgidmap(1) have the right.
fn writer(maps: &IdMaps, host: &Host) -> MapWriter {
    let only =
        |lines: &[IdMap], id| matches!(lines, [line] if line.outside == id && line.size == 1);
    if host.euid == 0 {
        MapWriter::Runtime
    } else if only(&maps.uids, host.euid) && only(&maps.gids, host.egid) {
        MapWriter::RuntimeWithoutGroups
    } else {
        MapWriter::Helpers
    }
}

fn time_offsets(spec: &Spec<'_>) -> Result<Vec<(String, i64, u32)>> {
    let offsets = spec.linux.time_offsets.iter();
    offsets
        .map(|(clock, offset)| {
            Ok((text("linux.timeOffsets", clock)?, offset.secs, offset.nanosecs))
        })
        .collect()
}
