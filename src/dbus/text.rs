//! Values as text: the notation of GVariant, in which annotations give them and the log shows them.
//! Numbers have their type in front (`uint64 5`), without one they are of 32 bits with a sign.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::value::Value;
use crate::error::{Error, Result};

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Byte(byte) => write!(f, "byte {byte:#04x}"),
            Value::Bool(yes) => yes.fmt(f),
            Value::Int16(number) => write!(f, "int16 {number}"),
            Value::Uint16(number) => write!(f, "uint16 {number}"),
            Value::Int32(number) => number.fmt(f),
            Value::Uint32(number) => write!(f, "uint32 {number}"),
            Value::Int64(number) => write!(f, "int64 {number}"),
            Value::Uint64(number) => write!(f, "uint64 {number}"),
            Value::Double(number) if number.is_finite() => write!(f, "{number:?}"),
            Value::Double(number) => write!(f, "double {number}"),
            Value::Text(text) => quote(f, "", text),
            Value::Path(text) => quote(f, "objectpath ", text),
            Value::Signature(text) => quote(f, "signature ", text),
            Value::Variant(inner) => write!(f, "<{inner}>"),
            Value::Array(item, items) if items.is_empty() => write!(f, "@a{item} []"),
            Value::Array(_, items) => list(f, '[', items, ']'),
            Value::Struct(fields) => list(f, '(', fields, ')'),
        }
    }
}

/// A backslash takes the next character as it is, so nothing else can stand for one.
fn quote(f: &mut fmt::Formatter<'_>, kind: &str, text: &str) -> fmt::Result {
    write!(f, "{kind}\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}

fn list(f: &mut fmt::Formatter<'_>, open: char, items: &[Value], close: char) -> fmt::Result {
    write!(f, "{open}")?;
    for (number, item) in items.iter().enumerate() {
        let comma = if number > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    write!(f, "{close}")
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Value {
    type Err = Error;

    /// Reads a value.
    ///
    /// # Errors
    /// What was expected, and what stands there.
    fn from_str(text: &str) -> Result<Value> {
        let mut parser = Parser { rest: text, depth: 0 };
        let value = parser.value()?;
        match parser.rest.trim_start() {
            "" => Ok(value),
            rest => Err(unexpected("the end", rest)),
        }
    }
}

/// Nobody nests deeper; the stack has an end.
const DEEPEST: usize = 16;

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

fn unexpected(wanted: &str, rest: &str) -> Error {
    let found: String = rest.chars().take(20).collect();
    Error::new(format!("{wanted} is expected where {found:?} stands"))
}

/// A number of the type that its word names.
fn number(kind: &str, text: &str) -> Option<Value> {
    let digits = text.strip_prefix("0x");
    macro_rules! of {
        ($kind:ident, $type:ty) => {
            match digits {
                Some(digits) => <$type>::from_str_radix(digits, 16).ok().map(Value::$kind),
                None => text.parse().ok().map(Value::$kind),
            }
        };
    }
    match kind {
        "byte" => of!(Byte, u8),
        "int16" => of!(Int16, i16),
        "uint16" => of!(Uint16, u16),
        "int32" => of!(Int32, i32),
        "uint32" => of!(Uint32, u32),
        "int64" => of!(Int64, i64),
        "uint64" => of!(Uint64, u64),
        "double" => text.parse().ok().map(Value::Double),
        _ => None,
    }
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Value> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Error::new("lists are nested too deep"));
        }
        self.rest = self.rest.trim_start();
        let value = match self.rest.chars().next() {
            Some('[') => self.array(),
            Some('(') => self.items('(', ')').map(Value::Struct),
            Some('\'' | '"') => self.quoted().map(Value::Text),
            Some('@') => self.empty_array(),
            _ => self.word_and_number(),
        };
        self.depth -= 1;
        value
    }

    fn array(&mut self) -> Result<Value> {
        let items = self.items('[', ']')?;
        let Some(first) = items.first() else {
            return Err(Error::new("an empty list needs its type in front, like @as []"));
        };
        let signature = first.signature();
        match items.iter().all(|item| item.signature() == signature) {
            true => Ok(Value::Array(signature, items)),
            false => Err(Error::new("the items of a list are of several types")),
        }
    }

    /// `@as []`
    fn empty_array(&mut self) -> Result<Value> {
        let (signature, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        let item = signature.trim_start_matches('@').strip_prefix('a');
        let known = item.filter(|item| ["s", "t", "u", "y", "(st)"].contains(item));
        let Some(item) = known else { return Err(unexpected("the type of a list", self.rest)) };
        self.rest = rest.trim_start();
        match self.items('[', ']')?.is_empty() {
            true => Ok(Value::Array(item.to_owned(), Vec::new())),
            false => Err(Error::new("only an empty list has its type in front")),
        }
    }

    /// What stands between two brackets, with commas between.
    fn items(&mut self, open: char, close: char) -> Result<Vec<Value>> {
        self.skip(open)?;
        let mut items = Vec::new();
        loop {
            if self.skip(close).is_ok() {
                return Ok(items);
            }
            items.push(self.value()?);
            if self.skip(',').is_err() {
                return self.skip(close).map(|()| items);
            }
        }
    }

    fn skip(&mut self, wanted: char) -> Result<()> {
        let rest = self.rest.trim_start();
        self.rest =
            rest.strip_prefix(wanted).ok_or_else(|| unexpected(&wanted.to_string(), rest))?;
        Ok(())
    }

    /// A text between quotes, in which a backslash takes the next character as it is.
    fn quoted(&mut self) -> Result<String> {
        let mut chars = self.rest.char_indices();
        let quote = chars.next().map(|(_, quote)| quote);
        let mut text = String::new();
        while let Some((at, char)) = chars.next() {
            match char {
                '\\' => text.extend(chars.next().map(|(_, char)| char)),
                char if Some(char) == quote => {
                    self.rest = &self.rest[at + char.len_utf8()..];
                    return Ok(text);
                }
                char => text.push(char),
            }
        }
        Err(unexpected("a text that ends with its quote", self.rest))
    }

    fn word(&mut self) -> &'a str {
        let is_part = |char: char| char.is_ascii_alphanumeric() || "+-._".contains(char);
        let end = self.rest.find(|char| !is_part(char)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn word_and_number(&mut self) -> Result<Value> {
        let start = self.rest;
        let word = self.word();
        let value = match word {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "objectpath" => {
                self.rest = self.rest.trim_start();
                return self.quoted().map(Value::Path);
            }
            word if word.starts_with(|char: char| char.is_ascii_alphabetic()) => {
                self.rest = self.rest.trim_start();
                number(word, self.word())
            }
            word => number("int32", word).or_else(|| number("double", word)),
        };
        value.ok_or_else(|| unexpected("a value like 'text', true or uint64 5", start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_is_written() {
        for text in [
            "true",
            "-5",
            "uint64 18446744073709551615",
            "byte 0x0f",
            "int64 -1",
            "double 2.5",
            r#""a 'b' \"c\"""#,
            "\"\0\n\u{e9}\\\\\"",
            r#"["a", "b"]"#,
            "@as []",
            r#"[("/dev/sda", uint64 5)]"#,
            r#"objectpath "/a""#,
        ] {
            let value: Value = text.parse().unwrap();
            let written = value.to_string();
            assert_eq!(written.parse::<Value>().unwrap(), value, "{text}");
            assert_eq!(written.replace("double ", ""), text.replace("double ", ""));
        }
    }

    #[test]
    fn quotes_and_blanks_are_the_writers_choice() {
        assert_eq!(" 'x' ".parse(), Ok(Value::text("x")));
        assert_eq!("[ 'x' ,'y', ]".parse::<Value>().unwrap().to_string(), r#"["x", "y"]"#);
        assert_eq!("uint64  0x10".parse(), Ok(Value::Uint64(16)));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in [
            "",
            "uint64",
            "uint64 -1",
            "byte 256",
            "'x",
            "[",
            "[]",
            "[1, 'x']",
            "@ax",
            "true false",
            "x",
            "(1",
            "@as ['x']",
            "{'a': 1}",
            &"[".repeat(1000),
        ] {
            assert!(text.parse::<Value>().is_err(), "{text}");
        }
    }
}
