//! `onggi exec ID COMMAND…`

mod process;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::exit::{ExitCode, Failure, Outcome};
use super::flags::{self, path, switch, value, values};
use super::globals::Globals;
use crate::container::{self, Attach, ExecOptions, Paused};
use crate::error::Result;

const ABOUT: &str = "Run another program in a container";
const MORE: &str = "\
What is not said about the process is that of the container's own, but it has no terminal unless \
one is asked for. Ends with the program's exit code, or with 255 if it could not be run. Options \
end at ID: the rest of the line is the program and its arguments.";

pub(super) fn definition() -> clap::Command {
    process::with_flags(flags::command("exec", ABOUT).after_help(MORE))
        .arg(path("console-socket", "SOCKET", "A unix socket to send the terminal's master end to"))
        .arg(path("pid-file", "FILE", "Write the process id to a file"))
        .arg(path("pidfd-socket", "SOCKET", "A unix socket to send a pidfd of the process to"))
        .arg(switch("detach", "Do not wait: end as soon as the program runs").short('d'))
        .arg(
            value("preserve-fds", "N", "Pass on N descriptors besides stdio and LISTEN_FDS")
                .value_parser(value_parser!(u32))
                .default_value("0"),
        )
        .arg(values("cgroup", "[CONTROLLER,...:]PATH", "Run it in a group below the container's"))
        .arg(switch("ignore-paused", "Enter a paused container too"))
        .arg(path("exec-wait-fifo", "FIFO", "Run the program once somebody opens it for reading"))
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

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    exec(matches, globals).map(ExitCode::of_process).map_err(Failure::of_exec)
}

fn exec(matches: &ArgMatches, globals: &Globals) -> Result<i32> {
    let id = flags::container(matches)?;
    let options = ExecOptions {
        process: process::read(matches)?,
        console_socket: flags::absolute(matches, "console-socket")?,
        pid_file: flags::absolute(matches, "pid-file")?,
        pidfd_socket: flags::absolute(matches, "pidfd-socket")?,
        attach: match matches.get_flag("detach") {
            true => Attach::Detached,
            false => Attach::Foreground,
        },
        preserve_fds: matches.get_one("preserve-fds").copied().unwrap_or(0),
        cgroups: process::list(matches, "cgroup"),
        wait_fifo: flags::absolute(matches, "exec-wait-fifo")?,
        paused: match matches.get_flag("ignore-paused") {
            true => Paused::Enter,
            false => Paused::Refuse,
        },
    };
    container::exec(&globals.store(), &id, &options)
}
