//! `linux`

use super::object::{Pairs, Str, object};
use super::resources::Resources;
use super::seccomp::Seccomp;

object! {
    /// config-linux.md
    pub struct Linux<'a> {
        uid_mappings: Vec<IdMapping> = "uidMappings",
        gid_mappings: Vec<IdMapping> = "gidMappings",
        time_offsets: Pairs<'a, TimeOffset> = "timeOffsets",
        sysctl: Pairs<'a, Str<'a>> = "sysctl",
        resources: Option<Resources<'a>> = "resources",
        cgroups_path: Str<'a> = "cgroupsPath",
        namespaces: Vec<Namespace<'a>> = "namespaces",
        devices: Vec<Device<'a>> = "devices",
        net_devices: Pairs<'a, NetDevice<'a>> = "netDevices",
        seccomp: Option<Seccomp<'a>> = "seccomp",
        rootfs_propagation: Str<'a> = "rootfsPropagation",
        masked_paths: Vec<Str<'a>> = "maskedPaths",
        readonly_paths: Vec<Str<'a>> = "readonlyPaths",
        mount_label: Str<'a> = "mountLabel",
        intel_rdt: Option<IntelRdt<'a>> = "intelRdt",
        memory_policy: Option<MemoryPolicy<'a>> = "memoryPolicy",
        personality: Option<Personality<'a>> = "personality",
    }

    /// One line of uid_map or gid_map (user_namespaces(7)).
    pub struct IdMapping {
        container_id: u32 = "containerID",
        host_id: u32 = "hostID",
        size: u32 = "size",
    }

    /// Added to a clock of the time namespace.
    pub struct TimeOffset {
        secs: i64 = "secs",
        nanosecs: u32 = "nanosecs",
    }

    /// A namespace to make, or to join by `path`.
    pub struct Namespace<'a> {
        kind: Str<'a> = "type",
        path: Str<'a> = "path",
    }

    /// A device node to make.
    pub struct Device<'a> {
        path: Str<'a> = "path",
        kind: Str<'a> = "type",
        major: i64 = "major",
        minor: i64 = "minor",
        file_mode: Option<u32> = "fileMode",
        uid: Option<u32> = "uid",
        gid: Option<u32> = "gid",
    }

    /// What a network device of the host is called inside.
    pub struct NetDevice<'a> {
        name: Str<'a> = "name",
    }

    /// config-linux.md#intelrdt: a class of service, and whether it is watched.
    pub struct IntelRdt<'a> {
        clos_id: Str<'a> = "closID",
        schemata: Vec<Str<'a>> = "schemata",
        l3_cache_schema: Str<'a> = "l3CacheSchema",
        mem_bw_schema: Str<'a> = "memBwSchema",
        enable_monitoring: bool = "enableMonitoring",
        /// What versions before 1.3 had.
        enable_cmt: bool = "enableCMT",
        /// What versions before 1.3 had.
        enable_mbm: bool = "enableMBM",
    }

    /// set_mempolicy(2)
    pub struct MemoryPolicy<'a> {
        mode: Str<'a> = "mode",
        nodes: Str<'a> = "nodes",
        flags: Vec<Str<'a>> = "flags",
    }

    /// personality(2)
    pub struct Personality<'a> {
        domain: Str<'a> = "domain",
        flags: Vec<Str<'a>> = "flags",
    }
}
