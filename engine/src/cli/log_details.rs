//! What the options of a log ask to be told beside each line: `logs --details`.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::json;

use crate::error::{Context, Result};
use crate::model::{Container, items};
use crate::template::Template;

/// `name=value,name=value` and a space: labels, variables and the tag that the log's options name,
/// as Docker escapes them.
///
/// # Errors
/// A pattern or the tag's template makes no sense.
pub(super) fn details(container: &Container) -> Result<String> {
    let options = container.host_config.log_config.config.iter().flatten();
    let options: BTreeMap<_, _> = options.map(|(name, value)| (name.as_str(), value)).collect();
    let config = &container.config;
    let labels = config.labels.iter().flatten().map(|(name, value)| (&**name, &**value));
    let variables = items(&config.env).iter().filter_map(|variable| variable.split_once('='));
    let mut told = BTreeMap::new();
    for (of, pattern, all) in [
        ("labels", "labels-regex", labels.collect::<Vec<_>>()),
        ("env", "env-regex", variables.collect()),
    ] {
        let names: Vec<_> = options.get(of).into_iter().flat_map(|list| list.split(',')).collect();
        let pattern = options.get(pattern).map(|text| Regex::new(text)).transpose()?;
        let is_asked_for = |name: &str| {
            names.contains(&name) || pattern.as_ref().is_some_and(|pattern| pattern.is_match(name))
        };
        told.extend(all.into_iter().filter(|(name, _)| is_asked_for(name)).map(owned));
    }
    if let Some(text) = options.get("tag").filter(|text| !text.is_empty()) {
        told.insert("tag".to_owned(), tag(text, container)?);
    }
    let pairs = told.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    Ok(pairs.collect::<Vec<_>>().join(",") + " ")
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A tag is a template with fields of its own.
fn tag(text: &str, container: &Container) -> Result<String> {
    let bare = container.image.split_once(':').map_or("", |(_, digits)| digits);
    let template = Template::parse(text).context("read the log's tag")?;
    template.render(&json!({
        "ID": container.short_id(),
        "FullID": container.id,
        "Name": container.name,
        "ImageID": bare.get(..12).unwrap_or(bare),
        "ImageFullID": container.image,
        "ImageName": container.config.image,
        "Command": container.command_line().join(" "),
        "DaemonName": "dok",
    }))
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
