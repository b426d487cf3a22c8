//! Sizes and times as people read them, rounded as Docker rounds them.

use std::time::{Duration, SystemTime};

/// Bytes with so many digits: `2.07MB`.
pub(super) fn size(bytes: u64, digits: usize) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to a few digits")]
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{}{}", significant(value, digits), UNITS[unit])
}

/// So many digits, and no zeros at the end.
fn significant(value: f64, digits: usize) -> String {
    let before = match value {
        v if v >= 100.0 => 3,
        v if v >= 10.0 => 2,
        _ => 1,
    };
    let text = format!("{value:.0$}", digits.saturating_sub(before));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// How long ago an instant in RFC 3339 was; `N/A` where there is none.
pub(super) fn ago(instant: Option<&str>) -> String {
    let Some(then) = instant.and_then(seconds) else { return "N/A".into() };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    format!("{} ago", duration(u64::try_from(now - then).unwrap_or_default()))
}

/// Seconds since 1970 of an instant, with whatever offset.
fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let utc = humantime::parse_rfc3339(&format!("{date}T{time}Z")).ok()?;
    let utc = utc.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (hours, minutes) = zone[1..].split_once(':').unwrap_or(("0", "0"));
    let offset = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    let offset = if zone.starts_with('-') { -offset } else { offset };
    Some(i64::try_from(utc.as_secs()).ok()? - offset)
}

/// Seconds in the largest unit that has some.
fn duration(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".into(),
        (1, ..) => "1 second".into(),
        (2..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".into(),
        (_, 2..60, _) => format!("{minutes} minutes"),
        (.., 0 | 1) => "About an hour".into(),
        (.., 2..48) => format!("{hours} hours"),
        (.., 48..336) => format!("{} days", hours / 24),
        (.., 336..1440) => format!("{} weeks", hours / 24 / 7),
        (.., 1440..17520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, text) in [
            (0, "0B"),
            (999, "999B"),
            (2000, "2kB"),
            (2_065_225, "2.07MB"),
            (644_657_458, "645MB"),
            (10_500_000, "10.5MB"),
        ] {
            assert_eq!(size(bytes, 3), text);
        }
        assert_eq!(size(646_722_683, 4), "646.7MB");
    }

    #[test]
    fn times_are_told_in_one_unit() {
        for (seconds, text) in [
            (0, "Less than a second"),
            (15, "15 seconds"),
            (60, "About a minute"),
            (180, "3 minutes"),
            (3600, "About an hour"),
            (7200, "2 hours"),
            (3 * 86400, "3 days"),
            (20 * 86400, "2 weeks"),
            (100 * 86400, "3 months"),
            (900 * 86400, "2 years"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(seconds("1970-01-01T02:00:00+02:00"), Some(0));
        assert_eq!(seconds("1970-01-01T00:00:01.5Z"), Some(1));
        assert_eq!(ago(None), "N/A");
    }
}
