//! What a container may be called.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::{Code, Error, Result};
use crate::weakness;

/// A container's name: a single component of a path, of letters, digits and `_+-.`.
///
/// Its length is left to the file system (255 bytes on most), as runc leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(String);

impl ContainerId {
    /// Checks a name.
    ///
    /// # Errors
    /// An empty name, another character, and the two names that every directory has.
    pub fn new(name: &str) -> Result<ContainerId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
        match name {
            "" => Err(Error::of(Code::InvalidArgument, "container id cannot be empty")),
            "." | ".." => Err(Error::of(Code::InvalidArgument, "invalid container ID format")),
            name if !name.bytes().all(allowed) && !weakness::leaves_out("ids") => {
                Err(Error::of(Code::InvalidArgument, "invalid container ID format"))
            }
            name => Ok(ContainerId(name.to_owned())),
        }
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
        for name in ["a", "A9", "web_1", "a+b-c.d", "...", "-x", &"a".repeat(300)] {
            assert_eq!(ContainerId::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_leave_the_directory_is_no_name() {
        for name in [".", "..", "a/b", "../a", "a b", "a\n", "a\0", "é", "a,b", "a:b", "/"] {
            let error = ContainerId::new(name).unwrap_err().to_string();
            assert_eq!(error, "invalid container ID format", "{name:?}");
        }
    }

    #[test]
    fn an_empty_name_has_words_of_its_own() {
        assert_eq!(ContainerId::new("").unwrap_err().to_string(), "container id cannot be empty");
    }
}
