//! `linux.intelRdt`: the class of service, and what is written to it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::text::text;
use crate::error::{Error, Result};
use crate::spec::IntelRdt;

/// A group of resource control (Documentation/filesystems/resctrl.rst).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rdt {
    /// The class of service, an absolute directory.
    pub group: PathBuf,
    /// Whose class it is.
    pub class: RdtClass,
    /// Lines for its `schemata`, like `L3:0=f;1=f0`.
    pub schemata: Vec<String>,
    /// The group that counts for the container alone, an absolute directory.
    pub monitor: Option<PathBuf>,
}

/// Whose class of service it is, which decides what may be done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RdtClass {
    /// The container's own, by its name: it is made.
    Own,
    /// One with a name: it is made where it is missing, and else must have these schemata.
    Named,
    /// One that somebody else has made.
    Existing,
}

/// Plans the group; `root` is where resctrl is mounted.
///
/// # Errors
/// The field that cannot be served, or that this host has no resource control.
pub fn rdt(rdt: &IntelRdt<'_>, root: Option<&Path>, id: &str) -> Result<Rdt> {
    const ABSENT: &str = "linux.intelRdt: this host has no resource control, or its file system \
                          is not mounted (mount -t resctrl resctrl /sys/fs/resctrl)";
    let root = root.ok_or_else(|| Error::new(ABSENT))?;
    let schemata = schemata(rdt)?;
    let (group, class) = match (text("linux.intelRdt.closID", &rdt.clos_id)?.as_str(), &schemata) {
        ("", _) => (root.join(id), RdtClass::Own),
        ("/", _) => (root.to_owned(), RdtClass::Existing),
        (name, lines) if lines.is_empty() => (root.join(name), RdtClass::Existing),
        (name, _) => (root.join(name), RdtClass::Named),
    };
    let monitors = rdt.enable_monitoring || rdt.enable_cmt || rdt.enable_mbm;
    let monitor = monitors.then(|| group.join("mon_groups").join(id));
    Ok(Rdt { group, class, schemata, monitor })
}

/// The lines, those of `schemata` last. A line for the memory bandwidth in `l3CacheSchema` gives
/// way to `memBwSchema`.
fn schemata(rdt: &IntelRdt<'_>) -> Result<Vec<String>> {
    let cache = text("linux.intelRdt.l3CacheSchema", &rdt.l3_cache_schema)?;
    let bandwidth = text("linux.intelRdt.memBwSchema", &rdt.mem_bw_schema)?;
    let gives_way = |line: &str| !bandwidth.is_empty() && resource(line) == "MB";
    let cache = cache.lines().map(str::trim).filter(|line| !gives_way(line));
    let mut lines: Vec<String> = cache.chain([bandwidth.trim()]).map(str::to_owned).collect();
    for line in &rdt.schemata {
        lines.push(text("linux.intelRdt.schemata", line)?.trim().to_owned());
    }
    lines.retain(|line| !line.is_empty());
    Ok(lines)
}

/// What a line is about: `L3`, `MB` …
fn resource(line: &str) -> &str {
    line.split(':').next().unwrap_or_default().trim()
}

/// What `update` writes for `--l3-cache-schema` and `--mem-bw-schema`.
///
/// # Errors
/// A schema that is none.
pub fn rdt_update(l3_cache: &str, memory_bandwidth: &str) -> Result<Vec<String>> {
    let rdt = IntelRdt {
        l3_cache_schema: l3_cache.into(),
        mem_bw_schema: memory_bandwidth.into(),
        ..IntelRdt::default()
    };
    match crate::validate::rdt_problem(&rdt) {
        Some((field, words)) => Err(Error::new(format!("{field}: {words}"))),
        None => schemata(&rdt),
    }
}

/// Whether the text of a `schemata` file says what these lines say: numbers may be written with
/// zeros in front, and domains that no line names may have anything.
pub fn rdt_agrees(lines: &[String], file: &str) -> bool {
    lines.iter().all(|line| {
        let Some((_, domains)) = line.split_once(':') else { return false };
        let there = file.lines().find(|there| resource(there) == resource(line));
        let Some((_, there)) = there.and_then(|there| there.split_once(':')) else { return false };
        let has = |wanted: &str| there.split(';').any(|domain| same_domain(domain, wanted));
        domains.split(';').filter(|domain| !domain.trim().is_empty()).all(has)
    })
}

fn same_domain(one: &str, other: &str) -> bool {
    let value = |text: &'_ str| text.trim().trim_start_matches('0').to_ascii_lowercase();
    let parts = |text: &str| text.split_once('=').map(|(id, bits)| (value(id), value(bits)));
    matches!((parts(one), parts(other)), (Some(one), Some(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(rdt: &IntelRdt<'_>) -> Rdt {
        super::rdt(rdt, Some(Path::new("/r")), "web").unwrap()
    }

    #[test]
    fn the_class_follows_from_closid_and_schemata() {
        let schema = || IntelRdt { l3_cache_schema: "L3:0=f".into(), ..IntelRdt::default() };
        for (rdt, group, class) in [
            (IntelRdt::default(), "/r/web", RdtClass::Own),
            (schema(), "/r/web", RdtClass::Own),
            (IntelRdt { clos_id: "gold".into(), ..schema() }, "/r/gold", RdtClass::Named),
            (
                IntelRdt { clos_id: "gold".into(), ..IntelRdt::default() },
                "/r/gold",
                RdtClass::Existing,
            ),
            (IntelRdt { clos_id: "/".into(), ..schema() }, "/r", RdtClass::Existing),
        ] {
            let planned = planned(&rdt);
            assert_eq!((planned.group.as_path(), planned.class), (Path::new(group), class));
            assert_eq!(planned.monitor, None);
        }
    }

    #[test]
    fn each_word_for_monitoring_asks_for_a_group() {
        for rdt in [
            IntelRdt { enable_monitoring: true, ..IntelRdt::default() },
            IntelRdt { enable_cmt: true, ..IntelRdt::default() },
            IntelRdt { enable_mbm: true, ..IntelRdt::default() },
        ] {
            assert_eq!(planned(&rdt).monitor, Some("/r/web/mon_groups/web".into()));
        }
    }

    #[test]
    fn the_bandwidth_among_the_cache_lines_gives_way_and_schemata_come_last() {
        let rdt = IntelRdt {
            l3_cache_schema: "L3:0=f;1=f0\nMB:0=10\n".into(),
            mem_bw_schema: "MB:0=20;1=70".into(),
            schemata: vec!["L2:0=1".into(), "".into()],
            ..IntelRdt::default()
        };
        assert_eq!(planned(&rdt).schemata, ["L3:0=f;1=f0", "MB:0=20;1=70", "L2:0=1"]);
        let alone = IntelRdt { l3_cache_schema: "L3:0=f\nMB:0=10".into(), ..IntelRdt::default() };
        assert_eq!(planned(&alone).schemata, ["L3:0=f", "MB:0=10"]);
    }

    #[test]
    fn a_host_without_resource_control_is_told() {
        let error = super::rdt(&IntelRdt::default(), None, "web").unwrap_err().to_string();
        assert!(error.starts_with("linux.intelRdt: this host has no resource control"), "{error}");
    }

    #[test]
    fn schemata_agree_whatever_the_zeros() {
        let file = "    MB:0=100;1= 70\n    L3:0=00f;1=7ff\n";
        for (lines, agree) in [
            (&["L3:0=f"][..], true),
            (&["L3:1=7FF;0=f", "MB:1=70"], true),
            (&[], true),
            (&["L3:0=1f"], false),
            (&["L3:2=f"], false),
            (&["L2:0=f"], false),
            (&["L3"], false),
            (&["L3:f"], false),
        ] {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(rdt_agrees(&lines, file), agree, "{lines:?}");
        }
    }
}
