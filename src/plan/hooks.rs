//! The hooks as they are run.

use std::path::PathBuf;

use super::text::{text, texts};
use super::types::{Hook, Hooks};
use crate::error::{Doing, Error, Result};
use crate::spec::{self, Spec};

/// The six lists, and where what they print goes.
pub fn hooks(spec: &Spec<'_>) -> Result<Hooks> {
    let hooks = &spec.hooks;
    Ok(Hooks {
        stdout: printed(spec, "run.oci.hooks.stdout")?,
        stderr: printed(spec, "run.oci.hooks.stderr")?,
        prestart: list("prestart", &hooks.prestart)?,
        create_runtime: list("createRuntime", &hooks.create_runtime)?,
        create_container: list("createContainer", &hooks.create_container)?,
        start_container: list("startContainer", &hooks.start_container)?,
        poststart: list("poststart", &hooks.poststart)?,
        poststop: list("poststop", &hooks.poststop)?,
    })
}

/// The file of an annotation of crun's.
fn printed(spec: &Spec<'_>, key: &str) -> Result<Option<PathBuf>> {
    let path = spec.annotation(key).map(|path| text(key, path));
    Ok(path.transpose()?.map(PathBuf::from))
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
        env: hook.env.as_ref().map(|env| texts("env", env)).transpose()?,
        timeout: hook.timeout.map(seconds).transpose()?,
    })
}
