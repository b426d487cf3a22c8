//! `dok import`: a root file system becomes an image.

use std::io::{self, Read};
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::{text, texts, value, values};
use super::{Globals, platform, print, required};
use crate::error::Result;
use crate::service::image::Import;

pub(super) fn definition() -> Command {
    Command::new("import")
        .about("Import the contents from a tarball to create a filesystem image")
        .arg(Arg::new("source").value_name("FILE|-").required(true))
        .arg(Arg::new("name").value_name("REPOSITORY[:TAG]"))
        .arg(
            values("change", "INSTRUCTION", "Apply Dockerfile instruction to the created image")
                .short('c'),
        )
        .arg(value("message", "TEXT", "Set commit message for imported image").short('m'))
        .arg(platform::flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let path = required(matches, "source");
    let source: Box<dyn Read> = match path {
        "-" => Box::new(io::stdin().lock()),
        url if url.starts_with("http://") || url.starts_with("https://") => {
            anyhow::bail!(
                "{url}: only files are imported; fetch it first, and give - to read a pipe"
            )
        }
        path => Box::new(super::archive(path.as_ref())?),
    };
    let name = text(matches, "name").map(|name| super::reference(&name)).transpose()?;
    let message = text(matches, "message");
    let told = Import {
        name: name.map(crate::image::Reference::or_latest),
        changes: texts(matches, "change"),
        message: message.unwrap_or_else(|| format!("Imported from {path}")),
        platform: platform::asked(matches)?,
    };
    let id = engine.import(source, told)?;
    print(&format!("{id}\n"))?;
    Ok(ExitCode::SUCCESS)
}
