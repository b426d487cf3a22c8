//! `dok save`: images into an archive.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};

use super::Globals;
use super::flags::{texts, value};
use crate::error::{Context, Result};

pub(super) fn definition() -> Command {
    Command::new("save")
        .about("Save one or more images to a tar archive (streamed to STDOUT by default)")
        .arg(Arg::new("image").value_name("IMAGE").required(true).num_args(1..))
        .arg(
            value("output", "FILE", "Write to a file, instead of STDOUT")
                .short('o')
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(super::platform_flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let images = texts(matches, "image");
    for image in &images {
        engine.check_platform(image, matches.get_one("platform"))?;
    }
    match matches.get_one::<PathBuf>("output") {
        Some(path) => save_to(&engine, &images, path)?,
        None if io::stdout().is_terminal() => {
            anyhow::bail!("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        }
        None => engine.save(&images, BufWriter::with_capacity(1 << 17, io::stdout().lock()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The file has its name when it is whole; what was there before stays until then.
fn save_to(engine: &crate::service::Engine, images: &[String], path: &PathBuf) -> Result<()> {
    let mut aside = path.clone().into_os_string();
    aside.push(format!(".{}", std::process::id()));
    let writing = || format!("write {}", path.display());
    let special = path.metadata().is_ok_and(|facts| !facts.is_file());
    if special {
        let file = File::options().write(true).open(path).with_context(writing)?;
        return engine.save(images, BufWriter::with_capacity(1 << 17, file));
    }
    let file = File::create(&aside).with_context(writing)?;
    let saved = engine
        .save(images, BufWriter::with_capacity(1 << 17, file))
        .and_then(|()| std::fs::rename(&aside, path).with_context(writing));
    if saved.is_err() {
        // The error says more than a file that could not be removed.
        let _ = std::fs::remove_file(&aside);
    }
    saved
}
