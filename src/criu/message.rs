//! What is said to CRIU and what it says, as rpc.proto has it.

use super::options::{Options, Version};
use super::wire::{Message, Value, fields};
use crate::error::Result;

/// `criu_req_type`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Dump = 1,
    Restore = 2,
    PreDump = 4,
    Notify = 6,
    FeatureCheck = 9,
    Version = 10,
}

/// Something that depends on the kernel too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Changes of memory can be tracked (`--pre-dump`).
    TrackMemory = 1,
    /// Memory can come later (`--lazy-pages`).
    LazyPages = 2,
}

/// `criu_req` with options.
pub(super) fn request(kind: Kind, options: &Options) -> Vec<u8> {
    let mut message = plain(kind);
    message.message(2, &options.message());
    message.into_bytes()
}

/// Asks for the version.
pub(super) fn version_request() -> Vec<u8> {
    plain(Kind::Version).into_bytes()
}

/// Asks whether something works here.
pub(super) fn feature_request(feature: Feature) -> Vec<u8> {
    let mut message = plain(Kind::FeatureCheck);
    let mut features = Message::default();
    features.truth(feature as u64, true);
    message.message(5, &features);
    message.into_bytes()
}

/// Answers a notification.
pub(super) fn notified(success: bool) -> Vec<u8> {
    let mut message = plain(Kind::Notify);
    message.truth(3, success);
    message.into_bytes()
}

fn plain(kind: Kind) -> Message {
    let mut message = Message::default();
    message.number(1, kind as i64);
    message
}

/// An answer of CRIU's (`criu_resp`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// `criu_req_type`
    pub(super) kind: i64,
    pub(super) success: bool,
    /// Of the restored process.
    pub(super) pid: Option<i32>,
    /// What has happened, and to which process.
    pub(super) notify: Option<(String, i32)>,
    /// The number of what the kernel said, or 0.
    pub(super) errno: i32,
    /// What went wrong.
    pub(super) words: String,
    /// Numbers of features, and whether they are there.
    pub(super) features: Vec<(u64, bool)>,
    pub(super) version: Version,
}

impl Response {
    /// Reads a message.
    ///
    /// # Errors
    /// What is no message of CRIU's.
    pub fn read(bytes: &[u8]) -> Result<Response> {
        let mut response = Response::default();
        for field in fields(bytes) {
            match field? {
                (1, value) => response.kind = value.number(),
                (2, value) => response.success = value.number() != 0,
                (4, value) => response.pid = Some(pid(inner(value, 1)?)),
                (5, value) => response.notify = Some(notify(value)?),
                (7, value) => response.errno = pid(value),
                (8, value) => response.features = features(value)?,
                (9, value) => response.words = value.text(),
                (10, value) => response.version = version(value)?,
                _ => {}
            }
        }
        Ok(response)
    }

    /// Whether it answers a request of this kind.
    pub(super) fn answers(&self, kind: Kind) -> bool {
        self.kind == kind as i64
    }
}

/// An `int32`.
fn pid(value: Value<'_>) -> i32 {
    i32::try_from(value.number()).unwrap_or(0)
}

/// A field of a message in the message.
fn inner(value: Value<'_>, wanted: u64) -> Result<Value<'_>> {
    let mut found = Value::Other;
    for field in fields(value.bytes()) {
        let (number, value) = field?;
        if number == wanted {
            found = value;
        }
    }
    Ok(found)
}

fn notify(value: Value<'_>) -> Result<(String, i32)> {
    Ok((inner(value, 1)?.text(), pid(inner(value, 2)?)))
}

fn features(value: Value<'_>) -> Result<Vec<(u64, bool)>> {
    fields(value.bytes())
        .map(|field| field.map(|(number, value)| (number, value.number() != 0)))
        .collect()
}

fn version(value: Value<'_>) -> Result<Version> {
    Ok(Version {
        major: inner(value, 1)?.number(),
        minor: inner(value, 2)?.number(),
        sublevel: inner(value, 4)?.number(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_read_with_its_process() {
        let bytes = b"\x08\x06\x10\x01\x2a\x10\x0a\x0cpost-restore\x10\x07";
        let read = Response::read(bytes).unwrap();
        assert!(read.answers(Kind::Notify) && read.success);
        assert_eq!(read.notify, Some(("post-restore".into(), 7)));
    }

    #[test]
    fn a_failure_is_read_with_its_words() {
        // type DUMP, success false, cr_errno -3, cr_errmsg "no", and a field of a later version
        let bytes =
            b"\x08\x01\x10\x00\x38\xfd\xff\xff\xff\xff\xff\xff\xff\xff\x01\x4a\x02no\xf8\x07\x01";
        let read = Response::read(bytes).unwrap();
        assert_eq!((read.success, read.errno, read.words.as_str()), (false, -3, "no"));
    }

    #[test]
    fn a_version_is_read() {
        let read = Response::read(b"\x08\x0a\x10\x01\x52\x06\x08\x04\x10\x02\x20\x01").unwrap();
        assert_eq!(read.version, Version { major: 4, minor: 2, sublevel: 1 });
    }

    #[test]
    fn garbage_is_refused() {
        for bytes in [&b"\x08"[..], b"\xff\xff\xff", b"\x2a\x7f\x0a", b"\x22\x02\x08"] {
            assert!(Response::read(bytes).is_err(), "{bytes:?}");
        }
    }
}
