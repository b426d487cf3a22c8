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

/// How an archive is packed, which its first bytes tell, and all of it.
///
/// # Errors
/// The first bytes cannot be read.
pub fn sniff<R: Read>(mut source: R) -> Result<(Compression, impl Read + use<R>)> {
    let mut start = Vec::with_capacity(4);
    (&mut source).take(4).read_to_end(&mut start).context("read the archive")?;
    Ok((Compression::sniff(&start), io::Cursor::new(start).chain(source)))
}

/// An archive without its compression.
///
/// # Errors
/// The first bytes cannot be read; the decompressor cannot be made.
pub fn uncompressed<'a>(source: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let (compression, source) = sniff(source)?;
    decompress(source, compression)
}

/// What has been read, and how much more may be.
#[derive(Default)]
struct Count {
    read: Cell<u64>,
    until: Cell<Option<u64>>,
}

/// A reader that stops at a limit that can be moved.
pub(crate) struct Bounded<R> {
    source: R,
    count: Rc<Count>,
}

/// The limit of a [`Bounded`] that somebody else reads from.
pub(crate) struct Gauge(Rc<Count>);

impl<R: Read> Bounded<R> {
    pub(crate) fn new(source: R) -> (Bounded<R>, Gauge) {
        let count = Rc::new(Count::default());
        (Bounded { source, count: Rc::clone(&count) }, Gauge(count))
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(bytes)?;
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
    pub(crate) fn allow(&self, bytes: Option<u64>) {
        self.0.until.set(bytes.map(|bytes| self.0.read.get().saturating_add(bytes)));
    }
}

/// One that also computes the digest of what passes.
pub(super) struct Meter<R> {
    source: Bounded<R>,
    hasher: Hasher,
}

impl<R: Read> Meter<R> {
    pub(super) fn new(source: R) -> (Meter<R>, Gauge) {
        let (source, gauge) = Bounded::new(source);
        (Meter { source, hasher: Hasher::default() }, gauge)
    }

    /// Reads what is left, and gives the digest of all.
    pub(super) fn finish(mut self, most: u64) -> Result<Digest> {
        Gauge(Rc::clone(&self.source.count)).allow(Some(most));
        let read = io::copy(&mut self, &mut io::sink());
        read.context("read the layer to its end")?;
        Ok(self.hasher.finish())
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }
}
