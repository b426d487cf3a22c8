//! nf_tables as bytes: the expressions that a rule is a list of (linux/netfilter/nf_tables.h).
//!
//! A value is loaded into a register of 32 bits and those after it; a test that fails ends the
//! rule.

use crate::network::netlink::Nest;

/// A register of 32 bits, from 0; 16 of them.
pub(super) type Register = u32;

/// What a rule decides.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    Accept,
    Drop,
    Jump(&'static str),
}

/// Which of two ends of a packet's way through the machine.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    In,
    Out,
}

/// Which of two addresses in a packet's header.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Source,
    Destination,
}

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Four,
    Six,
}

impl Family {
    /// NFPROTO_*
    fn number(self) -> u8 {
        match self {
            Family::Four => 2,
            Family::Six => 10,
        }
    }

    /// How many registers an address fills.
    pub(super) fn registers(self) -> u32 {
        match self {
            Family::Four => 1,
            Family::Six => 4,
        }
    }
}

/// Whether a test is for what it names, or for all else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Is,
    IsNot,
}

fn be(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn register(register: Register) -> [u8; 4] {
    const FIRST: u32 = 8;
    be(FIRST + register)
}

fn expression(name: &str, data: &Nest) -> Nest {
    Nest::new().with_text(1, name).with_nest(2, data)
}

/// The bytes of a constant: a key, a value, what a register is compared with.
pub(super) fn constant(bytes: &[u8]) -> Nest {
    Nest::new().with(1, bytes)
}

fn meta(key: u32, to: Register) -> Nest {
    expression("meta", &Nest::new().with(1, &register(to)).with(2, &be(key)))
}

fn compare(from: Register, sense: Sense, bytes: &[u8]) -> Nest {
    let operation = be(if sense == Sense::Is { 0 } else { 1 });
    let data =
        Nest::new().with(1, &register(from)).with(2, &operation).with_nest(3, &constant(bytes));
    expression("cmp", &data)
}

fn payload(base: u32, offset: u32, length: u32, to: Register) -> Nest {
    let data = Nest::new()
        .with(1, &register(to))
        .with(2, &be(base))
        .with(3, &be(offset))
        .with(4, &be(length));
    expression("payload", &data)
}

/// Only packets of which the register holds this.
pub(super) fn equals(from: Register, bytes: &[u8]) -> Nest {
    compare(from, Sense::Is, bytes)
}

/// Only packets of which the registers hold something else.
pub(super) fn differs(from: Register, bytes: &[u8]) -> Nest {
    compare(from, Sense::IsNot, bytes)
}

/// Puts a constant into registers.
pub(super) fn load(to: Register, bytes: &[u8]) -> Nest {
    expression("immediate", &Nest::new().with(1, &register(to)).with_nest(2, &constant(bytes)))
}

/// The name of the device that the packet came by or leaves by: four registers.
pub(super) fn device(way: Way, to: Register) -> Nest {
    meta(if matches!(way, Way::In) { 6 } else { 7 }, to)
}

/// The protocol above IP.
pub(super) fn protocol(to: Register) -> Nest {
    meta(16, to)
}

/// The port that the packet is for.
pub(super) fn port(to: Register) -> Nest {
    const TRANSPORT: u32 = 2;
    payload(TRANSPORT, 2, 2, to)
}

/// An address of the packet.
pub(super) fn address(family: Family, end: End, to: Register) -> Nest {
    const NETWORK: u32 = 1;
    let (offset, length) = match (family, end) {
        (Family::Four, End::Source) => (12, 4),
        (Family::Four, End::Destination) => (16, 4),
        (Family::Six, End::Source) => (8, 16),
        (Family::Six, End::Destination) => (24, 16),
    };
    payload(NETWORK, offset, length, to)
}

/// Only packets of this version of IP.
pub(super) fn only(family: Family) -> [Nest; 2] {
    [meta(15, 0), compare(0, Sense::Is, &[family.number()])]
}

/// Only packets by (or not by) this device.
pub(super) fn by_device(way: Way, sense: Sense, name: &str) -> [Nest; 2] {
    [device(way, 0), compare(0, sense, &super::device_key(name))]
}

/// Only packets by (or not by) a device of the set.
pub(super) fn by_any_of(way: Way, sense: Sense, set: &str) -> [Nest; 2] {
    [device(way, 0), member(0, sense, set)]
}

/// Only packets from or to 127.0.0.0/8, which is its first byte.
pub(super) fn loopback(end: End) -> Vec<Nest> {
    const NETWORK: u32 = 1;
    let offset = if matches!(end, End::Source) { 12 } else { 16 };
    let test = [payload(NETWORK, offset, 1, 0), compare(0, Sense::Is, &[127])];
    only(Family::Four).into_iter().chain(test).collect()
}

/// Only packets for an address of the machine.
pub(super) fn for_the_machine() -> [Nest; 2] {
    const ADDRESS_TYPE: u32 = 3;
    const DESTINATION: u32 = 2;
    const LOCAL: u32 = 2;
    let data =
        Nest::new().with(1, &register(0)).with(2, &be(ADDRESS_TYPE)).with(3, &be(DESTINATION));
    [expression("fib", &data), compare(0, Sense::Is, &LOCAL.to_ne_bytes())]
}

/// What is known of the packet's connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Connection {
    /// It has been answered, or another brought it forth.
    Known,
    /// Its destination was changed.
    Redirected,
}

/// Only packets of such connections.
pub(super) fn connection(what: Connection) -> [Nest; 3] {
    let (key, bits) = match what {
        Connection::Known => (0, 0b110_u32),
        Connection::Redirected => (2, 1 << 5),
    };
    let load = expression("ct", &Nest::new().with(1, &register(0)).with(2, &be(key)));
    let mask = Nest::new()
        .with(1, &register(0))
        .with(2, &register(0))
        .with(3, &be(4))
        .with_nest(4, &constant(&bits.to_ne_bytes()))
        .with_nest(5, &constant(&[0; 4]));
    [load, expression("bitwise", &mask), compare(0, Sense::IsNot, &[0; 4])]
}

/// Only what is (or is not) in the set; the key begins at the register.
pub(super) fn member(key: Register, sense: Sense, set: &str) -> Nest {
    const INVERTED: u32 = 1;
    let data = Nest::new().with_text(1, set).with(2, &register(key));
    let data = if sense == Sense::IsNot { data.with(5, &be(INVERTED)) } else { data };
    expression("lookup", &data)
}

/// Only what the map has; its value begins at the second register.
pub(super) fn look_up(map: &str, key: Register, to: Register) -> Nest {
    let data = Nest::new().with_text(1, map).with(2, &register(key)).with(3, &register(to));
    expression("lookup", &data)
}

/// Changes the destination to the address and the port in the registers.
pub(super) fn redirect(family: Family, address: Register) -> Nest {
    const DESTINATION: u32 = 1;
    let data = Nest::new()
        .with(1, &be(DESTINATION))
        .with(2, &be(u32::from(family.number())))
        .with(3, &register(address))
        .with(5, &register(address + family.registers()));
    expression("nat", &data)
}

/// Changes the source to the address of the device that the packet leaves by.
pub(super) fn masquerade() -> Nest {
    expression("masq", &Nest::new())
}

/// Ends the rule with a verdict.
pub(super) fn verdict(verdict: Verdict) -> Nest {
    let code = |number: i32| Nest::new().with(1, &number.to_be_bytes());
    let data = match verdict {
        Verdict::Drop => code(0),
        Verdict::Accept => code(1),
        Verdict::Jump(chain) => code(-3).with_text(2, chain),
    };
    let data = Nest::new().with(1, &be(0)).with_nest(2, &Nest::new().with_nest(2, &data));
    expression("immediate", &data)
}
