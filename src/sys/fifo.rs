//! `fifo(7)`: waiting until somebody reads.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use super::fd::{here, open_at};
use super::inotify::{Kinds, Watcher};
use super::pidfd::{poll, wait_readable};

/// A fifo that this process writes to, should somebody read.
///
/// Opening it for writing would wait just so, but may happen only where its path leads there; this
/// waits wherever the process goes meanwhile.
#[derive(Debug)]
pub struct Fifo {
    openings: Watcher,
    writer: OwnedFd,
}

impl Fifo {
    /// Does not wait.
    ///
    /// # Errors
    /// `open(2)`, `inotify_add_watch(2)`
    pub fn open(path: &Path) -> io::Result<Fifo> {
        let text = path.to_string_lossy();
        let open = |how| open_at(here(), &text, how | libc::O_NONBLOCK, 0);
        let openings = Watcher::new()?;
        openings.add(path, Kinds::IN_OPEN)?;
        // A writer cannot open it while nobody reads.
        let both = open(libc::O_RDWR)?;
        let writer = open(libc::O_WRONLY)?;
        drop(both);
        Ok(Fifo { openings, writer })
    }

    /// Waits until it is opened for reading; returns at once if it is.
    ///
    /// # Errors
    /// `poll(2)`, `read(2)`
    pub fn wait_for_a_reader(&self) -> io::Result<()> {
        // Our own openings. What comes from here on is not lost while we look for a reader.
        self.openings.take()?;
        let mut writer = [libc::pollfd { fd: self.writer.as_raw_fd(), events: 0, revents: 0 }];
        poll(&mut writer, 0)?;
        let nobody_reads = writer[0].revents & libc::POLLERR != 0;
        while nobody_reads && !wait_readable(self.openings.as_fd(), None)? {}
        Ok(())
    }

    /// What it holds open; both close at execve(2).
    pub fn descriptors(&self) -> [RawFd; 2] {
        [self.openings.as_fd().as_raw_fd(), self.writer.as_raw_fd()]
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    fn fifo(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("onggi-{name}-{}", std::process::id()));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        path
    }

    #[test]
    fn a_reader_that_comes_later_is_waited_for() {
        let path = fifo("late-reader");
        let waiting = Fifo::open(&path).unwrap();
        let reader = thread::spawn({
            let path = path.clone();
            move || {
                thread::sleep(Duration::from_millis(100));
                File::open(path).map(drop)
            }
        });
        let begun = Instant::now();
        waiting.wait_for_a_reader().unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(90));
        reader.join().unwrap().unwrap();
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_reader_that_is_there_already_is_seen() {
        let path = fifo("early-reader");
        let reader = thread::spawn({
            let path = path.clone();
            move || File::open(path)
        });
        // It waits in open(2) for us.
        thread::sleep(Duration::from_millis(50));
        let waiting = Fifo::open(&path).unwrap();
        let _reader = reader.join().unwrap().unwrap();
        waiting.wait_for_a_reader().unwrap();
        fs::remove_file(path).unwrap();
    }
}
