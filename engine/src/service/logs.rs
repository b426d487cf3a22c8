//! What a container has written, from its log.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::inotify;
use serde::Deserialize;

use super::Engine;
use super::attach::Wanted;
use crate::error::{Context, Kind, Result, refuse};
use crate::model::Container;
use crate::monitor::log_files;
use crate::time::Time;

/// What of a log is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogRequest {
    /// Only so many entries, the last ones.
    pub tail: Option<usize>,
    /// Nothing earlier.
    pub since: Option<Time>,
    /// Nothing later.
    pub until: Option<Time>,
    /// Whether what is yet to be written is waited for, until the container ends.
    pub follow: bool,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// What was written, with its line end if it has one.
    pub log: String,
    /// `stdout` or `stderr`.
    pub stream: String,
    /// What the log's options ask to be told with it.
    #[serde(default)]
    pub attrs: BTreeMap<String, String>,
    /// When.
    pub time: Time,
}

/// Whether there is more to be said.
pub type Say<'a> = dyn FnMut(&Entry) -> Result<()> + 'a;

impl Engine {
    /// Says the entries of a container's log, one after another.
    ///
    /// # Errors
    /// It has no log; an entry cannot be read or said.
    pub fn logs(
        &self,
        container: &Container,
        request: LogRequest,
        say: &mut Say<'_>,
    ) -> Result<()> {
        if container.host_config.log_config.driver == "none" {
            let words = "configured logging driver does not support reading";
            return Err(refuse(Kind::Invalid, words));
        }
        let path = self.store.log_file(&container.id);
        // What follows is watched before the present is read: nothing falls between the two.
        let watch = request.follow.then(|| Follow::new(self, container, &path)).transpose()?;
        let mut reader = Reader { request, file: None };
        reader.past(&path, say)?;
        match watch {
            Some(watch) => watch.follow(&path, &mut reader, say),
            None => Ok(()),
        }
    }
}

/// Where reading has come to.
struct Reader {
    request: LogRequest,
    /// The newest file, and an entry that is not whole yet.
    file: Option<(BufReader<File>, Vec<u8>)>,
}

impl Reader {
    /// Says what is there.
    fn past(&mut self, path: &Path, say: &mut Say<'_>) -> Result<()> {
        let mut last: VecDeque<Entry> = VecDeque::new();
        let tail = self.request.tail;
        let mut keep = |entry: &Entry| match tail {
            None => say(entry),
            Some(tail) => {
                last.push_back(entry.clone());
                if last.len() > tail {
                    last.pop_front();
                }
                Ok(())
            }
        };
        for file in log_files::older(path) {
            self.request.entries(&mut BufReader::new(file?), &mut Vec::new(), &mut keep)?;
        }
        self.file = open(path)?;
        self.rest(&mut keep)?;
        last.iter().try_for_each(say)
    }

    /// Whether another file has taken the place of the one that is read. That a file was made does
    /// not say so: it may be the one that was found when reading began.
    fn is_turned_over(&self, path: &Path) -> Result<bool> {
        let Some((file, _)) = &self.file else { return Ok(false) };
        let own = file.get_ref().metadata().context("look at the log")?;
        match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            now => {
                let now = now.with_context(|| format!("look at {}", path.display()))?;
                Ok((own.dev(), own.ino()) != (now.dev(), now.ino()))
            }
        }
    }

    /// Says what has come since.
    fn rest(&mut self, say: &mut Say<'_>) -> Result<()> {
        match &mut self.file {
            Some((file, partial)) => self.request.entries(file, partial, say),
            None => Ok(()),
        }
    }
}

impl LogRequest {
    /// Says the entries of a file from where it is read; what is not whole yet is kept.
    fn entries(
        &self,
        file: &mut impl BufRead,
        partial: &mut Vec<u8>,
        say: &mut Say<'_>,
    ) -> Result<()> {
        while file.read_until(b'\n', partial).context("read the log")? > 0 {
            if !partial.ends_with(b"\n") {
                break;
            }
            let entry = serde_json::from_slice::<Entry>(partial);
            partial.clear();
            // A disk that was full may have left half of one.
            let Ok(entry) = entry else { continue };
            let early = self.since.is_some_and(|since| entry.time < since);
            let late = self.until.is_some_and(|until| entry.time > until);
            if !early && !late {
                say(&entry)?;
            }
        }
        Ok(())
    }
}

fn open(file: &Path) -> Result<Option<(BufReader<File>, Vec<u8>)>> {
    match File::open(file) {
        Ok(file) => Ok(Some((BufReader::new(file), Vec::new()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", file.display())),
    }
}

/// What tells that there is more: the folder's events, and the monitor's hang-up.
struct Follow {
    events: std::os::fd::OwnedFd,
    session: Option<super::attach::Session>,
}

impl Follow {
    fn new(engine: &Engine, container: &Container, path: &Path) -> Result<Follow> {
        let events = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)
            .context("watch the log")?;
        let folder = path.parent().unwrap_or(path);
        let what = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE;
        inotify::add_watch(&events, folder, what | inotify::WatchFlags::ONLYDIR)
            .context("watch the log")?;
        let session = engine.connect(container, Wanted::NOTHING)?;
        Ok(Follow { events, session })
    }

    fn follow(mut self, path: &Path, reader: &mut Reader, say: &mut Say<'_>) -> Result<()> {
        loop {
            let ended = self.wait()?;
            self.drain()?;
            let turned_over = reader.is_turned_over(path)?;
            if reader.file.is_none() {
                reader.file = open(path)?;
            }
            reader.rest(say)?;
            if turned_over {
                reader.file = open(path)?;
                reader.rest(say)?;
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Waits for more; whether there will be none.
    fn wait(&mut self) -> Result<bool> {
        use rustix::event::{PollFd, PollFlags, poll};
        let Some(session) = &mut self.session else { return Ok(true) };
        let mut fds =
            [PollFd::new(&self.events, PollFlags::IN), PollFd::new(session, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("wait for the log"),
        }
        if fds[1].revents().is_empty() {
            return Ok(false);
        }
        Ok(session.read().context("hear of the container's end")?.is_none())
    }

    /// Takes the events: what has happened is seen by looking.
    fn drain(&self) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.events, &mut space);
        loop {
            match events.next() {
                Ok(_) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error).context("watch the log"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_turned_over_when_another_file_has_its_name() {
        let folder = std::env::temp_dir().join(format!("dok-log-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        std::fs::write(&path, "").unwrap();
        let request = LogRequest::default();
        let reader = Reader { request, file: open(&path).unwrap() };
        assert!(!reader.is_turned_over(&path).unwrap(), "it is the one that is read");
        std::fs::rename(&path, folder.join("log.1")).unwrap();
        assert!(!reader.is_turned_over(&path).unwrap(), "there is no other yet");
        std::fs::write(&path, "").unwrap();
        assert!(reader.is_turned_over(&path).unwrap());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
