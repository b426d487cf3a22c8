//! Compiles a seccomp profile of the OCI specification to a BPF program.
//!
//! ```text
//!   profile ─words──► actions, tests ─decisions─► what each call of each architecture meets
//!           ─layout─► runs of numbers with equal outcome, a search tree ─program─► instructions
//! ```
//! docs/decisions/0020-seccomp-compiler.md says where this follows libseccomp and runc, and why.

mod annotations;
mod decisions;
#[cfg(any(test, feature = "judge"))]
mod interpret;
#[cfg(any(test, feature = "judge"))]
mod judge;
mod layout;
mod program;
mod syscalls;
mod words;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::spec;
pub use annotations::filter;
use decisions::Decisions;
#[cfg(any(test, feature = "judge"))]
pub use interpret::{Call, run};
#[cfg(any(test, feature = "judge"))]
pub use judge::judge;
use words::Action;
pub use words::{ACTIONS, ARCHITECTURES, FLAGS, OPERATORS};

/// A compiled profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filter {
    /// Classic BPF, each instruction as `struct sock_filter` lies in memory. Empty when the
    /// profile says nothing at all: then nothing is to be loaded.
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

impl From<Instruction> for libc::sock_filter {
    fn from(Instruction { code, jt, jf, k }: Instruction) -> Self {
        libc::sock_filter { code, jt, jf, k }
    }
}

/// An architecture whose system calls are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// `SCMP_ARCH_X86_64`
    X86_64,
    /// `SCMP_ARCH_X86`
    I386,
    /// `SCMP_ARCH_X32`: 32-bit pointers on x86_64.
    X32,
    /// `SCMP_ARCH_AARCH64`
    Aarch64,
    /// `SCMP_ARCH_ARM`
    Arm,
    /// `SCMP_ARCH_RISCV64`
    Riscv64,
}

impl Arch {
    /// The architecture that this program was built for.
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
    pub const NATIVE: Arch = Arch::X86_64;
    /// The architecture that this program was built for.
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "32"))]
    pub const NATIVE: Arch = Arch::X32;
    /// The architecture that this program was built for.
    #[cfg(target_arch = "x86")]
    pub const NATIVE: Arch = Arch::I386;
    /// The architecture that this program was built for.
    #[cfg(target_arch = "aarch64")]
    pub const NATIVE: Arch = Arch::Aarch64;
    /// The architecture that this program was built for.
    #[cfg(target_arch = "arm")]
    pub const NATIVE: Arch = Arch::Arm;
    /// The architecture that this program was built for.
    #[cfg(target_arch = "riscv64")]
    pub const NATIVE: Arch = Arch::Riscv64;

    /// `AUDIT_ARCH_*` (linux/audit.h): what the kernel calls it. x32 is told by the number alone.
    pub fn audit(self) -> u32 {
        match self {
            Arch::X86_64 | Arch::X32 => 0xc000_003e,
            Arch::I386 => 0x4000_0003,
            Arch::Aarch64 => 0xc000_00b7,
            Arch::Arm => 0x4000_0028,
            Arch::Riscv64 => 0xc000_00f3,
        }
    }

    /// How much of an argument a rule looks at.
    fn width(self) -> Width {
        match self {
            Arch::X86_64 | Arch::Aarch64 | Arch::Riscv64 => Width::Whole,
            Arch::I386 | Arch::X32 | Arch::Arm => Width::Low,
        }
    }

    /// Whether one kernel can run both.
    fn meets(self, other: Arch) -> bool {
        let family = |arch| match arch {
            Arch::X86_64 | Arch::I386 | Arch::X32 => 0,
            Arch::Aarch64 | Arch::Arm => 1,
            Arch::Riscv64 => 2,
        };
        family(self) == family(other)
    }
}

/// How much of an argument a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// The low 32 bits.
    Low,
    /// All 64 bits.
    Whole,
}

/// The longest program that the kernel takes (`BPF_MAXINSNS`, linux/bpf_common.h).
const MOST_INSTRUCTIONS: usize = 4096;

/// Compiles a profile for a kernel whose own architecture is `native`.
///
/// # Errors
/// A word that is not known, a value that does not fit, a rule that cannot be kept; the message
/// begins with the field. System calls without a known name are passed over with a warning.
pub fn compile(profile: &spec::Seccomp<'_>, native: Arch) -> Result<Filter> {
    let mut warnings = Vec::new();
    let listener = listener(profile, &mut warnings)?;
    let flags = flags(profile, listener.is_some(), &mut warnings)?;
    if profile.default_action.is_empty() && profile.syscalls.is_empty() {
        return Ok(Filter { program: Vec::new(), flags, listener, warnings });
    }
    let default = words::action(&profile.default_action, profile.default_errno_ret)
        .map_err(|problem| Error::new(format!("linux.seccomp.default{problem}")))?;
    if default == Action::NOTIFY {
        return Err(wrong("defaultAction", "SCMP_ACT_NOTIFY is not for the default action"));
    }
    let mut decisions = Decisions::new(default, architectures(profile, native, &mut warnings)?);
    for (i, rule) in profile.syscalls.iter().enumerate() {
        decisions
            .add(rule, &mut warnings)
            .map_err(|problem| Error::new(format!("linux.seccomp.syscalls[{i}].{problem}")))?;
    }
    let program = layout::program(&decisions);
    if program.len() > MOST_INSTRUCTIONS {
        let length = program.len();
        let problem = format!("{length} instructions, and the kernel takes {MOST_INSTRUCTIONS}");
        return Err(wrong("syscalls", problem));
    }
    Ok(Filter { program, flags, listener, warnings })
}

fn wrong(field: &str, problem: impl std::fmt::Display) -> Error {
    Error::new(format!("linux.seccomp.{field}: {problem}"))
}

/// The listed architectures that this kernel can run, the native one first.
fn architectures(
    profile: &spec::Seccomp<'_>,
    native: Arch,
    warnings: &mut Vec<String>,
) -> Result<Vec<Arch>> {
    let mut arches = vec![native];
    for (i, word) in profile.architectures.iter().enumerate() {
        let arch = words::architecture(word)
            .map_err(|problem| wrong(&format!("architectures[{i}]"), problem))?;
        match arch {
            Some(arch) if !arch.meets(native) => {}
            Some(arch) if arches.contains(&arch) => continue,
            Some(arch) => {
                arches.push(arch);
                continue;
            }
            None => {}
        }
        warnings.push(format!("seccomp: {word} does not run here and is left out"));
    }
    Ok(arches)
}

/// Whether some rule notifies.
fn notifies(profile: &spec::Seccomp<'_>) -> bool {
    let notifies =
        |rule: &spec::Syscall<'_>| rule.action.as_str() == words::NOTIFY && !rule.names.is_empty();
    profile.syscalls.iter().any(notifies)
}

/// The listener, when some rule notifies.
fn listener(profile: &spec::Seccomp<'_>, warnings: &mut Vec<String>) -> Result<Option<Listener>> {
    if !notifies(profile) {
        if !profile.listener_path.is_empty() || !profile.listener_metadata.is_empty() {
            warnings.push("seccomp: no rule notifies, so the listener is not used".into());
        }
        return Ok(None);
    }
    if profile.listener_path.is_empty() {
        return Err(wrong("listenerPath", "SCMP_ACT_NOTIFY needs one"));
    }
    let path = profile.listener_path.to_string();
    Ok(Some(Listener { path, metadata: profile.listener_metadata.to_string() }))
}

fn flags(profile: &spec::Seccomp<'_>, notifies: bool, warnings: &mut Vec<String>) -> Result<u32> {
    let mut flags = if notifies { words::FLAG_NEW_LISTENER } else { 0 };
    let Some(listed) = &profile.flags else {
        return Ok(flags | words::FLAG_SPEC_ALLOW);
    };
    for (i, word) in listed.iter().enumerate() {
        flags |= words::flag(word).map_err(|problem| wrong(&format!("flags[{i}]"), problem))?;
    }
    // The filter is for all threads of the process anyway: whoever loads it has no other.
    flags &= !words::FLAG_TSYNC;
    if !notifies && flags & words::FLAG_WAIT_KILLABLE_RECV != 0 {
        // The kernel refuses it alone.
        flags &= !words::FLAG_WAIT_KILLABLE_RECV;
        warnings.push("seccomp: no rule notifies, so WAIT_KILLABLE_RECV is left out".into());
    }
    Ok(flags)
}
