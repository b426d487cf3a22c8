//! Network devices of the host that go into the container.

use std::os::fd::AsFd;

use serde::Serialize;

use crate::error::{Doing, Result};
use crate::plan::NetDevice;
use crate::sys::fd::{here, open_at};
use crate::sys::netlink;
use crate::sys::procfs::Procfs;

/// What went through one interface, under the names that runc's `events` has for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Interface {
    name: String,
    rx_bytes: u64,
    rx_packets: u64,
    rx_errors: u64,
    rx_dropped: u64,
    tx_bytes: u64,
    tx_packets: u64,
    tx_errors: u64,
    tx_dropped: u64,
}

/// The interfaces that init sees, but for the loopback one.
pub(super) fn interfaces(init: i32) -> Result<Vec<Interface>> {
    let path = format!("{init}/net/dev");
    let table = Procfs::of_this_process().and_then(|proc| proc.read(&path));
    let table = table.doing(|| format!("read /proc/{path}"))?;
    Ok(table.lines().filter_map(interface).filter(|one| one.name != "lo").collect())
}

/// A line of /proc/net/dev (proc_pid_net(5)): what was received in eight columns, then what was
/// sent. The two lines of the table's head are none.
fn interface(line: &str) -> Option<Interface> {
    let (name, numbers) = line.split_once(':')?;
    let numbers: Option<Vec<u64>> =
        numbers.split_whitespace().map(|number| number.parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.len() >= 12)?;
    Some(Interface {
        name: name.trim().to_owned(),
        rx_bytes: numbers[0],
        rx_packets: numbers[1],
        rx_errors: numbers[2],
        rx_dropped: numbers[3],
        tx_bytes: numbers[8],
        tx_packets: numbers[9],
        tx_errors: numbers[10],
        tx_dropped: numbers[11],
    })
}

/// Moves them into the network namespace that init is in.
pub(super) fn move_devices(devices: &[NetDevice], init: i32) -> Result<()> {
    let path = format!("/proc/{init}/ns/net");
    let namespace = open_at(here(), &path, libc::O_RDONLY, 0).doing(|| format!("open {path}"))?;
    for NetDevice { outside, inside } in devices {
        netlink::move_device(outside, inside, namespace.as_fd())
            .doing(|| format!("move network device {outside} inside as {inside}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_an_interface() {
        let line = "  eth0: 10 2 1 3 0 0 0 0 20 4 5 6 0 0 0 0";
        let told = serde_json::to_string(&interface(line).unwrap()).unwrap();
        let expected = r#"{"Name":"eth0","RxBytes":10,"RxPackets":2,"RxErrors":1,"RxDropped":3,
            "TxBytes":20,"TxPackets":4,"TxErrors":5,"TxDropped":6}"#;
        assert_eq!(told, expected.replace(char::is_whitespace, ""));
        for line in
            ["Inter-|   Receive", " face |bytes", "eth0: 1 2", "eth0: a b c d e f g h i j k l"]
        {
            assert_eq!(interface(line), None, "{line}");
        }
    }
}
