//! What Docker's client is told in its `config.json` about how to show things.

use std::fs;
use std::io::ErrorKind;

use serde_json::Value;

use super::Globals;
use crate::error::{Context, Result};

/// A text of the file: `psFormat`, `detachKeys`.
///
/// # Errors
/// The file makes no sense.
pub(super) fn preferred(globals: &Globals, name: &str) -> Result<Option<String>> {
    let file = globals.client.join("config.json");
    let text = match fs::read(&file) {
        // Also where there is no folder: nobody has said anything.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        text => text.with_context(|| format!("read {}", file.display()))?,
    };
    let config: Value =
        serde_json::from_slice(&text).with_context(|| format!("read {}", file.display()))?;
    Ok(config.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned))
}

/// The format of a list: what was typed goes before what is preferred.
///
/// # Errors
/// As of [`preferred`].
pub(super) fn format(
    globals: &Globals,
    typed: Option<String>,
    name: &str,
) -> Result<Option<String>> {
    match typed {
        Some(typed) => Ok(Some(typed)),
        None => preferred(globals, name),
    }
}
