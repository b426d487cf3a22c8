//! `dok create IMAGE`

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::flags::text;
use super::{Globals, complain, container, print};
use crate::error::{Context, Result};
use crate::model::Container;
use crate::service::Engine;
use crate::service::create::CreateRequest;

pub(super) fn definition() -> Command {
    container::with_flags(Command::new("create").about("Create a new container"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let request = container::request(matches, false)?;
    let created = create(&engine, matches, request)?;
    print(&format!("{}\n", created.id))?;
    Ok(ExitCode::SUCCESS)
}

/// Creates a container, tells the warnings, and writes the file of its id.
pub(super) fn create(
    engine: &Engine,
    matches: &ArgMatches,
    request: CreateRequest,
) -> Result<Container> {
    let file = text(matches, "cidfile");
    if let Some(file) = &file {
        anyhow::ensure!(
            !Path::new(file).exists(),
            "container ID file found, make sure the other container isn't running or delete {file}"
        );
    }
    let created = engine.create(request)?;
    for warning in &created.warnings {
        complain(&format!("WARNING: {warning}"));
    }
    if let Some(file) = file {
        let written = fs::File::create_new(&file)
            .and_then(|mut file| file.write_all(created.container.id.as_bytes()));
        written.with_context(|| format!("write the container ID file {file}"))?;
    }
    Ok(created.container)
}
