//! Changes to an input that leave it what it is: an object of JSON, an archive with right sums.

use serde_json::{Value, json};

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Nothing that is known.
    Bytes,
    /// A text of JSON.
    Json,
    /// A tar archive.
    Tar,
}

/// Numbers from a seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// From the bytes of an input.
    pub(crate) fn of(input: &[u8]) -> Random {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        Random(input.iter().fold(0xcbf2_9ce4_8422_2325, step))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// One of a list, which is not empty.
    pub(crate) fn of_these<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

impl Shape {
    /// A changed input of at most `most` bytes; nothing where any other change is as good. `change`
    /// is for bytes without a shape.
    pub fn change(
        self,
        input: &[u8],
        random: &mut Random,
        change: impl FnMut(&mut Vec<u8>, usize),
        most: usize,
    ) -> Option<Vec<u8>> {
        let changed = match self {
            Shape::Bytes => None,
            // What is no JSON at all is to be tried too.
            Shape::Json if random.below(4) == 0 => None,
            Shape::Json => change_json(input, random, change),
            Shape::Tar => Some(change_tar(input, random, change, most)),
        };
        changed.filter(|bytes| bytes.len() <= most)
    }
}

/// Values that mean something somewhere.
fn special(random: &mut Random) -> Value {
    const WORDS: &[&str] = &[
        "",
        "/",
        "..",
        "../x",
        "a\0b",
        "-1",
        "0-4294967295",
        "max",
        "idmap",
        "1.x",
        "/proc/self/x",
        "\u{fffd}",
        "sha256:",
        "a:b:c",
        "\n",
        "0xffffffffffffffff",
    ];
    const NUMBERS: &[i64] =
        &[0, 1, -1, 2, 7, 4095, 65535, 65536, i32::MAX as i64, u32::MAX as i64, i64::MAX, i64::MIN];
    match random.below(8) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({}),
        3 => json!(random.below(2) == 0),
        4 => json!(u64::MAX >> random.below(64)),
        5 => json!(random.number() as f64 / 3.0),
        6 => json!(random.of_these(NUMBERS)),
        _ => json!(random.of_these(WORDS)),
    }
}

fn change_json(
    input: &[u8],
    random: &mut Random,
    mut change: impl FnMut(&mut Vec<u8>, usize),
) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(input).ok()?;
    for _ in 0..=random.below(3) {
        let mut places = Vec::new();
        find_places(&value, "", &mut places);
        let (from, to) = (random.below(places.len()), random.below(places.len()));
        let other = value.pointer(&places[from]).cloned().unwrap_or_default();
        let place = value.pointer_mut(&places[to])?;
        change_value(place, other, random, &mut change);
    }
    serde_json::to_vec(&value).ok()
}

fn change_value(
    place: &mut Value,
    other: Value,
    random: &mut Random,
    change: &mut impl FnMut(&mut Vec<u8>, usize),
) {
    match (random.below(4), place) {
        (0, Value::Array(list)) if !list.is_empty() => {
            let at = random.below(list.len());
            match random.below(3) {
                0 => drop(list.remove(at)),
                1 => list.insert(at, list[at].clone()),
                _ => list.insert(at, other),
            }
        }
        (0, Value::Object(fields)) if !fields.is_empty() => {
            let name = fields.keys().nth(random.below(fields.len())).cloned().unwrap_or_default();
            fields.remove(&name);
        }
        (0 | 1, Value::String(text)) => {
            let mut bytes = std::mem::take(text).into_bytes();
            let most = bytes.len() + 16;
            change(&mut bytes, most);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        (0 | 1, place @ Value::Number(_)) => {
            let number = place.as_i64().unwrap_or(i64::MAX);
            *place = json!(number.wrapping_add(random.of_these(&[1, -1, 8, -8, 256])));
        }
        (2, place) => *place = other,
        (_, place) => *place = special(random),
    }
}

/// Every value in a value, as a JSON pointer.
fn find_places(value: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    match value {
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                find_places(value, &format!("{at}/{index}"), places);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                find_places(value, &format!("{at}/{key}"), places);
            }
        }
        _ => {}
    }
}

/// The unit of tar(5): headers have this length, contents are filled up to it (bytes).
const BLOCK: usize = 512;
/// Where a header has its sum.
const SUM: std::ops::Range<usize> = 148..156;

fn change_tar(
    input: &[u8],
    random: &mut Random,
    mut change: impl FnMut(&mut Vec<u8>, usize),
    most: usize,
) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let blocks = bytes.len() / BLOCK;
    match random.below(4) {
        // One header's field, so that the rest stays an archive.
        0 | 1 if blocks > 0 => {
            let start = random.below(blocks) * BLOCK;
            let (at, length) = random.of_these(FIELDS);
            let mut field = bytes[start + at..start + at + length].to_vec();
            change(&mut field, length);
            field.resize(length, 0);
            bytes[start + at..start + at + length].copy_from_slice(&field);
        }
        // Blocks from one place to another.
        2 if blocks > 0 => {
            let (from, to) = (random.below(blocks), random.below(blocks + 1));
            let count = 1 + random.below((blocks - from).min(3));
            let piece = bytes[from * BLOCK..(from + count) * BLOCK].to_vec();
            bytes.splice(to * BLOCK..to * BLOCK, piece);
        }
        _ => change(&mut bytes, most),
    }
    bytes.truncate(most);
    set_sums(&mut bytes);
    bytes
}

/// Name, mode, owner, size, time, type, target, magic and the rest of a header: place and length.
const FIELDS: &[(usize, usize)] =
    &[(0, 100), (100, 8), (108, 16), (124, 12), (136, 12), (156, 1), (157, 100), (257, 255)];

/// Makes the sum of each header right, as far as the archive can be followed.
fn set_sums(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = bytes.get_mut(at..at + BLOCK) {
        if header.iter().any(|byte| *byte != 0) {
            header[SUM].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        let size = String::from_utf8_lossy(&header[124..136]).into_owned();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        at = at.saturating_add(BLOCK).saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flip(bytes: &mut Vec<u8>, most: usize) {
        bytes.iter_mut().for_each(|byte| *byte ^= 1);
        bytes.truncate(most);
    }

    #[test]
    fn json_stays_json_and_is_changed() {
        let input = br#"{"a":[1,{"b":"c"}],"d":null}"#;
        let changed = |seed| Shape::Json.change(input, &mut Random::new(seed), flip, 1000);
        let all: Vec<_> = (0..500).filter_map(changed).collect();
        assert!(all.len() > 300);
        assert!(all.iter().all(|text| serde_json::from_slice::<Value>(text).is_ok()));
        let same = all.iter().filter(|text| text.as_slice() == input).count();
        assert!(same < all.len() / 4, "{same}");
        assert_eq!(changed(3), changed(3));
    }

    #[test]
    fn an_archive_keeps_right_sums() {
        let mut archive = vec![0; 3 * BLOCK];
        archive[0] = b'x';
        archive[124..136].copy_from_slice(b"00000000001\0");
        set_sums(&mut archive);
        assert_eq!(&archive[SUM], b"001611\0 ");
        assert!(archive[BLOCK..].iter().all(|byte| *byte == 0));
        for seed in 0..100 {
            let changed = Shape::Tar.change(&archive, &mut Random::new(seed), flip, 4 * BLOCK);
            let changed = changed.expect("an archive");
            let mut right = changed.clone();
            set_sums(&mut right);
            assert_eq!(changed, right);
        }
    }
}
