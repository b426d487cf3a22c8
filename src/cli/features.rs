//! `onggi features`

mod lists;

use clap::ArgMatches;
use serde::Serialize;
use serde_json::{Value, json};

use super::exit::{ExitCode, Outcome};
use super::globals::Globals;
use super::help::{COMMIT, VERSION};
use super::{flags, print};
use crate::error::Error;
use crate::plan::{self, Kind};
use crate::spec::OCI_VERSION;
use crate::{host, seccomp};

const ABOUT: &str = "Print what this runtime can do, as JSON";
const MORE: &str = "\
Prints the structure that the specification describes in features.md: what this program \
implements, whether or not the kernel has it; only supportedFlags asks the kernel.";

pub(super) fn definition() -> clap::Command {
    flags::command("features", ABOUT).after_help(MORE)
}

pub(super) fn run(_: &ArgMatches, _: &Globals) -> Outcome {
    print(&(serde_json::to_string_pretty(&features()).map_err(Error::from)? + "\n"))?;
    Ok(ExitCode::DONE)
}

/// features.md of the runtime specification.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Features {
    oci_version_min: &'static str,
    oci_version_max: &'static str,
    hooks: &'static [&'static str],
    mount_options: Vec<&'static str>,
    linux: Linux,
    annotations: Value,
    potentially_unsafe_config_annotations: &'static [&'static str],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Linux {
    namespaces: Vec<&'static str>,
    capabilities: Vec<String>,
    cgroup: Value,
    seccomp: Value,
    apparmor: Value,
    selinux: Value,
    intel_rdt: Value,
    memory_policy: Value,
    mount_extensions: Value,
    net_devices: Value,
}

fn features() -> Features {
    Features {
        oci_version_min: "1.0.0",
        oci_version_max: OCI_VERSION,
        hooks: lists::HOOKS,
        mount_options: plan::mount_option_names().collect(),
        linux: linux(),
        annotations: json!({
            "org.onggi.commit": COMMIT,
            "org.onggi.version": VERSION,
            // The key that engines look for, whatever the runtime.
            "org.opencontainers.runc.checkpoint.enabled": "true",
        }),
        potentially_unsafe_config_annotations: lists::UNSAFE_ANNOTATIONS,
    }
}

fn linux() -> Linux {
    let enabled = |enabled: bool| json!({ "enabled": enabled });
    let known: Vec<&str> = seccomp::FLAGS.iter().map(|(name, _)| *name).collect();
    let supported = seccomp::FLAGS.iter().filter(|(_, flag)| host::has_seccomp_flag(*flag));
    let supported: Vec<&str> = supported.map(|(name, _)| *name).collect();
    Linux {
        namespaces: sorted(Kind::ALL.iter().map(|row| row.1)),
        capabilities: plan::capability_names(),
        cgroup: json!({
            "v1": true, "v2": true, "systemd": true, "systemdUser": true, "rdma": true,
        }),
        seccomp: json!({
            "enabled": true,
            "actions": seccomp::ACTIONS,
            "operators": seccomp::OPERATORS,
            "archs": seccomp::ARCHITECTURES,
            "knownFlags": known,
            "supportedFlags": supported,
        }),
        apparmor: enabled(true),
        selinux: enabled(true),
        intel_rdt: json!({ "enabled": true, "schemata": true, "monitoring": true }),
        memory_policy: json!({
            "modes": sorted(plan::memory_modes()),
            "flags": sorted(plan::memory_flags()),
        }),
        mount_extensions: json!({ "idmap": enabled(true) }),
        net_devices: enabled(true),
    }
}

fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<&str> = words.collect();
    words.sort_unstable();
    words
}
