//! What the files of the callers' command lines share: how a caller reads an answer.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use spec_tests::runtime::{Output, Runtime};
use spec_tests::{Container, Result, host};

/// The whole file is a number: strconv.Atoi takes no line feed.
pub(crate) fn is_a_bare_pid(path: &Path) -> Result<i32> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let pid = text.parse().with_context(|| format!("{text:?} is no bare number"))?;
    if !Path::new(&format!("/proc/{pid}")).exists() {
        bail!("process {pid} is not there");
    }
    Ok(pid)
}

/// Words that containerd and CRI-O take for "it is gone already".
pub(crate) fn ends_as_gone(output: &Output) -> Result {
    let text = output.text();
    let known = ["os: process already finished", "container not running", "no such process"];
    match known.iter().any(|words| text.contains(words)) {
        true => Ok(()),
        false => bail!("none of {known:?}: {output}"),
    }
}

/// As Go's time.RFC3339Nano reads it.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    let (Some(date), Some(rest)) = (text.get(..10), text.get(10..)) else { return false };
    let digits = |text: &str, sign| text.split(sign).all(|part| part.parse::<u32>().is_ok());
    let Some(time) = rest.strip_prefix('T') else { return false };
    let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    digits(date, '-') && digits(clock, ':') && digits(fraction, '.') && !zone.is_empty()
}

/// A whole `process` object with a shell's script.
pub(crate) fn sleeping_process(script: &str) -> Value {
    json!({
        "terminal": false,
        "user": {"uid": 0, "gid": 0},
        "args": ["/bin/sh", "-c", script],
        "env": ["PATH=/bin"],
        "cwd": "/",
    })
}

/// Needs checkpoint and restore, as `features` says it.
pub(crate) fn checkpoint(container: &Container) -> Result<()> {
    let output = container.bare_call().arg("features").run().ok()?;
    let features: Value = serde_json::from_str(&output.stdout)?;
    let key = "/annotations/org.opencontainers.runc.checkpoint.enabled";
    let enabled = features.pointer(key).is_some_and(|value| value == "true");
    host::needs(enabled, "the runtime has no checkpoint")
}

/// Needs the systemd driver, and systemd.
pub(crate) fn systemd(container: &Container) -> Result<()> {
    host::systemd()?;
    let output = container.bare_call().arg("features").run().ok()?;
    let features: Value = serde_json::from_str(&output.stdout)?;
    let enabled = features.pointer("/linux/cgroup/systemd").is_some_and(|value| value == true);
    host::needs(enabled, "the runtime has no systemd driver")
}

/// The name under which the runtime tells its version.
pub(crate) fn runtime_name() -> Result<&'static str> {
    Ok(&Runtime::get()?.name)
}
