//! `onggi exec ID COMMAND…`

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::exit::{ExitCode, Failure, Outcome};
use super::flags::{self, path, switch, value, values};
use super::globals::Globals;
use super::value::{sub_cgroup, user};
use crate::container::{self, Attach, ExecCommand, ExecOptions, ExecProcess, Paused};
use crate::error::{Error, Result};
use crate::log;

const ABOUT: &str = "Run another program in a container";
const MORE: &str = "\
What is not said about the process is that of the container's own, but it has no terminal unless \
one is asked for. Ends with the program's exit code, or with 255 if it could not be run. Options \
end at ID: the rest of the line is the program and its arguments.";

pub(super) fn definition() -> clap::Command {
    with_process_flags(flags::command("exec", ABOUT).after_help(MORE))
        .arg(
            path("process", "FILE", "Read the whole process, a JSON object, from a file")
                .short('p'),
        )
        .arg(path("console-socket", "SOCKET", "A unix socket to send the terminal's master end to"))
        .arg(path("pid-file", "FILE", "Write the process id to a file"))
        .arg(path("pidfd-socket", "SOCKET", "A unix socket to send a pidfd of the process to"))
        .arg(switch("detach", "Do not wait: end as soon as the program runs").short('d'))
        .arg(
            value("preserve-fds", "N", "Pass on N descriptors besides stdio and LISTEN_FDS")
                .value_parser(value_parser!(u32))
                .default_value("0"),
        )
        .arg(
            values("cgroup", "[CONTROLLER,...:]PATH", "Run it in a group below the container's")
                .value_parser(sub_cgroup),
        )
        .arg(switch("ignore-paused", "Enter a paused container too"))
        .arg(flags::id())
        .arg(
            Arg::new("COMMAND")
                .help("The program and its arguments")
                .action(ArgAction::Append)
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true),
        )
}

fn with_process_flags(command: clap::Command) -> clap::Command {
    command
        .arg(value("cwd", "DIR", "The working directory inside"))
        .arg(values("env", "NAME=VALUE", "Add a variable to the environment").short('e'))
        .arg(switch("tty", "Give it a terminal").short('t'))
        .arg(value("user", "UID[:GID]", "The user inside").short('u').value_parser(user))
        .arg(
            values("additional-gids", "GID", "Add a group")
                .short('g')
                .value_parser(value_parser!(u32)),
        )
        .arg(value("process-label", "LABEL", "The SELinux context"))
        .arg(value("apparmor", "PROFILE", "The AppArmor profile"))
        .arg(switch("no-new-privs", "Let it gain no privileges"))
        .arg(
            values("cap", "CAPABILITY", "Add a capability: bounding, effective and permitted")
                .short('c'),
        )
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    exec(matches, globals).map(ExitCode::of_process).map_err(Failure::of_exec)
}

fn exec(matches: &ArgMatches, globals: &Globals) -> Result<i32> {
    let id = flags::container(matches)?;
    let options = ExecOptions {
        process: process(matches)?,
        console_socket: flags::absolute(matches, "console-socket")?,
        pid_file: flags::absolute(matches, "pid-file")?,
        pidfd_socket: flags::absolute(matches, "pidfd-socket")?,
        attach: match matches.get_flag("detach") {
            true => Attach::Detached,
            false => Attach::Foreground,
        },
        preserve_fds: matches.get_one("preserve-fds").copied().unwrap_or(0),
        cgroups: list(matches, "cgroup"),
        paused: match matches.get_flag("ignore-paused") {
            true => Paused::Enter,
            false => Paused::Refuse,
        },
    };
    container::exec(&globals.store(), &id, &options)
}

fn process(matches: &ArgMatches) -> Result<ExecProcess> {
    let command = ExecCommand {
        args: list(matches, "COMMAND"),
        cwd: matches.get_one("cwd").cloned(),
        env: list(matches, "env"),
        tty: matches.get_flag("tty"),
        user: matches.get_one("user").copied(),
        additional_gids: list(matches, "additional-gids"),
        process_label: matches.get_one("process-label").cloned(),
        apparmor: matches.get_one("apparmor").cloned(),
        no_new_privileges: matches.get_flag("no-new-privs"),
        capabilities: list(matches, "cap"),
    };
    match flags::absolute(matches, "process")? {
        Some(file) => Ok(whole(file, &command)),
        None if command.args.is_empty() => Err(Error::new("process args cannot be empty")),
        None => Ok(ExecProcess::Command(Box::new(command))),
    }
}

/// A file holds the whole process: as in runc, what else is said about it does not count.
fn whole(file: PathBuf, command: &ExecCommand) -> ExecProcess {
    if *command != ExecCommand::default() {
        log::warning("--process holds the whole process: what else describes it is passed over");
    }
    ExecProcess::File(file)
}

fn list<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Vec<T> {
    matches.get_many(name).unwrap_or_default().cloned().collect()
}
