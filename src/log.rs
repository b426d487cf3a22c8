//! The log: where `--log` puts it, in the shapes of logrus that the callers of runc read.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::{Code, Doing, Result};

/// How much a line matters, the most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The command failed.
    Error,
    /// Something was passed over.
    Warning,
    /// What is good to know.
    Info,
    /// What is done.
    Debug,
    /// What is done, in every detail.
    Trace,
}

impl Level {
    /// The level that runc, crun or youki call by this name.
    pub fn from_name(name: &str) -> Option<Level> {
        match name.to_ascii_lowercase().as_str() {
            "error" => Some(Level::Error),
            "warning" | "warn" => Some(Level::Warning),
            "info" => Some(Level::Info),
            "debug" => Some(Level::Debug),
            "trace" => Some(Level::Trace),
            _ => None,
        }
    }

    /// `LOG_ERR` to `LOG_DEBUG` (syslog(3)).
    fn severity(self) -> u8 {
        match self {
            Level::Error => 3,
            Level::Warning => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

/// The shape of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `time="…" level=error msg="…"`
    Text,
    /// `{"level":"error","msg":"…","time":"…","code":"…"}`; only an error has a code.
    Json,
}

impl Format {
    /// What is written unless more is asked for. podman reads a JSON log as one single object,
    /// so that a warning before the error would hide it.
    pub fn default_level(self) -> Level {
        match self {
            Format::Text => Level::Warning,
            Format::Json => Level::Error,
        }
    }
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard error.
    StandardError,
    /// A file that is appended to.
    File(PathBuf),
    /// The journal of systemd, with this `ID`.
    Journal(String),
    /// The system's log, under this name.
    Syslog(String),
}

/// Where lines go, opened.
enum Sink {
    StandardError,
    File(File),
    Journal(UnixDatagram, String),
    Syslog(UnixDatagram, String),
}

struct Log {
    sink: Sink,
    format: Format,
    level: Level,
}

static LOG: OnceLock<Log> = OnceLock::new();
const STANDARD_ERROR: Log =
    Log { sink: Sink::StandardError, format: Format::Text, level: Level::Warning };
/// Where the journal listens (systemd's "Native Journal Protocol").
const JOURNAL: &str = "/run/systemd/journal/socket";
/// Where the system's log listens (syslog(3)).
const SYSLOG: &str = "/dev/log";

/// Says where lines go from now on. The first call decides.
///
/// # Errors
/// What opening the file, or the socket of a log that is not there, gives.
pub fn open(target: &Target, format: Format, level: Level) -> Result<()> {
    let sink = match target {
        Target::StandardError => Sink::StandardError,
        Target::File(path) => {
            let file = OpenOptions::new().append(true).create(true).mode(0o644).open(path);
            Sink::File(file.doing(|| format!("open the log {}", path.display()))?)
        }
        Target::Journal(id) => Sink::Journal(connect(JOURNAL)?, id.clone()),
        Target::Syslog(name) => Sink::Syslog(connect(SYSLOG)?, name.clone()),
    };
    let _ = LOG.set(Log { sink, format, level });
    Ok(())
}

fn connect(path: &str) -> Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path).map(|()| socket).doing(|| format!("open the log {path}"))
}

fn log() -> &'static Log {
    LOG.get().unwrap_or(&STANDARD_ERROR)
}

/// Whether lines go elsewhere than to standard error, which has to be told apart then.
pub fn is_elsewhere() -> bool {
    !matches!(log().sink, Sink::StandardError)
}

/// Whether lines of this level are written.
pub fn is_on(level: Level) -> bool {
    level <= log().level
}

/// Something was passed over.
pub fn warning(words: &str) {
    write(Level::Warning, words);
}

/// The command failed: the last line of all.
pub fn error(code: Code, words: &str) {
    write_with(Level::Error, Some(code), words);
}

/// What is being done; the words are made only if they are written.
pub fn debug(words: impl FnOnce() -> String) {
    if is_on(Level::Debug) {
        write(Level::Debug, &words());
    }
}

/// How long each part of something takes, told to the log; where nobody asked, not even the clock
/// is read.
#[derive(Debug)]
pub struct Laps {
    of: &'static str,
    since: Option<Instant>,
}

impl Laps {
    /// The first part begins.
    pub fn start(of: &'static str) -> Laps {
        Laps { of, since: is_on(Level::Debug).then(Instant::now) }
    }

    /// A part is over, and the next one begins. Gives how long it took, in microseconds.
    pub fn lap(&mut self) -> Option<u64> {
        let since = self.since.as_mut()?;
        let now = Instant::now();
        let took = now.duration_since(*since);
        *since = now;
        Some(took.as_micros() as u64)
    }

    /// As [`Laps::lap`], told to the log.
    pub fn end(&mut self, part: &str) {
        if let Some(microseconds) = self.lap() {
            took(self.of, part, microseconds);
            // The writing is nobody's part.
            self.since = Some(Instant::now());
        }
    }
}

/// Says how long a part of something took.
pub fn took(of: &str, part: &str, microseconds: u64) {
    debug(|| format!("{of}: {part} took {microseconds} us"));
}

/// Writes one line. A log that cannot be written must not stop the container: nothing is done
/// about it.
fn write(level: Level, words: &str) {
    write_with(level, None, words);
}

fn write_with(level: Level, code: Option<Code>, words: &str) {
    let log = log();
    if level > log.level {
        return;
    }
    let line = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = rfc3339(Duration::from_secs(now.as_secs()));
        line(log.format, level, code, words, &time)
    };
    let _ = match &log.sink {
        Sink::StandardError => std::io::stderr().write_all(line().as_bytes()),
        Sink::File(file) => (&*file).write_all(line().as_bytes()),
        Sink::Journal(socket, id) => socket.send(&journal_entry(level, words, id)).map(drop),
        Sink::Syslog(socket, name) => {
            socket.send(syslog_line(level, words, name).as_bytes()).map(drop)
        }
    };
}

/// Fields of the journal: those whose value may have line feeds with its length in front.
fn journal_entry(level: Level, words: &str, id: &str) -> Vec<u8> {
    let mut entry =
        format!("PRIORITY={}\nSYSLOG_IDENTIFIER=onggi\n", level.severity()).into_bytes();
    for (field, value) in [("MESSAGE", words), ("ID", id)] {
        entry.extend_from_slice(field.as_bytes());
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
        entry.extend_from_slice(value.as_bytes());
        entry.push(b'\n');
    }
    entry
}

/// A line as syslog(3) sends it, of the facility `LOG_USER`.
fn syslog_line(level: Level, words: &str, name: &str) -> String {
    const USER: u8 = 1 << 3;
    format!("<{}>{name}[{}]: {words}", USER | level.severity(), std::process::id())
}

fn line(format: Format, level: Level, code: Option<Code>, words: &str, time: &str) -> String {
    let level = level.name();
    match format {
        Format::Text => format!("time=\"{time}\" level={level} msg={}\n", quoted(words)),
        Format::Json => {
            let words = serde_json::Value::from(words);
            let code = code.map(|code| format!(",\"code\":\"{}\"", code.name()));
            let code = code.unwrap_or_default();
            format!("{{\"level\":\"{level}\",\"msg\":{words},\"time\":\"{time}\"{code}}}\n")
        }
    }
}

/// A value as logrus writes it: quoted where it is empty or holds more than plain signs.
fn quoted(words: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/@^+".contains(&byte);
    if !words.is_empty() && words.bytes().all(plain) {
        return words.to_owned();
    }
    let mut text = String::with_capacity(words.len() + 2);
    text.push('"');
    for sign in words.chars() {
        match sign {
            '"' | '\\' => text.extend(['\\', sign]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            sign if sign.is_control() => {
                let _ = write!(text, "\\x{:02x}", u32::from(sign));
            }
            sign => text.push(sign),
        }
    }
    text.push('"');
    text
}

/// A time since 1970 in UTC as RFC 3339 writes it, with as many digits of the second's fraction
/// as are not zero.
pub fn rfc3339(time: Duration) -> String {
    let seconds = time.as_secs();
    let (year, month, day) = civil_date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if time.subsec_nanos() != 0 {
        let fraction = format!(".{:09}", time.subsec_nanos());
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// Year, month and day of a day counted from 1970-01-01.
fn civil_date(day: u64) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is a year's last; 400 of them have
    // 146097 days, and 719468 days lie between 0000-03-01 and 1970-01-01.
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, nanoseconds, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_399, 0, "2000-02-28T23:59:59Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (951_868_800, 500_000_000, "2000-03-01T00:00:00.5Z"),
            (1_709_164_800, 1, "2024-02-29T00:00:00.000000001Z"),
            (1_798_761_599, 120_000, "2026-12-31T23:59:59.00012Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Duration::new(seconds, nanoseconds)), text);
        }
    }

    #[test]
    fn lines_have_the_shapes_of_logrus() {
        let time = "2026-01-02T03:04:05Z";
        assert_eq!(
            line(Format::Text, Level::Error, Some(Code::Failed), "exec \"x\": a\\b\nc\u{1}é", time),
            "time=\"2026-01-02T03:04:05Z\" level=error msg=\"exec \\\"x\\\": a\\\\b\\nc\\x01é\"\n"
        );
        assert_eq!(
            line(Format::Text, Level::Warning, None, "/a/b", time),
            "time=\"2026-01-02T03:04:05Z\" level=warning msg=/a/b\n"
        );
        assert_eq!(
            line(Format::Json, Level::Error, Some(Code::NotFound), "exec \"x\"\n", time),
            concat!(
                r#"{"level":"error","msg":"exec \"x\"\n","time":"2026-01-02T03:04:05Z","#,
                r#""code":"not-found"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn the_journal_gets_fields_and_syslog_a_line() {
        let entry = journal_entry(Level::Warning, "two\nlines", "web");
        let mut expected = b"PRIORITY=4\nSYSLOG_IDENTIFIER=onggi\nMESSAGE\n".to_vec();
        expected.extend_from_slice(&[9, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(b"two\nlines\nID\n\x03\0\0\0\0\0\0\0web\n");
        assert_eq!(entry, expected);
        let line = syslog_line(Level::Error, "gone", "web");
        assert_eq!(line, format!("<11>web[{}]: gone", std::process::id()));
    }

    #[test]
    fn a_json_log_has_errors_only_unless_more_is_asked_for() {
        assert!(Format::Json.default_level() < Level::Warning);
        assert!(Format::Text.default_level() >= Level::Warning);
    }

    #[test]
    fn levels_have_the_names_of_all_three_runtimes() {
        for name in ["error", "warning", "warn", "info", "debug", "trace", "WARN"] {
            assert!(Level::from_name(name).is_some(), "{name}");
        }
        assert_eq!(Level::from_name("loud"), None);
    }
}
