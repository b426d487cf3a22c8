//! `dok load`: images from an archive.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, Command, value_parser};

use super::flags::{is_set, switch, value};
use super::progress::{Shown, Where};
use super::{Globals, platform};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("load")
        .about("Load an image from a tar archive or STDIN")
        .arg(
            value("input", "FILE", "Read from tar archive file, instead of STDIN")
                .short('i')
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(switch("quiet", "Suppress bars: the names are told all the same").short('q'))
        .arg(platform::flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let source: Box<dyn Read> = match matches.get_one::<PathBuf>("input") {
        Some(path) => Box::new(super::archive(path)?),
        None if io::stdin().is_terminal() => {
            anyhow::bail!("requested load from stdin, but stdin is empty")
        }
        None => Box::new(io::stdin().lock()),
    };
    // There are no bars here, so that -q has nothing to suppress.
    let shown =
        if is_set(matches, "quiet") { Shown::Lines(Where::Stdout) } else { Shown::new(false) };
    let platform = platform::asked(matches)?;
    engine.load(source, platform.as_ref(), &|event| shown.show(&event))?;
    Ok(ExitCode::SUCCESS)
}
