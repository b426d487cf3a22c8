//! Names of capabilities become masks; what cannot be granted is passed over with a warning.

use std::str::FromStr;

use super::types::Capabilities;
use crate::spec;

/// The names of all capabilities that are known, in the order of their numbers.
pub fn names() -> Vec<String> {
    let mut all: Vec<caps::Capability> = caps::all().into_iter().collect();
    all.sort_unstable_by_key(caps::Capability::index);
    all.iter().map(ToString::to_string).collect()
}

/// The five sets as masks.
///
/// `grantable` is what the runtime itself can hand on. The kernel would refuse a whole set for one
/// bit outside it, and the specification wants a warning instead.
pub(super) fn masks(
    sets: &spec::Capabilities<'_>,
    grantable: u64,
    warnings: &mut Vec<String>,
) -> Capabilities {
    let mut unknown = Vec::new();
    let wanted =
        [&sets.bounding, &sets.effective, &sets.inheritable, &sets.permitted, &sets.ambient]
            .map(|names| mask(names, &mut unknown));
    unknown.dedup();
    if !unknown.is_empty() {
        warnings.push(format!("unknown capabilities are passed over: {}", unknown.join(", ")));
    }
    let all = wanted.iter().fold(0, |all, set| all | set);
    warn(warnings, "the runtime does not have them", all & !grantable);
    let [bounding, effective, inheritable, permitted, ambient] = wanted.map(|set| set & grantable);
    warn(warnings, "effective without permitted", effective & !permitted);
    for name in told(ambient & !(inheritable & permitted)) {
        // runc's words.
        let why = "it is not inheritable and permitted";
        warnings.push(format!("can't raise ambient capability {name}: {why}"));
    }
    Capabilities {
        bounding,
        effective: effective & permitted,
        inheritable,
        permitted,
        ambient: ambient & inheritable & permitted,
    }
}

fn mask<'a>(names: &'a [spec::Str<'_>], unknown: &mut Vec<&'a str>) -> u64 {
    let mut mask = 0;
    for name in names {
        match number(name) {
            Some(number) => mask |= 1 << number,
            None if unknown.contains(&name.as_str()) => {}
            None => unknown.push(name),
        }
    }
    mask
}

/// The number of a capability; engines write capitals, people who type `exec --cap` may not.
fn number(name: &str) -> Option<u8> {
    let known = caps::Capability::from_str(name)
        .or_else(|_| caps::Capability::from_str(&name.to_ascii_uppercase()));
    known.ok().map(|capability| capability.index())
}

fn warn(warnings: &mut Vec<String>, why: &str, mask: u64) {
    if mask != 0 {
        warnings.push(format!("capabilities are left out, {why}: {}", told(mask).join(", ")));
    }
}

/// The names of a mask's capabilities.
fn told(mask: u64) -> Vec<String> {
    let mut names = names();
    let mut number = 0;
    names.retain(|_| {
        number += 1;
        mask >> (number - 1) & 1 == 1
    });
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = (1 << 41) - 1;

    fn sets<'a>(permitted: &[&'a str], effective: &[&'a str]) -> spec::Capabilities<'a> {
        let list = |names: &[&'a str]| names.iter().map(|name| (*name).into()).collect();
        spec::Capabilities {
            bounding: list(permitted),
            permitted: list(permitted),
            effective: list(effective),
            ..Default::default()
        }
    }

    #[test]
    fn names_stand_in_the_order_of_their_numbers() {
        let names = names();
        assert_eq!((names.len(), names[0].as_str()), (41, "CAP_CHOWN"));
        assert_eq!(
            (names[21].as_str(), names[40].as_str()),
            ("CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE")
        );
    }

    #[test]
    fn names_become_bits() {
        let mut warnings = Vec::new();
        let masks = masks(&sets(&["CAP_CHOWN", "cap_kill"], &["CAP_KILL"]), ALL, &mut warnings);
        assert_eq!((masks.permitted, masks.effective), (0b10_0001, 0b10_0000));
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn an_unknown_name_is_a_warning() {
        let mut warnings = Vec::new();
        let masks = masks(&sets(&["CAP_FLY", "CAP_CHOWN"], &[]), ALL, &mut warnings);
        assert_eq!(masks.permitted, 1);
        assert_eq!(warnings, ["unknown capabilities are passed over: CAP_FLY"]);
    }

    #[test]
    fn what_the_runtime_lacks_is_left_out_with_a_warning() {
        let mut warnings = Vec::new();
        let names = ["CAP_CHOWN", "CAP_SYS_RESOURCE"];
        let masks = masks(&sets(&names, &names), ALL & !(1 << 24), &mut warnings);
        assert_eq!((masks.bounding, masks.permitted, masks.effective), (1, 1, 1));
        assert_eq!(
            warnings,
            ["capabilities are left out, the runtime does not have them: CAP_SYS_RESOURCE"]
        );
    }

    #[test]
    fn ambient_needs_inheritable_and_permitted() {
        let mut warnings = Vec::new();
        let wanted = spec::Capabilities { ambient: vec!["CAP_CHOWN".into()], ..Default::default() };
        assert_eq!(masks(&wanted, ALL, &mut warnings).ambient, 0);
        assert_eq!(warnings.len(), 1);
    }
}
