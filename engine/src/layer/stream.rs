//! The way of a layer's bytes from what was sent to the archive.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use crate::error::{Context, Result};
use crate::image::manifest::Compression;
use crate::image::{Digest, Hasher};

/// The most that Zstandard may remember: 128 MiB, as a power of two.
const ZSTD_WINDOW: u32 = 27;

/// Takes the compression off a layer.
///
/// # Errors
/// Where the decompressor cannot be made.
pub fn decompress<'a>(
    source: impl Read + 'a,
    compression: Compression,
) -> Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(source),
        Compression::Gzip => Box::new(MultiGzDecoder::new(source)),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::new(source).context("begin to read zstd")?;
            decoder.window_log_max(ZSTD_WINDOW).context("limit zstd")?;
            Box::new(decoder)
        }
    })
}

/// What a [`Meter`] has seen, and how much more it lets through.
#[derive(Default)]
struct Count {
    read: Cell<u64>,
    until: Cell<Option<u64>>,
}

/// A reader that computes the digest of what passes, and stops at a limit that can be moved.
pub(super) struct Meter<R> {
    source: R,
    hasher: Hasher,
    count: Rc<Count>,
}

/// The limit of a [`Meter`] that somebody else reads from.
pub(super) struct Gauge(Rc<Count>);

impl<R: Read> Meter<R> {
    pub(super) fn new(source: R) -> (Meter<R>, Gauge) {
        let count = Rc::new(Count::default());
        (Meter { source, hasher: Hasher::default(), count: count.clone() }, Gauge(count))
    }

    /// Reads what is left, and gives the digest of all.
    pub(super) fn finish(mut self, most: u64) -> Result<Digest> {
        self.count.until.set(Some(self.count.read.get() + most));
        let read = io::copy(&mut self, &mut io::sink());
        read.context("read the layer to its end")?;
        Ok(self.hasher.finish())
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(bytes)?;
        self.hasher.update(&bytes[..n]);
        let read = self.count.read.get() + n as u64;
        self.count.read.set(read);
        match self.count.until.get() {
            Some(until) if read > until => {
                Err(io::Error::other("the archive is longer than allowed"))
            }
            _ => Ok(n),
        }
    }
}

impl Gauge {
    /// Lets `bytes` more through; without a number, all.
    pub(super) fn allow(&self, bytes: Option<u64>) {
        self.0.until.set(bytes.map(|bytes| self.0.read.get().saturating_add(bytes)));
    }
}
