//! `dok image inspect`: everything about images.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::{Globals, listing, platform, print, tell};
use crate::error::Result;

pub(super) fn definition() -> Command {
    Command::new("inspect")
        .about("Display detailed information on one or more images")
        .arg(Arg::new("image").value_name("IMAGE").required(true).num_args(1..))
        .arg(super::format_flag().short('f'))
        .arg(platform::flag())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let platform = platform::asked(matches)?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in matches.get_many::<String>("image").into_iter().flatten() {
        let is_meant = engine.check_platform(name, platform.as_ref());
        match is_meant.and_then(|()| engine.inspect_image(name)) {
            Ok(image) => found.push(image),
            Err(error) => missing.push(error),
        }
    }
    let format = matches.get_one::<String>("format").map(String::as_str);
    print(&listing::inspect(&found, format)?)?;
    Ok(missing.iter().map(tell).next_back().unwrap_or(ExitCode::SUCCESS))
}
