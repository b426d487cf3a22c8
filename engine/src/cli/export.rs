//! `dok export`: all files of a container as an archive.

use std::io::{self, BufWriter, IsTerminal};
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::flags::{container, text, value};
use super::output::{PIECE, write_file};
use super::{Globals, required};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("export")
        .about("Export a container's filesystem as a tar archive")
        .arg(value("output", "FILE", "Write to a file, instead of STDOUT").short('o'))
        .arg(container())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let name = required(matches, "container");
    match text(matches, "output") {
        None if io::stdout().is_terminal() => {
            anyhow::bail!("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        }
        None => engine.export(name, BufWriter::with_capacity(PIECE, io::stdout().lock()))?,
        Some(path) => {
            engine.store.container(name)?;
            write_file(path.as_ref(), |file| engine.export(name, file))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
