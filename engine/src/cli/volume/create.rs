//! `dok volume create`: makes a volume.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use crate::cli::flags::{text, texts, value, values};
use crate::cli::{Globals, print};
use crate::error::Result;
use crate::service::volumes::CreateVolume;

pub(in crate::cli) fn definition() -> Command {
    Command::new("volume create")
        .about("Create a volume")
        .arg(value("driver", "DRIVER", "Specify volume driver name").short('d'))
        .arg(values("label", "LABEL", "Set metadata for a volume"))
        .arg(Arg::new("name").value_name("VOLUME"))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let label = |text: String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (text, String::new()),
    };
    let request = CreateVolume {
        name: text(matches, "name"),
        driver: text(matches, "driver").unwrap_or_default(),
        labels: texts(matches, "label").into_iter().map(label).collect(),
    };
    let volume = globals.engine()?.create_volume(request)?;
    print(&format!("{}\n", volume.name))?;
    Ok(ExitCode::SUCCESS)
}
