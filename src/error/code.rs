//! The kind of a failure, for callers that must tell cases apart without reading its words.

use serde::{Deserialize, Serialize};

/// What kind of failure an error is: the key `code` of the JSON log. Words may change, these do
/// not; docs/errors.md has a row for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Code {
    /// There is no container of this name.
    NotFound,
    /// There is a container of this name already.
    AlreadyExists,
    /// The container's init has ended, or is not there yet.
    NotRunning,
    /// The container is in a status in which this cannot be done.
    WrongStatus,
    /// The command line is wrong.
    InvalidArgument,
    /// The configuration, or a `process` or `resources` object, cannot be served.
    InvalidConfig,
    /// This program cannot do it, whatever the kernel can.
    NotSupported,
    /// The program that the container is to run is not there.
    ProgramNotFound,
    /// A hook ended otherwise than with 0, or took too long.
    HookFailed,
    /// The kernel killed init for want of memory.
    OutOfMemory,
    /// Init ended before its program could run.
    InitDied,
    /// The cgroup, or something else, belongs to others.
    InUse,
    /// The kernel refused for want of a right.
    PermissionDenied,
    /// A file that is needed is not there.
    FileNotFound,
    /// The kernel does not know a system call, or not for this kind of file.
    KernelFeature,
    /// Something of the host is used up: memory, space, descriptors, processes.
    Exhausted,
    /// Anything else.
    Failed,
}

impl Code {
    /// Every code and its name.
    pub const ALL: &[(Code, &str)] = &[
        (Code::NotFound, "not-found"),
        (Code::AlreadyExists, "already-exists"),
        (Code::NotRunning, "not-running"),
        (Code::WrongStatus, "wrong-status"),
        (Code::InvalidArgument, "invalid-argument"),
        (Code::InvalidConfig, "invalid-config"),
        (Code::NotSupported, "not-supported"),
        (Code::ProgramNotFound, "program-not-found"),
        (Code::HookFailed, "hook-failed"),
        (Code::OutOfMemory, "out-of-memory"),
        (Code::InitDied, "init-died"),
        (Code::InUse, "in-use"),
        (Code::PermissionDenied, "permission-denied"),
        (Code::FileNotFound, "file-not-found"),
        (Code::KernelFeature, "kernel-feature"),
        (Code::Exhausted, "exhausted"),
        (Code::Failed, "failed"),
    ];

    /// The name, which never changes.
    pub fn name(self) -> &'static str {
        Code::ALL.iter().find(|(code, _)| *code == self).map_or("failed", |(_, name)| name)
    }

    /// The kind of a system call's failure that nobody knew more about.
    pub(super) fn of_errno(errno: i32) -> Code {
        match errno {
            libc::EPERM | libc::EACCES | libc::EROFS => Code::PermissionDenied,
            libc::ENOENT | libc::ENOTDIR => Code::FileNotFound,
            libc::ENOSYS | libc::EOPNOTSUPP => Code::KernelFeature,
            libc::EBUSY => Code::InUse,
            libc::ENOMEM | libc::ENOSPC | libc::EDQUOT | libc::EMFILE | libc::ENFILE => {
                Code::Exhausted
            }
            libc::EAGAIN => Code::Exhausted,
            _ => Code::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_none_is_missing() {
        for (number, (code, name)) in Code::ALL.iter().enumerate() {
            assert_eq!(code.name(), *name);
            assert_eq!(*code as usize, number, "{name} is in the order of the enum");
            assert!(Code::ALL[..number].iter().all(|(_, other)| other != name), "{name}");
        }
        assert_eq!(Code::ALL.len(), Code::Failed as usize + 1);
    }
}
