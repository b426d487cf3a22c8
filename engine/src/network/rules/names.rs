//! The other packet filter: in a container's network namespace, it leads questions for names to the
//! resolver's sockets.

use std::io;
use std::net::Ipv4Addr;

use super::expression::{End, Family, address, equals, load, only, port, protocol, redirect};
use super::table::{Base, Chain};
use super::{
    CREATE, Message, NEW_TABLE, Nest, Table, chain_message, message, octets, port_key, rule_message,
};
use crate::model::network::Protocol;

const TABLE: &str = "dok-names";

const SEND: Chain =
    Chain { name: "send", base: Some(Base { kind: "nat", hook: 3, priority: -100 }) };

/// Leads port 53 of an address to these ports of it, in the network namespace of the calling
/// thread.
pub(in crate::network) fn lead_names(at: Ipv4Addr, udp: u16, tcp: u16) -> io::Result<()> {
    let mut messages: Vec<Message> =
        vec![message(NEW_TABLE, CREATE).with_text(1, TABLE), chain_message(TABLE, &SEND)];
    for (kind, to) in [(Protocol::Udp, udp), (Protocol::Tcp, tcp)] {
        messages.push(rule_message(TABLE, SEND.name, &rule(at, kind, to)));
    }
    Table::open()?.commit(messages)
}

fn rule(at: Ipv4Addr, kind: Protocol, to: u16) -> Vec<Nest> {
    const NAMES: u16 = 53;
    let own = octets(at.into());
    let tests = [
        address(Family::Four, End::Destination, 0),
        equals(0, &own),
        protocol(0),
        equals(0, &[kind.number()]),
        port(0),
        equals(0, &NAMES.to_be_bytes()),
        load(0, &own),
        load(1, &port_key(to)),
        redirect(Family::Four, 0),
    ];
    only(Family::Four).into_iter().chain(tests).collect()
}
