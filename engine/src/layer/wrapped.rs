//! Archives in files, which may be packed in ways that no layer of a registry may.

use std::cell::Cell;
use std::io::{self, Cursor, Read};
use std::rc::Rc;

use bzip2::read::MultiBzDecoder;
use lzma_rust2::XzReader;

use super::Limits;
use crate::error::{Context, Kind, Result, refuse};

/// The most that xz may remember, in KiB: 128 MiB as Zstandard may, and what it needs besides.
const XZ_MEMORY: u32 = 130 << 10;

/// What an archive begins with.
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const BZIP2: &[u8] = b"BZh";
/// What follows after one more byte: the first block, or the end where there is none.
const BZIP2_BLOCKS: [&[u8]; 2] =
    [&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]];

/// An archive of which xz or bzip2 is taken off; how else it is packed stays.
///
/// # Errors
/// The first bytes cannot be read.
pub fn unwrapped<'a>(mut source: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let mut start = Vec::with_capacity(10);
    (&mut source).take(10).read_to_end(&mut start).context("read the archive")?;
    let bzip2 = start.strip_prefix(BZIP2).and_then(|rest| rest.get(1..));
    let is_bzip2 = bzip2.is_some_and(|rest| BZIP2_BLOCKS.contains(&rest));
    let is_xz = start.starts_with(XZ);
    let packed = Rc::new(Cell::new(0));
    let source = Counted { source: Cursor::new(start).chain(source), count: Rc::clone(&packed) };
    Ok(match (is_xz, is_bzip2) {
        (true, _) => {
            let source = XzReader::new_mem_limit(source, true, XZ_MEMORY);
            Box::new(Unpacked { source, packed, count: 0 })
        }
        (_, true) => Box::new(Unpacked { source: MultiBzDecoder::new(source), packed, count: 0 }),
        (false, false) => Box::new(source),
    })
}

/// A reader that tells how much was read.
struct Counted<R> {
    source: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(bytes)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// What comes out of a decompressor, as long as it is no more than a layer may make of itself.
struct Unpacked<R> {
    source: R,
    packed: Rc<Cell<u64>>,
    count: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(bytes)?;
        self.count += n as u64;
        if self.count > Limits::of(self.packed.get()).bytes {
            return Err(io::Error::other("the archive is longer than allowed"));
        }
        Ok(n)
    }
}

/// What is wrong with an archive between its entries. Where that is no header, what is there
/// instead is not told: it may be any file, with any secret.
pub(crate) fn between_entries(error: io::Error) -> anyhow::Error {
    let words = error.to_string();
    let quotes = ["numeric field was not a number", "checksum mismatch"];
    match quotes.iter().any(|quote| words.contains(quote)) {
        true => {
            let words = "Error processing tar file: archive/tar: invalid tar header";
            refuse(Kind::Invalid, words)
        }
        false => anyhow::Error::from(error).context("read the archive"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// What a program makes of so many zeros.
    fn packed(program: &str, zeros: &str) -> Option<Vec<u8>> {
        let mut head = Command::new("head");
        let mut head = head.args(["-c", zeros, "/dev/zero"]).stdout(Stdio::piped()).spawn().ok()?;
        let packed = Command::new(program).args(["-c", "-1"]).stdin(head.stdout.take()?).output();
        head.wait().ok()?;
        Some(packed.ok()?.stdout)
    }

    #[test]
    fn parts_in_a_row_are_one() {
        for program in ["xz", "bzip2"] {
            let Some(two) = packed(program, "1000000").map(|one| one.repeat(2)) else {
                eprintln!("skipped: there is no {program} on this machine");
                continue;
            };
            let length = io::copy(&mut unwrapped(&two[..]).unwrap(), &mut io::sink());
            assert_eq!(length.unwrap(), 2_000_000, "{program}");
        }
    }

    #[test]
    fn what_makes_much_of_itself_is_stopped() {
        let packed = Rc::new(Cell::new(1000));
        let mut bomb = Unpacked { source: io::repeat(0), packed, count: 0 };
        let stopped = io::copy(&mut bomb, &mut io::sink()).unwrap_err();
        assert_eq!(stopped.to_string(), "the archive is longer than allowed");
    }

    #[test]
    fn what_is_packed_otherwise_stays() {
        for plain in [&b"BZh9 is no archive"[..], b"\xfd7zX", b"", b"\x1f\x8b more"] {
            let mut text = Vec::new();
            unwrapped(plain).unwrap().read_to_end(&mut text).unwrap();
            assert_eq!(text, plain);
        }
    }
}
