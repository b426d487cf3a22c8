//! `onggi update ID`

use std::io;
use std::path::PathBuf;

use clap::{ArgMatches, value_parser};

use super::exit::{ExitCode, Outcome};
use super::flags::{self, path, text, value, values};
use super::globals::Globals;
use super::value::bytes;
use crate::container::{self, Update};
use crate::error::{Doing, Error, Result};
use crate::log;
use crate::spec::{BlockIo, Cpu, Memory, Pids, Resources};

const ABOUT: &str = "Change the limits of a container";
const MORE: &str = "\
What is not given stays as it is. With --resources, the other limits do not count, but the two \
schemata and --device-rule do. Sizes are in bytes or have a unit: 64k, 1.5g. A rule lets through \
(allow) or refuses (deny) a kind of device (c, b, or a for both), by its numbers (* for any), for \
reading, writing or making a node; a later one wins.";

pub(super) fn definition() -> clap::Command {
    let number = |name, what, help| value(name, what, help).value_parser(value_parser!(u64));
    let signed = |name, what, help| value(name, what, help).value_parser(value_parser!(i64));
    let size = |name, help| value(name, "SIZE", help).value_parser(bytes);
    flags::command("update", ABOUT)
        .after_help(MORE)
        .arg(
            path("resources", "FILE", "Read a linux.resources object from a file, or from -")
                .short('r'),
        )
        .arg(
            value("blkio-weight", "WEIGHT", "The weight of block I/O, 10 to 1000")
                .value_parser(value_parser!(u16)),
        )
        .arg(number("cpu-period", "MICROSECONDS", "The period that --cpu-quota is for"))
        .arg(signed("cpu-quota", "MICROSECONDS", "CPU time in a period, -1 for no limit"))
        .arg(number("cpu-burst", "MICROSECONDS", "CPU time saved up for later periods"))
        .arg(number("cpu-share", "WEIGHT", "The weight of CPU time, 2 to 262144"))
        .arg(number("cpu-rt-period", "MICROSECONDS", "The period that --cpu-rt-runtime is for"))
        .arg(signed("cpu-rt-runtime", "MICROSECONDS", "Real-time CPU time in a period"))
        .arg(signed("cpu-idle", "0|1", "Whether it runs only when nothing else does"))
        .arg(value("cpuset-cpus", "LIST", "The CPUs, like 0-3,7"))
        .arg(value("cpuset-mems", "LIST", "The memory nodes, like 0,1"))
        .arg(size("memory", "The most memory, -1 for no limit"))
        .arg(size("memory-reservation", "The memory that is left to it when the host runs short"))
        .arg(size("memory-swap", "The most memory and swap together, -1 for no limit"))
        .arg(size("kernel-memory", "Ignored: kernels have no such limit any more").hide(true))
        .arg(size("kernel-memory-tcp", "Ignored: kernels have no such limit any more").hide(true))
        .arg(signed("pids-limit", "N", "The most processes, -1 for no limit"))
        .arg(value("l3-cache-schema", "SCHEMA", "Parts of the L3 cache, like L3:0=f;1=f0"))
        .arg(value("mem-bw-schema", "SCHEMA", "Memory bandwidth, like MB:0=20;1=70"))
        .arg(
            values("device-rule", "RULE", "Let through a device or not, like: allow c 10:200 rwm")
                .value_parser(value_parser!(String)),
        )
        .arg(flags::id())
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let id = flags::container(matches)?;
    let resources = match matches.get_one::<PathBuf>("resources") {
        Some(path) if path.as_os_str() == "-" => {
            io::read_to_string(io::stdin()).doing(|| "read standard input".into())?.into_bytes()
        }
        Some(path) => std::fs::read(path).doing(|| format!("read {}", path.display()))?,
        None => serde_json::to_vec(&resources(matches)?).map_err(Error::from)?,
    };
    let schema = |name| text(matches, name).unwrap_or_default().to_owned();
    let rules = matches.get_many::<String>("device-rule");
    let wanted = Update {
        resources,
        l3_cache_schema: schema("l3-cache-schema"),
        mem_bw_schema: schema("mem-bw-schema"),
        device_rules: rules.map(|rules| rules.cloned().collect()).unwrap_or_default(),
    };
    container::update(&globals.store(), &id, &wanted)?;
    Ok(ExitCode::DONE)
}

fn resources(matches: &ArgMatches) -> Result<Resources<'_>> {
    for name in ["kernel-memory", "kernel-memory-tcp"] {
        if matches.contains_id(name) {
            log::warning(&format!("--{name} is ignored: kernels have no such limit any more"));
        }
    }
    let list = |name| text(matches, name).unwrap_or_default().into();
    Ok(Resources {
        memory: Some(Memory {
            limit: matches.get_one("memory").copied(),
            reservation: matches.get_one("memory-reservation").copied(),
            swap: matches.get_one("memory-swap").copied(),
            ..Memory::default()
        }),
        cpu: Some(Cpu {
            shares: matches.get_one("cpu-share").copied(),
            quota: matches.get_one("cpu-quota").copied(),
            burst: matches.get_one("cpu-burst").copied(),
            period: matches.get_one("cpu-period").copied(),
            realtime_runtime: matches.get_one("cpu-rt-runtime").copied(),
            realtime_period: matches.get_one("cpu-rt-period").copied(),
            cpus: list("cpuset-cpus"),
            mems: list("cpuset-mems"),
            idle: matches.get_one("cpu-idle").copied(),
        }),
        pids: Some(Pids { limit: matches.get_one("pids-limit").copied() }),
        block_io: Some(BlockIo {
            weight: matches.get_one("blkio-weight").copied(),
            ..BlockIo::default()
        }),
        ..Resources::default()
    })
}
