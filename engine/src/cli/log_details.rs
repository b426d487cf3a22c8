//! What is told beside a line of a log: `logs --details`.

use std::collections::BTreeMap;

/// `name=value,name=value` and a space, as Docker escapes them.
pub(super) fn details(attributes: &BTreeMap<String, String>) -> String {
    let pair = |(name, value): (&String, &String)| format!("{}={}", escaped(name), escaped(value));
    attributes.iter().map(pair).collect::<Vec<_>>().join(",") + " "
}

/// As a form on the web is: a space is a plus.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
