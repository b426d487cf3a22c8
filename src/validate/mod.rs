//! What is wrong with a spec, all at once: a list of rules, each with its chapter.
//!
//! Where runc is lenient a spec is sound, since its callers rely on that; messages that callers
//! or scripts look for are runc's.

mod hooks;
mod limits;
mod mounts;
mod namespaces;
mod process;
mod sysctl;

use std::fmt;

use serde::Serialize;

pub use limits::rdt_problem;
pub use process::may_set_groups;
pub(crate) use sysctl::path as sysctl_path;

use crate::error::{Code, Error, Result};
use crate::host::Host;
use crate::spec::{self, Spec};

/// Something in a spec that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The chapter of the runtime specification.
    pub chapter: &'static str,
    /// The field, like `linux.sysctl`.
    pub field: String,
    /// What is wrong.
    #[serde(rename = "problem")]
    pub words: String,
    /// What the rule that found it protects.
    #[serde(skip)]
    pub protects: Option<Protected>,
}

/// What a rule protects that is told apart from the others: a spec that breaks it is an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protected {
    /// The files below /proc that labels and limits are written to.
    Proc,
    /// The sysctls of the host.
    Sysctls,
}

impl Problem {
    /// From words like those of an error: the field, and what is wrong with it.
    pub fn of_words(chapter: &'static str, words: &str) -> Problem {
        let (field, words) = words.split_once(": ").unwrap_or(("", words));
        Problem { chapter, field: field.to_owned(), words: words.to_owned(), protects: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.words),
            field => write!(f, "{field}: {}", self.words),
        }
    }
}

/// What a rule looks at.
struct Subject<'a> {
    spec: &'a Spec<'a>,
    host: &'a Host,
    /// The process of the spec, or the one that `exec` adds.
    process: Option<&'a spec::Process<'a>>,
}

/// A rule adds what it finds wrong.
type Rule = fn(&Subject<'_>, &mut Found);

/// The problems so far, and of the rule that looks the chapter and what it protects.
struct Found {
    chapter: &'static str,
    protects: Option<Protected>,
    problems: Vec<Problem>,
}

impl Found {
    fn by(chapter: &'static str) -> Found {
        Found { chapter, protects: None, problems: Vec::new() }
    }

    fn add(&mut self, field: impl Into<String>, words: impl Into<String>) {
        let (field, words) = (field.into(), words.into());
        let Found { chapter, protects, .. } = *self;
        self.problems.push(Problem { chapter, field, words, protects });
    }
}

/// The rules for a container besides those for its process.
const RULES: &[(&str, Rule)] = &[
    ("config.md#specification-version", version_is_served),
    ("config.md#root", root_has_a_path),
    ("config.md#annotations", handlers_are_served),
    ("config.md#mounts", mounts::destinations_can_be_mounted_on),
    ("config.md#mounts", mounts::proc_is_kept_whole),
    ("config.md#mounts", mounts::rootless_ids_are_mapped),
    ("config.md#mounts", mounts::id_maps_are_served),
    ("config.md#hostname", namespaces::hostname_needs_a_uts_namespace),
    ("config.md#domainname", namespaces::domainname_needs_a_uts_namespace),
    ("config.md#posix-platform-hooks", hooks::paths_are_absolute),
    ("config.md#posix-platform-hooks", hooks::timeouts_are_positive),
    ("config-linux.md#namespaces", namespaces::each_kind_is_there_once),
    ("config-linux.md#namespaces", namespaces::paths_are_absolute),
    ("config-linux.md#user-namespace-mappings", namespaces::maps_and_user_namespace_go_together),
    ("config-linux.md#user-namespace-mappings", namespaces::maps_are_sound),
    ("config-linux.md#offset-for-time-namespace", namespaces::offsets_need_a_new_time_namespace),
    ("config-linux.md#namespaced-network-devices", namespaces::net_devices_can_move),
    ("config-linux.md#masked-paths", namespaces::restricted_paths_need_a_mount_namespace),
    ("config-linux.md#devices", limits::device_rules_have_an_access),
    ("config-linux.md#intelrdt", limits::classes_of_service_are_sound),
    ("config-linux.md#memory-policy", limits::memory_policy_has_its_nodes),
    ("config-linux.md#sysctl", sysctl::keys_are_of_own_namespaces),
];

/// The rules for a process, of a new container or of `exec`.
const PROCESS_RULES: &[(&str, Rule)] = &[
    ("config.md#process", process::cwd_is_absolute),
    ("config.md#process", process::args_are_there),
    ("config.md#posix-process", process::limits_are_there_once),
    ("config.md#linux-process", process::labels_need_their_module),
    ("config.md#linux-process", process::scheduler_fields_fit_the_policy),
    ("config.md#linux-process", process::io_priority_is_in_range),
    ("config.md#posix-platform-user", process::ids_are_mapped),
    ("config.md#posix-platform-user", process::groups_can_be_set),
];

/// Every problem of a container's spec.
pub fn problems(spec: &Spec<'_>, host: &Host) -> Vec<Problem> {
    let subject = Subject { spec, host, process: spec.process.as_ref() };
    let mut found = Found::by("config.md#process");
    if subject.process.is_none() {
        found.add("process", "process property must not be empty");
    }
    apply(RULES, &subject, &mut found);
    apply(PROCESS_RULES, &subject, &mut found);
    found.problems
}

/// Every problem of a process that is added to a container made from `spec`.
pub fn process_problems(spec: &Spec<'_>, process: &spec::Process<'_>, host: &Host) -> Vec<Problem> {
    let subject = Subject { spec, host, process: Some(process) };
    let mut found = Found::by("");
    apply(PROCESS_RULES, &subject, &mut found);
    found.problems
}

/// One error for all problems.
///
/// # Errors
/// The problems, joined, if there are any.
pub fn sound(problems: &[Problem]) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(Error::of(Code::InvalidConfig, words.join("; ")))
}

fn apply(rules: &[(&'static str, Rule)], subject: &Subject<'_>, found: &mut Found) {
    for (chapter, rule) in rules {
        (found.chapter, found.protects) = (chapter, None);
        rule(subject, found);
    }
}

impl Subject<'_> {
    /// The path of a namespace of this kind, empty for a new one; nothing if the runtime's own
    /// is kept.
    fn namespace(&self, kind: &str) -> Option<&str> {
        namespace(self.spec, kind)
    }
}

fn namespace<'a>(spec: &'a Spec<'_>, kind: &str) -> Option<&'a str> {
    let found = spec.linux.namespaces.iter().find(|namespace| &*namespace.kind == kind);
    found.map(|namespace| namespace.path.as_str())
}

/// Every 1.x is served: a newer one only adds fields, and unknown fields are passed over.
fn version_is_served(subject: &Subject<'_>, found: &mut Found) {
    let version = &subject.spec.oci_version;
    let minor = version.strip_prefix("1.").unwrap_or_default();
    if version.is_empty() {
        found.add("ociVersion", "is missing");
    } else if !minor.starts_with(|first: char| first.is_ascii_digit()) {
        found.add("ociVersion", format!("{version:?} is not supported, only 1.x is"));
    }
}

/// Annotations of crun's that ask for more than a container is, or for what would answer for it.
/// WebAssembly is not among them: binfmt_misc may run it.
fn handlers_are_served(subject: &Subject<'_>, found: &mut Found) {
    if subject.spec.annotation("run.oci.handler") == Some("krun") {
        found.add("annotations: run.oci.handler", "\"krun\": a container is no virtual machine");
    }
    if subject.spec.annotation("run.oci.seccomp.plugins").is_some() {
        found.add("annotations: run.oci.seccomp.plugins", "no plugins are loaded");
    }
}

fn root_has_a_path(subject: &Subject<'_>, found: &mut Found) {
    match &subject.spec.root {
        None => found.add("root", "root must be specified"),
        Some(root) if root.path.is_empty() => found.add("root.path", "is missing"),
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests;
