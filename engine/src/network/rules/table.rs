//! The table as data: its sets, its chains, and what stands in them.

use std::net::Ipv6Addr;

use super::Strangers;
use super::expression::{
    Connection, End, Family, Sense, Verdict, Way, address, by_any_of, by_device, connection,
    device, differs, for_the_machine, look_up, loopback, masquerade, member, only, port, protocol,
    redirect, verdict,
};
use crate::network::netlink::Nest;

/// A part of a key or of a value, each in whole registers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Address4,
    Address6,
    Protocol,
    Port,
    Device,
}

/// What `nft list` is to call a key: six bits for each part.
pub(super) fn kind(parts: &[Part]) -> u32 {
    parts.iter().fold(0, |kinds, part| {
        kinds << 6
            | match part {
                Part::Address4 => 7,
                Part::Address6 => 8,
                Part::Protocol => 12,
                Part::Port => 13,
                Part::Device => 41,
            }
    })
}

/// Bytes.
pub(super) fn length(parts: &[Part]) -> u32 {
    let length = |part: &Part| match part {
        Part::Address4 | Part::Protocol | Part::Port => 4,
        Part::Address6 | Part::Device => 16,
    };
    parts.iter().map(length).sum()
}

/// A set, or a map where it has values.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) name: &'static str,
    pub(super) key: &'static [Part],
    pub(super) value: Option<&'static [Part]>,
}

const fn set(name: &'static str, key: &'static [Part]) -> Set {
    Set { name, key, value: None }
}

const fn map(name: &'static str, key: &'static [Part], value: &'static [Part]) -> Set {
    Set { name, key, value: Some(value) }
}

use Part::{Address4, Address6, Device, Port, Protocol};

pub(super) const SETS: &[Set] = &[
    // Our bridges; those of networks without a way out; those whose containers go out under the
    // machine's address; those whose containers may talk to each other.
    set("bridges", &[Device]),
    set("internal", &[Device]),
    set("masquerade", &[Device]),
    set("within", &[Device, Device]),
    // Published ports: on any address of the machine, on one.
    map("ports4", &[Protocol, Port], &[Address4, Port]),
    map("ports6", &[Protocol, Port], &[Address6, Port]),
    map("bound4", &[Address4, Protocol, Port], &[Address4, Port]),
    map("bound6", &[Address6, Protocol, Port], &[Address6, Port]),
    // Containers that may reach themselves by a published port.
    set("self4", &[Address4, Address4]),
    set("self6", &[Address6, Address6]),
];

/// A chain, which the kernel runs where it has a base.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) name: &'static str,
    pub(super) base: Option<Base>,
}

/// When the kernel runs a chain.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) kind: &'static str,
    pub(super) hook: u32,
    pub(super) priority: i32,
}

const fn base(name: &'static str, kind: &'static str, hook: u32, priority: i32) -> Chain {
    Chain { name, base: Some(Base { kind, hook, priority }) }
}

pub(super) const CHAINS: &[Chain] = &[
    Chain { name: "publish", base: None },
    base("guard", "filter", 0, -300),
    base("arrive", "nat", 0, -100),
    base("forward", "filter", 2, 0),
    base("send", "nat", 3, -100),
    base("leave", "nat", 4, 100),
];

type Rule = (&'static str, Vec<Nest>);

fn rule<const N: usize>(chain: &'static str, parts: [Vec<Nest>; N]) -> Rule {
    (chain, parts.concat())
}

/// Every rule, in order.
pub(super) fn rules(strangers: Strangers) -> Vec<Rule> {
    let mut rules = vec![
        // The bridges let loopback addresses through, for ports that are reached by them. Nobody
        // but the machine itself may come with one: neither a container nor a neighbour on a wire.
        rule(
            "guard",
            [
                by_device(Way::In, Sense::IsNot, "lo").into(),
                loopback(End::Destination),
                vec![verdict(Verdict::Drop)],
            ],
        ),
        rule("arrive", [for_the_machine().into(), vec![verdict(Verdict::Jump("publish"))]]),
        rule("send", [for_the_machine().into(), vec![verdict(Verdict::Jump("publish"))]]),
    ];
    for (family, bound, any) in
        [(Family::Four, "bound4", "ports4"), (Family::Six, "bound6", "ports6")]
    {
        rules.push(published_on_one(family, bound));
        rules.push(published_on_any(family, any));
    }
    rules.extend(forward(strangers));
    rules.extend(leave());
    rules
}

fn published_on_one(family: Family, map: &str) -> Rule {
    let words = family.registers();
    let target = words + 2;
    rule(
        "publish",
        [
            only(family).into(),
            vec![
                address(family, End::Destination, 0),
                protocol(words),
                port(words + 1),
                look_up(map, 0, target),
                redirect(family, target),
            ],
        ],
    )
}

fn published_on_any(family: Family, map: &str) -> Rule {
    // No answer would come to ::1 (see [`leave`]): who asks there is to be refused at once, and to
    // go on with 127.0.0.1.
    let can_answer = match family {
        Family::Four => Vec::new(),
        Family::Six => {
            let loopback = Ipv6Addr::LOCALHOST.octets();
            vec![address(family, End::Destination, 0), differs(0, &loopback)]
        }
    };
    let lead = vec![protocol(0), port(1), look_up(map, 0, 2), redirect(family, 2)];
    rule("publish", [only(family).into(), can_answer, lead])
}

fn forward(strangers: Strangers) -> Vec<Rule> {
    let stop = || vec![verdict(Verdict::Drop)];
    let pass = || vec![verdict(Verdict::Accept)];
    let to = |set| by_any_of(Way::Out, Sense::Is, set).into();
    let mut rules = vec![
        rule("forward", [connection(Connection::Known).into(), pass()]),
        rule(
            "forward",
            [vec![device(Way::In, 0), device(Way::Out, 4), member(0, Sense::Is, "within")], pass()],
        ),
        rule("forward", [to("internal"), stop()]),
        rule("forward", [by_any_of(Way::In, Sense::Is, "internal").into(), stop()]),
        rule("forward", [to("bridges"), connection(Connection::Redirected).into(), pass()]),
        // What is not published is not there for others, not even for those who know the address.
        rule("forward", [to("bridges"), stop()]),
    ];
    if strangers == Strangers::Stop {
        rules.push(rule("forward", [by_any_of(Way::In, Sense::IsNot, "bridges").into(), stop()]));
    }
    rules
}

fn leave() -> Vec<Rule> {
    let mask = || vec![masquerade()];
    let to_ours = || by_any_of(Way::Out, Sense::Is, "bridges").into();
    let mut rules = vec![
        rule(
            "leave",
            [
                by_any_of(Way::In, Sense::Is, "masquerade").into(),
                by_any_of(Way::Out, Sense::IsNot, "bridges").into(),
                mask(),
            ],
        ),
        // From one container by a published port to another: the answer has to come back by us.
        rule(
            "leave",
            [
                by_any_of(Way::In, Sense::Is, "bridges").into(),
                to_ours(),
                connection(Connection::Redirected).into(),
                mask(),
            ],
        ),
    ];
    // A container could not answer to a loopback address, nor to its own. (The kernel takes no
    // answer to ::1 from a bridge, whatever its source is made to be.)
    rules.push(rule("leave", [to_ours(), loopback(End::Source), mask()]));
    for (family, own) in [(Family::Four, "self4"), (Family::Six, "self6")] {
        rules.push(rule(
            "leave",
            [
                only(family).into(),
                vec![
                    address(family, End::Source, 0),
                    address(family, End::Destination, family.registers()),
                    member(0, Sense::Is, own),
                ],
                mask(),
            ],
        ));
    }
    rules
}
