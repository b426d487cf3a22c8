//! `fifo(7)`: waiting until somebody reads.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use super::fd::{here, open_at};
use super::inotify::{Event, Kinds, Watcher};
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
        openings.add(path, Kinds::IN_OPEN | Kinds::IN_CLOSE_NOWRITE)?;
        // A writer cannot open it while nobody reads.
        let both = open(libc::O_RDWR)?;
        let writer = open(libc::O_WRONLY)?;
        drop(both);
        Ok(Fifo { openings, writer })
    }

    /// Waits until somebody opens it for reading; returns at once if that was since [`Fifo::open`].
    ///
    /// # Errors
    /// `poll(2)`, `read(2)`
    pub fn wait_for_a_reader(&self) -> io::Result<()> {
        // What happens after a look makes the next one.
        while !self.was_read()? {
            wait_readable(self.openings.as_fd(), None)?;
        }
        Ok(())
    }

    /// Whether a reader is there, or has been. Others may open it as well, we do: only a reader
    /// leaves IN_CLOSE_NOWRITE, and only without one has the writer's end an error.
    fn was_read(&self) -> io::Result<bool> {
        let left = |event: &Event| event.kinds.contains(Kinds::IN_CLOSE_NOWRITE);
        if self.openings.take()?.iter().any(left) {
            return Ok(true);
        }
        let mut writer = [libc::pollfd { fd: self.writer.as_raw_fd(), events: 0, revents: 0 }];
        poll(&mut writer, 0)?;
        Ok(writer[0].revents & libc::POLLERR == 0)
    }

    /// What it holds open; both close at execve(2).
    pub fn descriptors(&self) -> [RawFd; 2] {
        [self.openings.as_fd().as_raw_fd(), self.writer.as_raw_fd()]
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn fifo(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("onggi-{name}-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        path
    }

    #[test]
    fn a_reader_that_comes_later_is_waited_for() {
        let path = fifo("late-reader");
        let waiting = Fifo::open(&path).unwrap();
        let came = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                thread::sleep(Duration::from_millis(100));
                came.store(true, Ordering::SeqCst);
                File::open(&path).map(drop)
            });
            waiting.wait_for_a_reader().unwrap();
            assert!(came.load(Ordering::SeqCst));
            reader.join().unwrap().unwrap();
        });
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_reader_that_is_there_already_is_seen() {
        let path = fifo("early-reader");
        let reader = thread::spawn({
            let path = path.clone();
            move || File::open(path)
        });
        // It waits in open(2) for us, or comes a little later.
        thread::sleep(Duration::from_millis(50));
        let waiting = Fifo::open(&path).unwrap();
        let _reader = reader.join().unwrap().unwrap();
        waiting.wait_for_a_reader().unwrap();
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_reader_that_has_left_before_the_wait_was_one() {
        let path = fifo("hasty-reader");
        let waiting = Fifo::open(&path).unwrap();
        drop(File::open(&path).unwrap());
        assert!(waiting.was_read().unwrap(), "there is nobody to wait for");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn another_writer_is_no_reader() {
        let path = fifo("other-writer");
        let waiting = Fifo::open(&path).unwrap();
        assert!(!waiting.was_read().unwrap());
        let _other = Fifo::open(&path).unwrap();
        assert!(wait_readable(waiting.openings.as_fd(), Some(Duration::ZERO)).unwrap());
        assert!(!waiting.was_read().unwrap());
        let _reader = File::open(&path).unwrap();
        assert!(waiting.was_read().unwrap());
        fs::remove_file(path).unwrap();
    }
}
