//! `dok version`: which engine this is, and which runtime it uses. What Docker calls client and
//! server is one program here.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::json;

use super::flags::text;
use super::listing::of_one;
use super::{Globals, format_flag, print};
use crate::error::Result;
use crate::service::info::Version;

pub(super) fn definition() -> Command {
    Command::new("version")
        .about("Show the version of the engine and of the runtime")
        .arg(format_flag().short('f'))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let version = globals.engine()?.version();
    let shown = match text(matches, "format").filter(|format| !format.is_empty()) {
        None => words(&version),
        Some(format) => {
            let client =
                json!({"Version": version.version, "Os": version.os, "Arch": version.arch});
            of_one(&json!({"Client": client, "Server": version}), &format)?
        }
    };
    print(&shown)?;
    Ok(ExitCode::SUCCESS)
}

fn words(version: &Version) -> String {
    let Version { version: own, os, arch, .. } = version;
    let mut text = format!(
        "Client: dok\n Version:           {own}\n OS/Arch:           {os}/{arch}\n\nServer: dok\n"
    );
    for component in &version.components {
        text += &format!(" {}:\n  Version:          {}\n", component.name, component.version);
        let details = component.details.iter();
        for (name, value) in details.filter(|(name, _)| !matches!(**name, "Os" | "Arch")) {
            text += &format!("  {:<18}{value}\n", format!("{name}:"));
        }
    }
    text
}
