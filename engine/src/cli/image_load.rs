//! `dok load`: images from an archive.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::Globals;
use super::progress::{Shown, Where};
use crate::error::{Context, Result};

pub(super) fn definition() -> Command {
    Command::new("load")
        .about("Load an image from a tar archive or STDIN")
        .arg(
            Arg::new("input")
                .long("input")
                .short('i')
                .value_name("FILE")
                .help("Read from tar archive file, instead of STDIN")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("quiet")
                .long("quiet")
                .short('q')
                .help("Suppress bars: the names are told all the same")
                .action(ArgAction::SetTrue),
        )
        .arg(super::platform_flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let source: Box<dyn Read> = match matches.get_one::<PathBuf>("input") {
        Some(path) => {
            Box::new(File::open(path).with_context(|| format!("open {}", path.display()))?)
        }
        None if io::stdin().is_terminal() => {
            anyhow::bail!("requested load from stdin, but stdin is empty")
        }
        None => Box::new(io::stdin().lock()),
    };
    // There are no bars here, so that -q has nothing to suppress.
    let shown =
        if matches.get_flag("quiet") { Shown::Lines(Where::Stdout) } else { Shown::new(false) };
    engine.load(source, matches.get_one("platform"), &|event| shown.show(&event))?;
    Ok(ExitCode::SUCCESS)
}
