//! `onggi spec`

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::exit::{ExitCode, Outcome};
use super::flags::{self, path, switch};
use super::globals::Globals;
use crate::container::template::{self, For};
use crate::error::{Code, Doing, Error, Result};
use crate::host::cgroups;
use crate::sys::identity::effective_ids;

const ABOUT: &str = "Write a config.json to start from";
const MORE: &str = "\
Writes a configuration that runs sh in the bundle's directory rootfs, on a terminal and with few \
rights. A file that exists is left as it is.";

pub(super) fn definition() -> clap::Command {
    flags::command("spec", ABOUT)
        .after_help(MORE)
        .arg(path("bundle", "DIR", "The bundle [default: the current directory]").short('b'))
        .arg(path("file", "FILE", "The file, from the bundle [default: config.json]").short('f'))
        .arg(switch("rootless", "Write a configuration for a user without root's rights"))
}

pub(super) fn run(matches: &ArgMatches, _: &Globals) -> Outcome {
    let file = matches.get_one::<PathBuf>("file");
    let file = file.map_or(Path::new("config.json"), PathBuf::as_path);
    let file = match matches.get_one::<PathBuf>("bundle") {
        Some(bundle) => bundle.join(file),
        None => file.to_owned(),
    };
    let whom = match (matches.get_flag("rootless"), effective_ids()) {
        (true, (uid, gid)) => For::User { uid, gid },
        (false, _) => For::Root,
    };
    let cgroup_v1 = !cgroups::probe()?.legacy.is_empty();
    write_new(&file, &template::config(whom, cgroup_v1))?;
    Ok(ExitCode::DONE)
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    match File::create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Error::of(
            Code::AlreadyExists,
            format!("File {} exists. Remove it first", path.display()),
        )),
        file => file
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .doing(|| format!("write {}", path.display())),
    }
}
