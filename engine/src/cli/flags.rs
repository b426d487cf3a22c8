//! Words for flags, and the values that many of them take.

use std::collections::BTreeMap;
use std::fmt;

use clap::{Arg, ArgAction, ArgMatches};

use crate::error::Result;

/// A flag that is there or not. `--flag=false` says that it is not.
pub(super) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .num_args(0..=1)
        .require_equals(true)
        .default_value("false")
        .default_missing_value("true")
        .value_parser(clap::builder::BoolishValueParser::new())
        .hide_default_value(true)
        .hide_possible_values(true)
        .overrides_with(name)
}

/// A flag with a value; the last one counts.
pub(super) fn value(name: &'static str, kind: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(kind)
        .help(help)
        .allow_hyphen_values(true)
        .overrides_with(name)
}

/// A flag that may be given again and again.
pub(super) fn values(name: &'static str, kind: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(kind)
        .help(help)
        .allow_hyphen_values(true)
        .action(ArgAction::Append)
}

/// The containers that a command is about.
pub(super) fn containers() -> Arg {
    Arg::new("container").value_name("CONTAINER").num_args(1..).required(true)
}

/// One container.
pub(super) fn container() -> Arg {
    Arg::new("container").value_name("CONTAINER").required(true)
}

pub(super) fn is_set(matches: &ArgMatches, name: &str) -> bool {
    matches.get_one::<bool>(name).copied().unwrap_or_default()
}

pub(super) fn text(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}

pub(super) fn texts(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches.get_many::<String>(name).map_or_else(Vec::new, |list| list.cloned().collect())
}

/// That a flag's value makes no sense.
#[derive(Debug)]
pub(super) struct Invalid {
    /// With its dashes.
    pub(super) flag: String,
    /// What was typed.
    pub(super) word: String,
    /// What is wrong with it.
    pub(super) what: String,
}

impl Invalid {
    /// Docker's words, with the flag as its help shows it.
    pub(super) fn words(&self, flag: &str) -> String {
        let Invalid { word, what, .. } = self;
        format!("invalid argument {word:?} for \"{flag}\" flag: {what}")
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(&self.flag))
    }
}

impl std::error::Error for Invalid {}

/// That a flag's value makes no sense, as an error; the flag without its dashes.
pub(super) fn invalid(flag: &str, word: &str, what: impl fmt::Display) -> anyhow::Error {
    Invalid { flag: format!("--{flag}"), word: word.to_owned(), what: what.to_string() }.into()
}

/// `NAME=VALUE` of each word; a name alone has an empty value.
pub(super) fn pairs(words: &[String]) -> BTreeMap<String, String> {
    let pair = |word: &String| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        (name.to_owned(), value.to_owned())
    };
    words.iter().map(pair).collect()
}

/// The words of `--label`, which have names.
///
/// # Errors
/// One has none.
pub(super) fn labels(words: &[String]) -> Result<BTreeMap<String, String>> {
    match words.iter().find(|word| word.is_empty() || word.starts_with('=')) {
        Some(word) => {
            Err(invalid("label", word, format_args!("invalid label '{word}': empty name")))
        }
        None => Ok(pairs(words)),
    }
}

/// `64m` in bytes: binary units, as Docker reads them for memory.
///
/// # Errors
/// Says which flag.
pub(super) fn bytes(flag: &str, text: &str) -> Result<i64> {
    let lower = text.to_ascii_lowercase();
    let bare = lower.strip_suffix('b').unwrap_or(&lower);
    let bare = bare.strip_suffix('i').unwrap_or(bare);
    let units = [('k', 10), ('m', 20), ('g', 30), ('t', 40), ('p', 50)];
    let unit = units.iter().find(|(letter, _)| bare.ends_with(*letter));
    let number = bare.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = unit.map_or(0, |(_, shift)| *shift);
    let known = number.len() + usize::from(unit.is_some()) == bare.len();
    let number = number.parse::<f64>().ok().filter(|number| known && (0.0..8e18).contains(number));
    let Some(number) = number else {
        return Err(invalid(flag, text, format_args!("invalid size: '{text}'")));
    };
    #[expect(clippy::cast_possible_truncation, reason = "a part of a byte counts for nothing")]
    Ok((number * f64::from(2_u32.pow(10)).powi(shift / 10)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary() {
        for (text, expected) in
            [("64m", 64 << 20), ("1g", 1 << 30), ("10", 10), ("1.5k", 1536), ("2MiB", 2 << 20)]
        {
            assert_eq!(bytes("memory", text).unwrap(), expected, "{text}");
        }
        for wrong in ["", "m", "1x", "-5", "five"] {
            assert!(bytes("memory", wrong).is_err(), "{wrong}");
        }
    }
}
