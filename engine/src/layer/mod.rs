//! Layers as archives: unpacked into a folder, packed from one, and what changed in between.

pub mod changes;
mod facts;
mod install;
pub mod pack;
mod place;
mod stream;
mod unpack;
mod wrapped;

pub use changes::{Change, Kind, changes};
pub use install::{Sent, install};
pub use pack::{Form, Origin, pack, pack_as};
pub(crate) use stream::Bounded;
pub use stream::{decompress, sniff, uncompressed};
pub use unpack::{Limits, Owner, Unpacked, unpack, unpack_tree};
pub(crate) use wrapped::between_entries;
pub use wrapped::unwrapped;

/// The most that may stand between two entries of an archive: long names, attributes.
pub(crate) const BETWEEN_ENTRIES: u64 = 1 << 20;
/// What a file is called in an archive that stands for the absence of the name after it.
const WHITEOUT: &str = ".wh.";
/// What makes a folder hide all that the layers below have in it.
const OPAQUE: &str = ".wh..wh..opq";

/// Whether a folder does, by what reads its attributes.
fn is_opaque(read: impl FnOnce(&str, &mut [u8]) -> rustix::io::Result<usize>) -> bool {
    let mut value = [0_u8; 1];
    read(opaque_attribute(), &mut value).is_ok_and(|length| length == 1) && value == *b"y"
}

/// The attribute by which overlayfs knows such a folder. Only root may use the first one.
fn opaque_attribute() -> &'static str {
    match rustix::process::geteuid().is_root() {
        true => "trusted.overlay.opaque",
        false => "user.overlay.opaque",
    }
}
