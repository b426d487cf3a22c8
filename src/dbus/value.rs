//! Values with their types, and how they are put into a message (D-Bus Specification, "Type System"
//! and "Marshaling"). Little-endian, as every machine that the runtime runs on.

/// A value that knows its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `y`
    Byte(u8),
    /// `b`
    Bool(bool),
    /// `n`
    Int16(i16),
    /// `q`
    Uint16(u16),
    /// `i`
    Int32(i32),
    /// `u`
    Uint32(u32),
    /// `x`
    Int64(i64),
    /// `t`
    Uint64(u64),
    /// `d`
    Double(f64),
    /// `s`
    Text(String),
    /// `o`
    Path(String),
    /// `g`
    Signature(String),
    /// `a`: the signature of an item, and the items.
    Array(String, Vec<Value>),
    /// `(…)`
    Struct(Vec<Value>),
    /// `v`
    Variant(Box<Value>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// A string of bytes, `ay`.
    pub fn bytes(bytes: &[u8]) -> Value {
        Value::Array("y".into(), bytes.iter().copied().map(Value::Byte).collect())
    }

    /// The type as D-Bus writes it.
    pub fn signature(&self) -> String {
        let code = match self {
            Value::Byte(_) => "y",
            Value::Bool(_) => "b",
            Value::Int16(_) => "n",
            Value::Uint16(_) => "q",
            Value::Int32(_) => "i",
            Value::Uint32(_) => "u",
            Value::Int64(_) => "x",
            Value::Uint64(_) => "t",
            Value::Double(_) => "d",
            Value::Text(_) => "s",
            Value::Path(_) => "o",
            Value::Signature(_) => "g",
            Value::Variant(_) => "v",
            Value::Array(item, _) => return format!("a{item}"),
            Value::Struct(fields) => return format!("({})", signature_of(fields)),
        };
        code.to_owned()
    }

    /// Appends the value. `bytes` starts at a place of the message that is a multiple of eight.
    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        match self {
            Value::Byte(byte) => bytes.push(*byte),
            Value::Bool(yes) => put_aligned(bytes, &u32::from(*yes).to_le_bytes()),
            Value::Int16(number) => put_aligned(bytes, &number.to_le_bytes()),
            Value::Uint16(number) => put_aligned(bytes, &number.to_le_bytes()),
            Value::Int32(number) => put_aligned(bytes, &number.to_le_bytes()),
            Value::Uint32(number) => put_aligned(bytes, &number.to_le_bytes()),
            Value::Int64(number) => put_aligned(bytes, &number.to_le_bytes()),
            Value::Uint64(number) => put_aligned(bytes, &number.to_le_bytes()),
            Value::Double(number) => put_aligned(bytes, &number.to_le_bytes()),
            Value::Text(text) | Value::Path(text) => {
                put_aligned(bytes, &(text.len() as u32).to_le_bytes());
                bytes.extend(text.as_bytes());
                bytes.push(0);
            }
            Value::Signature(text) => put_signature(bytes, text),
            Value::Array(item, items) => put_array(bytes, item, items),
            Value::Struct(fields) => {
                align(bytes, 8);
                fields.iter().for_each(|field| field.put(bytes));
            }
            Value::Variant(inner) => {
                put_signature(bytes, &inner.signature());
                inner.put(bytes);
            }
        }
    }
}

/// The types of several values, one after the other.
pub(super) fn signature_of(values: &[Value]) -> String {
    values.iter().map(Value::signature).collect()
}

/// Fills up to a multiple of `to`.
pub(super) fn align(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

/// A number is aligned to its own size.
fn put_aligned(bytes: &mut Vec<u8>, number: &[u8]) {
    align(bytes, number.len());
    bytes.extend(number);
}

fn put_signature(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(text.len() as u8);
    bytes.extend(text.as_bytes());
    bytes.push(0);
}

/// The length counts the items, and not the padding before the first one.
fn put_array(bytes: &mut Vec<u8>, item: &str, items: &[Value]) {
    put_aligned(bytes, &[0; 4]);
    let length = bytes.len() - 4;
    align(bytes, alignment(item));
    let start = bytes.len();
    items.iter().for_each(|item| item.put(bytes));
    let size = (bytes.len() - start) as u32;
    bytes[length..length + 4].copy_from_slice(&size.to_le_bytes());
}

fn alignment(signature: &str) -> usize {
    match signature.as_bytes().first() {
        Some(b'y' | b'g' | b'v') => 1,
        Some(b'n' | b'q') => 2,
        Some(b'x' | b't' | b'd' | b'(' | b'{') => 8,
        _ => 4,
    }
}
