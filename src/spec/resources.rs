//! `linux.resources`, which is also what `update --resources` reads

use super::object::{Pairs, Str, object};

object! {
    /// config-linux.md#control-groups
    pub struct Resources<'a> {
        devices: Vec<DeviceRule<'a>> = "devices",
        memory: Option<Memory> = "memory",
        cpu: Option<Cpu<'a>> = "cpu",
        pids: Option<Pids> = "pids",
        block_io: Option<BlockIo> = "blockIO",
        hugepage_limits: Vec<HugepageLimit<'a>> = "hugepageLimits",
        network: Option<Network<'a>> = "network",
        rdma: Pairs<'a, Rdma> = "rdma",
        unified: Pairs<'a, Str<'a>> = "unified",
    }

    /// A rule of the device filter; an absent number matches every one.
    pub struct DeviceRule<'a> {
        allow: bool = "allow",
        kind: Str<'a> = "type",
        major: Option<i64> = "major",
        minor: Option<i64> = "minor",
        access: Str<'a> = "access",
    }

    /// Bytes; -1 means no limit.
    pub struct Memory {
        limit: Option<i64> = "limit",
        reservation: Option<i64> = "reservation",
        swap: Option<i64> = "swap",
        kernel: Option<i64> = "kernel",
        kernel_tcp: Option<i64> = "kernelTCP",
        swappiness: Option<u64> = "swappiness",
        disable_oom_killer: Option<bool> = "disableOOMKiller",
        use_hierarchy: Option<bool> = "useHierarchy",
        check_before_update: Option<bool> = "checkBeforeUpdate",
    }

    /// Shares are a weight, times are in microseconds.
    pub struct Cpu<'a> {
        shares: Option<u64> = "shares",
        quota: Option<i64> = "quota",
        burst: Option<u64> = "burst",
        period: Option<u64> = "period",
        realtime_runtime: Option<i64> = "realtimeRuntime",
        realtime_period: Option<u64> = "realtimePeriod",
        cpus: Str<'a> = "cpus",
        mems: Str<'a> = "mems",
        idle: Option<i64> = "idle",
    }

    /// -1 means no limit.
    pub struct Pids {
        limit: Option<i64> = "limit",
    }

    /// Weights are 10 to 1000, rates are bytes or operations in a second.
    pub struct BlockIo {
        weight: Option<u16> = "weight",
        leaf_weight: Option<u16> = "leafWeight",
        weight_device: Vec<WeightDevice> = "weightDevice",
        throttle_read_bps: Vec<ThrottleDevice> = "throttleReadBpsDevice",
        throttle_write_bps: Vec<ThrottleDevice> = "throttleWriteBpsDevice",
        throttle_read_iops: Vec<ThrottleDevice> = "throttleReadIOPSDevice",
        throttle_write_iops: Vec<ThrottleDevice> = "throttleWriteIOPSDevice",
    }

    /// A weight for one block device.
    pub struct WeightDevice {
        major: i64 = "major",
        minor: i64 = "minor",
        weight: Option<u16> = "weight",
        leaf_weight: Option<u16> = "leafWeight",
    }

    /// A rate for one block device.
    pub struct ThrottleDevice {
        major: i64 = "major",
        minor: i64 = "minor",
        rate: u64 = "rate",
    }

    /// Bytes in pages of a size like `2MB`.
    pub struct HugepageLimit<'a> {
        page_size: Str<'a> = "pageSize",
        limit: u64 = "limit",
    }

    /// net_cls and net_prio of cgroup v1.
    pub struct Network<'a> {
        class_id: Option<u32> = "classID",
        priorities: Vec<InterfacePriority<'a>> = "priorities",
    }

    /// The priority of what is sent through one interface.
    pub struct InterfacePriority<'a> {
        name: Str<'a> = "name",
        priority: u32 = "priority",
    }

    /// Limits for one RDMA device.
    pub struct Rdma {
        hca_handles: Option<u32> = "hcaHandles",
        hca_objects: Option<u32> = "hcaObjects",
    }
}
