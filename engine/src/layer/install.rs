//! A layer from where it was sent into the store.

use std::io::Read;

use super::{Limits, decompress, unpack};
use crate::error::{Kind, Result, refuse};
use crate::image::Digest;
use crate::image::manifest::Compression;
use crate::store::Store;
use crate::store::layers::Facts;

/// A layer as it was sent.
#[derive(Debug)]
pub struct Sent<R> {
    /// Its bytes.
    pub source: R,
    /// How many.
    pub size: u64,
    /// How it is packed.
    pub compression: Compression,
}

/// Unpacks a layer into the store, and gives the digest of its archive. Where `expected` is there
/// already, nothing is read.
///
/// # Errors
/// Where the archive is refused, or is not the expected one; nothing is left of it then.
pub fn install<R: Read>(store: &Store, sent: Sent<R>, expected: Option<&Digest>) -> Result<Digest> {
    if let Some(expected) = expected
        && store.has_layer(expected)
    {
        return Ok(*expected);
    }
    let staged = store.stage_layer()?;
    let source = decompress(sent.source, sent.compression)?;
    let unpacked = unpack(source, &staged.root(), Limits::of(sent.size))?;
    if let Some(expected) = expected
        && unpacked.diff_id != *expected
    {
        let words = format!("layer {expected} was unpacked and is {} in truth", unpacked.diff_id);
        return Err(refuse(Kind::Invalid, words));
    }
    let facts = Facts { size: unpacked.size, entries: unpacked.entries };
    store.keep_layer(staged, &unpacked.diff_id, facts)?;
    Ok(unpacked.diff_id)
}
