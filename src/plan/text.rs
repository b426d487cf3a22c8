//! Words of the spec become text and numbers for the kernel.

use crate::error::{Error, Result};
use crate::spec::Str;

/// Text as a system call can take it.
///
/// # Errors
/// The field that holds a NUL byte.
pub(super) fn text(field: &str, value: &str) -> Result<String> {
    match value.as_bytes().contains(&0) {
        true => Err(Error::new(format!("{field}: holds a NUL byte"))),
        false => Ok(value.to_owned()),
    }
}

/// A list of texts.
///
/// # Errors
/// The field that holds a NUL byte.
pub(super) fn texts(field: &str, values: &[Str<'_>]) -> Result<Vec<String>> {
    values.iter().map(|value| text(field, value)).collect()
}

/// Text that is left out when it is empty.
///
/// # Errors
/// The field that holds a NUL byte.
pub(super) fn optional(field: &str, value: &str) -> Result<Option<String>> {
    if value.is_empty() { Ok(None) } else { text(field, value).map(Some) }
}

/// The number that a word stands for.
///
/// # Errors
/// The field and the word that is not in the table.
pub(super) fn number<T: Copy>(field: &str, table: &[(&str, T)], word: &str) -> Result<T> {
    let row = table.iter().find(|(name, _)| *name == word);
    row.map(|(_, number)| *number)
        .ok_or_else(|| Error::new(format!("{field}: {word:?} is not known")))
}

/// The bits that a list of words stands for.
///
/// # Errors
/// The field and the word that is not in the table.
pub(super) fn bits(field: &str, table: &[(&str, u64)], words: &[Str<'_>]) -> Result<u64> {
    words.iter().try_fold(0, |bits, word| Ok(bits | number(field, table, word)?))
}
