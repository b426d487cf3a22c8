//! The process: arguments, environment, ids, limits.

use super::capabilities;
use super::landlock;
use super::scheduling;
use super::text::{number, optional, text, texts};
use super::types::{ContainerPath, Process, Rlimit, Terminal, User};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::spec::{self, Spec, Str};
use crate::validate::may_set_groups;

/// The umask of a process whose spec is silent, as in runc.
const DEFAULT_UMASK: u32 = 0o022;

/// `RLIMIT_*` (asm-generic/resource.h)
const RLIMITS: [(&str, u32); 16] = [
    ("RLIMIT_CPU", 0),
    ("RLIMIT_FSIZE", 1),
    ("RLIMIT_DATA", 2),
    ("RLIMIT_STACK", 3),
    ("RLIMIT_CORE", 4),
    ("RLIMIT_RSS", 5),
    ("RLIMIT_NPROC", 6),
    ("RLIMIT_NOFILE", 7),
    ("RLIMIT_MEMLOCK", 8),
    ("RLIMIT_AS", 9),
    ("RLIMIT_LOCKS", 10),
    ("RLIMIT_SIGPENDING", 11),
    ("RLIMIT_MSGQUEUE", 12),
    ("RLIMIT_NICE", 13),
    ("RLIMIT_RTPRIO", 14),
    ("RLIMIT_RTTIME", 15),
];

impl Rlimit {
    /// Its name, like `RLIMIT_NOFILE`.
    pub fn name(&self) -> &'static str {
        let known = RLIMITS.iter().find(|known| known.1 == self.resource);
        known.map_or("RLIMIT_*", |known| known.0)
    }
}

/// Plans `process` in the container of `spec`; its filter is left to who compiled it.
pub(super) fn process(
    spec: &Spec<'_>,
    process: &spec::Process<'_>,
    host: &Host,
    warnings: &mut Vec<String>,
) -> Result<Process> {
    let linux = &spec.linux;
    let sets = process.capabilities.as_ref();
    let grantable = grantable(spec, host);
    let personality = linux.personality.as_ref();
    let personality = personality.map(|wanted| scheduling::personality(wanted, warnings));
    Ok(Process {
        args: texts("process.args", &process.args)?,
        env: environment(&process.env)?,
        cwd: ContainerPath::new(&text("process.cwd", &process.cwd)?),
        user: user(spec, &process.user, host, warnings),
        umask: process.user.umask.unwrap_or(DEFAULT_UMASK) & 0o7777,
        capabilities: Some(
            sets.map(|sets| capabilities::masks(sets, grantable, warnings)).unwrap_or_default(),
        ),
        no_new_privileges: process.no_new_privileges,
        rlimits: process.rlimits.iter().map(rlimit).collect::<Result<_>>()?,
        oom_score_adj: process.oom_score_adj,
        scheduler: process.scheduler.as_ref().map(scheduling::scheduler).transpose()?,
        io_priority: process.io_priority.as_ref().map(scheduling::io_priority).transpose()?,
        affinity: scheduling::affinity(process.exec_cpu_affinity.as_ref())?,
        personality: personality.transpose()?,
        memory_policy: linux.memory_policy.as_ref().map(scheduling::memory_policy).transpose()?,
        apparmor: apparmor(process, host)?,
        selinux: optional("process.selinuxLabel", &process.selinux_label)?,
        seccomp: None,
        landlock: landlock::landlock(spec)?,
        terminal: terminal(process),
    })
}

/// The capabilities that can be handed on: a new user namespace has them all.
fn grantable(spec: &Spec<'_>, host: &Host) -> u64 {
    let user_namespace = spec.linux.namespaces.iter().any(|namespace| &*namespace.kind == "user");
    if user_namespace { u64::MAX } else { host.bounding }
}

/// The environment, where the last entry of a name is kept in its place.
///
/// # Errors
/// An entry that is not `NAME=value`.
fn environment(entries: &[Str<'_>]) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let words = match entry.split_once('=') {
            Some((name, _)) if !name.is_empty() => {
                names.push((name, index));
                continue;
            }
            Some(_) => "name cannot be empty",
            None => "missing '='",
        };
        let entry = entry.as_str();
        let words =
            format!("process.env[{index}]: invalid environment variable {entry:?}: {words}");
        return Err(Error::new(words));
    }
    names.sort_unstable();
    let mut last: Vec<usize> = Vec::with_capacity(names.len());
    for (position, (name, index)) in names.iter().enumerate() {
        if names.get(position + 1).is_none_or(|(next, _)| next != name) {
            last.push(*index);
        }
    }
    last.sort_unstable();
    last.into_iter().map(|index| text("process.env", &entries[index])).collect()
}

/// The ids; groups are left alone where they cannot be set, and where an engine asks to keep the
/// caller's (an annotation of crun's).
fn user(spec: &Spec<'_>, user: &spec::User<'_>, host: &Host, warnings: &mut Vec<String>) -> User {
    let may_set = may_set_groups(spec, host);
    if !may_set && !user.additional_gids.is_empty() {
        warnings.push("process.user.additionalGids are passed over: setgroups is denied".into());
    }
    let sets = may_set && spec.annotation("run.oci.keep_original_groups") != Some("1");
    let groups = sets.then(|| user.additional_gids.clone());
    User { uid: user.uid, gid: user.gid, groups }
}

fn rlimit(limit: &spec::Rlimit<'_>) -> Result<Rlimit> {
    let resource = number("process.rlimits", &RLIMITS, &limit.kind)?;
    Ok(Rlimit { resource, soft: limit.soft, hard: limit.hard })
}

fn apparmor(process: &spec::Process<'_>, host: &Host) -> Result<Option<String>> {
    let profile = optional("process.apparmorProfile", &process.apparmor_profile)?;
    Ok(profile.filter(|_| host.apparmor))
}

fn terminal(process: &spec::Process<'_>) -> Terminal {
    let size = process.console_size.as_ref().map(|size| (size.height, size.width));
    if process.terminal { Terminal::New { size } } else { Terminal::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_of_a_name_is_kept_in_its_place() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&[], &[]),
            (&["A=1", "B=2", "A=3"], &["B=2", "A=3"]),
            (&["A=1", "A=1", "A="], &["A="]),
            (&["B=x=y", "AB=1", "A=2"], &["B=x=y", "AB=1", "A=2"]),
        ];
        for (entries, expected) in cases {
            let entries: Vec<Str<'_>> = entries.iter().map(|entry| (*entry).into()).collect();
            assert_eq!(environment(&entries).unwrap(), expected);
        }
    }

    #[test]
    fn an_entry_that_is_no_variable_is_an_error() {
        for (entry, words) in [
            ("A", "process.env[0]: invalid environment variable \"A\": missing '='"),
            ("=1", "process.env[0]: invalid environment variable \"=1\": name cannot be empty"),
            ("A=\0", "process.env: holds a NUL byte"),
        ] {
            assert_eq!(environment(&[entry.into()]).unwrap_err().to_string(), words);
        }
    }
}
