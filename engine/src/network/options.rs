//! Options of the bridge driver: what can be served is read before a network is made, so that none
//! means anything else than it says. Options of other programs are kept and shown.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::IntErrorKind;

use crate::error::{Kind, Result, refuse};
use crate::model::truth;

/// How the names of Docker's options begin. One of these that is not served is refused: it may ask
/// for more isolation than there would be.
const OURS: &str = "com.docker.network.";

/// The options that are served, by their names after [`OURS`].
const SERVED: &[(&str, Check)] = &[
    ("bridge.default_bridge", switch),
    ("bridge.enable_icc", switch),
    ("bridge.enable_ip_masquerade", switch),
    ("bridge.host_binding_ipv4", address),
    // Looked at when the bridge is made.
    ("bridge.name", any),
    ("container_iface_prefix", prefix),
    ("driver.mtu", mtu),
];

/// What is wrong with the value of an option of this name.
type Check = fn(&str, &str) -> Option<String>;

/// Refuses options that cannot be served.
///
/// # Errors
/// In Docker's words, where it refuses the option too.
pub(super) fn check(options: &BTreeMap<String, String>) -> Result<()> {
    for (option, value) in options {
        let Some(name) = option.strip_prefix(OURS) else { continue };
        let served = SERVED.iter().find(|(served, _)| *served == name);
        let wrong = match served {
            Some((_, check)) => check(option, value),
            None => Some(unknown(option)),
        };
        if let Some(words) = wrong {
            return Err(refuse(Kind::Invalid, words));
        }
    }
    Ok(())
}

fn unknown(option: &str) -> String {
    let served: Vec<String> = SERVED.iter().map(|(name, _)| format!("{OURS}{name}")).collect();
    format!("unknown option {option} of the bridge driver: expected {}", served.join(", "))
}

fn unread(option: &str, value: &str, why: &str) -> String {
    format!("failed to parse {option} value: {value} ({why})")
}

fn any(_: &str, _: &str) -> Option<String> {
    None
}

fn switch(option: &str, value: &str) -> Option<String> {
    let why = || format!("strconv.ParseBool: parsing {value:?}: invalid syntax");
    truth(value).is_none().then(|| unread(option, value, &why()))
}

fn address(option: &str, value: &str) -> Option<String> {
    match value.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => None,
        // Docker takes it, and publishes nothing.
        Ok(IpAddr::V6(_)) => Some(unread(option, value, "not an address of IPv4")),
        Err(_) => Some(unread(option, value, "nil ip")),
    }
}

/// Docker finds out when a container starts that no device has packets so large.
fn mtu(option: &str, value: &str) -> Option<String> {
    const LARGEST: i64 = 65_535;
    match value.parse::<i64>() {
        Ok(number) if !(0..=LARGEST).contains(&number) => {
            Some(format!("invalid MTU number: {number}"))
        }
        Ok(_) => None,
        Err(error) => {
            let why = match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Some(unread(option, value, &format!("strconv.Atoi: parsing {value:?}: {why}")))
        }
    }
}

/// Docker finds out when a container starts: a device's name has 15 characters at most, a number
/// of up to two digits among them.
fn prefix(option: &str, value: &str) -> Option<String> {
    let fits = value.len() <= 13
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'%'));
    let why = "expected 13 visible characters at most, no / or : or %";
    (!fits).then(|| unread(option, value, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_docker_takes_for_one() {
        for (option, value, wrong) in [
            ("driver.mtu", "1400", ""),
            (
                "driver.mtu",
                "abc",
                "failed to parse com.docker.network.driver.mtu value: abc (strconv.Atoi: parsing \
                 \"abc\": invalid syntax)",
            ),
            ("driver.mtu", "-5", "invalid MTU number: -5"),
            ("bridge.enable_icc", "T", ""),
            (
                "bridge.enable_icc",
                "maybe",
                "failed to parse com.docker.network.bridge.enable_icc value: maybe \
                 (strconv.ParseBool: parsing \"maybe\": invalid syntax)",
            ),
            (
                "bridge.enable_ip_masquerade",
                "",
                "failed to parse com.docker.network.bridge.enable_ip_masquerade value:  \
                 (strconv.ParseBool: parsing \"\": invalid syntax)",
            ),
            ("bridge.host_binding_ipv4", "127.0.0.1", ""),
            (
                "bridge.host_binding_ipv4",
                "x",
                "failed to parse com.docker.network.bridge.host_binding_ipv4 value: x (nil ip)",
            ),
        ] {
            let option = format!("{OURS}{option}");
            let checked = check(&[(option, value.to_owned())].into());
            let told = checked.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(told, wrong, "{value}");
        }
    }

    #[test]
    fn what_may_mean_isolation_is_not_passed_over() {
        let checked = |option: &str| check(&[(option.to_owned(), "1".to_owned())].into());
        assert!(checked("org.example.note").is_ok());
        let told = checked("com.docker.network.bridge.gateway_mode_ipv4").unwrap_err().to_string();
        assert!(told.starts_with("unknown option com.docker.network.bridge.gateway"), "{told}");
        assert!(checked("com.docker.network.container_iface_prefix").is_ok());
        let long = [("com.docker.network.container_iface_prefix".to_owned(), "a".repeat(14))];
        assert!(check(&long.into()).is_err());
    }
}
