//! The keys that leave a container running.

use crate::error::{Kind, Result, refuse};

/// A sequence of keys, and how much of it was typed.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    sequence: Vec<u8>,
    typed: usize,
}

/// What was found in bytes that were typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The whole sequence.
    Detach,
    /// Bytes for the program: what may still become the sequence is held back.
    Pass(Vec<u8>),
}

/// Docker's own sequence.
pub(super) const DEFAULT: &str = "ctrl-p,ctrl-q";

impl Keys {
    /// Reads `a,ctrl-b`; an empty word is no sequence at all.
    pub(super) fn read(words: &str) -> Result<Keys> {
        let wrong = |word: &str| {
            let words = format!("invalid detach keys ({words}): Unknown character: '{word}'");
            refuse(Kind::Usage, words)
        };
        let said = words.split(',').filter(|word| !word.is_empty());
        let sequence =
            said.map(|word| key(word).ok_or_else(|| wrong(word))).collect::<Result<_>>()?;
        Ok(Keys { sequence, typed: 0 })
    }

    pub(super) fn look(&mut self, bytes: &[u8]) -> Found {
        let mut passed = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if self.sequence.get(self.typed) == Some(byte) {
                self.typed += 1;
                if self.typed == self.sequence.len() {
                    return Found::Detach;
                }
                continue;
            }
            passed.extend_from_slice(&self.sequence[..self.typed]);
            self.typed = usize::from(self.sequence.first() == Some(byte));
            if self.typed == 0 {
                passed.push(*byte);
            }
        }
        Found::Pass(passed)
    }
}

fn key(word: &str) -> Option<u8> {
    let (letter, control) = match word.strip_prefix("ctrl-") {
        Some(letter) => (letter, true),
        None => (word, false),
    };
    match (letter.as_bytes(), control) {
        ([letter @ (b'a'..=b'z' | b'@' | b'[' | b'\\' | b']' | b'^' | b'_')], true) => {
            Some(letter.to_ascii_uppercase() & 0x1f)
        }
        ([letter], false) => Some(*letter),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_found_however_it_is_cut_and_nothing_else_is_lost() {
        let mut keys = Keys::read(DEFAULT).unwrap();
        assert_eq!(keys.look(b"ls\x10"), Found::Pass(b"ls".to_vec()));
        assert_eq!(keys.look(b"x"), Found::Pass(b"\x10x".to_vec()));
        assert_eq!(keys.look(b"\x10\x10"), Found::Pass(b"\x10".to_vec()));
        assert_eq!(keys.look(b"\x11"), Found::Detach);
        assert_eq!(Keys::read("").unwrap().look(b"\x10\x11"), Found::Pass(b"\x10\x11".to_vec()));
        assert!(Keys::read("ctrl-P1").is_err());
    }
}
