//! `dok save`: images into an archive.

use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::flags::{texts, value};
use super::output::{PIECE, write_file};
use super::{Globals, platform};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("save")
        .about("Save one or more images to a tar archive (streamed to STDOUT by default)")
        .arg(Arg::new("image").value_name("IMAGE").required(true).num_args(1..))
        .arg(
            value("output", "FILE", "Write to a file, instead of STDOUT")
                .short('o')
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(platform::flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let images = texts(matches, "image");
    let platform = platform::asked(matches)?;
    for image in &images {
        engine.check_platform(image, platform.as_ref())?;
    }
    match matches.get_one::<PathBuf>("output") {
        Some(path) => write_file(path, |file| engine.save(&images, file))?,
        None if io::stdout().is_terminal() => {
            anyhow::bail!("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        }
        None => engine.save(&images, BufWriter::with_capacity(PIECE, io::stdout().lock()))?,
    }
    Ok(ExitCode::SUCCESS)
}
