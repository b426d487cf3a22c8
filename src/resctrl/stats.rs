//! What resource control tells of a container, in the form in which runc's `events` has it.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::Saved;

/// `intel_rdt` of a stats event; what this machine does not have is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stats {
    /// What the cache can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l3_cache_info: Option<CacheInfo>,
    /// The default class's line for the cache.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub l3_cache_schema_root: String,
    /// The container's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub l3_cache_schema: String,
    /// What the memory bandwidth control can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_bw_info: Option<BandwidthInfo>,
    /// The default class's line for the memory bandwidth.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mem_bw_schema_root: String,
    /// The container's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mem_bw_schema: String,
    /// Every line of the container's class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schemata: Vec<String>,
    /// Memory bandwidth used, by cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbm_stats: Option<Vec<Bandwidth>>,
    /// Cache used, by cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmt_stats: Option<Vec<Occupancy>>,
}

/// `info/L3`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CacheInfo {
    /// Every bit that a mask may have, in hexadecimal.
    pub cbm_mask: String,
    /// The fewest bits that a mask may have.
    pub min_cbm_bits: u64,
    /// How many classes there can be.
    pub num_closids: u64,
}

/// `info/MB`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BandwidthInfo {
    /// Step of the percentage.
    pub bandwidth_gran: u64,
    /// Whether the delay grows linearly.
    pub delay_linear: u64,
    /// The least percentage.
    pub min_bandwidth: u64,
    /// How many classes there can be.
    pub num_closids: u64,
}

/// Bytes since the group was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bandwidth {
    /// To all memory.
    pub mbm_total_bytes: u64,
    /// To the memory of the same node.
    pub mbm_local_bytes: u64,
}

/// Bytes of the cache that are in use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Occupancy {
    /// Bytes.
    pub llc_occupancy: u64,
}

impl Saved {
    /// Reads what the kernel tells of the groups; `root` is where resctrl is mounted.
    pub fn stats(&self, root: &Path) -> Stats {
        let (whole, own) = (text(root, "schemata"), text(&self.group, "schemata"));
        let schemata = own.lines().map(|line| line.trim().to_owned()).collect();
        let counted = self.monitor.as_deref().unwrap_or(&self.group).join("mon_data");
        let caches = caches(&counted);
        let has = |file: &str| caches.iter().any(|cache| counted.join(cache).join(file).exists());
        let of = |cache: &str, file: &str| number(&counted.join(cache), file);
        let bandwidth = |cache: &String| Bandwidth {
            mbm_total_bytes: of(cache, "mbm_total_bytes"),
            mbm_local_bytes: of(cache, "mbm_local_bytes"),
        };
        let occupancy = |cache: &String| Occupancy { llc_occupancy: of(cache, "llc_occupancy") };
        Stats {
            l3_cache_info: cache_info(&root.join("info/L3")),
            l3_cache_schema_root: line(&whole, "L3"),
            l3_cache_schema: line(&own, "L3"),
            mem_bw_info: bandwidth_info(&root.join("info/MB")),
            mem_bw_schema_root: line(&whole, "MB"),
            mem_bw_schema: line(&own, "MB"),
            schemata,
            mbm_stats: has("mbm_total_bytes").then(|| caches.iter().map(bandwidth).collect()),
            cmt_stats: has("llc_occupancy").then(|| caches.iter().map(occupancy).collect()),
        }
    }
}

fn cache_info(info: &Path) -> Option<CacheInfo> {
    info.is_dir().then(|| CacheInfo {
        cbm_mask: text(info, "cbm_mask").trim().to_owned(),
        min_cbm_bits: number(info, "min_cbm_bits"),
        num_closids: number(info, "num_closids"),
    })
}

fn bandwidth_info(info: &Path) -> Option<BandwidthInfo> {
    info.is_dir().then(|| BandwidthInfo {
        bandwidth_gran: number(info, "bandwidth_gran"),
        delay_linear: number(info, "delay_linear"),
        min_bandwidth: number(info, "min_bandwidth"),
        num_closids: number(info, "num_closids"),
    })
}

/// The directories of the caches, like `mon_L3_00`, in order.
fn caches(counted: &Path) -> Vec<String> {
    let names = fs::read_dir(counted).into_iter().flatten().flatten();
    let mut names: Vec<String> = names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("mon_L3_"))
        .collect();
    names.sort_unstable();
    names
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_default()
}

fn number(dir: &Path, name: &str) -> u64 {
    text(dir, name).trim().parse().unwrap_or(0)
}

/// The line about one resource.
fn line(schemata: &str, resource: &str) -> String {
    let is_about = |line: &&str| line.split(':').next() == Some(resource);
    schemata.lines().map(str::trim).find(is_about).unwrap_or_default().to_owned()
}
