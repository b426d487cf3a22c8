//! The functions of templates.

use serde_json::Value;

use crate::error::Result;

/// The widest that Go makes a value.
const WIDEST: usize = 1_000_000;

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
    ("index", |given| given.split_first().and_then(|(value, keys)| index(value, keys))),
    ("join", |given| match given {
        [Value::Array(items), Value::String(between)] => {
            Some(items.iter().map(print).collect::<Vec<_>>().join(between).into())
        }
        [Value::Null, Value::String(_)] => Some("".into()),
        _ => None,
    }),
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
    ("print", |given| Some(given.iter().map(print).collect::<String>().into())),
    ("printf", |given| {
        let (format, rest) = given.split_first()?;
        format_text(format.as_str()?, rest).map(Value::from)
    }),
    ("println", |given| {
        Some(format!("{}\n", given.iter().map(print).collect::<Vec<_>>().join(" ")).into())
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
];

pub(super) fn is_known(name: &str) -> bool {
    FUNCTIONS.iter().any(|(known, _)| *known == name)
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
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| format!("{name}:{}", print_inside(value));
            format!("map[{}]", fields.iter().map(field).collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    }
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
    for key in keys {
        found = match key {
            Value::String(name) if found.is_object() => match found.get(name) {
                Some(value) => value,
                None if has_texts(found) => return Some("".into()),
                None => &Value::Null,
            },
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

/// `%s`, `%d`, `%v`, `%q`, `%t` and `%%`, with a width and how much of a text is shown.
fn format_text(format: &str, given: &[Value]) -> Option<String> {
    let mut given = given.iter();
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let at = after.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '.')?;
        let (width, verb) = (&after[..at], after[at..].chars().next()?);
        let (width, most) = match width.split_once('.') {
            Some((width, most)) => (width, width_of(most)?),
            None => (width, usize::MAX),
        };
        rest = &after[at + verb.len_utf8()..];
        let value = match verb {
            '%' => "%".to_owned(),
            'q' => format!("{:?}", given.next()?.as_str()?),
            'd' => given.next()?.as_i64()?.to_string(),
            's' | 'v' => print(given.next()?).chars().take(most).collect(),
            't' => print(given.next()?),
            _ => return None,
        };
        let to_the_left = width.starts_with('-');
        let width = width_of(width.trim_start_matches('-'))?;
        // Rust's own formatting goes no further than 65535.
        let blanks = " ".repeat(width.saturating_sub(value.chars().count()));
        text += &if to_the_left { value + &blanks } else { blanks + &value };
    }
    text.push_str(rest);
    Some(text)
}

fn width_of(digits: &str) -> Option<usize> {
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse().ok().filter(|width| *width <= WIDEST)
}
