//! `linux.seccomp`

use super::object::{Str, object};

object! {
    /// config-linux.md#seccomp
    pub struct Seccomp<'a> {
        default_action: Str<'a> = "defaultAction",
        default_errno_ret: Option<u32> = "defaultErrnoRet",
        architectures: Vec<Str<'a>> = "architectures",
        flags: Option<Vec<Str<'a>>> = "flags",
        listener_path: Str<'a> = "listenerPath",
        listener_metadata: Str<'a> = "listenerMetadata",
        syscalls: Vec<Syscall<'a>> = "syscalls",
    }

    /// One rule: an action for these calls when all of `args` hold.
    pub struct Syscall<'a> {
        names: Vec<Str<'a>> = "names",
        action: Str<'a> = "action",
        errno_ret: Option<u32> = "errnoRet",
        args: Vec<Arg<'a>> = "args",
    }

    /// A comparison of one argument.
    pub struct Arg<'a> {
        index: u32 = "index",
        value: u64 = "value",
        value_two: u64 = "valueTwo",
        op: Str<'a> = "op",
    }
}
