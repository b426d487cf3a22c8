//! Translations of ids, for user namespaces and for mounts.

use super::mount_options::Wishes;
use super::types::{IdMap, IdMaps, MapWriter, MountIdMap};
use crate::error::{Error, Result};
use crate::spec::{IdMapping, Mount, Spec};

/// Both maps of the spec.
pub(super) fn id_maps(uids: &[IdMapping], gids: &[IdMapping]) -> IdMaps {
    let lines = |mappings: &[IdMapping]| {
        let line = |line: &IdMapping| IdMap {
            inside: line.container_id,
            outside: line.host_id,
            size: line.size,
        };
        mappings.iter().map(line).collect()
    };
    IdMaps { uids: lines(uids), gids: lines(gids), write: MapWriter::Runtime }
}

impl IdMap {
    /// What an id inside is outside.
    pub fn outside_of(&self, inside: u32) -> Option<u32> {
        let offset = inside.checked_sub(self.inside).filter(|offset| *offset < self.size)?;
        self.outside.checked_add(offset)
    }
}

impl IdMaps {
    /// Whether these lines of a uid_map and a gid_map say the same, however they are divided.
    pub fn agree_with(&self, uids: &str, gids: &str) -> bool {
        let same = |own: &[IdMap], theirs| Some(joined(own.to_vec())) == lines(theirs).map(joined);
        same(&self.uids, uids) && same(&self.gids, gids)
    }
}

/// In order, with what continues the line before made one with it.
fn joined(mut lines: Vec<IdMap>) -> Vec<IdMap> {
    lines.sort_unstable_by_key(|line| line.inside);
    lines.dedup_by(|next, line| {
        let ends = (line.inside.checked_add(line.size), line.outside.checked_add(line.size));
        let continues = ends == (Some(next.inside), Some(next.outside));
        if continues {
            line.size = line.size.saturating_add(next.size);
        }
        continues
    });
    lines
}

/// The lines of /proc/PID/uid_map; nothing where one is none.
fn lines(text: &str) -> Option<Vec<IdMap>> {
    let line = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(|number| number.parse().ok());
        let (inside, outside, size) = (numbers.next()??, numbers.next()??, numbers.next()??);
        Some(IdMap { inside, outside, size })
    };
    text.lines().map(line).collect()
}

/// The translation that a mount's options and mappings ask for. The mappings alone are enough,
/// the word alone means the container's own user namespace.
///
/// # Errors
/// Maps that cannot be read, or that nobody says.
pub(super) fn mount_id_map(
    spec: &Spec<'_>,
    mount: &Mount<'_>,
    wishes: &Wishes<'_>,
) -> Result<Option<MountIdMap>> {
    let given = !mount.uid_mappings.is_empty() || !mount.gid_mappings.is_empty();
    let recursive = wishes.idmap.unwrap_or_default();
    let maps = match wishes.maps {
        Some(words) => inline(words, spec)?,
        None if given => id_maps(&mount.uid_mappings, &mount.gid_mappings),
        None if wishes.idmap.is_none() => return Ok(None),
        None if spec.linux.namespaces.iter().any(|namespace| &*namespace.kind == "user") => {
            return Ok(Some(MountIdMap::Container { recursive }));
        }
        None => return Err(Error::new("idmap: there are no mappings and no user namespace")),
    };
    if maps.uids.is_empty() || maps.gids.is_empty() {
        return Err(Error::new("id-mapped mounts must have both uid and gid mappings"));
    }
    Ok(Some(MountIdMap::Maps { maps, recursive }))
}

/// `uids=0-1000-1#1-2000-10;gids=@0-0-1`: inside, outside, size; `@` counts the outside in the
/// container's user namespace.
fn inline(words: &str, spec: &Spec<'_>) -> Result<IdMaps> {
    let mut maps = IdMaps::default();
    for map in words.split(';').filter(|map| !map.is_empty()) {
        match map.split_once('=') {
            Some(("uids", lines)) => maps.uids = inline_lines(lines, &spec.linux.uid_mappings)?,
            Some(("gids", lines)) => maps.gids = inline_lines(lines, &spec.linux.gid_mappings)?,
            _ => return Err(Error::new(format!("idmap: {map:?} is neither uids= nor gids="))),
        }
    }
    Ok(maps)
}

fn inline_lines(lines: &str, container: &[IdMapping]) -> Result<Vec<IdMap>> {
    let container = id_maps(container, &[]).uids;
    let lines = lines.split('#').map(|line| {
        inline_line(line, &container).ok_or_else(|| {
            Error::new(format!("idmap: {line:?} is not inside-outside-size, or is not mapped"))
        })
    });
    lines.collect()
}

fn inline_line(line: &str, container: &[IdMap]) -> Option<IdMap> {
    let (numbers, relative) = match line.strip_prefix('@') {
        Some(numbers) => (numbers, true),
        None => (line, false),
    };
    let mut numbers = numbers.split('-').map(|number| number.parse::<u32>().ok());
    let (inside, outside, size) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let outside = match relative {
        true => container.iter().find_map(|line| line.outside_of(outside))?,
        false => outside,
    };
    numbers.next().is_none().then_some(IdMap { inside, outside, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str) -> Result<IdMaps> {
        let mut spec = Spec::default();
        let line = IdMapping { container_id: 0, host_id: 1000, size: 10 };
        (spec.linux.uid_mappings, spec.linux.gid_mappings) = (vec![line.clone()], vec![line]);
        inline(words, &spec)
    }

    #[test]
    fn maps_agree_however_they_are_divided() {
        let line = |inside, outside, size| IdMap { inside, outside, size };
        let maps = IdMaps {
            uids: vec![line(1, 100_001, 9), line(0, 100_000, 1), line(20, 5, 1)],
            gids: vec![line(0, 1, 1)],
            write: MapWriter::Runtime,
        };
        let uids = "         0     100000         10\n        20          5          1\n";
        assert!(maps.agree_with(uids, "0 1 1\n"));
        for (uids, gids) in [("0 100000 10\n", "0 1 1\n"), (uids, "0 1 2\n"), (uids, ""), ("x", "")]
        {
            assert!(!maps.agree_with(uids, gids), "{uids:?} {gids:?}");
        }
    }

    #[test]
    fn inline_maps_are_read() {
        let maps = asked("uids=0-5-1#1-2000-10;gids=@3-4-2").unwrap();
        let line = |inside, outside, size| IdMap { inside, outside, size };
        assert_eq!(maps.uids, [line(0, 5, 1), line(1, 2000, 10)]);
        assert_eq!(maps.gids, [line(3, 1004, 2)]);
    }

    #[test]
    fn inline_maps_that_are_none_are_refused() {
        for words in ["uids=", "uids=1-2", "uids=1-2-3-4", "uids=a-b-c", "x=1-2-3", "uids=@0-10-1"]
        {
            assert!(asked(words).is_err(), "{words}");
        }
    }
}
