//! Messages: calls that are sent, and the few parts of answers and signals that are looked at
//! (D-Bus Specification, "Message Format").

use super::value::{Value, align, signature_of};
use crate::error::{Error, Result};

/// No answer that is asked for comes near this (bytes); the specification allows 128 MiB.
const LONGEST: usize = 256 * 1024;
/// The fixed part: byte order, type, flags, version, length of the body, serial, length of the
/// fields.
const FIXED: usize = 16;
const LITTLE_ENDIAN: u8 = b'l';
const VERSION: u8 = 1;

/// A method call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<'a> {
    /// The name of who is to answer.
    pub destination: &'a str,
    /// The object.
    pub path: &'a str,
    /// The method's interface.
    pub interface: &'a str,
    /// The method.
    pub member: &'static str,
    /// Its arguments.
    pub arguments: Vec<Value>,
}

/// Numbers of header fields.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

impl Call<'_> {
    /// The call as it is sent, under a serial number that the answer repeats.
    pub(super) fn encode(&self, serial: u32) -> Vec<u8> {
        let mut body = Vec::new();
        self.arguments.iter().for_each(|argument| argument.put(&mut body));
        let mut fields = vec![
            field(PATH, Value::Path(self.path.into())),
            field(DESTINATION, Value::text(self.destination)),
            field(INTERFACE, Value::text(self.interface)),
            field(MEMBER, Value::text(self.member)),
        ];
        if !self.arguments.is_empty() {
            fields.push(field(SIGNATURE, Value::Signature(signature_of(&self.arguments))));
        }
        let mut bytes = vec![LITTLE_ENDIAN, Kind::Call as u8, 0, VERSION];
        Value::Uint32(body.len() as u32).put(&mut bytes);
        Value::Uint32(serial).put(&mut bytes);
        Value::Array("(yv)".into(), fields).put(&mut bytes);
        align(&mut bytes, 8);
        bytes.extend(body);
        bytes
    }
}

fn field(number: u8, value: Value) -> Value {
    Value::Struct(vec![Value::Byte(number), Value::Variant(Box::new(value))])
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Call = 1,
    Return = 2,
    Error = 3,
    Signal = 4,
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub(super) kind: Kind,
    /// The serial number of the call that it answers, or 0.
    pub(super) answers: u32,
    /// The signal's name.
    pub(super) member: String,
    /// The error's name.
    pub(super) error: String,
    /// The leading values up to the first that is made of others.
    pub(super) body: Vec<Value>,
}

impl Message {
    /// The first message of `bytes` and its length; nothing while there is only a part of it.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn decode(bytes: &[u8]) -> Result<Option<(Message, usize)>> {
        if bytes.len() < FIXED {
            return Ok(None);
        }
        let (fields_end, body_start, end) = extent(bytes)?;
        if bytes.len() < end {
            return Ok(None);
        }
        let kind = match bytes[1] {
            1 => Kind::Call,
            2 => Kind::Return,
            3 => Kind::Error,
            4 => Kind::Signal,
            other => return Err(wrong("the message type", &other)),
        };
        let mut message = Message {
            kind,
            answers: 0,
            member: String::new(),
            error: String::new(),
            body: Vec::new(),
        };
        let mut signature = String::new();
        let mut header = Reader { bytes: &bytes[..fields_end], at: FIXED };
        while header.at < fields_end {
            message.take_field(&mut header, &mut signature)?;
        }
        let mut body = Reader { bytes: &bytes[body_start..end], at: 0 };
        for code in signature.bytes() {
            match body.basic(code)? {
                Some(value) => message.body.push(value),
                None => break,
            }
        }
        Ok(Some((message, end)))
    }

    fn take_field(&mut self, header: &mut Reader<'_>, signature: &mut String) -> Result<()> {
        header.align(8)?;
        let number = header.number::<1>()?[0];
        let code = header.signature()?;
        let value = match code.as_bytes() {
            [code] => header.basic(*code)?,
            _ => None,
        };
        match (number, value) {
            (MEMBER, Some(Value::Text(text))) => self.member = text,
            (ERROR_NAME, Some(Value::Text(text))) => self.error = text,
            (REPLY_SERIAL, Some(Value::Uint32(serial))) => self.answers = serial,
            (SIGNATURE, Some(Value::Signature(text))) => *signature = text,
            (MEMBER | ERROR_NAME | REPLY_SERIAL | SIGNATURE, _) | (_, None) => {
                return Err(wrong(&format!("header field {number}"), &format!("type {code:?}")));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Where the fields end, where the body starts, and where it ends.
fn extent(bytes: &[u8]) -> Result<(usize, usize, usize)> {
    if bytes[0] != LITTLE_ENDIAN {
        return Err(wrong("the byte order", &bytes[0]));
    }
    if bytes[3] != VERSION {
        return Err(wrong("the protocol version", &bytes[3]));
    }
    let length = |at: usize| {
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
    };
    let (body, fields) = (length(4), length(12));
    for (length, what) in [(body, "the length of the body"), (fields, "the length of the header")] {
        if length > LONGEST {
            return Err(wrong(what, &length));
        }
    }
    let body_start = (FIXED + fields).next_multiple_of(8);
    Ok((FIXED + fields, body_start, body_start + body))
}

fn wrong(what: &str, is: &dyn std::fmt::Display) -> Error {
    Error::new(format!("{what} of a D-Bus message is {is}"))
}

/// Reads what [`Value::put`] writes; never beyond its bytes.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(Error::new("a value of a D-Bus message is longer than the message"));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn align(&mut self, to: usize) -> Result<()> {
        self.take(self.at.next_multiple_of(to) - self.at).map(drop)
    }

    fn number<const SIZE: usize>(&mut self) -> Result<[u8; SIZE]> {
        self.align(SIZE)?;
        let mut number = [0; SIZE];
        number.copy_from_slice(self.take(SIZE)?);
        Ok(number)
    }

    /// Bytes and the zero after them.
    fn text(&mut self, length: usize) -> Result<String> {
        let text = self.take(length)?;
        match (std::str::from_utf8(text), self.take(1)?) {
            (Ok(text), [0]) => Ok(text.to_owned()),
            _ => Err(Error::new("a text of a D-Bus message is no UTF-8 that ends with zero")),
        }
    }

    fn signature(&mut self) -> Result<String> {
        let length = self.take(1)?[0];
        self.text(usize::from(length))
    }

    /// A value of a type that is not made of others; nothing for one that is.
    fn basic(&mut self, code: u8) -> Result<Option<Value>> {
        Ok(Some(match code {
            b'y' => Value::Byte(self.number::<1>()?[0]),
            b'b' => Value::Bool(u32::from_le_bytes(self.number()?) != 0),
            b'n' => Value::Int16(i16::from_le_bytes(self.number()?)),
            b'q' => Value::Uint16(u16::from_le_bytes(self.number()?)),
            b'i' => Value::Int32(i32::from_le_bytes(self.number()?)),
            b'u' => Value::Uint32(u32::from_le_bytes(self.number()?)),
            b'x' => Value::Int64(i64::from_le_bytes(self.number()?)),
            b't' => Value::Uint64(u64::from_le_bytes(self.number()?)),
            b'd' => Value::Double(f64::from_le_bytes(self.number()?)),
            b's' | b'o' => {
                let length = u32::from_le_bytes(self.number()?) as usize;
                let text = self.text(length)?;
                if code == b's' { Value::Text(text) } else { Value::Path(text) }
            }
            b'g' => Value::Signature(self.signature()?),
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests;
