//! The functions of templates.

use serde_json::Value;

use super::printf::{WIDEST, printf};
use super::{escape, fields, numbers, structs};
use crate::error::Result;

type Function = fn(&[Value]) -> Option<Value>;

/// Each is given its operands, and says nothing where it cannot do with them.
const FUNCTIONS: &[(&str, Function)] = &[
    ("and", |given| given.iter().find(|value| !is_true(value)).or(given.last()).cloned()),
    ("eq", |given| {
        let (first, others) = given.split_first()?;
        Some(others.iter().any(|other| same(first, other)).into())
    }),
    ("ge", |given| Some(order(given)?.is_ge().into())),
    ("gt", |given| Some(order(given)?.is_gt().into())),
    ("html", |given| Some(escape::html(&print_all(given)).into())),
    ("index", |given| given.split_first().and_then(|(value, keys)| index(value, keys))),
    ("join", |given| match given {
        [Value::Array(items), Value::String(between)] => {
            Some(items.iter().map(print).collect::<Vec<_>>().join(between).into())
        }
        [Value::Null, Value::String(_)] => Some("".into()),
        _ => None,
    }),
    ("js", |given| Some(escape::js(&print_all(given)).into())),
    ("json", |given| Some(serde_json::to_string(given.first()?).ok()?.into())),
    ("le", |given| Some(order(given)?.is_le().into())),
    ("len", |given| match given {
        [Value::Array(items)] => Some(items.len().into()),
        [Value::Object(fields)] => Some(fields.len().into()),
        [Value::String(text)] => Some(text.len().into()),
        [Value::Null] => Some(0.into()),
        _ => None,
    }),
    ("lower", |given| Some(given.first()?.as_str()?.to_lowercase().into())),
    ("lt", |given| Some(order(given)?.is_lt().into())),
    ("ne", |given| match given {
        [a, b] => Some((!same(a, b)).into()),
        _ => None,
    }),
    ("not", |given| Some((!is_true(given.first()?)).into())),
    ("or", |given| given.iter().find(|value| is_true(value)).or(given.last()).cloned()),
    ("pad", |given| match given {
        [Value::String(text), before, after] if !text.is_empty() => {
            let spaces = |count: &Value| {
                let count = usize::try_from(count.as_i64()?).ok()?;
                (count <= WIDEST).then(|| " ".repeat(count))
            };
            Some(format!("{}{text}{}", spaces(before)?, spaces(after)?).into())
        }
        [Value::String(_), ..] => Some("".into()),
        _ => None,
    }),
    ("print", |given| Some(print_all(given).into())),
    ("printf", |given| {
        let (format, rest) = given.split_first()?;
        Some(printf(format.as_str()?, rest).into())
    }),
    ("println", |given| {
        Some(format!("{}\n", given.iter().map(print_given).collect::<Vec<_>>().join(" ")).into())
    }),
    ("slice", |given| {
        let (value, bounds) = given.split_first()?;
        let bound = |at: usize| bounds.get(at).map(|n| usize::try_from(n.as_i64()?).ok());
        let from = bound(0).unwrap_or(Some(0))?;
        match value {
            Value::String(text) => {
                Some(text.get(from..bound(1).unwrap_or(Some(text.len()))?)?.into())
            }
            Value::Array(items) => {
                Some(items.get(from..bound(1).unwrap_or(Some(items.len()))?)?.to_vec().into())
            }
            _ => None,
        }
    }),
    ("split", |given| match given {
        [Value::String(text), Value::String(at)] if at.is_empty() => {
            Some(text.chars().map(String::from).map(Value::from).collect())
        }
        [Value::String(text), Value::String(at)] => {
            Some(text.split(at.as_str()).map(Value::from).collect())
        }
        _ => None,
    }),
    ("title", |given| {
        let text = given.first()?.as_str()?;
        let mut rest = text.chars();
        let first = rest.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        Some((first + rest.as_str()).into())
    }),
    ("truncate", |given| match given {
        [Value::String(text), count] => {
            let count = usize::try_from(count.as_i64()?).ok()?;
            Some(text.chars().take(count).collect::<String>().into())
        }
        _ => None,
    }),
    ("upper", |given| Some(given.first()?.as_str()?.to_uppercase().into())),
    ("urlquery", |given| Some(escape::urlquery(&print_all(given)).into())),
];

pub(super) fn is_known(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, _)| *known == name)
}

/// Whether a function makes text of whatever it is given.
pub(super) fn prints(name: &str) -> bool {
    matches!(name, "html" | "js" | "print" | "printf" | "println" | "urlquery")
}

pub(super) fn call(name: &str, given: &[Value]) -> Result<Value> {
    let function = FUNCTIONS.iter().find(|(known, _)| *known == name);
    let result = function.and_then(|(_, function)| function(given));
    result
        .ok_or_else(|| super::render::wrong(format_args!("error calling {name}: wrong arguments")))
}

/// Go's truth: nothing, zero and empty are false.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// As Go prints a value.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(print_inside).collect::<Vec<_>>().join(" "))
        }
        Value::Object(inner) => match structs::fields_of(inner) {
            Some(fields) => {
                let values = fields.iter().map(|(_, value)| print_inside(value));
                format!("{{{}}}", values.collect::<Vec<_>>().join(" "))
            }
            None => {
                let field = |(name, value): (&String, &Value)| {
                    let value = fields::typed(name, value.clone());
                    format!("{name}:{}", print_inside(&value))
                };
                format!("map[{}]", inner.iter().map(field).collect::<Vec<_>>().join(" "))
            }
        },
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map(numbers::plain).unwrap_or_default()
        }
        other => other.to_string(),
    }
}

/// As Go prints what a function is given.
fn print_given(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        value => print(value),
    }
}

/// Values one after the other, with a blank between two of which none is a text.
fn print_all(given: &[Value]) -> String {
    let mut text = String::new();
    for (at, value) in given.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &given[before]);
        if before.is_some_and(|before| !before.is_string() && !value.is_string()) {
            text.push(' ');
        }
        text += &print_given(value);
    }
    text
}

fn print_inside(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        // What has no fields says all that it says by being there.
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        value => print(value),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

fn order(given: &[Value]) -> Option<std::cmp::Ordering> {
    match given {
        [Value::String(a), Value::String(b)] => Some(a.cmp(b)),
        [a, b] => a.as_f64()?.partial_cmp(&b.as_f64()?),
        _ => None,
    }
}

fn index(value: &Value, keys: &[Value]) -> Option<Value> {
    let mut found = value;
    for (at, key) in keys.iter().enumerate() {
        found = match key {
            Value::String(name) if found.is_object() => match found.get(name) {
                Some(value) => value,
                None if has_texts(found) => return Some("".into()),
                None => &Value::Null,
            },
            // A map that is null is asked by name, and mostly it is one of texts.
            Value::String(_) if found.is_null() && at + 1 == keys.len() => {
                return Some("".into());
            }
            Value::String(_) if found.is_null() => found,
            key => found.get(usize::try_from(key.as_i64()?).ok()?)?,
        };
    }
    Some(found.clone())
}

/// Whether a map is one of texts, like labels: Go says of those that what is not there is empty.
fn has_texts(map: &Value) -> bool {
    map.as_object().is_some_and(|fields| fields.values().all(Value::is_string))
}
