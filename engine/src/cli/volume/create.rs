//! `dok volume create`: makes a volume.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use crate::cli::flags::{labels, pairs, text, texts, value, values};
use crate::cli::refused::{self, Refused, Takes};
use crate::cli::{Globals, print};
use crate::error::Result;
use crate::service::volumes::CreateVolume;

const CLUSTER: &str = "volumes of a cluster need a swarm";

const REFUSED: &[Refused] = &[
    Refused { flag: "availability", takes: Takes::One("WHEN", &["active"]), reason: CLUSTER },
    Refused { flag: "group", takes: Takes::One("NAME", &[""]), reason: CLUSTER },
    Refused { flag: "limit-bytes", takes: Takes::One("BYTES", &["0"]), reason: CLUSTER },
    Refused { flag: "required-bytes", takes: Takes::One("BYTES", &["0"]), reason: CLUSTER },
    Refused { flag: "scope", takes: Takes::One("SCOPE", &["single"]), reason: CLUSTER },
    Refused { flag: "secret", takes: Takes::Many("NAME=VALUE"), reason: CLUSTER },
    Refused { flag: "sharing", takes: Takes::One("HOW", &["none"]), reason: CLUSTER },
    Refused { flag: "topology-preferred", takes: Takes::Many("NAME=VALUE"), reason: CLUSTER },
    Refused { flag: "topology-required", takes: Takes::Many("NAME=VALUE"), reason: CLUSTER },
    Refused { flag: "type", takes: Takes::One("HOW", &["block"]), reason: CLUSTER },
];

pub(in crate::cli) fn definition() -> Command {
    Command::new("volume create")
        .about("Create a volume")
        .arg(value("driver", "DRIVER", "Specify volume driver name").short('d'))
        .arg(values("label", "LABEL", "Set metadata for a volume"))
        .arg(values("opt", "NAME=VALUE", "Set driver specific options: type, device, o").short('o'))
        .args(refused::args(REFUSED))
        .arg(Arg::new("name").value_name("VOLUME"))
        .arg(value("old-name", "VOLUME", "").long("name").conflicts_with("name").hide(true))
}

pub(in crate::cli) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    refused::check(matches, REFUSED)?;
    let request = CreateVolume {
        name: text(matches, "name").or_else(|| text(matches, "old-name")),
        driver: text(matches, "driver").unwrap_or_default(),
        labels: labels(&texts(matches, "label"))?,
        options: pairs(&texts(matches, "opt")),
    };
    let volume = globals.engine()?.create_volume(request)?;
    print(&format!("{}\n", volume.name))?;
    Ok(ExitCode::SUCCESS)
}
