//! The command line: words typed become one call of `service`, and what comes back becomes text and
//! an exit code. Only this room prints.

mod attach;
mod commit;
mod completion;
mod confirm;
mod console;
mod container;
mod container_inspect;
mod container_prune;
mod cp;
mod create;
mod detach;
mod diff;
mod dispatch;
mod each;
mod events;
mod exec;
mod export;
mod filters;
mod flags;
mod globals;
mod help;
mod human;
mod image_history;
mod image_import;
mod image_inspect;
mod image_list;
mod image_load;
mod image_prune;
mod image_pull;
mod image_push;
mod image_remove;
mod image_save;
mod image_tag;
mod info;
mod inspect;
mod kill;
mod listing;
mod login;
mod logout;
mod logs;
mod network;
mod output;
mod own_terminal;
mod pause;
mod platform;
mod port;
mod progress;
mod proxies;
mod ps;
mod refused;
mod rename;
mod restart;
mod rm;
mod run;
mod search;
mod start;
mod stats;
mod status;
mod stop;
mod system_check;
mod system_df;
mod system_prune;
mod system_start;
mod top;
mod unpause;
mod update;
mod usage;
mod version;
mod volume;
mod wait;
mod warning;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgMatches};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{self, Context, Kind, Result, refuse};
use crate::image::Reference;
use crate::image::reference::NoReference;
use crate::monitor;
use crate::runtime::NotRun;
use confirm::confirm;
use globals::Globals;
pub use globals::definition as program;
pub use help::{Entry, GROUPS, entries};
use listing::BadFormat;

/// One command: its definition is built only when it is called.
struct Command {
    /// The words that are typed: `ps`, `image ls`.
    words: &'static str,
    /// The module that it is in: spellings of one command share it.
    page: &'static str,
    definition: fn() -> clap::Command,
    run: fn(&Globals, &ArgMatches) -> Result<ExitCode>,
}

/// A command's row: its words and its module.
macro_rules! command {
    ($words:literal, $($module:ident)::+) => {
        Command {
            words: $words,
            page: stringify!($($module)::+),
            definition: $($module)::+::definition,
            run: $($module)::+::run,
        }
    };
}

/// Every command under each of its spellings; the manual has the first one's page.
const COMMANDS: &[Command] = &[
    command!("run", run),
    command!("container run", run),
    command!("create", create),
    command!("container create", create),
    command!("start", start),
    command!("container start", start),
    command!("stop", stop),
    command!("container stop", stop),
    command!("restart", restart),
    command!("container restart", restart),
    command!("kill", kill),
    command!("container kill", kill),
    command!("pause", pause),
    command!("container pause", pause),
    command!("unpause", unpause),
    command!("container unpause", unpause),
    command!("rm", rm),
    command!("container rm", rm),
    command!("container remove", rm),
    command!("exec", exec),
    command!("container exec", exec),
    command!("attach", attach),
    command!("container attach", attach),
    command!("logs", logs),
    command!("container logs", logs),
    command!("ps", ps),
    command!("container ls", ps),
    command!("container list", ps),
    command!("container ps", ps),
    command!("inspect", inspect),
    command!("container inspect", container_inspect),
    command!("container prune", container_prune),
    command!("diff", diff),
    command!("container diff", diff),
    command!("export", export),
    command!("container export", export),
    command!("cp", cp),
    command!("container cp", cp),
    command!("commit", commit),
    command!("container commit", commit),
    command!("update", update),
    command!("container update", update),
    command!("wait", wait),
    command!("container wait", wait),
    command!("rename", rename),
    command!("container rename", rename),
    command!("port", port),
    command!("container port", port),
    command!("stats", stats),
    command!("container stats", stats),
    command!("top", top),
    command!("container top", top),
    command!("history", image_history),
    command!("image history", image_history),
    command!("images", image_list),
    command!("image ls", image_list),
    command!("image list", image_list),
    command!("image import", image_import),
    command!("import", image_import),
    command!("image inspect", image_inspect),
    command!("load", image_load),
    command!("image load", image_load),
    command!("login", login),
    command!("logout", logout),
    command!("image prune", image_prune),
    command!("pull", image_pull),
    command!("image pull", image_pull),
    command!("push", image_push),
    command!("image push", image_push),
    command!("rmi", image_remove),
    command!("image rm", image_remove),
    command!("image remove", image_remove),
    command!("save", image_save),
    command!("image save", image_save),
    command!("search", search),
    command!("system check", system_check),
    command!("system start", system_start),
    command!("tag", image_tag),
    command!("image tag", image_tag),
    command!("network connect", network::connect),
    command!("network create", network::create),
    command!("network disconnect", network::disconnect),
    command!("network inspect", network::inspect),
    command!("network ls", network::list),
    command!("network list", network::list),
    command!("network prune", network::prune),
    command!("network rm", network::remove),
    command!("network remove", network::remove),
    command!("completion", completion),
    command!("events", events),
    command!("system events", events),
    command!("help", help),
    command!("info", info),
    command!("system info", info),
    command!("system df", system_df),
    command!("system prune", system_prune),
    command!("volume create", volume::create),
    command!("volume inspect", volume::inspect),
    command!("volume ls", volume::list),
    command!("volume list", volume::list),
    command!("volume prune", volume::prune),
    command!("volume rm", volume::remove),
    command!("volume remove", volume::remove),
    command!("version", version),
];

/// What Docker's client exits with where `run` or the command line itself failed.
const OWN_FAILURE: u8 = 125;

/// What Docker's client exits with where a template for objects makes no sense.
const BAD_FORMAT: u8 = 64;

/// What a shell says of a program that SIGPIPE ended.
const UNHEARD: u8 = 141;

/// What a process beside a container does, with the words of its command line.
type Beside = fn(&[PathBuf]) -> Result<()>;

/// Words that nobody types, for processes beside containers: no definitions are built, and nothing
/// is said.
const BESIDE_CONTAINERS: [(&str, Beside); 5] = [
    (monitor::WORD, monitor::main),
    (monitor::streams::WORD, monitor::streams::main),
    (monitor::names::WORD, monitor::names::main),
    (monitor::carry::WORD, monitor::carry::main),
    (monitor::log_files::WORD, monitor::log_files::main),
];

/// Carries out a command line, the program's own name first.
pub fn main(line: Vec<OsString>) -> ExitCode {
    let first = line.get(1).map(OsString::as_os_str).unwrap_or_default();
    if let Some((_, main)) = BESIDE_CONTAINERS.iter().find(|(word, _)| first == *word) {
        let words: Vec<_> = line.into_iter().skip(2).map(PathBuf::from).collect();
        return main(&words).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    if let Some(words) = monitor::init::is_called(&line) {
        return monitor::init::main(words).map_or_else(not_executed, exit_code);
    }
    dispatch::dispatch(line).unwrap_or_else(|error| {
        if is_unheard(&error) {
            return ExitCode::from(UNHEARD);
        }
        tell(&error);
        ExitCode::from(OWN_FAILURE)
    })
}

/// Whether nobody reads any more what is printed, as behind `| head`: nothing is wrong then, and
/// nothing is said.
fn is_unheard(error: &anyhow::Error) -> bool {
    let stdout = io::stdout();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    is_broken_pipe(error)
        && poll(&mut watched, Some(&Timespec::default())).is_ok()
        && watched[0].revents().contains(PollFlags::ERR)
}

/// Whether something could not be written since nobody reads it.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let of_pipe = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    let causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    error::kind(error).is_none() && causes.into_iter().any(of_pipe)
}

/// Tells of an error, and gives the exit code of a command that could not be carried out. A refusal
/// is what Docker's client hears from its daemon, in the words that programs look for.
fn tell(error: &anyhow::Error) -> ExitCode {
    let teller = if is_refused(error) { FROM_DAEMON } else { "dok" };
    complain(&format!("{teller}: {}", error::told(error)));
    ExitCode::FAILURE
}

const FROM_DAEMON: &str = "Error response from daemon";

fn is_refused(error: &anyhow::Error) -> bool {
    !matches!(error::kind(error), Some(Kind::Usage) | None)
}

/// The init's program is not there, or is none.
fn not_executed(error: anyhow::Error) -> ExitCode {
    tell(&error);
    let cause = error.downcast_ref::<io::Error>().map(io::Error::kind);
    ExitCode::from(if cause == Some(io::ErrorKind::NotFound) { 127 } else { 126 })
}

/// A line for standard error.
fn complain(line: &str) {
    // There is nowhere left to complain about a standard error that cannot be written.
    let _ = writeln!(io::stderr(), "{line}");
}

/// The exit code of a program, which is ours too.
fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// `run` ends with 125, or 127 and 126 where the program could not be executed; others with 1, with
/// 125 where words make no sense, and with 64 where a template makes none.
fn failure(command: &Command, error: &anyhow::Error) -> ExitCode {
    if is_unheard(error) {
        return ExitCode::from(UNHEARD);
    }
    if let Some(invalid) = error.downcast_ref() {
        return usage::tell_invalid(command.built(), invalid);
    }
    // Docker's client puts its own name before its daemon's words for this command alone.
    if command.page == "run" && is_refused(error) {
        complain(&format!("dok: {FROM_DAEMON}: {}", error::told(error)));
    } else {
        tell(error);
    }
    if error.is::<BadFormat>() {
        return ExitCode::from(BAD_FORMAT);
    }
    if command.page != "run" && error::kind(error) != Some(Kind::Usage) {
        return ExitCode::FAILURE;
    }
    complain(&format!("\nRun 'dok {} --help' for more information", command.words));
    let not_run = error.downcast_ref::<NotRun>();
    not_run.map_or(ExitCode::from(OWN_FAILURE), |not_run| exit_code(not_run.exit_code))
}

/// The one place that prints answers.
fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// A required word.
fn required<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map(String::as_str).unwrap_or_default()
}

/// A name of an image; what is wrong with it is told in Docker's words.
fn reference(typed: &str) -> Result<Reference> {
    typed.parse().map_err(|words: NoReference| refuse(Kind::Invalid, words.to_string()))
}

fn format_flag() -> Arg {
    let help = "Format output using json, table TEMPLATE, or a template of Go";
    flags::value("format", "TEMPLATE", help)
}

/// Opens an archive to be read; a directory is none.
fn archive(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let is_directory = file.metadata().is_ok_and(|found| found.is_dir());
    anyhow::ensure!(!is_directory, "open {}: is a directory, not an archive", path.display());
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_sound_definition() {
        for command in COMMANDS {
            (command.definition)().debug_assert();
        }
    }
}
