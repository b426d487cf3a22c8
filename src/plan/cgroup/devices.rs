//! `linux.resources.devices`: the user's rules in order, then those that every container has.

use crate::error::{Error, Result};
use crate::host::Host;
use crate::plan::types::{DeviceKind, DeviceRule};
use crate::spec::{self, Resources};

const MKNOD: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 4;
const ALL: u32 = DeviceRule::ANY_ACCESS;

/// What every container may do, after the user's rules, so that these cannot take it away: make any
/// node, and use null, zero, full, random, urandom, tty, ptmx, net/tun and the ptys. The same list
/// as runc's.
const ALWAYS: [(DeviceKind, Option<u32>, Option<u32>, u32); 11] = [
    (DeviceKind::Char, None, None, MKNOD),
    (DeviceKind::Block, None, None, MKNOD),
    (DeviceKind::Char, Some(1), Some(3), ALL),
    (DeviceKind::Char, Some(1), Some(5), ALL),
    (DeviceKind::Char, Some(1), Some(7), ALL),
    (DeviceKind::Char, Some(1), Some(8), ALL),
    (DeviceKind::Char, Some(1), Some(9), ALL),
    (DeviceKind::Char, Some(5), Some(0), ALL),
    (DeviceKind::Char, Some(5), Some(2), ALL),
    (DeviceKind::Char, Some(10), Some(200), ALL),
    (DeviceKind::Char, Some(136), None, ALL),
];

/// The rules of the filter, whose default is to refuse; nothing where a filter cannot be set: an
/// unprivileged user cannot make nodes either.
pub(super) fn rules(resources: Option<&Resources>, host: &Host) -> Result<Option<Vec<DeviceRule>>> {
    let listed = resources.map_or(&[][..], |resources| &resources.devices);
    let users = listed.iter().map(rule).collect::<Result<Vec<_>>>()?;
    if host.rootless {
        return Ok(None);
    }
    let always = ALWAYS.into_iter().map(|(kind, major, minor, access)| DeviceRule {
        allow: true,
        kind,
        major,
        minor,
        access,
    });
    Ok(Some(users.into_iter().chain(always).collect()))
}

fn rule(rule: &spec::DeviceRule) -> Result<DeviceRule> {
    let kind = match rule.kind.as_str() {
        "" | "a" => DeviceKind::Any,
        "b" => DeviceKind::Block,
        "c" => DeviceKind::Char,
        other => return Err(refuse("type", &format!("{other:?} is none of a, b and c"))),
    };
    let major = number("major", rule.major)?;
    let minor = number("minor", rule.minor)?;
    Ok(DeviceRule { allow: rule.allow, kind, major, minor, access: access(&rule.access)? })
}

/// A device number; none, or -1, is every number.
fn number(field: &str, number: Option<i64>) -> Result<Option<u32>> {
    match number {
        None | Some(-1) => Ok(None),
        Some(number) => match number.try_into() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(refuse(field, &format!("{number} is no device number"))),
        },
    }
}

fn access(text: &str) -> Result<u32> {
    let bit = |letter| match letter {
        'r' => Ok(READ),
        'w' => Ok(WRITE),
        'm' => Ok(MKNOD),
        _ => Err(refuse("access", &format!("{text:?} is not made of r, w and m"))),
    };
    match text {
        "" => Err(refuse("access", "device access cannot be empty")),
        _ => text.chars().try_fold(0, |bits, letter| Ok(bits | bit(letter)?)),
    }
}

fn refuse(field: &str, words: &str) -> Error {
    Error::new(format!("linux.resources.devices.{field}: {words}"))
}
