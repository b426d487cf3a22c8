//! The options before the command.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use clap::{ArgAction, ArgMatches};

use super::flags::{help, path, switch, text, value};
use super::value::truth;
use crate::container::{CgroupManager, Rootless, Store};
use crate::error::{Code, Doing, Error, Result};
use crate::log::{self, Format, Level, Target};

/// The program without its commands.
pub fn definition() -> clap::Command {
    clap::Command::new("onggi")
        .bin_name("onggi")
        .override_usage(format!("onggi {USAGE}"))
        .about("Open Container Initiative runtime: from a bundle to a process")
        .no_binary_name(true)
        .args_override_self(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(path("root", "DIR", "Where the containers' state is [default: /run/onggi]"))
        .arg(switch("debug", "Log what is done, like --log-level debug"))
        .arg(path("log", "FILE", "Append the log to a file, or to journald:ID or syslog:NAME"))
        .arg(value("log-format", "text|json", "The log's format").default_value("text"))
        .arg(value("log-level", LEVELS, "Log what matters this much or more"))
        .arg(switch("systemd-cgroup", "Let systemd make the cgroup"))
        .arg(value("cgroup-manager", "cgroupfs|systemd|disabled", "Who makes the cgroup"))
        .arg(value("rootless", "true|false|auto", "Go on without a cgroup").default_value("auto"))
        .arg(path("criu", "FILE", "Ignored: criu is looked for in $PATH").hide(true))
        .arg(help().action(ArgAction::SetTrue))
        .arg(switch("version", "Show the version and do nothing else").short('v').short_alias('V'))
}

/// What follows the program's name.
pub(super) const USAGE: &str = "[OPTIONS] COMMAND [COMMAND OPTIONS] [ARGUMENTS]";

const LEVELS: &str = "error|warning|info|debug|trace";

/// What the options before the command say.
#[derive(Debug)]
pub(super) struct Globals {
    /// The name that the program was called by.
    pub(super) program: &'static str,
    root: Root,
    log: Target,
    format: Format,
    level: Level,
    /// Who makes the cgroup.
    pub(super) cgroup_manager: CgroupManager,
    /// Whether a cgroup that cannot be made is passed over.
    pub(super) rootless: Rootless,
}

#[derive(Debug)]
enum Root {
    Given(PathBuf),
    Default(PathBuf),
}

impl Globals {
    /// Reads what was typed; where nothing was, the environment counts.
    pub(super) fn read(matches: &ArgMatches, program: &'static str) -> Result<Globals> {
        let format = format(text(matches, "log-format").unwrap_or_default())?;
        Ok(Globals {
            program,
            root: root(matches.get_one::<PathBuf>("root"))?,
            log: log_target(matches.get_one("log")),
            format,
            level: level(matches, format)?,
            cgroup_manager: cgroup_manager(matches)?,
            rootless: rootless(text(matches, "rootless").unwrap_or_default())?,
        })
    }

    /// Sends the log where it was told to go.
    pub(super) fn open_log(&self) -> Result<()> {
        log::open(&self.log, self.format, self.level)
    }

    /// What older callers of runc say still, and what becomes of it.
    pub(super) fn warn_of_old_options(matches: &ArgMatches) {
        if matches.contains_id("criu") {
            log::warning("--criu is ignored: criu is looked for in $PATH");
        }
    }

    /// The containers' state.
    pub(super) fn store(&self) -> Store {
        let (Root::Given(root) | Root::Default(root)) = &self.root;
        Store::open(root.clone())
    }

    /// Whether the store may be missing: nobody named it, and no container was made yet.
    pub(super) fn store_may_be_missing(&self) -> bool {
        matches!(self.root, Root::Default(_))
    }
}

fn format(name: &str) -> Result<Format> {
    match name {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(Error::of(Code::InvalidArgument, format!("invalid log-format: {name}"))),
    }
}

fn level(matches: &ArgMatches, format: Format) -> Result<Level> {
    match text(matches, "log-level") {
        Some(name) => Level::from_name(name)
            .ok_or_else(|| Error::of(Code::InvalidArgument, format!("invalid log-level: {name}"))),
        None if matches.get_flag("debug") => Ok(Level::Debug),
        None => Ok(format.default_level()),
    }
}

/// A file, or one of crun's forms.
fn log_target(typed: Option<&PathBuf>) -> Target {
    let Some(path) = typed.filter(|path| !path.as_os_str().is_empty()) else {
        return Target::StandardError;
    };
    let text = path.to_string_lossy();
    match text.split_once(':') {
        Some(("file", path)) => Target::File(path.into()),
        Some(("journald", id)) => Target::Journal(id.to_owned()),
        Some(("syslog", name)) => Target::Syslog(name.to_owned()),
        _ => Target::File(path.clone()),
    }
}

fn cgroup_manager(matches: &ArgMatches) -> Result<CgroupManager> {
    match text(matches, "cgroup-manager") {
        None if matches.get_flag("systemd-cgroup") => Ok(CgroupManager::Systemd),
        None | Some("cgroupfs") => Ok(CgroupManager::Cgroupfs),
        Some("systemd") => Ok(CgroupManager::Systemd),
        Some("disabled") => Ok(CgroupManager::Disabled),
        Some(name) => {
            Err(Error::of(Code::InvalidArgument, format!("invalid cgroup-manager: {name}")))
        }
    }
}

fn rootless(typed: &str) -> Result<Rootless> {
    match truth(typed) {
        _ if typed == "auto" => Ok(Rootless::Auto),
        Some(true) => Ok(Rootless::Yes),
        Some(false) => Ok(Rootless::No),
        None => Err(Error::of(Code::InvalidArgument, format!("invalid rootless: {typed}"))),
    }
}

fn root(typed: Option<&PathBuf>) -> Result<Root> {
    let Some(typed) = typed else {
        return Ok(Root::Default(default_root(std::env::var_os("XDG_RUNTIME_DIR"))));
    };
    // A caller's working directory may be gone.
    let whole = match typed.is_absolute() {
        true => typed.clone(),
        false => std::env::current_dir().doing(|| "--root".into())?.join(typed),
    };
    match clean(&whole) {
        root if root == Path::new("/") => {
            Err(Error::of(Code::InvalidArgument, "option --root argument should not be set to /"))
        }
        root => Ok(Root::Given(root)),
    }
}

/// An absolute path without `.` and `..`, by its words alone.
fn clean(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::from("/"), |mut path, component| {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => drop(path.pop()),
            _ => {}
        }
        path
    })
}

fn default_root(runtime_dir: Option<OsString>) -> PathBuf {
    match runtime_dir.filter(|dir| !dir.is_empty() && !is_root_of_the_host()) {
        Some(dir) => Path::new(&dir).join("onggi"),
        None => PathBuf::from("/run/onggi"),
    }
}

/// Root in a user namespace is a user of the host, who cannot write to /run.
fn is_root_of_the_host() -> bool {
    let whole = |map: String| map.split_whitespace().eq(["0", "0", "4294967295"]);
    crate::sys::identity::effective_ids().0 == 0
        && std::fs::read_to_string("/proc/self/uid_map").is_ok_and(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cleaned_by_its_words() {
        for (path, cleaned) in
            [("/", "/"), ("/a/..", "/"), ("/../..", "/"), ("/a/./b/../c/", "/a/c"), ("//", "/")]
        {
            assert_eq!(clean(Path::new(path)), Path::new(cleaned), "{path}");
        }
    }

    #[test]
    fn crun_s_forms_of_log_are_understood() {
        let read = |typed: &str| log_target(Some(&PathBuf::from(typed)));
        assert_eq!(log_target(None), Target::StandardError);
        assert_eq!(read(""), Target::StandardError);
        assert_eq!(read("/a"), Target::File("/a".into()));
        assert_eq!(read("/a:b"), Target::File("/a:b".into()));
        assert_eq!(read("file:/a"), Target::File("/a".into()));
        assert_eq!(read("journald:web"), Target::Journal("web".into()));
        assert_eq!(read("syslog:web"), Target::Syslog("web".into()));
    }
}
