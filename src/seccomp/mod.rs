//! Compiles a seccomp profile of the OCI specification to a BPF program.

use serde::Serialize;

/// A compiled profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filter {
    /// Classic BPF, each instruction as `struct sock_filter` lies in memory.
    #[serde(skip)]
    pub program: Vec<Instruction>,
    /// `SECCOMP_FILTER_FLAG_*`
    pub flags: u32,
    /// Where the listener's descriptor is sent, if a rule notifies.
    pub listener: Option<Listener>,
    /// Names and values that were passed over, for the log.
    pub warnings: Vec<String>,
}

/// The socket that a listener's descriptor is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// A path of the host.
    pub path: String,
    /// Opaque text that goes along.
    pub metadata: String,
}

/// `struct sock_filter` (linux/filter.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Jump if true.
    pub jt: u8,
    /// Jump if false.
    pub jf: u8,
    /// Constant.
    pub k: u32,
}
