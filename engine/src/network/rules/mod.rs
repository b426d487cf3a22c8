//! The packet filter: one table of nf_tables, `inet dok`, whose rules never change. What there is
//! of networks and published ports is elements of its sets, so that a container's start and end
//! touch nothing but its own.
//!
//! The whole table can be written anew from the records at any time, in one step that the kernel
//! takes or leaves. So whatever is found amiss (somebody flushed the rule set, or an element is not
//! as it was left) has the same remedy.

mod expression;
mod firewalls;
mod names;
mod table;

use std::io;
use std::net::IpAddr;

use rustix::io::Errno;

use super::link::is;
use super::netlink::{CREATE, EXCLUSIVE, Message, Nest, Socket, attribute};
use super::ports::is_carried;
use crate::model::network::{Binding, Driver, Endpoint, Network};
use expression::constant;
pub(super) use names::lead_names;
use table::{CHAINS, Part, SETS, Set};

const TABLE: &str = "dok";
/// What stands in the table's user data: another number is another set of rules.
const VERSION: &str = "dok rules 2";

/// linux/netfilter/nf_tables.h: messages.
const NEW_TABLE: u8 = 0;
const GET_TABLE: u8 = 1;
const DELETE_TABLE: u8 = 2;
const NEW_CHAIN: u8 = 3;
const NEW_RULE: u8 = 6;
const NEW_SET: u8 = 9;
const NEW_ELEMENT: u8 = 12;
const DELETE_ELEMENT: u8 = 14;

/// Packets between devices of which none is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strangers {
    /// The machine forwarded before us: its own rules are for them.
    Pass,
    /// The machine forwards only since we asked it to: it is not to become everybody's router.
    Stop,
}

/// An element of a set or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    set: &'static str,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// What the table holds for a network.
pub(super) fn of_network(network: &Network) -> Vec<Element> {
    if network.driver != Driver::Bridge {
        return Vec::new();
    }
    let bridge = device_key(&network.bridge());
    let member = |set| Element { set, key: bridge.to_vec(), value: None };
    let mut elements = vec![member("bridges")];
    if network.internal {
        elements.push(member("internal"));
    } else if network.switch("bridge.enable_ip_masquerade") != Some(false) {
        elements.push(member("masquerade"));
    }
    if network.switch("bridge.enable_icc") != Some(false) {
        let key = [bridge, bridge].concat();
        elements.push(Element { set: "within", key, value: None });
    }
    elements
}

/// What the table holds for a container's place in a network.
pub(super) fn of_endpoint(endpoint: &Endpoint) -> Vec<Element> {
    let mut elements = Vec::new();
    let bindings = endpoint.bindings.iter();
    for binding in bindings.filter(|binding| !is_carried(endpoint, binding)) {
        let target = match binding.address {
            IpAddr::V4(_) => endpoint.ipv4.map(|net| IpAddr::V4(net.addr())),
            IpAddr::V6(_) => endpoint.ipv6.map(|net| IpAddr::V6(net.addr())),
        };
        let Some(target) = target else { continue };
        elements.push(redirection(binding, target));
        let set = if target.is_ipv4() { "self4" } else { "self6" };
        let own = Element { set, key: [octets(target), octets(target)].concat(), value: None };
        if !elements.contains(&own) {
            elements.push(own);
        }
    }
    elements
}

fn redirection(binding: &Binding, target: IpAddr) -> Element {
    let four = target.is_ipv4();
    let port = [vec![binding.protocol.number(), 0, 0, 0], port_key(binding.host)].concat();
    let (set, key) = match (binding.address.is_unspecified(), four) {
        (true, true) => ("ports4", port),
        (true, false) => ("ports6", port),
        (false, true) => ("bound4", [octets(binding.address), port].concat()),
        (false, false) => ("bound6", [octets(binding.address), port].concat()),
    };
    let value = [octets(target), port_key(binding.container)].concat();
    Element { set, key, value: Some(value) }
}

/// Each part of a key fills whole registers.
fn port_key(port: u16) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    vec![high, low, 0, 0]
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().to_vec(),
    }
}

/// A device's name as it stands in registers.
fn device_key(name: &str) -> [u8; 16] {
    let mut key = [0; 16];
    let length = name.len().min(15);
    key[..length].copy_from_slice(&name.as_bytes()[..length]);
    key
}

/// The table of the network namespace that the calling thread is in.
#[derive(Debug)]
pub(super) struct Table(Socket);

impl Table {
    pub(super) fn open() -> io::Result<Table> {
        Socket::netfilter().map(Table)
    }

    /// Whether the table is there, with these rules.
    pub(super) fn is_current(&self) -> io::Result<bool> {
        const USER_DATA: u16 = 6;
        let asked = message(GET_TABLE, 0).with_text(1, TABLE);
        let answers = match self.0.ask(asked) {
            Ok(answers) => answers,
            Err(error) if is(&error, Errno::NOENT) => return Ok(false),
            Err(error) => return Err(error),
        };
        let version = answers.iter().find_map(|(_, body)| attribute(body.get(4..)?, USER_DATA));
        Ok(version == Some(VERSION.as_bytes()))
    }

    /// Adds elements.
    ///
    /// # Errors
    /// The kernel's; nothing is added then.
    pub(super) fn add(&self, elements: &[Element]) -> io::Result<()> {
        self.commit(elements_messages(NEW_ELEMENT, CREATE, elements))
    }

    /// Removes elements.
    ///
    /// # Errors
    /// ENOENT where one is not there; nothing is removed then.
    pub(super) fn remove(&self, elements: &[Element]) -> io::Result<()> {
        self.commit(elements_messages(DELETE_ELEMENT, 0, elements))
    }

    /// Puts the whole table in the place of what is there.
    ///
    /// # Errors
    /// The kernel's; what was there stays then.
    pub(super) fn write(&self, elements: &[Element], strangers: Strangers) -> io::Result<()> {
        let table = || message(NEW_TABLE, CREATE).with_text(1, TABLE);
        let mut messages = vec![
            table(),
            message(DELETE_TABLE, 0).with_text(1, TABLE),
            table().with(6, VERSION.as_bytes()),
        ];
        messages.extend(SETS.iter().zip(1..).map(|(set, id)| set_message(set, id)));
        messages.extend(CHAINS.iter().map(|chain| chain_message(TABLE, chain)));
        let rules = table::rules(strangers);
        messages.extend(rules.iter().map(|(chain, rule)| rule_message(TABLE, chain, rule)));
        messages.extend(elements_messages(NEW_ELEMENT, CREATE, elements));
        self.commit(messages)
    }

    /// Removes the table; that there is none is well.
    pub(super) fn delete(&self) -> io::Result<()> {
        match self.commit(vec![message(DELETE_TABLE, 0).with_text(1, TABLE)]) {
            Err(error) if is(&error, Errno::NOENT) => Ok(()),
            done => done,
        }
    }

    /// Carries out all messages or none: only the last asks for a word.
    fn commit(&self, mut messages: Vec<Message>) -> io::Result<()> {
        const BEGIN: u16 = 16;
        const END: u16 = 17;
        // struct nfgenmsg: the subsystem, in network order.
        let body = [0, 0, 0, 10];
        let Some(last) = messages.pop() else { return Ok(()) };
        let mut batch = vec![Message::bare(BEGIN, 0, &body)];
        batch.append(&mut messages);
        batch.push(last.acknowledged());
        batch.push(Message::bare(END, 0, &body));
        self.0.ask_all(batch).map(drop).map_err(|(_, error)| error)
    }
}

fn message(kind: u8, flags: u16) -> Message {
    const SUBSYSTEM: u16 = 10;
    const INET: u8 = 1;
    let kind_of_subsystem = SUBSYSTEM << 8 | u16::from(kind);
    let message = Message::bare(kind_of_subsystem, flags, &[INET, 0, 0, 0]);
    if kind == GET_TABLE { message.acknowledged() } else { message }
}

fn set_message(set: &Set, id: u32) -> Message {
    const MAP: u32 = 8;
    let flags = if set.value.is_some() { MAP } else { 0 };
    let be = |number: u32| number.to_be_bytes();
    let message = message(NEW_SET, CREATE | EXCLUSIVE)
        .with_text(1, TABLE)
        .with_text(2, set.name)
        .with(3, &be(flags))
        .with(4, &be(table::kind(set.key)))
        .with(5, &be(table::length(set.key)))
        .with(10, &be(id));
    // What `nft list` needs to know to print it: the key is text, not a number of the network.
    const IN_ORDER: [u8; 6] = [0, 4, 1, 0, 0, 0];
    let message =
        if matches!(set.key, [Part::Device]) { message.with(13, &IN_ORDER) } else { message };
    match set.value {
        Some(value) => message.with(6, &be(table::kind(value))).with(7, &be(table::length(value))),
        None => message,
    }
}

fn rule_message(table: &str, chain: &str, rule: &[Nest]) -> Message {
    let list = rule.iter().fold(Nest::new(), |list, part| list.with_nest(1, part));
    message(NEW_RULE, CREATE | super::netlink::APPEND)
        .with_text(1, table)
        .with_text(2, chain)
        .with_nest(4, &list)
}

fn chain_message(table: &str, chain: &table::Chain) -> Message {
    const ACCEPT: u32 = 1;
    let message = message(NEW_CHAIN, CREATE).with_text(1, table).with_text(3, chain.name);
    let Some(base) = &chain.base else { return message };
    let hook = Nest::new().with(1, &base.hook.to_be_bytes()).with(2, &base.priority.to_be_bytes());
    message.with_nest(4, &hook).with(5, &ACCEPT.to_be_bytes()).with_text(7, base.kind)
}

/// A message holds 64 KiB, so many elements go in several.
fn elements_messages(kind: u8, flags: u16, elements: &[Element]) -> Vec<Message> {
    const AT_ONCE: usize = 256;
    let mut messages = Vec::new();
    for set in SETS {
        let own: Vec<&Element> =
            elements.iter().filter(|element| element.set == set.name).collect();
        for part in own.chunks(AT_ONCE) {
            let list = part
                .iter()
                .fold(Nest::new(), |list, element| list.with_nest(1, &element_nest(element)));
            messages.push(
                message(kind, flags).with_text(1, TABLE).with_text(2, set.name).with_nest(3, &list),
            );
        }
    }
    messages
}

fn element_nest(element: &Element) -> Nest {
    let nest = Nest::new().with_nest(1, &constant(&element.key));
    match &element.value {
        Some(value) => nest.with_nest(2, &constant(value)),
        None => nest,
    }
}
