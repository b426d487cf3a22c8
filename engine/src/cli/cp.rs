//! `dok cp`: files between a container and the host.

use std::io::{self, IsTerminal, PipeReader, PipeWriter, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::flags::{is_set, switch};
use super::{Globals, complain, human, is_broken_pipe, required};
use crate::error::{Context, Result};
use crate::layer::{self, Owner, pack_as, unpack_tree};
use crate::service::Engine;
use crate::service::copy::{Place, not_found};

/// What stands for the standard streams.
const STREAM: &str = "-";

pub(super) fn definition() -> Command {
    Command::new("cp")
        .about("Copy files/folders between a container and the local filesystem")
        .override_usage(
            "dok cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n       \
             dok cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        )
        .arg(switch("archive", "Archive mode (copy all uid/gid information)").short('a'))
        .arg(switch("follow-link", "Always follow symbol link in SRC_PATH").short('L'))
        .arg(switch("quiet", "Suppress what is told of a copy that is done").short('q'))
        .arg(Arg::new("source").value_name("SRC_PATH").required(true))
        .arg(Arg::new("target").value_name("DEST_PATH").required(true))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let (source, target) = (required(matches, "source"), required(matches, "target"));
    anyhow::ensure!(!source.is_empty(), "source can not be empty");
    anyhow::ensure!(!target.is_empty(), "destination can not be empty");
    for word in [source, target] {
        let is_empty = split(word).is_some_and(|(_, path)| path.is_empty());
        anyhow::ensure!(!is_empty, "{word}: the path is empty: expected CONTAINER:PATH");
    }
    let engine = globals.engine()?;
    let copy = Copy {
        engine: &engine,
        archive: is_set(matches, "archive"),
        follow: is_set(matches, "follow-link"),
    };
    let copied = match (split(source), split(target)) {
        (Some(from), None) => copy.outward(from, target)?,
        (None, Some(to)) => copy.inward(source, to)?,
        (Some(_), Some(_)) => anyhow::bail!("copying between containers is not supported"),
        (None, None) => anyhow::bail!("must specify at least one container source"),
    };
    let asked = matches.value_source("quiet") == Some(ValueSource::CommandLine);
    let quiet = if asked { is_set(matches, "quiet") } else { !io::stdout().is_terminal() };
    if !quiet && target != STREAM {
        complain(&format!("Successfully copied {} to {target}", human::size(copied, 3)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing but a file or a folder is written over: `/dev/null` stays what it is.
fn refuse_special(target: &str) -> Result<()> {
    let found = std::fs::metadata(target);
    let is_special = found.is_ok_and(|found| !found.is_dir() && !found.is_file());
    let words = "must be a directory or a regular file";
    anyhow::ensure!(!is_special, "invalid output path: {target:?} {words}");
    Ok(())
}

/// `CONTAINER:PATH`; a word that begins as a path does is one of the host.
fn split(word: &str) -> Option<(&str, &str)> {
    let parts = word.split_once(':').filter(|(name, _)| !name.is_empty())?;
    (!word.starts_with(['/', '.'])).then_some(parts)
}

/// A path as it was typed: its end says what it is to be.
#[derive(Clone, Copy)]
struct Typed<'a>(&'a str);

impl<'a> Typed<'a> {
    /// Without its end.
    fn path(self) -> &'a Path {
        Path::new(self.0).components().as_path()
    }

    /// `PATH/.`: what is in the folder, not the folder.
    fn is_content(self) -> bool {
        self.0 == "." || self.0.ends_with("/.") || self.path().file_name().is_none()
    }

    fn is_folder(self) -> bool {
        self.is_content() || self.0.ends_with('/')
    }
}

/// What is copied: where it is, and what it is called.
struct Origin {
    place: Place,
    /// Empty for the content of a folder.
    name: PathBuf,
}

impl Origin {
    fn new(typed: Typed, place: Place) -> Result<Origin> {
        anyhow::ensure!(place.is_folder || !typed.is_folder(), "not a directory");
        let own = typed.path().file_name().filter(|_| !typed.is_content());
        Ok(Origin { place, name: own.map(PathBuf::from).unwrap_or_default() })
    }

    /// The folder that it goes into, and what it is called there.
    fn lands(&self, typed: Typed, there: Option<Place>) -> Result<(PathBuf, PathBuf)> {
        let (path, is_file) = match there {
            Some(place) if place.is_folder => return Ok((place.path, self.name.clone())),
            Some(place) => (place.path, true),
            None => (typed.path().to_owned(), false),
        };
        anyhow::ensure!(!(is_file && typed.is_folder()), "not a directory");
        anyhow::ensure!(!(is_file && self.place.is_folder), "cannot copy directory");
        anyhow::ensure!(self.place.is_folder || !typed.is_folder(), "no such directory");
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        Ok((path.parent().unwrap_or(Path::new("")).to_owned(), name))
    }
}

struct Copy<'a> {
    engine: &'a Engine,
    archive: bool,
    follow: bool,
}

impl Copy<'_> {
    fn outward(&self, (container, path): (&str, &str), target: &str) -> Result<u64> {
        let typed = Typed(path);
        let follow = self.follow || typed.is_folder();
        let place = self.engine.find(container, typed.path(), follow)?;
        let absolute = Path::new("/").join(path);
        let place = place.ok_or_else(|| not_found(container, &absolute))?;
        let origin = Origin::new(typed, place)?;
        let path = &origin.place.path;
        if target == STREAM {
            self.engine.copy_out(container, path, &origin.name, io::stdout())?;
            return Ok(0);
        }
        refuse_special(target)?;
        let wanted = Typed(target);
        let (folder, name) = origin.lands(wanted, Place::find(wanted.path(), true)?)?;
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let shown = folder.display();
        anyhow::ensure!(
            folder.is_dir(),
            "invalid output path: directory \"{shown}\" does not exist"
        );
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        let owner = match self.archive {
            true => Owner::AsSent,
            false => Owner::These(user.as_raw(), group.as_raw()),
        };
        through(
            |pipe| self.engine.copy_out(container, path, &name, pipe),
            |pipe| unpack_tree(pipe, &folder, owner).map(drop),
        )
    }

    fn inward(&self, source: &str, (container, path): (&str, &str)) -> Result<u64> {
        let mut there = self.engine.find(container, Typed(path).path(), true)?;
        // What a link leads to is made where that is not there yet.
        let led = match there {
            None => self.engine.link_target(container, Typed(path).path())?,
            Some(_) => None,
        };
        let led = led.map(|target| target.display().to_string());
        let wanted = match &led {
            Some(target) => {
                there = self.engine.find(container, Path::new(target), true)?;
                Typed(target)
            }
            None => Typed(path),
        };
        if source == STREAM {
            let folder = there.filter(|place| place.is_folder);
            let wrong =
                || anyhow::anyhow!("destination \"{container}:{path}\" must be a directory");
            let folder = folder.ok_or_else(wrong)?.path;
            let mut counted = Counted { source: io::stdin(), bytes: 0 };
            self.engine.copy_in(container, &folder, self.archive, &mut counted)?;
            return Ok(counted.bytes);
        }
        let typed = Typed(source);
        let place = Place::find(typed.path(), self.follow || typed.is_folder())?;
        let missing = || anyhow::anyhow!("lstat {source}: no such file or directory");
        let origin = Origin::new(typed, place.ok_or_else(missing)?)?;
        let (folder, name) = origin.lands(wanted, there)?;
        let packed = layer::Origin::of_host(&origin.place.path)
            .with_context(|| format!("open {}", origin.place.path.display()))?;
        through(
            |pipe| pack_as(packed, &name, pipe),
            |pipe| self.engine.copy_in(container, &folder, self.archive, pipe),
        )
    }
}

/// Lets one side pack while the other unpacks, and tells how many bytes went over.
fn through(
    pack: impl FnOnce(PipeWriter) -> Result<()> + Send,
    unpack: impl FnOnce(&mut Counted<PipeReader>) -> Result<()>,
) -> Result<u64> {
    let (reader, writer) = io::pipe()?;
    let mut counted = Counted { source: reader, bytes: 0 };
    let (packed, unpacked, bytes) = thread::scope(|scope| {
        let packing = scope.spawn(move || pack(writer));
        let unpacked = unpack(&mut counted);
        let bytes = counted.bytes;
        // Who still packs must hear that nobody listens.
        drop(counted);
        let packed = packing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (packed, unpacked, bytes)
    });
    match (packed, unpacked) {
        (Err(error), Err(other)) => Err(if is_broken_pipe(&error) { other } else { error }),
        (packed, unpacked) => unpacked.and(packed).map(|()| bytes),
    }
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(piece)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
