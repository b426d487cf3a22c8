//! `dok logout`: forgets who we are at a registry.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::{Globals, login, print};
use crate::error::Result;
use crate::registry::credentials;

pub(super) fn definition() -> Command {
    Command::new("logout")
        .about("Log out from a registry")
        .arg(Arg::new("server").value_name("SERVER"))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let server = login::registry(matches.get_one::<String>("server"));
    let shown = credentials::server(&server);
    match globals.engine()?.logout(&server)? {
        true => print(&format!("Removing login credentials for {shown}\n"))?,
        false => print(&format!("Not logged in to {shown}\n"))?,
    }
    Ok(ExitCode::SUCCESS)
}
