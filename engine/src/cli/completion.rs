//! `dok completion SHELL`

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};

use super::{Globals, Result, print, required};

/// The scripts by shell; `hack/man` writes them from the definitions of the commands.
const SCRIPTS: &[(&str, &str)] = &[
    ("bash", include_str!("../../../man/completions/dok.bash")),
    ("zsh", include_str!("../../../man/completions/_dok")),
    ("fish", include_str!("../../../man/completions/dok.fish")),
];

pub(super) fn definition() -> Command {
    let shells = PossibleValuesParser::new(SCRIPTS.iter().map(|(shell, _)| *shell));
    Command::new("completion")
        .about("Print the script that completes dok's words in a shell")
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(shells))
}

pub(super) fn run(_: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let shell = required(matches, "shell");
    let script = SCRIPTS.iter().find(|(name, _)| *name == shell);
    print(script.map_or("", |(_, text)| text))?;
    Ok(ExitCode::SUCCESS)
}
