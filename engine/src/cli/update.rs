//! `dok update`: changes what containers may use.

use std::process::ExitCode;

use clap::{ArgMatches, Command, value_parser};

use super::Globals;
use super::container::restart_policy;
use super::each::each;
use super::flags::{bytes, containers, text, value};
use crate::error::Result;
use crate::service::update::Update;

pub(super) fn definition() -> Command {
    let number = |name, kind, help| value(name, kind, help).value_parser(value_parser!(i64));
    let weight = "Block IO (relative weight), between 10 and 1000, or 0 to disable";
    let swap = "Swap limit equal to memory plus swap: -1 to enable unlimited swap";
    Command::new("update")
        .about("Update configuration of one or more containers")
        .args([
            value("blkio-weight", "WEIGHT", weight).value_parser(value_parser!(u16)),
            number(
                "cpu-period",
                "MICROSECONDS",
                "Limit CPU CFS (Completely Fair Scheduler) period",
            ),
            number("cpu-quota", "MICROSECONDS", "Limit CPU CFS (Completely Fair Scheduler) quota"),
            number("cpu-rt-period", "MICROSECONDS", "Limit the CPU real-time period"),
            number("cpu-rt-runtime", "MICROSECONDS", "Limit the CPU real-time runtime"),
            number("cpu-shares", "WEIGHT", "CPU shares (relative weight)").short('c'),
            value("cpus", "NUMBER", "Number of CPUs").value_parser(value_parser!(f64)),
            value("cpuset-cpus", "LIST", "CPUs in which to allow execution (0-3, 0,1)"),
            value("cpuset-mems", "LIST", "MEMs in which to allow execution (0-3, 0,1)"),
            value("memory", "BYTES", "Memory limit").short('m'),
            value("memory-reservation", "BYTES", "Memory soft limit"),
            value("memory-swap", "BYTES", swap),
            number("pids-limit", "NUMBER", "Tune container pids limit (set -1 for unlimited)"),
            value("restart", "POLICY", "Restart policy to apply when a container exits"),
        ])
        .arg(containers())
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let update = read(matches)?;
    anyhow::ensure!(
        update != Update::default(),
        "you must provide one or more flags when using this command"
    );
    let engine = globals.engine()?;
    each(&engine, matches, |container| engine.update(&container.id, &update))
}

fn read(matches: &ArgMatches) -> Result<Update> {
    let number = |name: &str| matches.get_one::<i64>(name).copied();
    let size = |name: &str| match text(matches, name).as_deref() {
        Some("-1") => Ok(Some(-1)),
        given => given.map(|given| bytes(name, given)).transpose(),
    };
    #[expect(clippy::cast_possible_truncation, reason = "a part of a billionth counts for nothing")]
    let nano_cpus = matches.get_one::<f64>("cpus").map(|cpus| (cpus * 1e9) as i64);
    Ok(Update {
        blkio_weight: matches.get_one("blkio-weight").copied(),
        cpu_period: number("cpu-period"),
        cpu_quota: number("cpu-quota"),
        cpu_realtime_period: number("cpu-rt-period"),
        cpu_realtime_runtime: number("cpu-rt-runtime"),
        cpu_shares: number("cpu-shares"),
        cpuset_cpus: text(matches, "cpuset-cpus"),
        cpuset_mems: text(matches, "cpuset-mems"),
        memory: size("memory")?,
        memory_reservation: size("memory-reservation")?,
        memory_swap: size("memory-swap")?,
        nano_cpus,
        pids_limit: number("pids-limit"),
        restart_policy: text(matches, "restart").map(|text| restart_policy(&text)).transpose()?,
    })
}
