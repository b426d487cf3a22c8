//! What containers use, as it is counted at an instant.

use std::collections::BTreeMap;
use std::fs;

use super::Engine;
use crate::cgroup;
use crate::error::Result;
use crate::model::{Container, Interface, Sample, Traffic};
use crate::time::Time;

impl Engine {
    /// What a container has used until now; `None` where it does not run.
    ///
    /// # Errors
    /// Its state or the machine's own counts cannot be read.
    pub fn sample(&self, container: &Container) -> Result<Option<Sample>> {
        let state = self.store.state(&container.id)?;
        if !state.status.is_alive() {
            return Ok(None);
        }
        let Some(counted) = cgroup::sample(&container.id, state.pid)? else { return Ok(None) };
        // The devices of the host are not the container's.
        let interfaces = match container.host_config.network_mode.as_str() {
            "host" => BTreeMap::new(),
            _ => interfaces(&devices_of(state.pid)),
        };
        Ok(Some(Sample { read: Time::now(), interfaces, ..counted }))
    }
}

/// The network devices that a process sees; nothing where it has ended.
fn devices_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap_or_default()
}

/// proc_pid_net(5): two lines of heads, and a line for each device.
fn interfaces(text: &str) -> BTreeMap<String, Interface> {
    let device = |line: &str| {
        let (name, counts) = line.split_once(':')?;
        let counts: Vec<u64> = counts.split_whitespace().flat_map(str::parse).collect();
        let [bytes, packets, errors, dropped, ..] = *counts else { return None };
        let received = Traffic { bytes, packets, errors, dropped };
        let [bytes, packets, errors, dropped, ..] = *counts.get(8..)? else { return None };
        let sent = Traffic { bytes, packets, errors, dropped };
        Some((name.trim().to_owned(), Interface { received, sent }))
    };
    text.lines().filter_map(device).filter(|(name, _)| name != "lo").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_two_directions_and_lo_counts_for_nothing() {
        let text = "Inter-|   Receive       |  Transmit\n \
                    face |bytes packets errs drop fifo frame compressed multicast|bytes\n    \
                    lo:  1 1 0 0 0 0 0 0  1 1 0 0 0 0 0 0\n  \
                    eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n";
        let found = interfaces(text);
        assert_eq!(found.len(), 1);
        let sent = Traffic { bytes: 2000, packets: 20, errors: 3, dropped: 4 };
        let received = Traffic { bytes: 1000, packets: 10, errors: 1, dropped: 2 };
        assert_eq!(found["eth0"], Interface { received, sent });
    }
}
