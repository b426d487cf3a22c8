//! `onggi checkpoint ID`

use std::path::PathBuf;

use clap::{ArgMatches, value_parser};

use super::exit::{ExitCode, Outcome};
use super::flags::{self, path, switch, text, value, values};
use super::globals::Globals;
use crate::container::{self, AfterDump, CheckpointOptions, CriuOptions};
use crate::criu::{CgroupsMode, Dump, NetworkLock, PageServer, Switch};
use crate::error::{Doing, Error, Result};
use crate::plan::Kind;

const ABOUT: &str = "Write a running container down, for a later restore";
const MORE: &str = "\
CRIU, which must be installed, writes what the container's processes are to a directory of images; \
then they end, and the container is deleted. `onggi restore` makes them again, on this host or \
another. CRIU's log is dump.log in the work directory; its options may be set in \
/etc/criu/onggi.conf, /etc/criu/runc.conf or /etc/criu/crun.conf, or in the file that the \
annotation org.criu.config names.";

/// The directory of images where none is named.
const IMAGES: &str = "checkpoint";

/// Switches of both commands.
const SHARED: [(&str, Switch, &str); 6] = [
    ("tcp-established", Switch::TcpEstablished, "Keep established TCP connections"),
    ("ext-unix-sk", Switch::ExtUnixSk, "Allow unix sockets that are connected to the outside"),
    ("shell-job", Switch::ShellJob, "Allow a terminal and a session of the outside"),
    ("file-locks", Switch::FileLocks, "Keep file locks"),
    ("auto-dedup", Switch::AutoDedup, "Free pages of earlier images that later ones replace"),
    ("lazy-pages", Switch::LazyPages, "Leave memory for when it is touched"),
];
/// Those of `checkpoint` alone.
const OWN: [(&str, Switch, &str); 2] = [
    ("tcp-skip-in-flight", Switch::TcpSkipInFlight, "Leave out TCP connections not yet accepted"),
    ("link-remap", Switch::LinkRemap, "Give open files that were removed a name meanwhile"),
];

pub(super) fn definition() -> clap::Command {
    let command = flags::command("checkpoint", ABOUT).after_help(MORE);
    with_criu_flags(command, &OWN)
        .arg(value("parent-path", "DIR", "Images of before, from those: only changes are dumped"))
        .arg(switch("leave-running", "Let the container go on"))
        .arg(switch("pre-dump", "Dump memory alone and let the container go on"))
        .arg(value("page-server", "ADDRESS:PORT", "Send memory there instead"))
        .arg(
            value("status-fd", "FD", "Write a zero byte to it once --lazy-pages can be fetched")
                .value_parser(value_parser!(i32)),
        )
        .arg(flags::id())
}

/// The options that `checkpoint` and `restore` share, and switches of one of them.
pub(super) fn with_criu_flags(
    command: clap::Command,
    own: &[(&'static str, Switch, &'static str)],
) -> clap::Command {
    let command = command
        .arg(path("image-path", "DIR", "The images [default: ./checkpoint]"))
        .arg(path("work-path", "DIR", "CRIU's log [default: the images' directory]"));
    let switches = SHARED.iter().chain(own).map(|(name, _, help)| switch(name, help));
    command
        .args(switches)
        .arg(value("manage-cgroups-mode", "soft|full|strict|ignore", "What CRIU does to cgroups"))
        .arg(values("empty-ns", "network", "Leave out the content of the network namespace"))
        .arg(value("network-lock", "iptables|nftables|skip", "How connections are kept quiet"))
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let id = flags::container(matches)?;
    container::checkpoint(&globals.store(), &id, &options(matches)?)?;
    Ok(ExitCode::DONE)
}

fn options(matches: &ArgMatches) -> Result<CheckpointOptions> {
    Ok(CheckpointOptions {
        criu: criu_options(matches, &OWN)?,
        dump: match matches.get_flag("pre-dump") {
            true => Dump::Memory,
            false => Dump::Whole,
        },
        parent: text(matches, "parent-path").map(str::to_owned),
        page_server: text(matches, "page-server").map(PageServer::parse).transpose()?,
        status_fd: matches.get_one("status-fd").copied(),
        after: match matches.get_flag("leave-running") {
            true => AfterDump::GoOn,
            false => AfterDump::Delete,
        },
    })
}

/// What the shared options say.
pub(super) fn criu_options(
    matches: &ArgMatches,
    own: &[(&str, Switch, &str)],
) -> Result<CriuOptions> {
    let switches = SHARED.iter().chain(own);
    let mode = text(matches, "manage-cgroups-mode").map(CgroupsMode::from_name);
    Ok(CriuOptions {
        images: images(matches)?,
        work: flags::absolute(matches, "work-path")?,
        switches: switches
            .filter(|(name, ..)| matches.get_flag(name))
            .map(|(_, switch, _)| *switch)
            .collect(),
        cgroups: mode.transpose()?.unwrap_or_default(),
        empty_namespaces: empty_namespaces(matches)?,
        network_lock: text(matches, "network-lock").map(NetworkLock::from_name).transpose()?,
    })
}

fn images(matches: &ArgMatches) -> Result<PathBuf> {
    match flags::absolute(matches, "image-path")? {
        Some(path) => Ok(path),
        None => std::path::absolute(IMAGES).doing(|| "--image-path".into()),
    }
}

fn empty_namespaces(matches: &ArgMatches) -> Result<u64> {
    let names = matches.get_many::<String>("empty-ns").into_iter().flatten();
    names
        .map(|name| match name.as_str() {
            "network" => Ok(Kind::Network.flag()),
            _ => Err(Error::new(format!("invalid --empty-ns {name:?}: expected network"))),
        })
        .try_fold(0, |flags, flag| Ok(flags | flag?))
}
