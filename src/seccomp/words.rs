//! The words of a profile and what they mean to the kernel.

use super::Arch;

/// What the kernel does with a call: `SECCOMP_RET_*` (linux/seccomp.h) and its 16 bits of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Action(pub(super) u32);

impl Action {
    pub(super) const KILL_PROCESS: Action = Action(0x8000_0000);
    pub(super) const KILL_THREAD: Action = Action(0);
    pub(super) const TRAP: Action = Action(0x0003_0000);
    pub(super) const NOTIFY: Action = Action(0x7fc0_0000);
    pub(super) const LOG: Action = Action(0x7ffc_0000);
    pub(super) const ALLOW: Action = Action(0x7fff_0000);
    pub(super) const NO_SUCH_CALL: Action = Action::errno(libc::ENOSYS as u16);

    pub(super) const fn errno(number: u16) -> Action {
        Action(0x0005_0000 | number as u32)
    }

    pub(super) const fn trace(message: u16) -> Action {
        Action(0x7ff0_0000 | message as u32)
    }

    /// Whether calls that the profile does not name are let through, if only to a tracer.
    pub(super) fn is_permissive(self) -> bool {
        [Action::ALLOW.0, Action::LOG.0, Action::trace(0).0].contains(&(self.0 & 0xffff_0000))
    }
}

/// Every action that a profile may name, sorted.
pub const ACTIONS: [&str; 9] = [
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    NOTIFY,
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
];

/// Every operator, sorted.
pub const OPERATORS: [&str; 7] = [
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_LE",
    "SCMP_CMP_LT",
    MASKED,
    "SCMP_CMP_NE",
];

/// Every architecture whose system calls are known, sorted.
pub const ARCHITECTURES: [&str; 6] = [
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
];

/// Every flag of a filter and its bit for seccomp(2), sorted.
pub const FLAGS: [(&str, u32); 4] = [
    ("SECCOMP_FILTER_FLAG_LOG", FLAG_LOG),
    ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", FLAG_SPEC_ALLOW),
    ("SECCOMP_FILTER_FLAG_TSYNC", FLAG_TSYNC),
    ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", FLAG_WAIT_KILLABLE_RECV),
];

/// The one action that the rest of a profile must agree with.
pub(super) const NOTIFY: &str = "SCMP_ACT_NOTIFY";

/// An action; `errno` is its `errnoRet`. A problem begins with the end of the field's name
/// ("Action", "ErrnoRet"), for a rule and the default spell the fields differently.
pub(super) fn action(word: &str, errno: Option<u32>) -> Result<Action, String> {
    let plain = match word {
        "SCMP_ACT_ERRNO" => return Ok(Action::errno(data(errno)?)),
        "SCMP_ACT_TRACE" => return Ok(Action::trace(data(errno)?)),
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Action::KILL_THREAD,
        "SCMP_ACT_KILL_PROCESS" => Action::KILL_PROCESS,
        "SCMP_ACT_TRAP" => Action::TRAP,
        "SCMP_ACT_ALLOW" => Action::ALLOW,
        "SCMP_ACT_LOG" => Action::LOG,
        NOTIFY => Action::NOTIFY,
        _ => return Err(format!("Action: unknown action {word:?}")),
    };
    match errno {
        None => Ok(plain),
        Some(_) => Err(format!("ErrnoRet: {word} takes none")),
    }
}

/// The 16 bits that go with an action.
fn data(errno: Option<u32>) -> Result<u16, String> {
    let errno = errno.unwrap_or(libc::EPERM as u32);
    u16::try_from(errno).map_err(|_| format!("ErrnoRet: {errno} is more than 65535"))
}

/// How an argument is compared; every other way is the opposite of one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Equal in the bits of a mask.
    Equal,
    Above,
    AtLeast,
}

/// A relation and whether it must hold or must not.
pub(super) fn operator(word: &str) -> Result<(Relation, bool), String> {
    Ok(match word {
        "SCMP_CMP_EQ" | "SCMP_CMP_MASKED_EQ" => (Relation::Equal, true),
        "SCMP_CMP_NE" => (Relation::Equal, false),
        "SCMP_CMP_GT" => (Relation::Above, true),
        "SCMP_CMP_LE" => (Relation::Above, false),
        "SCMP_CMP_GE" => (Relation::AtLeast, true),
        "SCMP_CMP_LT" => (Relation::AtLeast, false),
        _ => return Err(format!("unknown operator {word:?}")),
    })
}

/// The operator whose mask is `value` and whose value is `valueTwo`.
pub(super) const MASKED: &str = "SCMP_CMP_MASKED_EQ";

/// An architecture; none for one of those that the specification knows and no kernel of ours runs.
pub(super) fn architecture(word: &str) -> Result<Option<Arch>, String> {
    Ok(Some(match word.strip_prefix("SCMP_ARCH_").unwrap_or_default() {
        "X86_64" => Arch::X86_64,
        "X86" => Arch::I386,
        "X32" => Arch::X32,
        "AARCH64" => Arch::Aarch64,
        "ARM" => Arch::Arm,
        "RISCV64" => Arch::Riscv64,
        "MIPS" | "MIPS64" | "MIPS64N32" | "MIPSEL" | "MIPSEL64" | "MIPSEL64N32" | "PPC"
        | "PPC64" | "PPC64LE" | "S390" | "S390X" | "PARISC" | "PARISC64" | "LOONGARCH64"
        | "M68K" | "SH" | "SHEB" => return Ok(None),
        _ => return Err(format!("unknown architecture {word:?}")),
    }))
}

/// `SECCOMP_FILTER_FLAG_*` (linux/seccomp.h).
pub(super) const FLAG_TSYNC: u32 = 1;
pub(super) const FLAG_LOG: u32 = 1 << 1;
pub(super) const FLAG_SPEC_ALLOW: u32 = 1 << 2;
pub(super) const FLAG_NEW_LISTENER: u32 = 1 << 3;
pub(super) const FLAG_WAIT_KILLABLE_RECV: u32 = 1 << 5;

pub(super) fn flag(word: &str) -> Result<u32, String> {
    let known = FLAGS.iter().find(|(name, _)| *name == word);
    known.map(|(_, bit)| *bit).ok_or_else(|| format!("unknown flag {word:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_lists_is_known_and_in_its_place() {
        assert!(ACTIONS.iter().all(|word| action(word, None).is_ok()));
        assert!(OPERATORS.iter().all(|word| operator(word).is_ok()));
        assert!(
            ARCHITECTURES.iter().all(|word| architecture(word).is_ok_and(|arch| arch.is_some()))
        );
        assert!(ACTIONS.is_sorted() && OPERATORS.is_sorted() && ARCHITECTURES.is_sorted());
        assert!(FLAGS.is_sorted());
        assert!(flag("SECCOMP_FILTER_FLAG_NEW_LISTENER").is_err());
    }
}
