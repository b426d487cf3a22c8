//! The wire format of protocol buffers, as far as CRIU's messages use it (no groups, no packed
//! lists): a message is a list of fields, each a number and a value.

use crate::error::{Error, Result};

/// How a value is written; the low three bits of a field's tag.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// A message that is being written.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A number or an enum's value; a negative one is written with 64 bits.
    pub(super) fn number(&mut self, field: u64, value: i64) {
        self.varint(field << 3 | VARINT);
        self.varint(value.cast_unsigned());
    }

    /// A truth value.
    pub(super) fn truth(&mut self, field: u64, value: bool) {
        self.number(field, value.into());
    }

    /// A text.
    pub(super) fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A message in the message.
    pub(super) fn message(&mut self, field: u64, value: &Message) {
        self.bytes(field, &value.0);
    }

    /// The whole of it.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | BYTES);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A value that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number, a truth value or an enum's value.
    Number(u64),
    /// A text or a message.
    Bytes(&'a [u8]),
    /// What CRIU's messages do not use; a later version may.
    Other,
}

impl<'a> Value<'a> {
    /// The number; 0 for what is none.
    pub(super) fn number(self) -> i64 {
        match self {
            Value::Number(number) => number.cast_signed(),
            _ => 0,
        }
    }

    /// The bytes; none for a number.
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// The bytes as text.
    pub(super) fn text(self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

/// Reads a message field by field: field number and value. Ends after the first error.
#[derive(Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

/// The fields of a message.
pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_none() {
            self.0 = &[];
        }
        Some(read.ok_or_else(|| Error::new("a message is cut short or no protocol buffer")))
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            VARINT => Value::Number(self.varint()?),
            FIXED_64 => self.take(8).map(|_| Value::Other)?,
            BYTES => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            FIXED_32 => self.take(4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_bytes_that_the_format_s_description_gives() {
        let mut message = Message::default();
        message.number(1, 150);
        message.text(2, "testing");
        let mut inner = Message::default();
        inner.truth(1, true);
        message.message(3, &inner);
        let expected = b"\x08\x96\x01\x12\x07testing\x1a\x02\x08\x01";
        assert_eq!(message.into_bytes(), expected);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for number in [0, 1, 127, 128, 300, i64::from(i32::MIN), -1, i64::MAX, i64::MIN] {
            let mut message = Message::default();
            message.number(4000, number);
            message.text(1, "pipe:[7]");
            let bytes = message.into_bytes();
            let read: Vec<_> = fields(&bytes).map(Result::unwrap).collect();
            assert_eq!(read[0].0, 4000);
            assert_eq!(read[0].1.number(), number);
            assert_eq!(read[1].1.text(), "pipe:[7]");
        }
    }

    #[test]
    fn fields_of_other_kinds_are_passed_over() {
        let bytes = b"\x09\x01\x02\x03\x04\x05\x06\x07\x08\x15\x01\x02\x03\x04\x18\x2a";
        let read: Vec<_> = fields(bytes).map(Result::unwrap).collect();
        assert_eq!(read, [(1, Value::Other), (2, Value::Other), (3, Value::Number(42))]);
    }

    #[test]
    fn what_is_cut_short_or_makes_no_sense_is_an_error_and_the_end() {
        for bytes in [
            &b"\x08"[..],
            b"\x08\xff\xff",
            b"\x12\x05ab",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\x0b",
            b"\x09\x01",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            let read: Vec<_> = fields(bytes).collect();
            assert_eq!(read.len(), 1, "{bytes:?}");
            assert!(read[0].is_err(), "{bytes:?}");
        }
    }
}
