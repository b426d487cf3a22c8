//! A process that `exec` adds to a container.

use super::process::process;
use super::types::Process;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::seccomp::Filter;
use crate::spec::{self, Capabilities, Spec, Str};
use crate::validate;

/// What `exec` runs.
#[derive(Debug, Clone, Copy)]
pub enum ExecSource<'a> {
    /// The container's own process with what the command line says instead.
    Overrides(&'a ExecOverrides),
    /// `--process`: a file; what it leaves out comes from the container.
    File(&'a spec::Process<'a>),
}

/// What the command line of `exec` says, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecOverrides {
    /// The command.
    pub args: Vec<String>,
    /// `--env`, added to the container's environment.
    pub env: Vec<String>,
    /// `--cwd`
    pub cwd: Option<String>,
    /// `--user UID[:GID]`
    pub user: Option<String>,
    /// `--additional-gids`, added to the container's.
    pub additional_gids: Vec<String>,
    /// `--cap`, added to the container's.
    pub capabilities: Vec<String>,
    /// `--no-new-privs`; nothing where it was not typed.
    pub no_new_privileges: Option<bool>,
    /// `--apparmor`
    pub apparmor: Option<String>,
    /// `--process-label`
    pub process_label: Option<String>,
    /// `--tty`
    pub terminal: bool,
}

/// What `exec` does.
#[derive(Debug, Clone, PartialEq)]
pub struct Exec {
    /// The process.
    pub process: Process,
    /// What was passed over, for the log.
    pub warnings: Vec<String>,
}

/// Plans a process in a container that was made from `spec`; `seccomp` is the compiled filter of
/// the container.
///
/// # Errors
/// What is wrong with the process, all at once, or the field that cannot be planned.
pub fn exec(
    spec: &Spec<'_>,
    source: ExecSource<'_>,
    host: &Host,
    seccomp: Option<Filter>,
) -> Result<Exec> {
    let wanted = match source {
        ExecSource::Overrides(overrides) => overridden(spec, overrides)?,
        ExecSource::File(file) => completed(spec, file),
    };
    validate::sound(&validate::process_problems(spec, &wanted, host))?;
    let mut warnings = Vec::new();
    let mut process = process(spec, &wanted, host, &mut warnings)?;
    process.seccomp = super::filter(spec, seccomp)?;
    Ok(Exec { process, warnings })
}

/// The container's process with what the command line says instead.
fn overridden<'a>(spec: &Spec<'a>, overrides: &ExecOverrides) -> Result<spec::Process<'a>> {
    let container = spec.process.clone();
    let mut process = container.ok_or_else(|| Error::new("the container has no process"))?;
    process.args = owned(&overrides.args);
    process.env.extend(owned(&overrides.env));
    process.terminal = overrides.terminal;
    if let Some(typed) = &overrides.user {
        let (uid, gid) = user(typed)?;
        (process.user.uid, process.user.gid) = (uid, gid.unwrap_or(process.user.gid));
    }
    for typed in overrides.additional_gids.iter().flat_map(|list| list.split(',')) {
        process.user.additional_gids.push(id("--additional-gids", typed)?);
    }
    add(&mut process.capabilities, &owned(&overrides.capabilities));
    let text = |typed: &Option<String>, own: Str<'a>| typed.clone().map_or(own, Str::from);
    process.cwd = text(&overrides.cwd, process.cwd);
    process.apparmor_profile = text(&overrides.apparmor, process.apparmor_profile);
    process.selinux_label = text(&overrides.process_label, process.selinux_label);
    process.no_new_privileges = overrides.no_new_privileges.unwrap_or(process.no_new_privileges);
    Ok(process)
}

fn owned<'a>(typed: &[String]) -> Vec<Str<'a>> {
    typed.iter().cloned().map(Str::from).collect()
}

/// Adds capabilities. Never inheritable ones (CVE-2022-29162), and ambient ones, which need them,
/// only where the container has some.
fn add<'a>(sets: &mut Option<Capabilities<'a>>, names: &[Str<'a>]) {
    if names.is_empty() {
        return;
    }
    let sets = sets.get_or_insert_default();
    for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
        set.extend_from_slice(names);
    }
    // Those that are not inheritable would only be left out again, with a warning.
    let inheritable = names.iter().filter(|name| sets.inheritable.contains(name));
    sets.ambient.extend(inheritable.cloned());
}

/// `UID[:GID]`, strictly: what is not understood must never end up as root (CVE-2026-30892).
fn user(typed: &str) -> Result<(u32, Option<u32>)> {
    match typed.split_once(':') {
        Some((uid, gid)) => Ok((id("--user", uid)?, Some(id("--user", gid)?))),
        None => Ok((id("--user", typed)?, None)),
    }
}

/// A decimal id. The largest number is no id: it tells the kernel to leave the id as it is.
fn id(flag: &str, typed: &str) -> Result<u32> {
    let plain = typed.bytes().all(|byte| byte.is_ascii_digit());
    let id = typed.parse().ok().filter(|id| plain && *id != u32::MAX);
    id.ok_or_else(|| Error::new(format!("{flag}: {typed:?} is not an id")))
}

/// The process of a file; what it leaves out comes from the container.
fn completed<'a>(spec: &Spec<'a>, file: &spec::Process<'a>) -> spec::Process<'a> {
    let mut process = file.clone();
    let Some(container) = &spec.process else { return process };
    let text = |own: &mut Str<'a>, container: &Str<'a>| {
        if own.is_empty() {
            *own = container.clone();
        }
    };
    text(&mut process.apparmor_profile, &container.apparmor_profile);
    text(&mut process.selinux_label, &container.selinux_label);
    if process.rlimits.is_empty() {
        process.rlimits.clone_from(&container.rlimits);
    }
    process.user.umask = process.user.umask.or(container.user.umask);
    process.oom_score_adj = process.oom_score_adj.or(container.oom_score_adj);
    process.capabilities = process.capabilities.or_else(|| container.capabilities.clone());
    process.scheduler = process.scheduler.or_else(|| container.scheduler.clone());
    process.io_priority = process.io_priority.or_else(|| container.io_priority.clone());
    process.exec_cpu_affinity =
        process.exec_cpu_affinity.or_else(|| container.exec_cpu_affinity.clone());
    process
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2026_30892_a_user_that_is_not_understood_is_refused() {
        for (typed, expected) in
            [("1", (1, None)), ("1:2", (1, Some(2))), ("0", (0, None)), ("01", (1, None))]
        {
            assert_eq!(user(typed).unwrap(), expected, "{typed:?}");
        }
        let wrong = [
            "",
            ":",
            "1:",
            ":2",
            "-1",
            "+1",
            "1x",
            " 1",
            "1 ",
            "1:2:3",
            "1:-2",
            "root",
            "0x1",
            "4294967295",
            "1:4294967295",
            "4294967296",
            "99999999999999999999",
        ];
        for typed in wrong {
            assert!(user(typed).is_err(), "{typed:?}");
        }
    }

    #[test]
    fn cve_2022_29162_added_capabilities_are_never_inheritable() {
        let mut sets = None;
        add(&mut sets, &["CAP_KILL".into()]);
        let sets = sets.unwrap();
        assert!(sets.inheritable.is_empty() && sets.ambient.is_empty());
        for set in [sets.bounding, sets.effective, sets.permitted] {
            assert_eq!(set, ["CAP_KILL".into()]);
        }
    }

    #[test]
    fn a_file_leaves_the_rest_to_the_container() {
        let container = spec::Process {
            env: vec!["A=1".into()],
            apparmor_profile: "profile".into(),
            no_new_privileges: true,
            capabilities: Some(Capabilities {
                bounding: vec!["CAP_KILL".into()],
                ..Default::default()
            }),
            rlimits: vec![spec::Rlimit { kind: "RLIMIT_CORE".into(), ..Default::default() }],
            ..Default::default()
        };
        let spec = Spec { process: Some(container.clone()), ..Default::default() };
        let file = spec::Process { args: vec!["ls".into()], cwd: "/".into(), ..Default::default() };
        let process = completed(&spec, &file);
        assert_eq!(process.capabilities, container.capabilities);
        assert_eq!(process.rlimits, container.rlimits);
        assert_eq!(process.apparmor_profile, container.apparmor_profile);
        assert!(process.env.is_empty() && !process.no_new_privileges);
    }
}
