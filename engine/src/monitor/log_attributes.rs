//! Pure: what the options of a log ask to be told with each entry: labels, variables and a tag.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::json;

use crate::error::{Context, Result};
use crate::model::{Container, LogConfig, items};
use crate::template::Template;

/// The attributes that a container's log asks for.
///
/// # Errors
/// A pattern or the tag's template makes no sense.
pub(super) fn attributes(
    container: &Container,
    log: &LogConfig,
) -> Result<BTreeMap<String, String>> {
    let options = log.config.iter().flatten();
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
    Ok(told)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_told() {
        let mut container = Container { name: "web".into(), ..Container::default() };
        container.config.labels = Some([("of".to_owned(), "me".to_owned())].into());
        container.config.env = Some(vec!["A=b".to_owned(), "C=d".to_owned()]);
        let told = |options: &[(&str, &str)]| {
            let options = options.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            let log = LogConfig { config: Some(options.collect()), ..LogConfig::default() };
            let told = attributes(&container, &log).map_err(|error| error.to_string())?;
            Ok::<_, String>(serde_json::to_string(&told).unwrap())
        };
        for (options, expected) in [
            (&[("max-size", "1m"), ("tag", "")][..], "{}"),
            (&[("labels", "of,off")], r#"{"of":"me"}"#),
            (&[("env-regex", "^[AB]$"), ("labels-regex", "x")], r#"{"A":"b"}"#),
            (&[("env", "C"), ("tag", "{{.Name}}!")], r#"{"C":"d","tag":"web!"}"#),
        ] {
            assert_eq!(told(options).unwrap(), expected, "{options:?}");
        }
        assert_eq!(told(&[("tag", "{{")]).unwrap_err(), "read the log's tag");
    }
}
