//! `dok create IMAGE`

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::flags::{is_set, text};
use super::progress::{Shown, Where};
use super::{Globals, complain, container, print, proxies};
use crate::error::{Context, Kind, Result, kind, refuse};
use crate::image::platform::Platform;
use crate::model::Container;
use crate::progress::Event;
use crate::service::Engine;
use crate::service::create::{CreateRequest, Created};

pub(super) fn definition() -> Command {
    container::with_flags(Command::new("create").about("Create a new container"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let mut request = container::request(matches, false)?;
    proxies::add(globals, &mut request.config);
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
    let when = text(matches, "pull").unwrap_or_default();
    if !matches!(when.as_str(), "always" | "missing" | "never") {
        let known = "\"always\", \"missing\" or \"never\"";
        let words = format!("invalid pull option: '{when}': must be one of {known}");
        return Err(refuse(Kind::Usage, words));
    }
    let file = text(matches, "cidfile").filter(|file| !file.is_empty());
    let file = file.as_deref().map(IdFile::make).transpose()?;
    let created = with_image(engine, matches, request)?;
    for warning in &created.warnings {
        complain(&format!("WARNING: {warning}"));
    }
    if let Some(file) = file {
        file.keep(&created.container.id)?;
    }
    Ok(created.container)
}

/// The file of a container's id. It is there before the container: where it cannot be made, nothing
/// is left. It goes again where no container comes to be.
struct IdFile<'a> {
    path: &'a str,
    file: fs::File,
    empty: bool,
}

impl IdFile<'_> {
    fn make(path: &str) -> Result<IdFile<'_>> {
        let file = fs::File::create_new(path);
        let is_taken = file.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::AlreadyExists);
        anyhow::ensure!(
            !is_taken,
            "container ID file found, make sure the other container isn't running or delete {path}"
        );
        let file = file.with_context(|| format!("make the container ID file {path}"))?;
        Ok(IdFile { path, file, empty: true })
    }

    fn keep(mut self, id: &str) -> Result<()> {
        self.empty = false;
        let written = self.file.write_all(id.as_bytes());
        written.with_context(|| format!("write the container ID file {}", self.path))
    }
}

impl Drop for IdFile<'_> {
    fn drop(&mut self) {
        if self.empty {
            // What went wrong is told already.
            let _ = fs::remove_file(self.path);
        }
    }
}

/// Creates a container, whose image is fetched first where it is not there, or as `--pull` says.
fn with_image(engine: &Engine, matches: &ArgMatches, request: CreateRequest) -> Result<Created> {
    let when = text(matches, "pull").unwrap_or_default();
    let name = request.config.image.clone();
    let platform = request.platform.clone();
    if when == "always" {
        pull(engine, matches, &name, platform.as_ref())?;
        return engine.create(request);
    }
    // An image is there more often than not: only where it is not, the request is made again.
    let again = request.clone();
    match engine.create(request) {
        Err(error)
            if when == "missing"
                && kind(&error) == Some(Kind::NotFound)
                && !engine.has_image(&name, platform.as_ref())? =>
        {
            let reference = super::reference(&name)?;
            complain(&format!(
                "Unable to find image '{}' locally",
                reference.or_latest().familiar()
            ));
            pull(engine, matches, &name, platform.as_ref())?;
            engine.create(again)
        }
        created => created,
    }
}

/// Fetches an image; standard output stays the program's.
fn pull(
    engine: &Engine,
    matches: &ArgMatches,
    name: &str,
    platform: Option<&Platform>,
) -> Result<()> {
    let shown = Shown::at(Where::Stderr, is_set(matches, "quiet"));
    let progress = |event: Event| shown.show(&event);
    engine.pull(&super::reference(name)?, platform, &progress).map(drop)
}
