//! Control groups, as far as the engine looks at them itself: what the machine has, what is left of
//! a container's, and what the kernel counts for its processes. That is read from the groups of its
//! first process, wherever the runtime has put them: not every runtime has a command that tells of
//! them (crun has none), and a file costs less than a program.

mod controllers;
pub mod left;
mod legacy;
pub mod oom;
mod unified;

pub use controllers::{Controllers, limits_swap};

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, Result};
use crate::model::{CpuTime, MemoryUse, Pids, Sample};

/// Where the groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// The clock ticks of /proc/stat and `cpuacct.stat`, in nanoseconds.
const TICK: u64 = 10_000_000;

/// Whether cgroups are version 2: the file system says its name.
pub fn is_unified() -> bool {
    const CGROUP2_MAGIC: i64 = 0x6367_7270;
    rustix::fs::statfs(ROOT).is_ok_and(|about| about.f_type == CGROUP2_MAGIC)
}

/// What the groups of a container have counted, and what the machine has: all of a [`Sample`] but
/// its time and its network. `None` where the process has ended.
///
/// # Errors
/// The machine's own counts cannot be read.
pub fn sample(container: &str, pid: u32) -> Result<Option<Sample>> {
    let Ok(memberships) = fs::read_to_string(format!("/proc/{pid}/cgroup")) else {
        return Ok(None);
    };
    let machine = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
    let (machine_cpu, online_cpus) = machine_time(&machine);
    let mut sample = match is_unified() {
        true => unified::sample(&group(&memberships, "", container)),
        false => legacy::sample(&|controller| group(&memberships, controller, container)),
    };
    if sample.pids.current == 0 && sample.memory.usage == 0 && sample.cpu.total == 0 {
        return Ok(None);
    }
    sample.memory.limit = sample.memory.limit.min(machine_memory());
    Ok(Some(Sample { machine_cpu, online_cpus, ..sample }))
}

/// The machine's memory, in bytes; without a limit where it cannot be told.
pub fn machine_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = line.and_then(|rest| rest.trim_end_matches("kB").trim().parse::<u64>().ok());
    kibibytes.map_or(u64::MAX, |kibibytes| kibibytes * 1024)
}

/// The folder of a process's group, from its cgroup(7) file. A program like systemd makes groups of
/// its own below the container's: those are not the container's whole.
fn group(memberships: &str, controller: &str, container: &str) -> PathBuf {
    let of = |line: &str| -> Option<String> {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|own| own == controller).then(|| path.to_owned())
    };
    let path = memberships.lines().find_map(of).unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let own = parts.iter().position(|part| part.contains(container));
    let parts = &parts[..own.map_or(parts.len(), |at| at + 1)];
    Path::new(ROOT).join(controller).join(parts.join("/"))
}

/// The time of all CPUs together, in nanoseconds, and their number, from proc_stat(5).
fn machine_time(text: &str) -> (u64, u32) {
    // Guests' time is in the others already.
    const OWN: usize = 8;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("cpu"));
    let all = lines.next().unwrap_or_default().split_whitespace().take(OWN);
    let ticks: u64 = all.filter_map(|number| number.parse::<u64>().ok()).sum();
    (ticks * TICK, u32::try_from(lines.count()).unwrap_or(1))
}

/// A file with one number; `max`, and a file that is not there, have none.
fn number(group: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(group.join(file)).ok()?.trim().parse().ok()
}

/// A file of lines with a name and a number each.
fn table(group: &Path, file: &str) -> Vec<(String, u64)> {
    let text = fs::read_to_string(group.join(file)).unwrap_or_default();
    text.lines().filter_map(|line| pair(line, ' ')).collect()
}

/// `NAME NUMBER`, with what stands between.
fn pair(text: &str, between: char) -> Option<(String, u64)> {
    let (name, number) = text.split_once(between)?;
    Some((name.to_owned(), number.trim().parse().ok()?))
}

fn of(table: &[(String, u64)], name: &str) -> u64 {
    table.iter().find(|(own, _)| own == name).map_or(0, |(_, number)| *number)
}

fn pids(group: &Path) -> Pids {
    let read = |file| number(group, file).unwrap_or_default();
    Pids { current: read("pids.current"), limit: read("pids.max") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_time_is_the_sum_of_all_cpus() {
        let text = "cpu  10 0 20 70 0 0 0 0 9 9\ncpu0 1 0 2 3\ncpu1 9 0 18 67\nintr 1 2\n";
        assert_eq!(machine_time(text), (100 * TICK, 2));
    }

    #[test]
    fn a_group_below_the_containers_is_part_of_it() {
        let both = "5:cpu,cpuacct:/dok/abc\n1:name=systemd:/x\n0::/dok-abc.scope/init.scope\n";
        for (controller, expected) in [
            ("cpuacct", "/sys/fs/cgroup/cpuacct/dok/abc"),
            ("", "/sys/fs/cgroup/dok-abc.scope"),
            ("memory", "/sys/fs/cgroup/memory"),
        ] {
            assert_eq!(group(both, controller, "abc"), Path::new(expected));
        }
        assert_eq!(group("0::/other/one\n", "", "abc"), Path::new("/sys/fs/cgroup/other/one"));
    }
}
