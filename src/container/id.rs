//! What a container may be called.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::{Code, Error, Result};
use crate::weakness;

/// A container's name: a single component of a path, of letters, digits and `_+-.`, that is not
/// hidden (no dot in front), so that neither `.` nor `..` is one.
///
/// Its length is left to the file system (255 bytes on most), as runc leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(String);

impl ContainerId {
    /// Checks a name.
    ///
    /// # Errors
    /// An empty name, another character, a dot in front.
    pub fn new(name: &str) -> Result<ContainerId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+-.".contains(c);
        let wrong = match name.chars().find(|c| !allowed(*c)) {
            None if name.is_empty() => "container id cannot be empty".into(),
            None if name.starts_with('.') => {
                "invalid container ID format: it begins with a dot".into()
            }
            Some(c) if !weakness::leaves_out("ids") => {
                format!(
                    "invalid container ID format: invalid character `{}` in the ID",
                    c.escape_debug()
                )
            }
            _ => return Ok(ContainerId(name.to_owned())),
        };
        Err(Error::of(Code::InvalidArgument, wrong))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ContainerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_four_signs_make_a_name() {
        for name in ["a", "A9", "web_1", "a+b-c.d", "a...", "-x", &"a".repeat(300)] {
            assert_eq!(ContainerId::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_leave_the_directory_is_no_name() {
        for name in [".", "..", ".a", "...", "../a"] {
            let error = ContainerId::new(name).unwrap_err().to_string();
            assert!(error.starts_with("invalid container ID format: "), "{name:?}: {error}");
        }
        for (name, told) in
            [("a/b", "/"), ("a b", " "), ("a\n", "\\n"), ("a\0", "\\0"), ("é", "é"), ("a,b", ",")]
        {
            let error = ContainerId::new(name).unwrap_err().to_string();
            let words =
                format!("invalid container ID format: invalid character `{told}` in the ID");
            assert_eq!(error, words, "{name:?}");
        }
    }

    #[test]
    fn an_empty_name_has_words_of_its_own() {
        assert_eq!(ContainerId::new("").unwrap_err().to_string(), "container id cannot be empty");
    }
}
