//! `printf`, as Go has it: what does not fit is told in the text, and is no error.

use serde_json::{Number, Value};

use super::{fields, numbers, structs};

/// The widest that Go makes a value.
pub(super) const WIDEST: usize = 1_000_000;

pub(super) fn printf(format: &str, given: &[Value]) -> String {
    let mut printer = Printer { rest: format, given, next: 0, order: Order::AsGiven };
    let mut text = String::new();
    while let Some((before, after)) = printer.rest.split_once('%') {
        text.push_str(before);
        printer.rest = after;
        printer.directive(&mut text);
    }
    text.push_str(printer.rest);
    if let (Order::AsGiven, Some(extra @ [_, ..])) = (printer.order, given.get(printer.next..)) {
        let extra: Vec<String> = extra.iter().map(typed).collect();
        text += &format!("%!(EXTRA {})", extra.join(", "));
    }
    text
}

/// What is between the percent sign and the verb.
#[derive(Default)]
pub(super) struct How<'a> {
    pub(super) flags: &'a str,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl How<'_> {
    pub(super) fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// A sign and what follows it, in the width: zeros go between them.
    pub(super) fn pad(&self, sign: &str, text: &str) -> String {
        let taken = sign.chars().count() + text.chars().count();
        let missing = self.width.unwrap_or(0).saturating_sub(taken);
        // Rust's own formatting goes no further than 65535.
        match (self.has('-'), self.has('0')) {
            (true, _) => format!("{sign}{text}{}", " ".repeat(missing)),
            (false, true) => format!("{sign}{}{text}", "0".repeat(missing)),
            (false, false) => format!("{}{sign}{text}", " ".repeat(missing)),
        }
    }
}

/// Whether values are named by their numbers, and the next one is there.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    AsGiven,
    ByNumber,
    Wrong,
}

struct Printer<'a> {
    rest: &'a str,
    given: &'a [Value],
    next: usize,
    order: Order,
}

impl<'a> Printer<'a> {
    fn directive(&mut self, text: &mut String) {
        if self.order == Order::Wrong {
            self.order = Order::ByNumber;
        }
        let flags = self.take(|c| "#0+- ".contains(c));
        let mut how = How { flags, ..How::default() };
        self.number_of_value();
        how.width = self.amount("%!(BADWIDTH)", text);
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            self.number_of_value();
            let given = self.amount("%!(BADPREC)", text);
            how.precision = Some(given.unwrap_or(0));
        }
        self.number_of_value();
        let Some(verb) = self.rest.chars().next() else {
            text.push_str("%!(NOVERB)");
            return;
        };
        self.rest = &self.rest[verb.len_utf8()..];
        match (verb, self.order) {
            ('%', _) => text.push('%'),
            (_, Order::Wrong) => *text += &format!("%!{verb}(BADINDEX)"),
            _ => match self.value() {
                Some(value) => *text += &shown(value, verb, &how),
                None => *text += &format!("%!{verb}(MISSING)"),
            },
        }
    }

    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) =
            self.rest.split_at(self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn value(&mut self) -> Option<&'a Value> {
        let value = self.given.get(self.next);
        self.next += usize::from(value.is_some());
        value
    }

    /// `[2]`: the value that is meant.
    fn number_of_value(&mut self) {
        let Some(inner) = self.rest.strip_prefix('[') else { return };
        let (number, rest) = inner.split_once(']').unwrap_or(("", inner));
        self.rest = rest;
        self.order = match number.parse::<usize>() {
            Ok(number) if (1..=self.given.len()).contains(&number) => {
                self.next = number - 1;
                Order::ByNumber
            }
            _ => Order::Wrong,
        };
    }

    /// A width or a precision, which `*` takes from the values.
    fn amount(&mut self, bad: &str, text: &mut String) -> Option<usize> {
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            let amount = self.value().and_then(Value::as_u64);
            let amount = amount.and_then(|amount| usize::try_from(amount).ok());
            let amount = amount.filter(|amount| *amount <= WIDEST);
            if amount.is_none() {
                text.push_str(bad);
            }
            return amount;
        }
        let digits = self.take(|c| c.is_ascii_digit());
        let amount = digits.parse().ok().filter(|amount| *amount <= WIDEST);
        if amount.is_none() && !digits.is_empty() {
            // Go reads no further.
            self.rest = "";
        }
        amount
    }
}

/// A value by its verb.
fn shown(value: &Value, verb: char, how: &How) -> String {
    let fit = match (value, verb) {
        (value, 'T') => Some(how.pad("", name_of_type(value))),
        (Value::Null, 'v') => Some(how.pad("", "<nil>")),
        (Value::Null, _) => return format!("%!{verb}(<nil>)"),
        (Value::Bool(truth), 't' | 'v') => Some(how.pad("", &truth.to_string())),
        (Value::String(text), _) => self::text(text, verb, how),
        (Value::Number(number), _) => self::number(number, verb, how),
        (Value::Array(items), _) => {
            let items: Vec<String> = items.iter().map(|item| inside(item, verb, how)).collect();
            Some(format!("[{}]", items.join(" ")))
        }
        (Value::Object(own), _) => Some(match structs::fields_of(own) {
            Some(fields) => {
                let with_name = |(name, value)| match verb == 'v' && how.has('+') {
                    true => format!("{name}:{}", inside(&value, verb, how)),
                    false => inside(&value, verb, how),
                };
                let fields: Vec<String> = fields.into_iter().map(with_name).collect();
                format!("{{{}}}", fields.join(" "))
            }
            None => {
                let field = |(name, value): (&String, &Value)| {
                    let value = fields::typed(name, value.clone());
                    let name = shown(&Value::from(name.as_str()), verb, how);
                    format!("{name}:{}", inside(&value, verb, how))
                };
                format!("map[{}]", own.iter().map(field).collect::<Vec<_>>().join(" "))
            }
        }),
        (Value::Bool(_), _) => None,
    };
    let plain = || format!("{}={}", name_of_type(value), shown(value, 'v', how));
    fit.unwrap_or_else(|| format!("%!{verb}({})", plain()))
}

/// A value in another.
fn inside(value: &Value, verb: char, how: &How) -> String {
    match value {
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        value => shown(value, verb, how),
    }
}

fn typed(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        value => format!("{}={}", name_of_type(value), shown(value, 'v', &How::default())),
    }
}

fn name_of_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(items) if items.iter().all(Value::is_string) => "[]string",
        Value::Array(_) => "[]interface {}",
        Value::Object(fields) if fields.values().all(Value::is_string) => "map[string]string",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn text(text: &str, verb: char, how: &How) -> Option<String> {
    let cut = |text: &str| text.chars().take(how.precision.unwrap_or(usize::MAX)).collect();
    let shown: String = match verb {
        'v' if how.has('#') => quoted(text, how, '"'),
        's' | 'v' => cut(text),
        'q' => {
            let text: String = cut(text);
            match how.has('#') && !text.contains(|c: char| c == '`' || (c < ' ' && c != '\t')) {
                true => format!("`{text}`"),
                false => quoted(&text, how, '"'),
            }
        }
        'x' | 'X' => {
            let bytes = text.bytes().take(how.precision.unwrap_or(usize::MAX));
            let digits = bytes.map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
            let between = if how.has(' ') { " " } else { "" };
            let start = if how.has('#') && !digits.is_empty() { "0x" } else { "" };
            let shown = format!("{start}{}", digits.join(between));
            if verb == 'X' { shown.to_uppercase() } else { shown }
        }
        _ => return None,
    };
    Some(how.pad("", &shown))
}

/// A text in quotes, with Go's escapes for what cannot be seen.
fn quoted(text: &str, how: &How, quote: char) -> String {
    let escaped = |c: char| match c {
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        c if c == quote || c == '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        c if c.is_ascii() => format!("\\x{:02x}", u32::from(c)),
        c if !how.has('+') && !c.is_whitespace() && c.escape_debug().count() == 1 => c.to_string(),
        c if u32::from(c) < 0x1_0000 => format!("\\u{:04x}", u32::from(c)),
        c => format!("\\U{:08x}", u32::from(c)),
    };
    format!("{quote}{}{quote}", text.chars().map(escaped).collect::<String>())
}

fn number(number: &Number, verb: char, how: &How) -> Option<String> {
    if let (true, Some(float)) = (number.is_f64(), number.as_f64()) {
        return numbers::fraction(float, verb, how);
    }
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))?;
    let as_char = || u32::try_from(whole).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    match verb {
        'c' => Some(how.pad("", &as_char().to_string())),
        'q' => Some(how.pad("", &quoted(&as_char().to_string(), how, '\''))),
        'U' => Some(how.pad("", &format!("U+{whole:04X}"))),
        _ => numbers::whole(whole, verb, how),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_printed_as_gos_are() {
        let restart = json!({"Name": "no", "MaximumRetryCount": 3});
        for (format, given, text) in [
            ("%T %T %T %T %T", json!([1, "a", 1.5, true, null]), "int string float64 bool <nil>"),
            ("%5d|%-5d|%05d|%+d|% d", json!([42, 42, 42, 42, 42]), "   42|42   |00042|+42| 42"),
            ("%x|%X|%#x|%o|%O|%b", json!([42, 42, 42, 42, 8, 5]), "2a|2A|0x2a|52|0o10|101"),
            ("%#o|%#b|%c|%U|%q|%q", json!([8, 5, 42, 42, 65, 1]), "010|0b101|*|U+002A|'A'|'\\x01'"),
            (
                "%05d|%+05d|%5.3d|%.0d|%.2d|%x",
                json!([-42, 42, 7, 0, 5, -255]),
                "-0042|+0042|  007||05|-ff",
            ),
            ("%s|%v|%+v|%#v|%q", json!(["a", "a", "a", "a", "hé"]), "a|a|a|\"a\"|\"hé\""),
            (
                "%x|%X|% x|%#x|%.1x|%5x",
                json!(["hé", "hé", "hé", "a", "ab", "a"]),
                "68c3a9|68C3A9|68 c3 a9|0x61|61|   61",
            ),
            (
                "%10s|%-10s|%.2s|%5.1s|%05s",
                json!(["é", "é", "héé", "héé", "a"]),
                "         é|é         |hé|    h|0000a",
            ),
            (
                "%5q|%-5q|%+q|%#q|%q",
                json!(["a", "a", "é", "a", "\t\"\\\u{1}\u{a0}é"]),
                "  \"a\"|\"a\"  |\"\\u00e9\"|`a`|\"\\t\\\"\\\\\\x01\\u00a0é\"",
            ),
            ("%t|%v|%5t|%-7t|", json!([true, false, true, true]), "true|false| true|true   |"),
            (
                "%e|%.2f|%6.2f|%f|%G|%E",
                json!([1.5, 1.555, 1.5, 1.5, 1e-7, 1.5]),
                "1.500000e+00|1.55|  1.50|1.500000|1E-07|1.500000E+00",
            ),
            (
                "%g|%v|%v|%v|%.3g|%8.2e",
                json!([1e21, 1e20, 100_000.0, 0.0001, 1234.5678, 12345.678]),
                "1e+21|1e+20|100000|0.0001|1.23e+03|1.23e+04",
            ),
            (
                "%08.3f|%+.1f|%+v|% v|%08v|%v",
                json!([3.21659, 2.0, 1.5, 1.5, -1.5, 0.0]),
                "0003.217|+2.0|1.5| 1.5|-00001.5|0",
            ),
            ("%s %v %q %x", json!([["a"], ["a"], ["a", "b"], ["a"]]), "[a] [a] [\"a\" \"b\"] [61]"),
            (
                "%s|%q|%v|%v",
                json!([{"a": "b"}, {"a": "b"}, {"a": {}}, {}]),
                "map[a:b]|map[\"a\":\"b\"]|map[a:{}]|map[]",
            ),
            ("%v|%6v|%v", json!([null, null, {"80/tcp": null}]), "<nil>| <nil>|map[80/tcp:[]]"),
            (
                "%s|%+v|%v",
                json!([restart, restart, {"HostIp": "", "HostPort": "80"}]),
                "{no %!s(int=3)}|{Name:no MaximumRetryCount:3}|{ 80}",
            ),
        ] {
            assert_eq!(said(format, &given), text, "{format}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_in_the_text() {
        for (format, given, text) in [
            (
                "%s|%d|%f|%c|%t",
                json!([1, "x", "x", "x", "x"]),
                "%!s(int=1)|%!d(string=x)|%!f(string=x)|%!c(string=x)|%!t(string=x)",
            ),
            (
                "%d|%s|%d|%x",
                json!([true, 1.5, 1.5, true]),
                "%!d(bool=true)|%!s(float64=1.5)|%!d(float64=1.5)|%!x(bool=true)",
            ),
            ("%s %s", json!(["a"]), "a %!s(MISSING)"),
            ("%s", json!(["a", 1, "b", null]), "a%!(EXTRA int=1, string=b, <nil>)"),
            ("%%|%z|%!|%", json!([1]), "%|%!z(int=1)|%!!(MISSING)|%!(NOVERB)"),
            ("%d|%s", json!([null, [null]]), "%!d(<nil>)|[%!s(<nil>)]"),
            ("%d", json!([["A=b"]]), "[%!d(string=A=b)]"),
            (
                "%*d|%-*d|%.*f|%*s",
                json!([5, 42, 5, 42, 2, 1.5, "a", "b"]),
                "   42|42   |1.50|%!(BADWIDTH)b",
            ),
            ("%[2]d %[1]d", json!([5, 42]), "42 5"),
            ("%[3]d|%[x]d|%[1]d", json!([5, 42]), "%!d(BADINDEX)|%!d(BADINDEX)|5"),
            ("%[1]s %s", json!(["a"]), "a %!s(MISSING)"),
            ("%6.2f", json!([3]), "%!f(int=    03)"),
            ("%1000001s", json!(["a"]), "%!(NOVERB)%!(EXTRA string=a)"),
        ] {
            assert_eq!(said(format, &given), text, "{format}");
        }
    }

    fn said(format: &str, given: &Value) -> String {
        printf(format, given.as_array().expect("values"))
    }
}
