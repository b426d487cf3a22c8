//! The files of a log: the present one, and those that were full, each with a number, the oldest
//! with the highest. They may be packed, by a process of its own (`dok pack`) that has nothing but
//! what it reads and what it writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::companion::{self, Companion};
use super::log::Wanted;
use super::log_options::Limits;
use super::sandbox;
use crate::error::{Context, IfThere, Result};

/// The word that makes dok the process that packs.
pub const WORD: &str = "pack";

/// The process that packs, from its words on the command line to its end.
///
/// # Errors
/// What could not be read or written.
pub fn main(words: &[PathBuf]) -> Result<()> {
    let [monitor] = words else { anyhow::bail!("pack is started by dok itself") };
    companion::end_with(monitor)?;
    let own = |stream: std::os::fd::BorrowedFd<'_>| stream.try_clone_to_owned().map(File::from);
    let mut full = own(io::stdin().as_fd()).context("take the file that is full")?;
    let packed = own(io::stdout().as_fd()).context("take the file for what is packed")?;
    sandbox::enter(sandbox::Task::Streams)?;
    let mut packed = GzEncoder::new(packed, Compression::default());
    io::copy(&mut full, &mut packed).context("pack")?;
    packed.finish().and_then(|mut file| file.flush()).context("write what is packed")
}

/// A file that is full, by its number, before it is packed and after.
fn numbered(path: &Path, number: u32) -> [PathBuf; 2] {
    let plain = format!("{}.{number}", path.display());
    [PathBuf::from(format!("{plain}.gz")), PathBuf::from(plain)]
}

/// The numbers of the files that are full, packed or not.
fn full(path: &Path) -> RangeInclusive<u32> {
    let is_there = |number: &u32| numbered(path, *number).iter().any(|file| file.exists());
    1..=(1..).take_while(is_there).last().unwrap_or_default()
}

/// What there is of a log, the oldest first; the present file, which comes last, is not among it.
pub fn older(path: &Path) -> impl Iterator<Item = Result<Box<dyn Read>>> {
    full(path).rev().map(|number| numbered(path, number)).filter_map(|[packed, plain]| {
        // A file goes only when it is packed: this order finds it in any case.
        let plain = read(&plain).map(|file| file.map(|file| Box::new(file) as Box<dyn Read>));
        let packed =
            || read(&packed).map(|file| file.map(|f| Box::new(GzDecoder::new(f)) as Box<dyn Read>));
        plain.and_then(|file| file.map_or_else(packed, |file| Ok(Some(file)))).transpose()
    })
}

fn read(path: &Path) -> Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some).with_context(|| format!("read {}", path.display())),
    }
}

/// The files, for the monitor: whoever writes into them cannot open any.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    limits: Limits,
    /// Packs one of those that are full, which has this number now.
    packing: Option<(Companion, u32)>,
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some((companion, _)) = self.packing.take() {
            companion.end();
            let _ = fs::remove_file(self.half());
        }
    }
}

impl Files {
    pub(super) fn new(path: PathBuf, limits: Limits) -> Files {
        Files { path, limits, packing: None }
    }

    /// The bytes of a file.
    pub(super) fn size(&self) -> u64 {
        self.limits.size
    }

    /// The present file, or after turning it over the next one; and the bytes in it.
    pub(super) fn open(&mut self, wanted: Wanted) -> io::Result<(File, u64)> {
        if wanted == Wanted::Next {
            turn_over(&self.path, self.limits.files)?;
            if let Some((_, number)) = &mut self.packing {
                *number += 1;
            }
            self.pack();
        }
        let file = create(&self.path, OpenOptions::new().append(true))?;
        let written = file.metadata()?.len();
        Ok((file, written))
    }

    /// Packs the oldest that is not, one at a time. What cannot be packed stays as it is.
    fn pack(&mut self) {
        if !self.limits.packed || self.packing.is_some() {
            return;
        }
        let is_plain = |number: &u32| numbered(&self.path, *number)[1].exists();
        let oldest = full(&self.path).rev().find(is_plain);
        self.packing = oldest.and_then(|number| Some((self.start_to_pack(number).ok()?, number)));
    }

    fn start_to_pack(&self, number: u32) -> Result<Companion> {
        let full = File::open(&numbered(&self.path, number)[1]).context("read what is full")?;
        let packed = create(&self.half(), OpenOptions::new().write(true).truncate(true));
        let mut command = companion::command(WORD);
        command.stdin(full).stdout(packed.context("make a file")?).stderr(Stdio::null());
        Companion::start(command)
    }

    /// A child of the monitor has ended: perhaps the one that packs.
    pub(super) fn child_ended(&mut self, child: u32, code: i32) {
        let Some((_, number)) = self.packing.take_if(|(packer, _)| packer.is(child)) else {
            return;
        };
        let [packed, full] = numbered(&self.path, number);
        let is_whole = code == 0 && number < self.limits.files;
        if is_whole && fs::rename(self.half(), packed).is_ok() {
            let _ = fs::remove_file(full);
            self.pack();
        } else {
            let _ = fs::remove_file(self.half());
        }
    }

    /// Where a file is packed, before it is whole.
    fn half(&self) -> PathBuf {
        PathBuf::from(format!("{}.packing", self.path.display()))
    }
}

fn create(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.create(true).mode(0o640).open(path)
}

/// `log` becomes `log.1`, that becomes `log.2`, and what is more than `files` goes.
fn turn_over(path: &Path, files: u32) -> io::Result<()> {
    if files == 1 {
        return fs::remove_file(path).if_there();
    }
    for number in full(path).rev() {
        for (from, to) in numbered(path, number).iter().zip(numbered(path, number + 1)) {
            let has_room = number + 1 < files;
            if has_room { fs::rename(from, to) } else { fs::remove_file(from) }.if_there()?;
        }
    }
    let [_, first] = numbered(path, 1);
    fs::rename(path, first).if_there()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_turned_over_packed_or_not() {
        let folder = std::env::temp_dir().join(format!("dok-log-files-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        let put = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"second").unwrap();
        put("log", "fourth");
        put("log.1", "third");
        fs::write(folder.join("log.2.gz"), packed.finish().unwrap()).unwrap();
        put("log.3", "first");
        let texts = || -> Vec<_> {
            older(&path).map(|file| io::read_to_string(file.unwrap()).unwrap()).collect()
        };
        assert_eq!(texts(), ["first", "second", "third"]);
        turn_over(&path, 4).unwrap();
        assert_eq!(texts(), ["second", "third", "fourth"]);
        put("log", "fifth");
        turn_over(&path, 3).unwrap();
        assert_eq!(texts(), ["fourth", "fifth"]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
