//! Numbers as Go prints them.

use super::printf::How;

/// A whole number by its verb.
pub(super) fn whole(number: i128, verb: char, how: &How) -> Option<String> {
    let size = number.unsigned_abs();
    let (digits, start) = match verb {
        'd' | 'v' => (size.to_string(), ""),
        'b' => (format!("{size:b}"), "0b"),
        'o' => (format!("{size:o}"), "0"),
        'O' => (format!("{size:o}"), "0o"),
        'x' => (format!("{size:x}"), "0x"),
        'X' => (format!("{size:X}"), "0X"),
        _ => return None,
    };
    let start = if how.has('#') || verb == 'O' { start } else { "" };
    let sign = format!("{}{start}", sign(number < 0, verb, how));
    match how.precision {
        None => Some(how.pad(&sign, &digits)),
        Some(0) if number == 0 => Some(how.pad("", "").replace('0', " ")),
        Some(least) => {
            let zeros = "0".repeat(least.saturating_sub(digits.len()));
            let flags: String = how.flags.replace('0', "");
            let how = How { flags: &flags, width: how.width, precision: None };
            Some(how.pad("", &format!("{sign}{zeros}{digits}")))
        }
    }
}

/// A number with a fraction by its verb.
pub(super) fn fraction(number: f64, verb: char, how: &How) -> Option<String> {
    let size = number.abs();
    let text = match (verb, how.precision) {
        ('f' | 'F', precision) => format!("{size:.*}", precision.unwrap_or(6).min(MOST_DIGITS)),
        ('e' | 'E', precision) => {
            with_exponent(&format!("{size:.*e}", precision.unwrap_or(6).min(MOST_DIGITS)))
        }
        ('g' | 'G' | 'v', precision) => general(size, precision),
        _ => return None,
    };
    let text = if verb.is_uppercase() { text.to_uppercase() } else { text };
    Some(how.pad(sign(number.is_sign_negative(), verb, how), &text))
}

/// No number has more digits than that behind its point.
const MOST_DIGITS: usize = 1100;

/// As Go prints a number with a fraction where nothing is said of it.
pub(super) fn plain(number: f64) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", general(number.abs(), None))
}

fn sign(is_negative: bool, verb: char, how: &How) -> &'static str {
    match is_negative {
        true => "-",
        // `%+v` asks for the names of fields.
        false if how.has('+') && verb != 'v' => "+",
        false if how.has(' ') => " ",
        false => "",
    }
}

/// With an exponent where the number is large or small, and no more digits than it needs.
fn general(size: f64, precision: Option<usize>) -> String {
    let digits = precision.map(|digits| digits.clamp(1, MOST_DIGITS));
    let scientific = match digits {
        Some(digits) => format!("{size:.*e}", digits - 1),
        None => format!("{size:e}"),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let has = mantissa.replace('.', "");
    let largest = match digits.and_then(|digits| i64::try_from(digits).ok()) {
        None => 6,
        Some(digits) => {
            let has = i64::try_from(has.len()).unwrap_or(digits);
            if digits > has && has > exponent { has } else { digits }
        }
    };
    if exponent < -4 || exponent >= largest {
        return with_exponent(&format!("{mantissa}e{exponent}"));
    }
    match usize::try_from(exponent) {
        Err(_) => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or_default();
            format!("0.{}{has}", "0".repeat(zeros))
        }
        Ok(exponent) => match has.split_at_checked(exponent + 1) {
            Some((whole, "")) => whole.to_owned(),
            Some((whole, rest)) => format!("{whole}.{rest}"),
            None => format!("{has}{}", "0".repeat(exponent + 1 - has.len())),
        },
    }
}

/// Go's exponents have a sign and two digits.
fn with_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
