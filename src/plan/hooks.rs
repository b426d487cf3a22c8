//! The hooks as they are run.

use super::text::{text, texts};
use super::types::{Hook, Hooks};
use crate::error::{Doing, Error, Result};
use crate::spec;

/// The six lists.
pub fn hooks(hooks: &spec::Hooks<'_>) -> Result<Hooks> {
    Ok(Hooks {
        prestart: list("prestart", &hooks.prestart)?,
        create_runtime: list("createRuntime", &hooks.create_runtime)?,
        create_container: list("createContainer", &hooks.create_container)?,
        start_container: list("startContainer", &hooks.start_container)?,
        poststart: list("poststart", &hooks.poststart)?,
        poststop: list("poststop", &hooks.poststop)?,
    })
}

fn list(name: &str, hooks: &[spec::Hook<'_>]) -> Result<Vec<Hook>> {
    let hooks = hooks.iter().enumerate();
    hooks.map(|(index, hook)| self::hook(hook).doing(|| format!("hooks.{name}[{index}]"))).collect()
}

fn hook(hook: &spec::Hook<'_>) -> Result<Hook> {
    let seconds = |seconds: i64| {
        u64::try_from(seconds).map_err(|_| Error::new(format!("timeout: {seconds} is negative")))
    };
    Ok(Hook {
        path: text("path", &hook.path)?.into(),
        args: texts("args", &hook.args)?,
        env: texts("env", &hook.env)?,
        timeout: hook.timeout.map(seconds).transpose()?,
    })
}
