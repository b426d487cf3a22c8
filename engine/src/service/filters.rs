//! What is asked for in a list: `--filter` of the command line, `filters` of a request.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::error::{Kind, Result, refuse};
use crate::time::{Time, instant};

/// For each name, the values of which one has to fit; of labels, all.
pub type Filters = BTreeMap<String, Vec<String>>;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Refuses a filter that there is not.
///
/// # Errors
/// Names it, and those that there are.
pub fn check_names(filters: &Filters, known: &[&str]) -> Result<()> {
    match filters.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let words = format!("invalid filter '{name}': expected {}", known.join(", "));
            Err(refuse(Kind::Invalid, words))
        }
    }
}

/// Whether an object has all labels that `label` wants, and none of `label!`.
pub fn fit_labels(labels: &Labels, filters: &Filters) -> bool {
    let wanted = |name: &str| filters.get(name).map(Vec::as_slice).unwrap_or_default();
    wanted("label").iter().all(|label| has_label(labels, label))
        && !wanted("label!").iter().any(|label| has_label(labels, label))
}

/// `NAME` or `NAME=VALUE`.
fn has_label(labels: &Labels, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|own| own == value),
        None => labels.contains_key(wanted),
    }
}

/// Whether one of the values is the text, or a pattern that is found in it.
pub fn fits_pattern(values: &[String], text: &str) -> bool {
    let found = |value: &String| Regex::new(value).is_ok_and(|pattern| pattern.is_match(text));
    values.iter().any(|value| value == text || found(value))
}

/// What `dangling` and its like want.
///
/// # Errors
/// Of a value that is neither true nor false.
pub fn truth(filters: &Filters, name: &str) -> Result<Option<bool>> {
    let Some(text) = filters.get(name).and_then(|values| values.first()) else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Ok(Some(true)),
        "0" | "f" | "false" => Ok(Some(false)),
        _ => Err(refuse(Kind::Invalid, format!("invalid filter '{name}=[{text}]'"))),
    }
}

/// The instant that `until` means: objects that were made later do not fit.
///
/// # Errors
/// Of a value that is no time.
pub fn until(filters: &Filters) -> Result<Option<Time>> {
    let Some(text) = filters.get("until").and_then(|values| values.first()) else {
        return Ok(None);
    };
    instant(text).map(Some).map_err(|_| {
        let words =
            format!("invalid filter 'until={text}': expected a time like 2026-11-21 or 24h");
        refuse(Kind::Invalid, words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(name: &str, values: &[&str]) -> Filters {
        [(name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect())].into()
    }

    #[test]
    fn labels_fit_by_name_or_by_value_and_all_have_to() {
        let labels: Labels = [("a".to_owned(), "1".to_owned())].into();
        for (name, values, fits) in [
            ("label", &["a"][..], true),
            ("label", &["a=1"], true),
            ("label", &["a=2"], false),
            ("label", &["a", "b"], false),
            ("label!", &["b"], true),
            ("label!", &["a"], false),
        ] {
            assert_eq!(fit_labels(&labels, &filters(name, values)), fits, "{name}={values:?}");
        }
    }

    #[test]
    fn a_pattern_may_be_anchored_and_a_wrong_one_fits_nothing_but_itself() {
        for (value, fits) in
            [("eb", true), ("^web$", true), ("^eb", false), ("w.b", true), ("(", false)]
        {
            assert_eq!(fits_pattern(&[value.to_owned()], "web"), fits, "{value}");
        }
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused() {
        assert!(until(&filters("until", &["1h"])).unwrap().is_some());
        assert!(until(&filters("until", &["soon"])).is_err());
        assert!(truth(&filters("dangling", &["maybe"]), "dangling").is_err());
    }
}
