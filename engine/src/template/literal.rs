//! What stands for itself in an action: texts, characters and numbers, as Go writes them.

use serde_json::Value;

/// What one escape stands for: texts may have bytes that are no character by themselves.
enum Unit {
    Byte(u8),
    Char(char),
}

/// What is in the quotes that a text begins with, and how long it is with them.
pub(super) fn quoted(rest: &str) -> Result<(String, usize), &'static str> {
    const UNTERMINATED: &str = "unterminated quoted string";
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        match rest[at..].chars().next() {
            None | Some('\n') => return Err(UNTERMINATED),
            Some('"') => return Ok((String::from_utf8_lossy(&bytes).into_owned(), at + 1)),
            Some('\\') => {
                let (unit, length) = escape(&rest[at + 1..], '"').ok_or("invalid syntax")?;
                match unit {
                    Unit::Byte(byte) => bytes.push(byte),
                    Unit::Char(c) => bytes.extend(c.to_string().bytes()),
                }
                at += 1 + length;
            }
            Some(c) => {
                bytes.extend(c.to_string().bytes());
                at += c.len_utf8();
            }
        }
    }
}

/// What is between backquotes, where nothing is escaped.
pub(super) fn raw(rest: &str) -> Result<(String, usize), &'static str> {
    let end = rest[1..].find('`').ok_or("unterminated raw quoted string")?;
    Ok((rest[1..=end].to_owned(), end + 2))
}

/// The number of the character in single quotes.
pub(super) fn character(rest: &str) -> Result<(Value, usize), &'static str> {
    let first = rest[1..].chars().next().ok_or("unterminated character constant")?;
    let (number, length) = match first {
        '\\' => match escape(&rest[2..], '\'').ok_or("invalid syntax")? {
            (Unit::Byte(byte), length) => (u32::from(byte), length + 1),
            (Unit::Char(c), length) => (u32::from(c), length + 1),
        },
        '\n' => return Err("unterminated character constant"),
        '\'' => return Err("invalid syntax"),
        c => (u32::from(c), c.len_utf8()),
    };
    match rest[1 + length..].starts_with('\'') {
        true => Ok((number.into(), length + 2)),
        false => Err("malformed character constant"),
    }
}

/// What follows a backslash, and how long it is.
fn escape(rest: &str, quote: char) -> Option<(Unit, usize)> {
    let digits = |from: usize, count: usize, radix: u32| {
        let digits = rest.get(from..from + count)?;
        let all = digits.chars().all(|c| c.is_digit(radix));
        all.then(|| u32::from_str_radix(digits, radix).ok())?
    };
    let byte = |byte: u8| Some((Unit::Byte(byte), 1));
    match rest.chars().next()? {
        'a' => byte(7),
        'b' => byte(8),
        't' => byte(b'\t'),
        'n' => byte(b'\n'),
        'v' => byte(11),
        'f' => byte(12),
        'r' => byte(b'\r'),
        '\\' => byte(b'\\'),
        c if c == quote => Some((Unit::Char(c), 1)),
        'x' => Some((Unit::Byte(u8::try_from(digits(1, 2, 16)?).ok()?), 3)),
        'u' => Some((Unit::Char(char::from_u32(digits(1, 4, 16)?)?), 5)),
        'U' => Some((Unit::Char(char::from_u32(digits(1, 8, 16)?)?), 9)),
        '0'..='7' => Some((Unit::Byte(u8::try_from(digits(0, 3, 8)?).ok()?), 3)),
        _ => None,
    }
}

/// Whether a word can only be a number.
pub(super) fn begins_number(word: &str) -> bool {
    let bare = word.trim_start_matches(['+', '-']);
    let bare = bare.strip_prefix('.').unwrap_or(bare);
    bare.starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn number(word: &str) -> Option<Value> {
    let (sign, bare) = match word.strip_prefix('-') {
        Some(bare) => ("-", bare),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    };
    if !bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !divides(bare) {
        return None;
    }
    let bare = bare.replace('_', "").to_lowercase();
    let (digits, radix) = match bare.get(..2) {
        Some("0x") => (&bare[2..], 16),
        Some("0o") => (&bare[2..], 8),
        Some("0b") => (&bare[2..], 2),
        Some(_) if bare.starts_with('0') => (&bare[1..], 8),
        _ => (&bare[..], 10),
    };
    let is_whole = digits.chars().all(|c| c.is_digit(radix));
    match i64::from_str_radix(&format!("{sign}{digits}"), radix) {
        Ok(number) => Some(number.into()),
        // A number that is too large is not taken for one with a fraction.
        Err(_) if is_whole => None,
        Err(_) => {
            let number: f64 = format!("{sign}{bare}").parse().ok()?;
            serde_json::Number::from_f64(number).map(Value::Number)
        }
    }
}

/// Whether each underscore has a digit, or the letter of a base, on both sides.
fn divides(number: &str) -> bool {
    let parts: Vec<&str> = number.split('_').collect();
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    parts.len() == 1
        || parts.iter().enumerate().all(|(at, part)| {
            (at == 0 || alphanumeric(part.chars().next()))
                && (at + 1 == parts.len() || alphanumeric(part.chars().next_back()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_by_gos_rules() {
        for (written, text) in [
            (r#""a\a\b\f\n\r\t\v\\\"z" rest"#, "a\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"z"),
            (r#""\101\x41\u00e9\U0001F600\xc3\xa9""#, "AAé😀é"),
            ("\"a\tb\"", "a\tb"),
            ("\"\"", ""),
        ] {
            let (read, length) = quoted(written).expect(written);
            assert_eq!((read.as_str(), &written[length - 1..length]), (text, "\""), "{written}");
        }
        for wrong in [
            "\"a",
            "\"a\nb\"",
            r#""\q""#,
            r#""\'""#,
            r#""\x4""#,
            r#""\400""#,
            r#""\ud800""#,
            r#""\u12"#,
            r#""\"#,
            r#""\x+1""#,
        ] {
            quoted(wrong).expect_err(wrong);
        }
        assert_eq!(raw("`a\\n\"`.").expect("a text"), ("a\\n\"".to_owned(), 6));
        raw("`a").expect_err("it is not closed");
    }

    #[test]
    fn characters_are_their_numbers() {
        for (written, number) in [
            ("'a'", 97),
            (r"'\n'", 10),
            (r"'\''", 39),
            ("'é'", 233),
            ("'\"'", 34),
            (r"'\x41'", 65),
            (r"'\u00e9'", 233),
        ] {
            let read = character(written).expect(written);
            assert_eq!(read, (number.into(), written.len()), "{written}");
        }
        for wrong in ["''", "'ab'", "'", "'a", r"'\'", r"'\q'", r#"'\"'"#, "'\n'"] {
            character(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn numbers_are_read_by_gos_rules() {
        for (written, number) in [
            ("0", Some(0.into())),
            ("+3", Some(3.into())),
            ("-12", Some((-12).into())),
            ("0x1F", Some(31.into())),
            ("1_000", Some(1000.into())),
            ("0x_f", Some(15.into())),
            ("0b11", Some(3.into())),
            ("0o17", Some(15.into())),
            ("017", Some(15.into())),
            ("-9223372036854775808", Some(i64::MIN.into())),
            ("1.5", Some(1.5.into())),
            (".5", Some(0.5.into())),
            ("0.5", Some(0.5.into())),
            ("1e3", Some(1000.0.into())),
            ("-1e-3", Some((-0.001).into())),
            ("99999999999999999999", None),
            ("1_", None),
            ("1__0", None),
            ("0x", None),
            ("1a", None),
            ("+-1", None),
            ("1e999", None),
        ] {
            assert_eq!(super::number(written), number, "{written}");
        }
    }
}
