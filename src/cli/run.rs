//! `onggi run ID`

use clap::ArgMatches;

use super::create;
use super::exit::{ExitCode, Outcome};
use super::flags::{self, switch};
use super::globals::Globals;
use crate::container::{self, AfterExit, Attach, RunOptions, Subreaper};

const ABOUT: &str = "Create a container, run its program and wait for it";
const MORE: &str = "\
Creates and starts a container. In the foreground it passes on signals, ends with the program's \
exit code (128 and the signal if one killed it) and deletes the container.";

pub(super) fn definition() -> clap::Command {
    with_run_flags(create::with_create_flags(flags::command("run", ABOUT).after_help(MORE)))
}

/// What `restore` may do besides, too.
pub(super) fn with_run_flags(command: clap::Command) -> clap::Command {
    command
        .arg(switch("detach", "Do not wait: end as soon as the program runs").short('d'))
        .arg(switch("keep", "Do not delete the container when its program has ended"))
        .arg(switch("no-subreaper", "Leave orphans of the container to the caller"))
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let id = flags::container(matches)?;
    let options = create::options(matches, globals)?;
    let code = container::run(&globals.store(), &id, &options, &how(matches))?;
    Ok(ExitCode::of_process(code))
}

/// What these options say.
pub(super) fn how(matches: &ArgMatches) -> RunOptions {
    RunOptions {
        attach: match matches.get_flag("detach") {
            true => Attach::Detached,
            false => Attach::Foreground,
        },
        after_exit: match matches.get_flag("keep") {
            true => AfterExit::Keep,
            false => AfterExit::Delete,
        },
        subreaper: match matches.get_flag("no-subreaper") {
            true => Subreaper::Leave,
            false => Subreaper::Become,
        },
    }
}
