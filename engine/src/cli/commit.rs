//! `dok commit`: makes an image of a container.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::{container, is_set, switch, text, texts, value, values};
use super::{Globals, print, reference, required};
use crate::error::Result;
use crate::image::Reference;
use crate::service::image::Commit;

pub(super) fn definition() -> Command {
    Command::new("commit")
        .about("Create a new image from a container's changes")
        .arg(value("author", "AUTHOR", "Author (e.g., \"John Hannibal Smith\")").short('a'))
        .arg(
            values("change", "INSTRUCTION", "Apply Dockerfile instruction to the created image")
                .short('c'),
        )
        .arg(value("message", "TEXT", "Commit message").short('m'))
        .arg(
            switch("pause", "Pause container during commit (default true)")
                .short('p')
                .default_value("true"),
        )
        .arg(container())
        .arg(Arg::new("name").value_name("REPOSITORY[:TAG]"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let name = text(matches, "name").map(|name| reference(&name).map(Reference::or_latest));
    let told = Commit {
        name: name.transpose()?,
        author: text(matches, "author").unwrap_or_default(),
        message: text(matches, "message").unwrap_or_default(),
        changes: texts(matches, "change"),
        pause: is_set(matches, "pause"),
    };
    let id = globals.engine()?.commit(required(matches, "container"), told)?;
    print(&format!("{id}\n"))?;
    Ok(ExitCode::SUCCESS)
}
