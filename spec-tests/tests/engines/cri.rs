//! The kubelet's interface to an engine (CRI v1): protobuf in gRPC, carried by curl.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A message to send. Fields have the numbers of cri-api's `api.proto`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// A number, or true as 1.
    pub(crate) fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    /// A text.
    pub(crate) fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    /// A text, several times.
    pub(crate) fn texts(self, field: u64, values: &[&str]) -> Self {
        values.iter().fold(self, |message, value| message.text(field, value))
    }

    /// A message in the message.
    pub(crate) fn part(self, field: u64, part: &Message) -> Self {
        self.bytes(field, &part.0)
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// What an engine answered.
#[derive(Debug)]
pub(crate) struct Answer(Vec<u8>);

impl Answer {
    /// A number, which is not sent when it is 0.
    pub(crate) fn number(&self, field: u64) -> Result<u64> {
        Ok(self.find(field)?.map_or(0, |(number, _)| number))
    }

    /// A text, which is not sent when it is empty.
    pub(crate) fn text(&self, field: u64) -> Result<String> {
        Ok(String::from_utf8(self.part(field)?.0)?)
    }

    /// A message in the message.
    pub(crate) fn part(&self, field: u64) -> Result<Answer> {
        let bytes = self.find(field)?.map_or(&[][..], |(_, bytes)| bytes);
        Ok(Answer(bytes.to_vec()))
    }

    /// The value of a field as a number, and as bytes.
    fn find(&self, wanted: u64) -> Result<Option<(u64, &[u8])>> {
        let mut rest = &self.0[..];
        while !rest.is_empty() {
            let key = varint(&mut rest)?;
            let (number, size) = match (key & 7, varint(&mut rest)?) {
                (0, number) => (number, 0),
                (2, size) => (0, usize::try_from(size)?),
                (kind, _) => bail!("a field of kind {kind}"),
            };
            let (bytes, after) = rest.split_at_checked(size).context("a message cut short")?;
            if key >> 3 == wanted {
                return Ok(Some((number, bytes)));
            }
            rest = after;
        }
        Ok(None)
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().context("a number cut short")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    bail!("a number of more than 64 bits")
}

/// Calls a method of the runtime service behind a socket, with files in the directory.
///
/// # Errors
/// The words of the engine.
pub(crate) fn call(socket: &str, directory: &Path, method: &str, sent: &Message) -> Result<Answer> {
    let [request, head, body] = ["request", "head", "body"].map(|name| directory.join(name));
    let size = u32::try_from(sent.0.len())?.to_be_bytes();
    fs::write(&request, [&[0], &size[..], &sent.0].concat())?;
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--http2-prior-knowledge", "--max-time", "60"])
        .args(["--header", "content-type: application/grpc", "--header", "te: trailers"])
        .args(["--unix-socket", socket])
        .arg("--data-binary")
        .arg(format!("@{}", request.display()))
        .arg("--dump-header")
        .arg(&head)
        .arg("--output")
        .arg(&body)
        .arg(format!("http://localhost/runtime.v1.RuntimeService/{method}"))
        .output()
        .context("run curl")?;
    if !output.status.success() {
        bail!("{method}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let head = fs::read_to_string(head)?;
    let trailer = |name| head.lines().find_map(|line| line.strip_prefix(name));
    match trailer("grpc-status: ") {
        Some("0") => {}
        _ => bail!("{method}: {}", trailer("grpc-message: ").unwrap_or(&head)),
    }
    let body = fs::read(body)?;
    Ok(Answer(body.get(5..).context("no answer")?.to_vec()))
}
