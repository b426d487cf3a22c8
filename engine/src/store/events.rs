//! What happened: `events/log`, a line for each event, which whoever changes something appends.
//! When it is long it becomes `events/log.1`, and the one before goes.
//!
//! An event is one `write(2)` to the end of a file. It is not made durable, and that it cannot be
//! written fails nothing.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::Errno;

use super::{Lock, Store, durable};
use crate::error::{Context, Result};
use crate::model::Event;
use crate::time::Time;

/// The length at which a file is put aside, in bytes: some three thousand events.
const LONG: u64 = 1 << 20;

const LOG: &str = "log";
const BEFORE: &str = "log.1";

/// Which events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// All that are kept.
    WithThePast,
    /// Those that are still to come.
    Now,
}

impl Store {
    fn events_folder(&self) -> PathBuf {
        self.root.join("events")
    }

    /// Writes down what happened. What happened has happened: that it cannot be written down (the
    /// disk is full) is nobody's failure. It is told of as of now.
    pub fn tell(&self, event: &Event) {
        let folder = self.events_folder();
        let event = Event { time: Time::now(), ..event.clone() };
        let Ok(mut line) = serde_json::to_vec(&event) else { return };
        line.push(b'\n');
        let _ = match append(&folder, &line) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                durable::make_private_folder(&folder).and_then(|()| append(&folder, &line))
            }
            appended => appended,
        };
    }

    /// Reads events, and those that come.
    ///
    /// # Errors
    /// Of the calls that open and watch the folder.
    pub fn events(&self, begin: Begin) -> Result<Events> {
        let folder = self.events_folder();
        let watched = || -> io::Result<OwnedFd> {
            durable::make_private_folder(&folder)?;
            let watch = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            add_watch(&watch, &folder, WatchFlags::MODIFY | WatchFlags::MOVED_TO)?;
            Ok(watch)
        };
        let watch = watched().with_context(|| format!("watch {}", folder.display()))?;
        let mut events = Events { folder, watch, files: VecDeque::new() };
        events.open().context("open the events")?;
        if begin == Begin::Now {
            for file in &mut events.files {
                file.file.seek(SeekFrom::End(0)).context("find the end of the events")?;
            }
        }
        Ok(events)
    }
}

fn append(folder: &Path, line: &[u8]) -> io::Result<()> {
    let path = folder.join(LOG);
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    file.write_all(line)?;
    let about = file.metadata()?;
    if about.len() < LONG {
        return Ok(());
    }
    // Somebody else may be at it, or may have done it since we opened the file.
    let Some(_lock) = Lock::try_now(folder)? else { return Ok(()) };
    match fs::metadata(&path) {
        Ok(now) if now.ino() == about.ino() => fs::rename(&path, folder.join(BEFORE)),
        _ => Ok(()),
    }
}

/// The events, in the order in which they were written.
#[derive(Debug)]
pub struct Events {
    folder: PathBuf,
    watch: OwnedFd,
    /// The oldest first. One that was put aside may still get the line of a writer that had opened
    /// it before.
    files: VecDeque<Tail>,
}

/// Files that are still read.
const FILES: usize = 3;

#[derive(Debug)]
struct Tail {
    file: File,
    inode: u64,
    /// The beginning of a line whose end was not there yet.
    rest: Vec<u8>,
}

/// Ready to be read when an event has come.
impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}

impl Events {
    /// Waits until something may have been written; whether it was before the time is over.
    ///
    /// # Errors
    /// Of `poll(2)`.
    pub fn wait(&self, longest: Option<Duration>) -> Result<bool> {
        let timeout = longest.map(|longest| Timespec {
            tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: longest.subsec_nanos().into(),
        });
        match poll(&mut [PollFd::new(&self.watch, PollFlags::IN)], timeout.as_ref()) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error).context("wait for events"),
        }
    }

    /// What has been written since the last call.
    ///
    /// # Errors
    /// Of the calls that open and read the files.
    pub fn take(&mut self) -> Result<Vec<Event>> {
        let mut news = [0; 4096];
        while rustix::io::read(&self.watch, &mut news).is_ok() {}
        self.open().context("open the events")?;
        let mut found = Vec::new();
        for file in &mut self.files {
            file.take(&mut found).context("read the events")?;
        }
        Ok(found)
    }

    /// Opens what is there and was not before.
    fn open(&mut self) -> io::Result<()> {
        for name in [BEFORE, LOG] {
            let file = match File::open(self.folder.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            let inode = file.metadata()?.ino();
            // A file that we hold keeps its number.
            if self.files.iter().all(|known| known.inode != inode) {
                self.files.push_back(Tail { file, inode, rest: Vec::new() });
            }
        }
        let gone = self.files.len().saturating_sub(FILES);
        self.files.drain(..gone);
        Ok(())
    }
}

impl Tail {
    fn take(&mut self, found: &mut Vec<Event>) -> io::Result<()> {
        self.file.read_to_end(&mut self.rest)?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines = self.rest[..whole].split(|byte| *byte == b'\n');
        // What a power cut or a full disk left of a line is no event.
        found.extend(lines.filter_map(|line| serde_json::from_slice::<Event>(line).ok()));
        self.rest.drain(..whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(test: &str) -> Store {
        let root = std::env::temp_dir().join(format!("dok-events-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        Store::open(root.clone(), root.join("run")).unwrap()
    }

    fn names(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| event.id.as_str()).collect()
    }

    #[test]
    fn events_are_read_from_the_beginning_or_from_now_on() {
        let store = store("begin");
        store.tell(&Event::of_volume("one", "create"));
        let mut all = store.events(Begin::WithThePast).unwrap();
        let mut new = store.events(Begin::Now).unwrap();
        assert!(!new.wait(Some(Duration::ZERO)).unwrap());
        store.tell(&Event::of_volume("two", "create"));
        assert!(new.wait(Some(Duration::from_secs(10))).unwrap());
        assert_eq!(names(&all.take().unwrap()), ["one", "two"]);
        assert_eq!(names(&new.take().unwrap()), ["two"]);
        assert!(new.take().unwrap().is_empty());
        fs::remove_dir_all(store.root()).unwrap();
    }

    #[test]
    fn no_event_is_lost_when_a_file_is_put_aside_and_the_oldest_go() {
        let store = store("aside");
        let mut events = store.events(Begin::Now).unwrap();
        let long = "x".repeat(1 << 16);
        let mut read = Vec::new();
        for number in 0..50 {
            let event = Event::of_volume(&number.to_string(), "create").with("long", &long);
            store.tell(&event);
            if number % 7 == 0 {
                read.extend(events.take().unwrap());
            }
        }
        read.extend(events.take().unwrap());
        let expected: Vec<String> = (0..50).map(|number: u32| number.to_string()).collect();
        assert_eq!(names(&read), expected);
        let kept = |name: &str| fs::metadata(store.events_folder().join(name)).unwrap().len();
        assert!(kept(LOG) < LONG && kept(BEFORE) < LONG + (1 << 17));
        let mut kept = store.events(Begin::WithThePast).unwrap();
        assert!(names(&kept.take().unwrap()).ends_with(&["48", "49"]));
        fs::remove_dir_all(store.root()).unwrap();
    }

    #[test]
    fn a_torn_line_is_no_event_and_a_full_disk_no_failure() {
        let store = store("torn");
        durable::make_private_folder(&store.events_folder()).unwrap();
        fs::write(store.events_folder().join(LOG), "{\"Type\":\"volu\n").unwrap();
        store.tell(&Event::of_volume("one", "create"));
        let mut events = store.events(Begin::WithThePast).unwrap();
        assert_eq!(names(&events.take().unwrap()), ["one"]);
        fs::remove_dir_all(store.events_folder()).unwrap();
        fs::write(store.events_folder(), "not a folder").unwrap();
        store.tell(&Event::of_volume("two", "create"));
        fs::remove_dir_all(store.root()).unwrap();
    }
}
