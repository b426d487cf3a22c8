//! The log of a container: a line of JSON for each line of output, in files that are turned over
//! when they are full.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Kind as Case, Result, refuse};
use crate::model::{LogConfig, Time};

/// A line longer than this becomes several entries: all but the last lack their line end.
const LONGEST: usize = 16 << 10;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file.
    pub size: u64,
    /// Files.
    pub files: u32,
}

impl Limits {
    /// What `--log-opt` says; without words, one file without end.
    ///
    /// # Errors
    /// An option that is not known or makes no sense.
    pub fn read(config: &LogConfig) -> Result<Limits> {
        let mut limits = Limits { size: u64::MAX, files: 1 };
        for (name, value) in config.config.iter().flatten() {
            let wrong = || {
                let words = format!("invalid value for log opt {name}: {value:?}");
                refuse(Case::Invalid, words)
            };
            match name.as_str() {
                "max-size" => limits.size = size(value).filter(|s| *s > 0).ok_or_else(wrong)?,
                "max-file" => {
                    limits.files = value.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
                }
                _ => {
                    let words = format!("unknown log opt '{name}' for json-file log driver");
                    return Err(refuse(Case::Invalid, words));
                }
            }
        }
        if limits.files > 1 && limits.size == u64::MAX {
            let words = "max-file cannot be set when max-size is not set";
            return Err(refuse(Case::Invalid, words));
        }
        Ok(limits)
    }
}

/// `10m` in bytes.
fn size(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let bare = lower.strip_suffix('b').unwrap_or(&lower);
    let (number, shift) = match bare.as_bytes().last()? {
        b'k' => (&bare[..bare.len() - 1], 10),
        b'm' => (&bare[..bare.len() - 1], 20),
        b'g' => (&bare[..bare.len() - 1], 30),
        _ => (bare, 0),
    };
    number.parse::<u64>().ok()?.checked_shl(shift)
}

/// The log that is written. Nothing is made before there is something to write.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    limits: Limits,
    file: Option<File>,
    written: u64,
    /// The rest of a line whose end has not come, of each stream.
    partial: [Vec<u8>; 2],
}

const STREAMS: [&str; 2] = ["stdout", "stderr"];

impl Log {
    pub(super) fn new(path: PathBuf, limits: Limits) -> Log {
        Log { path, limits, file: None, written: 0, partial: [Vec::new(), Vec::new()] }
    }

    /// Writes what a stream brought: 0 is standard output, 1 standard error.
    pub(super) fn write(&mut self, stream: usize, bytes: &[u8]) -> io::Result<()> {
        let now = Time::now();
        let mut entries = Vec::with_capacity(bytes.len() + 128);
        let partial = &mut self.partial[stream];
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for chunk in piece.chunks(LONGEST) {
                partial.extend_from_slice(chunk);
                if partial.ends_with(b"\n") || partial.len() >= LONGEST {
                    entry(&mut entries, partial, STREAMS[stream], now);
                    partial.clear();
                }
            }
        }
        self.append(&entries)
    }

    /// Writes the lines whose end never came.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let mut entries = Vec::new();
        for (partial, name) in self.partial.iter_mut().zip(STREAMS) {
            if !partial.is_empty() {
                entry(&mut entries, partial, name, Time::now());
                partial.clear();
            }
        }
        self.append(&entries)
    }

    /// Writes whole entries, and turns the file over between two where it is full.
    fn append(&mut self, entries: &[u8]) -> io::Result<()> {
        let mut rest = entries;
        while !rest.is_empty() {
            let file = match &mut self.file {
                Some(file) => file,
                none => {
                    let mut options = OpenOptions::new();
                    let file = options.append(true).create(true).mode(0o640).open(&self.path)?;
                    self.written = file.metadata()?.len();
                    none.insert(file)
                }
            };
            let fitting = fitting(rest, self.limits.size.saturating_sub(self.written));
            if fitting == 0 && self.written > 0 {
                self.file = None;
                turn_over(&self.path, self.limits.files)?;
                continue;
            }
            // One entry that is longer than a file has a file to itself.
            let length = if fitting > 0 { fitting } else { first_entry(rest) };
            file.write_all(&rest[..length])?;
            self.written += length as u64;
            rest = &rest[length..];
        }
        Ok(())
    }
}

/// The bytes of the entries at the beginning that fit into a room.
fn fitting(entries: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    match entries.get(..room) {
        None => entries.len(),
        Some(part) => part.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
    }
}

fn first_entry(entries: &[u8]) -> usize {
    entries.iter().position(|byte| *byte == b'\n').map_or(entries.len(), |end| end + 1)
}

/// `log` becomes `log.1`, that becomes `log.2`, and the last goes.
fn turn_over(path: &Path, files: u32) -> io::Result<()> {
    let numbered = |number: u32| match number {
        0 => path.to_owned(),
        _ => PathBuf::from(format!("{}.{number}", path.display())),
    };
    if files == 1 {
        return fs::remove_file(path);
    }
    for number in (0..files - 1).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// One entry; bytes that are no text become the sign for that.
fn entry(entries: &mut Vec<u8>, line: &[u8], stream: &str, time: Time) {
    entries.extend_from_slice(b"{\"log\":");
    // Writing text into memory does not fail.
    let _ = serde_json::to_writer(&mut *entries, &String::from_utf8_lossy(line));
    let _ = writeln!(entries, ",\"stream\":\"{stream}\",\"time\":\"{time}\"}}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("dok-log-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn entries(path: &Path) -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_line_is_an_entry_and_the_last_needs_no_end() {
        let path = folder("lines").join("log");
        let mut log = Log::new(path.clone(), Limits { size: u64::MAX, files: 1 });
        assert!(!path.exists(), "nothing is made for a silent program");
        log.write(0, b"one\ntw").unwrap();
        log.write(1, b"\xff\"err\"\n").unwrap();
        log.write(0, b"o").unwrap();
        log.finish().unwrap();
        let got: Vec<_> = entries(&path)
            .iter()
            .map(|entry| format!("{} {}", entry["stream"], entry["log"]))
            .collect();
        let expected =
            [r#""stdout" "one\n""#, "\"stderr\" \"\u{fffd}\\\"err\\\"\\n\"", r#""stdout" "two""#];
        assert_eq!(got, expected);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn full_files_are_turned_over_and_the_oldest_goes() {
        let path = folder("rotate").join("log");
        let mut log = Log::new(path.clone(), Limits { size: 300, files: 2 });
        for number in 0..20 {
            log.write(0, format!("line {number:02}\n").as_bytes()).unwrap();
        }
        let older = PathBuf::from(format!("{}.1", path.display()));
        let mut names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.drain(..).count(), 2);
        let all: Vec<_> = entries(&older).into_iter().chain(entries(&path)).collect();
        assert_eq!(all.last().unwrap()["log"], "line 19\n");
        assert!(all.len() > 4 && all.len() < 10, "{}", all.len());
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn options_are_read_or_refused() {
        let config = |pairs: &[(&str, &str)]| LogConfig {
            driver: String::new(),
            config: Some(pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()),
        };
        let limits = Limits::read(&config(&[("max-size", "10m"), ("max-file", "3")])).unwrap();
        assert_eq!(limits, Limits { size: 10 << 20, files: 3 });
        for wrong in [&[("max-file", "3")][..], &[("max-size", "x")], &[("colour", "red")]] {
            assert!(Limits::read(&config(wrong)).is_err(), "{wrong:?}");
        }
    }
}
