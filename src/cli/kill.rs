//! `onggi kill ID [SIGNAL]`

use clap::{Arg, ArgMatches};

use super::exit::{ExitCode, Outcome};
use super::flags::{self, switch, value};
use super::globals::Globals;
use super::{regex, value as values};
use crate::container::{self, All};

const ABOUT: &str = "Send a signal to a container's init";
const MORE: &str = "\
A signal is a number or a name like TERM, SIGTERM or SIGRTMIN+3, in any case.";

pub(super) fn definition() -> clap::Command {
    flags::command("kill", ABOUT)
        .after_help(MORE)
        .arg(switch("all", "Send it to every process of the container").short('a'))
        .arg(switch("regex", "ID is a regular expression that names containers").short('r'))
        .arg(value("signal", "SIGNAL", "The signal, if it is not the second argument"))
        .arg(flags::id())
        .arg(Arg::new("SIGNAL").help("The signal [default: TERM]"))
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let typed = flags::text(matches, "SIGNAL").or_else(|| flags::text(matches, "signal"));
    let signal = values::signal(typed.unwrap_or("TERM"))?;
    let all = match matches.get_flag("all") {
        true => All::Processes,
        false => All::Init,
    };
    let store = globals.store();
    let kill = |id: &_| container::kill(&store, id, signal, all);
    match matches.get_flag("regex") {
        true => regex::for_each(matches, globals, kill)?,
        false => kill(&flags::container(matches)?)?,
    }
    Ok(ExitCode::DONE)
}
