//! Names for containers that nobody named.

use crate::error::Result;
use crate::store::random_id;

const HOW: [&str; 32] = [
    "amber", "brave", "brisk", "calm", "clear", "cosy", "crisp", "deep", "eager", "early", "fair",
    "fond", "gentle", "glad", "golden", "green", "happy", "kind", "light", "lively", "lucky",
    "mellow", "merry", "noble", "patient", "proud", "quick", "quiet", "rapid", "silver", "sunny",
    "warm",
];

const WHO: [&str; 32] = [
    "anchovy", "badger", "barley", "beech", "birch", "carp", "cedar", "clover", "crane", "elm",
    "falcon", "fern", "finch", "heron", "juniper", "kimchi", "larch", "lotus", "lynx", "magpie",
    "maple", "miso", "onggi", "otter", "pepper", "pine", "radish", "sesame", "tiger", "turtle",
    "willow", "wren",
];

/// A name that is most likely free: three parts, drawn by chance.
pub(super) fn any() -> Result<String> {
    let random = u64::from_str_radix(&random_id()?[..16], 16).unwrap_or_default();
    let pick = |list: &[&'static str; 32], shift: u32| list[(random >> shift) as usize % 32];
    Ok(format!("{}_{}_{:04x}", pick(&HOW, 0), pick(&WHO, 5), random >> 48))
}
