//! The log of a container: a line of JSON for each line of output, in files that are turned over
//! when they are full ([`super::log_files`]).

use std::fs::File;
use std::io::{self, Write};

use crate::time::Time;

/// A line longer than this becomes several entries: all but the last lack their line end.
const LONGEST: usize = 16 << 10;

/// What a log needs before it can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The file that there is, or the first one.
    Present = 0,
    /// Another: this one is full.
    Next = 1,
}

/// The log that is written. Nothing is asked for before there is something to write.
#[derive(Debug)]
pub(super) struct Log {
    /// The bytes of a file.
    size: u64,
    file: Option<File>,
    written: u64,
    /// Entries that wait for a file.
    waiting: Vec<u8>,
    asked: Option<Wanted>,
    /// Nobody gives files any more.
    alone: bool,
    /// The last entry may not have its end: the disk was full.
    torn: bool,
    /// The field that each entry has more, as text.
    field: Vec<u8>,
    /// The rest of a line whose end has not come, of each stream.
    partial: [Vec<u8>; 2],
}

const STREAMS: [&str; 2] = ["stdout", "stderr"];

impl Log {
    pub(super) fn new(size: u64) -> Log {
        let partial = [Vec::new(), Vec::new()];
        Log {
            size,
            file: None,
            written: 0,
            waiting: Vec::new(),
            asked: None,
            alone: false,
            torn: false,
            field: Vec::new(),
            partial,
        }
    }

    /// Takes a part of the field that each entry has more. All of it comes before the first entry.
    pub(super) fn extend_field(&mut self, part: &[u8]) {
        self.field.extend_from_slice(part);
    }

    /// Writes what a stream brought: 0 is standard output, 1 standard error. The answer is what it
    /// needs first, if there is something.
    pub(super) fn write(&mut self, stream: usize, bytes: &[u8]) -> io::Result<Option<Wanted>> {
        let now = Time::now();
        let mut wanted = None;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for chunk in piece.chunks(LONGEST) {
                let partial = &mut self.partial[stream];
                partial.extend_from_slice(chunk);
                if partial.ends_with(b"\n") || partial.len() >= LONGEST {
                    let line = Line { text: partial, stream: STREAMS[stream], time: now };
                    entry(&mut self.waiting, &line, &self.field);
                    partial.clear();
                }
                // Short lines make entries that are many times as long.
                if self.waiting.len() >= LONGEST {
                    wanted = wanted.or(self.go_on()?);
                }
            }
        }
        Ok(wanted.or(self.go_on()?))
    }

    /// Writes the lines whose end never came; the answer as of [`Log::write`].
    pub(super) fn finish(&mut self) -> io::Result<Option<Wanted>> {
        for (partial, name) in self.partial.iter_mut().zip(STREAMS) {
            if !partial.is_empty() {
                let line = Line { text: partial, stream: name, time: Time::now() };
                entry(&mut self.waiting, &line, &self.field);
                partial.clear();
            }
        }
        self.go_on()
    }

    /// Whether what is written goes to a file at once.
    pub(super) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Whether it waits for a file.
    pub(super) fn waits(&self) -> bool {
        self.asked.is_some()
    }

    /// Goes on with a file that has so many bytes; the answer as of [`Log::write`].
    pub(super) fn give(&mut self, file: File, written: u64) -> io::Result<Option<Wanted>> {
        (self.file, self.written, self.asked) = (Some(file), written, None);
        self.go_on()
    }

    /// There is no file to be had now: what waits is lost.
    pub(super) fn give_up(&mut self) {
        self.waiting.clear();
        self.asked = None;
    }

    /// Nobody will give another file: the present one takes all. Where there is none, all is lost,
    /// and nobody waits.
    pub(super) fn keep_the_file(&mut self) -> io::Result<()> {
        (self.size, self.asked, self.alone) = (u64::MAX, None, true);
        self.go_on().map(drop)
    }

    /// Writes whole entries, as many as there is room for.
    fn go_on(&mut self) -> io::Result<Option<Wanted>> {
        while !self.waiting.is_empty() {
            if self.asked.is_some() {
                return Ok(None);
            }
            let Some(file) = &mut self.file else {
                if self.alone {
                    self.waiting.clear();
                    return Ok(None);
                }
                self.asked = Some(Wanted::Present);
                return Ok(self.asked);
            };
            let fitting = fitting(&self.waiting, self.size.saturating_sub(self.written));
            if fitting == 0 && self.written > 0 {
                self.asked = Some(Wanted::Next);
                return Ok(self.asked);
            }
            // One entry that is longer than a file has a file to itself.
            let length = if fitting > 0 { fitting } else { first_entry(&self.waiting) };
            // Half an entry is a line by itself, which no reader takes for one.
            let end = if self.torn { file.write_all(b"\n") } else { Ok(()) };
            let written = end.and_then(|()| file.write_all(&self.waiting[..length]));
            self.waiting.drain(..length);
            self.written += length as u64;
            self.torn = written.is_err();
            written?;
        }
        if self.waiting.capacity() > 4 * LONGEST {
            self.waiting = Vec::new();
        }
        Ok(None)
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

/// What an entry says.
struct Line<'a> {
    text: &'a [u8],
    stream: &'a str,
    time: Time,
}

/// One entry; bytes that are no text become the sign for that.
fn entry(entries: &mut Vec<u8>, line: &Line<'_>, field: &[u8]) {
    entries.extend_from_slice(b"{\"log\":");
    // Writing text into memory does not fail.
    let _ = serde_json::to_writer(&mut *entries, &String::from_utf8_lossy(line.text));
    let _ = write!(entries, ",\"stream\":\"{}\"", line.stream);
    entries.extend_from_slice(field);
    let _ = writeln!(entries, ",\"time\":\"{}\"}}", line.time);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::super::log_files::Files;
    use super::super::log_options::Limits;
    use super::*;

    const ENDLESS: Limits = Limits { size: u64::MAX, files: 1, packed: false };

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("dok-log-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn entries(path: &Path) -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A log with one who gives it files, as the monitor does.
    struct Served(Log, Files);

    impl Served {
        fn new(path: &Path, limits: Limits) -> Served {
            Served(Log::new(limits.size), Files::new(path.to_owned(), limits))
        }

        fn write(&mut self, stream: usize, bytes: &[u8]) {
            let wanted = self.0.write(stream, bytes).unwrap();
            self.serve(wanted);
        }

        fn serve(&mut self, mut wanted: Option<Wanted>) {
            while let Some(which) = wanted {
                let (file, written) = self.1.open(which).unwrap();
                wanted = self.0.give(file, written).unwrap();
            }
            assert!(!self.0.waits());
        }
    }

    #[test]
    fn each_line_is_an_entry_and_the_last_needs_no_end() {
        let path = folder("lines").join("log");
        let mut log = Served::new(&path, ENDLESS);
        assert!(!path.exists(), "nothing is made for a silent program");
        log.write(0, b"one\ntw");
        log.write(1, b"\xff\"err\"\n");
        log.write(0, b"o");
        let wanted = log.0.finish().unwrap();
        log.serve(wanted);
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
    fn an_entry_has_what_is_told_with_each_before_its_time() {
        let path = folder("field").join("log");
        let mut log = Served::new(&path, ENDLESS);
        for part in [r#","attrs":{"k":"#, r#""v"}"#] {
            log.0.extend_field(part.as_bytes());
        }
        log.write(0, b"a\n");
        let text = fs::read_to_string(&path).unwrap();
        let begin = r#"{"log":"a\n","stream":"stdout","attrs":{"k":"v"},"time":""#;
        assert!(text.starts_with(begin) && text.ends_with("\"}\n"), "{text}");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn full_files_are_turned_over_and_the_oldest_goes() {
        let path = folder("rotate").join("log");
        let mut log = Served::new(&path, Limits { size: 300, files: 2, ..ENDLESS });
        for number in 0..20 {
            log.write(0, format!("line {number:02}\n").as_bytes());
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
    fn without_anybody_who_gives_files_the_present_one_takes_all() {
        let path = folder("alone").join("log");
        let mut log = Served::new(&path, Limits { size: 100, ..ENDLESS });
        log.write(0, b"first\n");
        assert_eq!(log.0.write(0, b"second\n").unwrap(), Some(Wanted::Next));
        assert!(log.0.waits());
        log.0.keep_the_file().unwrap();
        assert_eq!(log.0.write(0, b"third\n").unwrap(), None);
        assert_eq!(entries(&path).len(), 3);
        let mut without = Log::new(u64::MAX);
        without.keep_the_file().unwrap();
        assert_eq!(without.write(0, b"lost\n").unwrap(), None);
        assert!(!without.waits(), "nobody would come");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
