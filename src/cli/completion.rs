//! `onggi completion SHELL`

use clap::{Arg, ArgMatches};

use super::exit::{ExitCode, Outcome};
use super::globals::Globals;
use super::{flags, print};
use crate::error::{Code, Error};

const ABOUT: &str = "Print a completion script for a shell";

/// The scripts by shell; `hack/man` writes them from the definitions of the commands.
pub(super) const SCRIPTS: &[(&str, &str)] = &[
    ("bash", include_str!("../../man/completions/onggi.bash")),
    ("zsh", include_str!("../../man/completions/_onggi")),
    ("fish", include_str!("../../man/completions/onggi.fish")),
];

pub(super) fn definition() -> clap::Command {
    flags::command("completion", ABOUT)
        .arg(Arg::new("SHELL").required(true).value_name("bash|zsh|fish").help("The shell"))
}

pub(super) fn run(matches: &ArgMatches, _: &Globals) -> Outcome {
    let shell = flags::text(matches, "SHELL").unwrap_or_default();
    let script = SCRIPTS.iter().find(|row| row.0 == shell).ok_or_else(|| {
        Error::of(
            Code::InvalidArgument,
            format!("no completions for the shell {shell}: only for bash, zsh and fish"),
        )
    })?;
    print(script.1)?;
    Ok(ExitCode::DONE)
}
