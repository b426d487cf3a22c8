//! `process`

use super::object::{Str, object};

object! {
    /// config.md#process
    pub struct Process<'a> {
        terminal: bool = "terminal",
        console_size: Option<ConsoleSize> = "consoleSize",
        user: User<'a> = "user",
        args: Vec<Str<'a>> = "args",
        env: Vec<Str<'a>> = "env",
        cwd: Str<'a> = "cwd",
        capabilities: Option<Capabilities<'a>> = "capabilities",
        rlimits: Vec<Rlimit<'a>> = "rlimits",
        no_new_privileges: bool = "noNewPrivileges",
        apparmor_profile: Str<'a> = "apparmorProfile",
        oom_score_adj: Option<i32> = "oomScoreAdj",
        scheduler: Option<Scheduler<'a>> = "scheduler",
        selinux_label: Str<'a> = "selinuxLabel",
        io_priority: Option<IoPriority<'a>> = "ioPriority",
        exec_cpu_affinity: Option<Affinity<'a>> = "execCPUAffinity",
    }

    /// The terminal's size in characters.
    pub struct ConsoleSize {
        height: u16 = "height",
        width: u16 = "width",
    }

    /// config.md#posix-platform-user
    pub struct User<'a> {
        uid: u32 = "uid",
        gid: u32 = "gid",
        umask: Option<u32> = "umask",
        additional_gids: Vec<u32> = "additionalGids",
        username: Str<'a> = "username",
    }

    /// Five sets of names like `CAP_CHOWN`.
    pub struct Capabilities<'a> {
        bounding: Vec<Str<'a>> = "bounding",
        effective: Vec<Str<'a>> = "effective",
        inheritable: Vec<Str<'a>> = "inheritable",
        permitted: Vec<Str<'a>> = "permitted",
        ambient: Vec<Str<'a>> = "ambient",
    }

    /// A limit by its name, like `RLIMIT_NOFILE`.
    pub struct Rlimit<'a> {
        kind: Str<'a> = "type",
        hard: u64 = "hard",
        soft: u64 = "soft",
    }

    /// sched_setattr(2); the times are in nanoseconds.
    pub struct Scheduler<'a> {
        policy: Str<'a> = "policy",
        nice: i32 = "nice",
        priority: i32 = "priority",
        flags: Vec<Str<'a>> = "flags",
        runtime: Option<u64> = "runtime",
        deadline: Option<u64> = "deadline",
        period: Option<u64> = "period",
    }

    /// ioprio_set(2)
    pub struct IoPriority<'a> {
        class: Str<'a> = "class",
        priority: i32 = "priority",
    }

    /// CPU lists like `0-3,7` for exec, before and after the cgroup is entered.
    pub struct Affinity<'a> {
        initial: Str<'a> = "initial",
        last: Str<'a> = "final",
    }
}
