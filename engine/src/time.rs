//! Instants as Docker writes them, and durations as Go does.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant, to the nanosecond. The default is Go's zero, the first of January of the year 1,
/// which stands for "never".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Since 1970, UTC.
    pub seconds: i64,
    /// Below a second.
    pub nanos: u32,
}

const ZERO: i64 = -62_135_596_800;
/// The last second of the year 9999: no later one can be written.
const LAST: i64 = 253_402_300_799;
const DAY: i64 = 86_400;

impl Default for Time {
    fn default() -> Time {
        Time { seconds: ZERO, nanos: 0 }
    }
}

impl Time {
    /// The system's clock.
    pub fn now() -> Time {
        Time::from(SystemTime::now())
    }

    /// Whether it stands for "never".
    pub fn is_zero(self) -> bool {
        self == Time::default()
    }

    /// How long this instant is after another; nothing, where it is not.
    pub fn since(self, other: Time) -> Duration {
        let nanos = |time: Time| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        let nanos = (nanos(self) - nanos(other)).clamp(0, i64::MAX.into());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
    }

    /// This instant, so many nanoseconds earlier.
    #[must_use]
    pub fn minus(self, nanos: i64) -> Time {
        let total = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos);
        let total = total - i128::from(nanos);
        Time {
            seconds: i64::try_from(total.div_euclid(1_000_000_000)).unwrap_or(ZERO),
            nanos: u32::try_from(total.rem_euclid(1_000_000_000)).unwrap_or(0),
        }
    }
}

/// Year, month and day of a number of days since 1970. The year begins in March here, so that the
/// day that comes and goes is the last one; an era is 400 years, 146097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}

/// The other way round.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Time {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Time {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanos: since.subsec_nanos(),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.seconds.div_euclid(DAY));
        let of_day = self.seconds.rem_euclid(DAY);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos > 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl FromStr for Time {
    type Err = String;

    /// RFC 3339, or only its date, or its date and time without a zone, which is then UTC.
    fn from_str(text: &str) -> Result<Time, String> {
        parse(text).ok_or_else(|| format!("{text:?} is not a time: expected 2026-11-21T07:12:19Z"))
    }
}

fn parse(text: &str) -> Option<Time> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4, 9999)?;
    let (month, day) = (number(parts.next()?, 2, 12)?, number(parts.next()?, 2, 31)?);
    let midnight = days(year, month, day);
    if civil(midnight) != (year, month, day) || parts.next().is_some() {
        return None;
    }
    let midnight = midnight * DAY;
    let within =
        |seconds, nanos| (ZERO..=LAST).contains(&seconds).then_some(Time { seconds, nanos });
    let Some(clock) = rest.strip_prefix(['T', 't', ' ']) else {
        return within(midnight, 0).filter(|_| rest.is_empty());
    };
    let end = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(end);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let (mut of_day, mut units) = (0, [(3600, 23), (60, 59), (1, 59)].into_iter());
    for part in whole.split(':') {
        let (unit, most) = units.next()?;
        of_day += number(part, 2, most)? * unit;
    }
    let seconds = midnight + of_day - offset(zone)?;
    within(seconds, billionths(fraction)?)
}

/// A number of so many digits, and at most so much.
fn number(text: &str, digits: usize, most: i64) -> Option<i64> {
    let right = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten().filter(|number| *number <= most)
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let (sign, clock) = zone.split_at_checked(1)?;
    let (hours, minutes) = clock.split_once(':')?;
    let seconds = number(hours, 2, 23)? * 3600 + number(minutes, 2, 59)? * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

fn billionths(fraction: &str) -> Option<u32> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.get(..9).unwrap_or(fraction);
    format!("{digits:0<9}").parse().ok()
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// An instant as Docker's flags take it: so long ago, seconds since 1970, or as [`Time`] reads it.
///
/// # Errors
/// Says what was expected.
pub fn instant(text: &str) -> Result<Time, String> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(Time::now().minus(ago));
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    match (seconds.parse(), billionths(fraction)) {
        (Ok(seconds), Some(nanos)) => Ok(Time { seconds, nanos }),
        _ => text.parse(),
    }
}

/// A duration as Go writes it: `1h30m0s`, `1.5s`, `300ms`.
pub fn written(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    let fraction = |number: u64, below: u32, digits: usize| {
        let text = format!("{number}.{below:0digits$}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match (seconds, nanos) {
        (0, 0) => "0s".to_owned(),
        (0, ..1_000) => format!("{nanos}ns"),
        (0, ..1_000_000) => fraction((nanos / 1_000).into(), nanos % 1_000, 3) + "µs",
        (0, _) => fraction((nanos / 1_000_000).into(), nanos % 1_000_000, 6) + "ms",
        _ => {
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = fraction(seconds % 60, nanos, 9) + "s";
            match (hours, minutes) {
                (0, 0) => rest,
                (0, _) => format!("{minutes}m{rest}"),
                _ => format!("{hours}h{minutes}m{rest}"),
            }
        }
    }
}

/// Nanoseconds of a duration as Go writes it: `1h30m`, `1.5s`, `300ms`.
///
/// # Errors
/// Says what was expected.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("invalid duration {text:?}: expected one like 1m30s or 500ms");
    let (mut rest, mut total) = (text, 0.0);
    if rest == "0" {
        return Ok(0);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let nanos = match unit {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(wrong()),
        };
        total += number.parse::<f64>().map_err(|_| wrong())? * nanos;
        rest = after;
    }
    if text.is_empty() || total > 9e18 {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 9e18, as was just seen")]
    Ok(total as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_docker_writes_them() {
        for (seconds, nanos, text) in [
            (ZERO, 0, "0001-01-01T00:00:00Z"),
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (1_795_225_124, 682_925_423, "2026-11-21T01:38:44.682925423Z"),
            (1_795_225_124, 500_000_000, "2026-11-21T01:38:44.5Z"),
        ] {
            assert_eq!(Time { seconds, nanos }.to_string(), text);
            assert_eq!(text.parse(), Ok(Time { seconds, nanos }));
        }
    }

    #[test]
    fn zones_and_short_forms_are_read() {
        let noon: Time = "2026-11-21T12:00:00Z".parse().unwrap();
        for text in ["2026-11-21T14:00:00+02:00", "2026-11-21T06:30:00-05:30", "2026-11-21T12:00"] {
            assert_eq!(text.parse(), Ok(noon), "{text}");
        }
        assert!("2026-11-21".parse::<Time>().is_ok());
        for wrong in [
            "yesterday",
            "2026-11-21Tnoon",
            "20261-1-21",
            "2026-02-30",
            "2026-11-21T24:00",
            "2026-11-21T9223372036854775807:00",
            "2026-11-21T12:00+99:00",
            "2026-11-21T12:00:00.+5Z",
            "2026-11-21T12:00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "2026-11-21T12:00:00Z9",
            "0000-01-11",
        ] {
            assert!(wrong.parse::<Time>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_instant_is_absolute_or_so_long_ago() {
        assert_eq!(instant("10.5"), Ok(Time { seconds: 10, nanos: 500_000_000 }));
        assert_eq!(instant("1970-01-02"), Ok(Time { seconds: 86_400, nanos: 0 }));
        let now = Time::now();
        assert!(instant("1.5h").unwrap() < now && instant("0").unwrap() >= now);
        assert!(instant("soon").is_err() && instant("1.x").is_err());
    }

    #[test]
    fn durations_are_gos() {
        assert_eq!(parse_duration("1m30s"), Ok(90_000_000_000));
        assert_eq!(parse_duration("1.5s"), Ok(1_500_000_000));
        assert_eq!(parse_duration("300ms"), Ok(300_000_000));
        for text in ["1h30m0s", "1m0.5s", "300ms", "1.5µs", "30s", "0s", "7ns"] {
            let nanos = parse_duration(text).unwrap();
            assert_eq!(written(Duration::from_nanos(nanos.unsigned_abs())), text);
        }
        for wrong in ["", "5", "s", "1x", "-1s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
