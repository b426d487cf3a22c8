//! Sizes and times as people read them, rounded as Docker rounds them.

use crate::time::Time;

/// Bytes with so many digits: `2.07MB`.
pub(super) fn size(bytes: u64, digits: usize) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    scaled(bytes, 1000.0, UNITS, digits)
}

/// Bytes in binary units with four digits, as for memory: `1.945GiB`.
pub(super) fn memory(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    scaled(bytes, 1024.0, UNITS, 4)
}

fn scaled(bytes: u64, step: f64, units: [&str; 6], digits: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to a few digits")]
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= step && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    format!("{}{}", significant(value, digits), units[unit])
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
    match instant.and_then(|text| text.parse::<Time>().ok()) {
        Some(then) => format!("{} ago", since(then)),
        None => "N/A".into(),
    }
}

/// A time as Docker's lists have it: `2026-11-21 13:26:16 +0000 UTC`.
pub(super) fn moment(mut instant: Time) -> String {
    instant.nanos = 0;
    instant.to_string().replace('T', " ").replace('Z', " +0000 UTC")
}

/// How long something is: `5 seconds`.
pub(super) fn since(instant: Time) -> String {
    duration(Time::now().since(instant).as_secs())
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
        assert_eq!(memory(53_248), "52KiB");
        assert_eq!(memory(2_088_763_392), "1.945GiB");
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
        assert!(ago(Some("1970-01-01T02:00:00+02:00")).ends_with(" years ago"));
        assert_eq!(ago(None), "N/A");
        assert_eq!(ago(Some("yesterday")), "N/A");
    }
}
