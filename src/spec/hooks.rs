//! `hooks`

use super::object::{Str, object};

object! {
    /// config.md#posix-platform-hooks: six lists, each run in its order.
    pub struct Hooks<'a> {
        prestart: Vec<Hook<'a>> = "prestart",
        create_runtime: Vec<Hook<'a>> = "createRuntime",
        create_container: Vec<Hook<'a>> = "createContainer",
        start_container: Vec<Hook<'a>> = "startContainer",
        poststart: Vec<Hook<'a>> = "poststart",
        poststop: Vec<Hook<'a>> = "poststop",
    }

    /// One program to run; the timeout is in seconds.
    pub struct Hook<'a> {
        path: Str<'a> = "path",
        args: Vec<Str<'a>> = "args",
        env: Option<Vec<Str<'a>>> = "env",
        timeout: Option<i64> = "timeout",
    }
}
