//! Archives that become folders: whatever is in them, nothing outside is touched.

use std::io::{self, Read};

use onggi_engine::image::manifest::Compression;
use onggi_engine::layer::{Limits, Owner, Unpacked, decompress, unpack, unpack_tree};

use crate::scratch;

/// More than the archives in `seeds` have, and little enough to be quick.
const LIMITS: Limits = Limits { bytes: 1 << 20, entries: 500 };

/// A layer of an image.
pub(crate) fn layer(input: &[u8]) {
    let folder = scratch::emptied("layer");
    if let Ok(unpacked) = unpack(input, &folder, LIMITS) {
        check(unpacked);
    }
    scratch::check_outside("layer");
}

/// What `cp` and `import` unpack.
pub(crate) fn tree(input: &[u8]) {
    let folder = scratch::emptied("tree");
    // It has no limit of its own: what is copied was there before, but for holes.
    if !input.windows(9).any(|window| window == b"GNU.spars") && !has_sparse(input) {
        let _ = unpack_tree(input, &folder, Owner::These(1, 1));
    }
    scratch::check_outside("tree");
}

/// Whether an old header of GNU's tells of holes (tar(5)).
fn has_sparse(input: &[u8]) -> bool {
    input.chunks(512).any(|header| header.get(156) == Some(&b'S'))
}

fn check(unpacked: Unpacked) {
    assert!(unpacked.entries <= LIMITS.entries && unpacked.size <= LIMITS.bytes, "{unpacked:?}");
}

/// What is left of a layer when its compression is taken off; a byte before it says which it is.
pub(crate) fn compressed(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let compression = match first % 3 {
        0 => Compression::sniff(rest),
        1 => Compression::Gzip,
        _ => Compression::Zstd,
    };
    let reader = decompress(rest, compression).expect("a decompressor");
    let _ = io::copy(&mut reader.take(4 << 20), &mut io::sink());
}
