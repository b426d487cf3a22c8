//! The directory of a checkpoint: CRIU's images and log, and what stood for the standard streams.
//!
//! Who restores may not have made it. CRIU follows links where it writes its log; so nothing of an
//! earlier restore is left in its way. Of what the directory says, only `descriptors.json` is read
//! here, and only pipes by number are taken from it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::criu;
use crate::error::{Doing, Error, Result};
use crate::sys::fd::{open_at, read_all, stat};
use crate::sys::file;
use crate::sys::path::{read_link, remove};
use crate::sys::procfs::Procfs;

const DESCRIPTORS: &str = "descriptors.json";
/// No longer a list than that is read (bytes).
const LIMIT: usize = 64 << 10;
/// How many standard streams there are.
const STREAMS: usize = 3;

/// What is done with the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// They are written.
    Dump,
    /// They are read.
    Restore,
}

impl Purpose {
    /// CRIU's log.
    pub(super) fn log(self) -> &'static str {
        match self {
            Purpose::Dump => "dump.log",
            Purpose::Restore => "restore.log",
        }
    }

    /// What CRIU writes beside it.
    fn statistics(self) -> &'static str {
        match self {
            Purpose::Dump => "stats-dump",
            Purpose::Restore => "stats-restore",
        }
    }
}

/// The directory of the images, and that of the log where it is another one.
#[derive(Debug)]
pub(super) struct Images {
    path: PathBuf,
    directory: OwnedFd,
    work: Option<(PathBuf, OwnedFd)>,
    purpose: Purpose,
}

impl Images {
    /// Opens the directories; those that are written to are made where they are missing.
    pub(super) fn open(images: &Path, work: Option<&Path>, purpose: Purpose) -> Result<Images> {
        let open = |path: &Path| file::open_dir(path).doing(|| format!("open {}", path.display()));
        if purpose == Purpose::Dump {
            make(images)?;
        }
        work.map_or(Ok(()), make)?;
        let with_path = |path: &Path| open(path).map(|fd| (path.to_owned(), fd));
        let opened = Images {
            path: images.to_owned(),
            directory: open(images)?,
            work: work.map(with_path).transpose()?,
            purpose,
        };
        opened.clear()?;
        Ok(opened)
    }

    /// Nothing may be where CRIU writes: it would follow a link.
    fn clear(&self) -> Result<()> {
        for name in [self.purpose.log(), self.purpose.statistics()] {
            match remove(self.work().0.as_fd(), name, 0) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other.doing(|| format!("remove an old {name}"))?,
            }
        }
        Ok(())
    }

    /// What CRIU is told of the directories.
    pub(super) fn options(&self) -> criu::Options {
        criu::Options {
            images: self.directory.as_raw_fd(),
            work: self.work.as_ref().map(|(_, work)| work.as_raw_fd()),
            log: self.purpose.log(),
            ..criu::Options::default()
        }
    }

    /// What CRIU is given.
    pub(super) fn directories(&self) -> Vec<(&OwnedFd, &Path)> {
        let work = self.work.iter().map(|(path, work)| (work, path.as_path()));
        work.chain([(&self.directory, self.path.as_path())]).collect()
    }

    /// Where the log is.
    fn work(&self) -> (&OwnedFd, &Path) {
        let own = (&self.directory, self.path.as_path());
        self.work.as_ref().map_or(own, |(path, work)| (work, path.as_path()))
    }

    /// CRIU's error, with what its log says: it tells the last things that went wrong, and the
    /// error the first, which may not have mattered.
    pub(super) fn explain(&self, error: &Error) -> Error {
        let (work, path) = self.work();
        let errors = criu::errors_of(work.as_fd(), self.purpose.log());
        let all = error.to_string();
        let words = match errors.is_empty() {
            true => all,
            false => {
                format!("{}: {}", all.split(':').next().unwrap_or_default(), errors.join(": "))
            }
        };
        let log = path.join(self.purpose.log());
        Error::told(format!("{words} (log file: {})", log.display()), error.errno())
    }

    /// Whether another directory of images is there, seen from this one.
    pub(super) fn check_parent(&self, parent: &str) -> Result<()> {
        if parent.starts_with('/') {
            return Err(Error::new(format!(
                "--parent-path {parent:?}: expected a path that is relative to --image-path"
            )));
        }
        open_at(self.directory.as_fd(), parent, libc::O_PATH | libc::O_DIRECTORY, 0)
            .map(drop)
            .doing(|| format!("--parent-path {parent:?}, from --image-path"))
    }

    /// Notes what the standard streams of a process are, for a restore to put others in their
    /// place.
    pub(super) fn save_descriptors(&self, pid: i32) -> Result<()> {
        let procfs = Procfs::of_this_process()?;
        let links = procfs
            .open(&format!("{pid}/fd"), libc::O_RDONLY | libc::O_DIRECTORY)
            .doing(|| format!("open the descriptors of process {pid}"))?;
        let target = |number: usize| match read_link(links.as_fd(), &number.to_string()) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            other => Ok(other?.to_string_lossy().into_owned()),
        };
        let streams = (0..STREAMS).map(target).collect::<Result<Vec<_>>>()?;
        let text = serde_json::to_vec(&streams)?;
        let _ = remove(self.directory.as_fd(), DESCRIPTORS, 0);
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL;
        open_at(self.directory.as_fd(), DESCRIPTORS, flags, 0o600)
            .and_then(|file| fs::File::from(file).write_all(&text))
            .doing(|| format!("write {DESCRIPTORS}"))
    }

    /// The pipes that were standard streams: CRIU's name, the stream's number.
    ///
    /// # Errors
    /// A list that is missing, no regular file, too long or not what it should be.
    pub(super) fn pipes(&self) -> Result<Vec<(String, i32)>> {
        self.read_descriptors().and_then(|text| pipes_in(&text)).doing(|| DESCRIPTORS.into())
    }

    fn read_descriptors(&self) -> Result<Vec<u8>> {
        // Not blocked by a FIFO in its place.
        let flags = libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = open_at(self.directory.as_fd(), DESCRIPTORS, flags, 0)?;
        match stat(file.as_fd())?.st_mode & libc::S_IFMT {
            libc::S_IFREG => Ok(read_all(file.as_fd(), LIMIT)?),
            _ => Err(Error::new("is no regular file")),
        }
    }
}

fn make(path: &Path) -> Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.doing(|| format!("make {}", path.display())),
    }
}

/// The pipes that a checkpoint's `descriptors.json` names, and the stream that each of them was: a
/// descriptor of the caller takes the place of a pipe, and of nothing else that a list may name.
///
/// # Errors
/// A list that is too long or not what it should be.
pub fn pipes_in(text: &[u8]) -> Result<Vec<(String, i32)>> {
    let streams: Vec<String> = serde_json::from_slice(text)?;
    if streams.len() > STREAMS {
        return Err(Error::new(format!(
            "names {} descriptors; expected at most {STREAMS}",
            streams.len()
        )));
    }
    let pipes = streams.into_iter().zip(0..).filter(|(name, _)| name.starts_with("pipe:"));
    pipes
        .map(|(name, number)| match is_pipe(&name) {
            true => Ok((name, number)),
            false => Err(Error::new(format!("{name:?}: expected pipe:[NUMBER]"))),
        })
        .collect()
}

fn is_pipe(name: &str) -> bool {
    let number = name.strip_prefix("pipe:[").and_then(|rest| rest.strip_suffix(']'));
    number.is_some_and(|digits| {
        (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pipes_are_replaced() {
        let text = br#"["/dev/null","pipe:[77]","pipe:[4026531840]"]"#;
        let expected = [("pipe:[77]".to_owned(), 1), ("pipe:[4026531840]".to_owned(), 2)];
        assert_eq!(pipes_in(text).unwrap(), expected);
        assert_eq!(pipes_in(br#"["/etc/shadow","socket:[1]","x pipe:[1]"]"#).unwrap(), []);
        assert_eq!(pipes_in(b"[]").unwrap(), []);
    }

    #[test]
    fn a_list_that_is_made_up_is_refused() {
        for text in [
            "",
            "{}",
            "[1]",
            "[null]",
            r#"["a","b","c","pipe:[1]"]"#,
            r#"["pipe:[]"]"#,
            r#"["pipe:[1]/../../etc/passwd"]"#,
            r#"["pipe:[-1]"]"#,
            r#"["pipe:[x]"]"#,
            r#"["pipe:/etc/passwd"]"#,
            r#"["pipe:[111111111111111111111]"]"#,
        ] {
            assert!(pipes_in(text.as_bytes()).is_err(), "{text}");
        }
    }
}
