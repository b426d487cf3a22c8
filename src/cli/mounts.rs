//! `onggi mounts add|remove ID FILE`

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, value_parser};

use super::exit::{ExitCode, Outcome};
use super::flags;
use super::globals::Globals;
use crate::container::{self, MountChange};
use crate::error::{Code, Doing, Error, Result};

const ABOUT: &str = "Add mounts to a container that runs, or remove them";
const MORE: &str = "\
FILE, or standard input if it is -, is a JSON array of mounts as config.json has them; sources are \
paths of the host. If one cannot be made, none is. To remove, only the destinations count: the \
topmost mount at each is taken away. What `exec` adds sees them; a container that is created anew \
from the same bundle does not.";

pub(super) fn definition() -> clap::Command {
    flags::command("mounts", ABOUT)
        .after_help(MORE)
        .arg(Arg::new("ACTION").required(true).help("add or remove"))
        .arg(flags::id())
        .arg(
            Arg::new("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("A JSON array of mounts, or -"),
        )
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let change = match flags::text(matches, "ACTION").unwrap_or_default() {
        "add" => MountChange::Add,
        "remove" => MountChange::Remove,
        other => {
            let words = format!("{other:?} is neither add nor remove");
            return Err(Error::of(Code::InvalidArgument, words).into());
        }
    };
    let id = flags::container(matches)?;
    let path = matches.get_one::<PathBuf>("FILE").map_or(Path::new("-"), PathBuf::as_path);
    container::change_mounts(&globals.store(), &id, change, &read(path)?)?;
    Ok(ExitCode::DONE)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    if path != Path::new("-") {
        return std::fs::read(path).doing(|| format!("read {}", path.display()));
    }
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text).doing(|| "read standard input".into())?;
    Ok(text)
}
