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
    Ok(Some(users.into_iter().chain(always()).collect()))
}

/// A rule as `update` takes it: `allow c 10:200 rwm`, with `*` for every number.
///
/// # Errors
/// What is no such rule.
pub fn device_rule(typed: &str) -> Result<spec::DeviceRule<'_>> {
    let words: Vec<&str> = typed.split_whitespace().collect();
    let wrong = || Error::new(format!("--device-rule: {typed:?} is not like allow c 10:200 rwm"));
    let [verdict, kind, numbers, access] = words[..] else { return Err(wrong()) };
    let (major, minor) = numbers.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| match text {
        "*" => Ok(None),
        text => text.parse::<u32>().map(|number| Some(number.into())).map_err(|_| wrong()),
    };
    let allow = match verdict {
        "allow" => true,
        "deny" => false,
        _ => return Err(wrong()),
    };
    if !access.chars().all(|letter| "rwm".contains(letter)) {
        return Err(wrong());
    }
    let (major, minor) = (number(major)?, number(minor)?);
    let planned =
        spec::DeviceRule { allow, kind: kind.into(), major, minor, access: access.into() };
    rule(&planned).map_err(|_| wrong()).map(|_| planned)
}

/// What `update` adds, and what holds then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceUpdate {
    /// The rules that are new, and those that every container has, once more.
    pub new: Vec<DeviceRule>,
    /// All rules, the new ones last.
    pub all: Vec<DeviceRule>,
}

/// Plans what `update` does to the device filter of a container that has `current`.
///
/// # Errors
/// A rule that means nothing, or that there is no filter because the container is rootless.
pub fn device_update(
    current: &Resources,
    added: &[spec::DeviceRule],
    rootless: bool,
) -> Result<DeviceUpdate> {
    if rootless {
        return Err(Error::new("--device-rule: a rootless container has no device filter"));
    }
    let planned = |rules: &[spec::DeviceRule]| -> Result<Vec<DeviceRule>> {
        Ok(rules
            .iter()
            .map(rule)
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .chain(always())
            .collect())
    };
    let (all, new) = ([&current.devices[..], added].concat(), added);
    Ok(DeviceUpdate { new: planned(new)?, all: planned(&all)? })
}

fn always() -> impl Iterator<Item = DeviceRule> {
    ALWAYS.into_iter().map(|(kind, major, minor, access)| DeviceRule {
        allow: true,
        kind,
        major,
        minor,
        access,
    })
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

/// Beside letters that mean something runc passes over those that do not; callers rely on it.
fn access(text: &str) -> Result<u32> {
    let nonsense = || refuse("access", &format!("{text:?} is not made of r, w and m"));
    let has_sense = text.contains(['r', 'w', 'm']);
    let bit = |letter| match letter {
        'r' => Ok(READ),
        'w' => Ok(WRITE),
        'm' => Ok(MKNOD),
        _ if has_sense => Ok(0),
        _ => Err(nonsense()),
    };
    match text {
        "" => Err(refuse("access", "device access cannot be empty")),
        _ => text.chars().try_fold(0, |bits, letter| Ok(bits | bit(letter)?)),
    }
}

fn refuse(field: &str, words: &str) -> Error {
    Error::new(format!("linux.resources.devices.{field}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_is_typed() {
        let read = device_rule("allow c 10:* rw").unwrap();
        assert!(read.allow && read.major == Some(10) && read.minor.is_none());
        assert!(!device_rule("deny  b *:* m").unwrap().allow);
        for typed in [
            "",
            "c 1:2 rwm",
            "allow c 1 rwm",
            "allow x 1:2 rwm",
            "allow c 1:2 z",
            "allow c -1:2 r",
            "permit c 1:2 r",
            "allow c 1:2 r w",
            "allow c a:b r",
        ] {
            let error = device_rule(typed).unwrap_err().to_string();
            assert!(error.starts_with("--device-rule: "), "{error}");
        }
    }

    #[test]
    fn what_every_container_has_is_said_again_after_new_rules() {
        let added = [device_rule("deny c 1:3 rwm").unwrap()];
        let update = device_update(&Resources::default(), &added, false).unwrap();
        assert!(!update.new[0].allow && update.new[1..].iter().all(|rule| rule.allow));
        assert_eq!(update.new.len(), 1 + ALWAYS.len());
        assert_eq!(update.all, update.new);
        assert!(device_update(&Resources::default(), &added, true).is_err());
    }
}
