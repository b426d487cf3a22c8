//! The flags before the command, and the engine that they describe.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf, absolute};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::Value;

use super::detach::{self, Keys};
use super::flags;
use super::refused::{self, Refused, Takes};
use super::warning::warn;
use crate::error::{Result, told};
use crate::registry::credentials::Credentials;
use crate::service::Engine;
use crate::service::image::Registries;
use crate::store::Store;

/// The flags before the command.
pub(super) struct Globals {
    root: PathBuf,
    run: PathBuf,
    runtime: PathBuf,
    settings: PathBuf,
    /// The folder of the client's `config.json`.
    pub(super) client: PathBuf,
    /// What that says, once it has been read.
    configuration: OnceCell<Value>,
}

const ROOT: &str = "Where images and containers stay (default /var/lib/dok, or dok in \
                    $XDG_DATA_HOME)";
const RUN: &str = "Where sockets and the runtime's state are (default /run/dok, or dok in \
                   $XDG_RUNTIME_DIR)";
const SETTINGS: &str = "What is special about registries (default /etc/dok/dok.json, or \
                        dok/dok.json in $XDG_CONFIG_HOME)";
const CLIENT: &str = "The folder of the client's config.json (default $DOCKER_CONFIG or \
                      ~/.docker)";

const NO_DAEMON: &str = "there is no daemon to reach: dok does its work itself";
const NO_LOG: &str = "Of no effect: dok keeps no log of its own";

/// The levels of a log, in the words of Docker's client.
const LEVELS: &[&str] = &["panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"];

/// Flags before the command by which Docker's client finds its daemon.
pub(super) const REFUSED: &[Refused] = &[
    Refused { flag: "context", takes: Takes::One("NAME", &["", "default"]), reason: NO_DAEMON },
    Refused { flag: "host", takes: Takes::One("SOCKET", &[""]), reason: NO_DAEMON },
    Refused { flag: "tls", takes: Takes::Nothing, reason: NO_DAEMON },
    Refused { flag: "tlscacert", takes: Takes::One("FILE", &[""]), reason: NO_DAEMON },
    Refused { flag: "tlscert", takes: Takes::One("FILE", &[""]), reason: NO_DAEMON },
    Refused { flag: "tlskey", takes: Takes::One("FILE", &[""]), reason: NO_DAEMON },
    Refused { flag: "tlsverify", takes: Takes::Nothing, reason: NO_DAEMON },
];

/// The program, without its commands.
pub fn definition() -> Command {
    Command::new("dok")
        .about("Images and containers without a daemon")
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .arg(path("root", ROOT))
        .arg(path("run-root", RUN))
        .arg(path("runtime", "The runtime's program (default: onggi beside dok, or in $PATH)"))
        .arg(path("config-file", SETTINGS))
        .arg(path("config", CLIENT))
        .args(refused::args(REFUSED).map(|arg| arg.hide(true)))
        .mut_arg("context", |context| context.short('c'))
        .mut_arg("host", |host| host.short('H'))
        .arg(flags::switch("debug", NO_LOG).short('D').hide(true))
        .arg(flags::value("log-level", "LEVEL", NO_LOG).short('l').hide(true))
        .arg(switch("help", 'h', "Show the list of commands"))
        .arg(switch("version", 'v', "Show the version of dok"))
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(value_parser!(OsString)),
        )
}

fn switch(name: &'static str, short: char, help: &'static str) -> Arg {
    Arg::new(name).long(name).short(short).help(help).action(ArgAction::SetTrue)
}

fn path(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("PATH")
        .help(help)
        .value_parser(value_parser!(PathBuf))
        .overrides_with(name)
}

/// Refuses a level of the log that nobody knows.
///
/// # Errors
/// In the words of Docker's client.
pub(super) fn check_level(matches: &ArgMatches) -> Result<()> {
    let level = flags::text(matches, "log-level").unwrap_or_default();
    let known = level.is_empty() || LEVELS.contains(&level.to_lowercase().as_str());
    anyhow::ensure!(known, "Unable to parse logging level: {level}");
    Ok(())
}

impl Globals {
    pub(super) fn read(matches: &ArgMatches) -> Globals {
        // Processes that stay beside a container have another working directory.
        let given = |name: &str| {
            matches.get_one::<PathBuf>(name).map(|path| absolute(path).unwrap_or(path.clone()))
        };
        let own = rustix::process::geteuid().is_root();
        Globals {
            root: given("root")
                .unwrap_or_else(|| place(own, "/var/lib/dok", "XDG_DATA_HOME", ".local/share")),
            run: given("run-root")
                .unwrap_or_else(|| place(own, "/run/dok", "XDG_RUNTIME_DIR", ".cache/run")),
            runtime: matches
                .get_one::<PathBuf>("runtime")
                .map(|program| found_from_anywhere(program))
                .unwrap_or_else(runtime_beside_us),
            settings: given("config-file").unwrap_or_else(|| {
                place(own, "/etc/dok", "XDG_CONFIG_HOME", ".config").join("dok.json")
            }),
            client: given("config").unwrap_or_else(client_folder),
            configuration: OnceCell::new(),
        }
    }

    /// `config.json` of the client; nothing where there is none, or none that makes sense.
    pub(super) fn client_configuration(&self) -> &Value {
        self.configuration.get_or_init(|| {
            let read = Credentials::in_folder(&self.client).read();
            read.map_err(|error| warn(&told(&error))).unwrap_or_default()
        })
    }

    /// What `config.json` of the client says under a name: `psFormat`, `detachKeys`.
    pub(super) fn configured(&self, name: &str) -> Option<String> {
        let config = self.client_configuration();
        let said = config.get(name).and_then(Value::as_str).filter(|said| !said.is_empty());
        said.map(str::to_owned)
    }

    /// `--format`; without it what the client's configuration says under a name, but where only
    /// names are asked for.
    pub(super) fn format(&self, matches: &ArgMatches, name: &str) -> Option<String> {
        let given = matches.get_one::<String>("format").filter(|format| !format.is_empty());
        let quiet = matches.try_get_one::<bool>("quiet").ok().flatten().copied();
        match given {
            Some(format) => Some(format.clone()),
            None if quiet.unwrap_or_default() => None,
            None => self.configured(name),
        }
    }

    /// What is typed to leave a container.
    ///
    /// # Errors
    /// The keys make no sense.
    pub(super) fn detach_keys(&self, matches: &ArgMatches) -> Result<Keys> {
        let keys = match matches.get_one::<String>("detach-keys") {
            Some(keys) => Some(keys.clone()),
            None => self.configured("detachKeys"),
        };
        Keys::read(keys.as_deref().unwrap_or(detach::DEFAULT))
    }

    /// The engine with its store opened.
    pub(super) fn engine(&self) -> Result<Engine> {
        let store = Store::open(self.root.clone(), self.run.clone())?;
        let registries =
            Registries { settings: self.settings.clone(), client: self.client.clone() };
        Ok(Engine { store, runtime: self.runtime.clone(), registries })
    }
}

/// Root's place, or the user's own, by the variable or below the home folder.
fn place(root: bool, of_root: &str, variable: &str, below_home: &str) -> PathBuf {
    if root {
        return PathBuf::from(of_root);
    }
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || named("HOME").unwrap_or_else(|| PathBuf::from("/")).join(below_home);
    named(variable).unwrap_or_else(home).join("dok")
}

/// A program in `$PATH` by its name alone, any other by its whole path.
fn found_from_anywhere(program: &Path) -> PathBuf {
    if program.components().count() == 1 && !program.is_absolute() {
        return program.to_owned();
    }
    absolute(program).unwrap_or_else(|_| program.to_owned())
}

fn runtime_beside_us() -> PathBuf {
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(|folder| folder.join("onggi"));
    beside.filter(|program| program.is_file()).unwrap_or_else(|| PathBuf::from("onggi"))
}

fn client_folder() -> PathBuf {
    let folder = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || folder("HOME").unwrap_or_else(|| PathBuf::from("/root")).join(".docker");
    folder("DOCKER_CONFIG").unwrap_or_else(home)
}
