//! The talk between a monitor and its clients, over a stream: frames with a head of eight bytes,
//! one for the kind, three that are zero, four for the length, as Docker frames output.
//!
//! ```text
//!   client                        monitor
//!     │ Hello(wanted streams) ──────► │
//!     │ ◄───────────── Stdout, Stderr │   what the program writes from now on
//!     │ Stdin, StdinEnd, Resize ────► │
//!     │ NoRestart ──────────────────► │   its end was asked for
//!     │ Names ──────────────────────► │   it is in a network that has names now
//!     │ ◄────────────────────── Names │   its resolver runs
//!     │ ◄──────────── Started, Failed │   to the one who started it
//!     │ ◄────────────────────── Ended │   the program ended; it may be started again
//!     │ ◄──────────────────── hang-up │   the monitor has cleaned up and gone
//! ```

use std::io::{self, Read, Write};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes for the program.
    Stdin = 0,
    /// Bytes of the program.
    Stdout = 1,
    /// Bytes of the program.
    Stderr = 2,
    /// A client's first words: one byte, the sum of what it wants.
    Hello = 16,
    /// The client has no more for the program.
    StdinEnd = 17,
    /// The terminal's size: rows and columns, two bytes each.
    Resize = 18,
    /// When the program ends, it is not restarted.
    NoRestart = 19,
    /// The container is in a network that has names: to the monitor, and back when the resolver
    /// runs.
    Names = 20,
    /// The program runs.
    Started = 32,
    /// It does not: the exit code in four bytes, and words.
    Failed = 33,
    /// It ended: the exit code in four bytes.
    Ended = 34,
}

const KINDS: [Kind; 11] = [
    Kind::Stdin,
    Kind::Stdout,
    Kind::Stderr,
    Kind::Hello,
    Kind::StdinEnd,
    Kind::Resize,
    Kind::NoRestart,
    Kind::Names,
    Kind::Started,
    Kind::Failed,
    Kind::Ended,
];

/// What a client wants, in [`Kind::Hello`].
pub mod wants {
    /// To write to the program.
    pub const STDIN: u8 = 1;
    /// To read what it writes.
    pub const STDOUT: u8 = 2;
    /// To read what it complains.
    pub const STDERR: u8 = 4;
}

/// The length of a head.
const HEAD: usize = 8;

/// The most that a frame may carry: nobody makes us keep more.
const LIMIT: usize = 64 << 10;

/// A frame that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The exit code of `Failed` and `Ended`.
    pub fn exit_code(&self) -> i32 {
        let bytes = self.payload.first_chunk::<4>();
        bytes.map_or(255, |bytes| i32::from_be_bytes(*bytes))
    }

    /// The words of `Failed`.
    pub fn words(&self) -> String {
        String::from_utf8_lossy(self.payload.get(4..).unwrap_or_default()).into_owned()
    }

    /// Rows and columns of `Resize`.
    pub fn size(&self) -> Option<(u16, u16)> {
        match *self.payload {
            [a, b, c, d] => Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))),
            _ => None,
        }
    }
}

/// The head of a frame that carries so many bytes.
pub fn head(kind: Kind, length: usize) -> [u8; HEAD] {
    let length = u32::try_from(length.min(LIMIT)).unwrap_or_default().to_be_bytes();
    [kind as u8, 0, 0, 0, length[0], length[1], length[2], length[3]]
}

/// A whole frame, of at most [`LIMIT`] bytes.
pub fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let payload = payload.get(..LIMIT).unwrap_or(payload);
    [&head(kind, payload.len())[..], payload].concat()
}

/// Bytes that came become frames.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame, if it is there whole.
    ///
    /// # Errors
    /// Of bytes that are no frame.
    pub fn take(&mut self) -> io::Result<Option<Frame>> {
        let Some([kind, _, _, _, length @ ..]) = self.bytes.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        let kind = KINDS.into_iter().find(|known| *known as u8 == *kind);
        let (Some(kind), true) = (kind, length <= LIMIT) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if self.bytes.len() < HEAD + length {
            return Ok(None);
        }
        let payload = self.bytes[HEAD..HEAD + length].to_vec();
        self.bytes.drain(..HEAD + length);
        Ok(Some(Frame { kind, payload }))
    }
}

/// Reads one frame, waiting for it; `None` is a hang-up.
///
/// # Errors
/// Of `read(2)`, and of bytes that are no frame.
pub fn read(stream: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut decoder = Decoder::default();
    let mut bytes = [0; HEAD];
    if let Err(error) = stream.read_exact(&mut bytes) {
        let hung_up =
            matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset);
        return if hung_up { Ok(None) } else { Err(error) };
    }
    decoder.push(&bytes);
    if let Some(frame) = decoder.take()? {
        return Ok(Some(frame));
    }
    let length = bytes.last_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length));
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload)?;
    decoder.push(&payload);
    decoder.take()
}

/// Writes one frame, waiting until it is written.
///
/// # Errors
/// Of `write(2)`.
pub fn write(stream: &mut impl Write, kind: Kind, payload: &[u8]) -> io::Result<()> {
    stream.write_all(&frame(kind, payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_arrive_whole_however_they_are_cut() {
        let sent = [frame(Kind::Stdout, b"hello"), frame(Kind::Ended, &7_i32.to_be_bytes())];
        let mut decoder = Decoder::default();
        let mut got = Vec::new();
        for byte in sent.concat() {
            decoder.push(&[byte]);
            got.extend(decoder.take().unwrap());
        }
        assert_eq!(got[0], Frame { kind: Kind::Stdout, payload: b"hello".to_vec() });
        assert_eq!((got[1].kind, got[1].exit_code()), (Kind::Ended, 7));
        let mut stream = &sent.concat()[..];
        assert_eq!(read(&mut stream).unwrap(), Some(got[0].clone()));
        assert_eq!(read(&mut stream).unwrap(), Some(got[1].clone()));
        assert_eq!(read(&mut stream).unwrap(), None);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [[99, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0xff, 0, 0, 0]] {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            assert!(decoder.take().is_err());
            assert!(read(&mut &bytes[..]).is_err());
        }
    }
}
