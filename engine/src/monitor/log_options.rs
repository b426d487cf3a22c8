//! How a container's log is kept: what `--log-driver` and `--log-opt` say.

use regex_lite::Regex;

use crate::error::{Kind, Result, refuse};
use crate::model::{LogConfig, truth};

/// Driver that keeps a log in our own way, which is that of `json-file` with other limits.
pub const LOCAL: &str = "local";

/// How much is kept, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file.
    pub size: u64,
    /// Files.
    pub files: u32,
    /// Whether all but the present file are packed.
    pub packed: bool,
}

const JSON_FILE: Limits = Limits { size: u64::MAX, files: 1, packed: false };
const OF_LOCAL: Limits = Limits { size: 20 << 20, files: 5, packed: true };

impl Limits {
    /// What a driver's options say.
    ///
    /// # Errors
    /// An option that is not known or makes no sense.
    pub fn read(config: &LogConfig) -> Result<Limits> {
        let is_local = config.driver == LOCAL;
        let mut limits = if is_local { OF_LOCAL } else { JSON_FILE };
        let options = || config.config.iter().flatten();
        for (name, value) in options() {
            let wrong = || invalid(format!("invalid value for log opt {name}: {value:?}"));
            match name.as_str() {
                "max-size" => limits.size = size(value).filter(|s| *s > 0).ok_or_else(wrong)?,
                "max-file" => {
                    limits.files = value.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
                }
                "compress" => limits.packed = truth(value).ok_or_else(wrong)?,
                // A program never waits for who reads its log: both are the same here.
                "mode" if matches!(value.as_str(), "blocking" | "non-blocking") => {}
                "mode" => {
                    return Err(invalid(format!("logger: logging mode not supported: {value}")));
                }
                "max-buffer-size" if options().any(|(name, mode)| is_eager(name, mode)) => {
                    size(value).ok_or_else(wrong)?;
                }
                "max-buffer-size" => {
                    let words = "logger: max-buffer-size option is only supported with \
                                 'mode=non-blocking'";
                    return Err(invalid(words.to_owned()));
                }
                // They are no limits: each entry has what they name.
                "labels" | "env" | "tag" if !is_local => {}
                "labels-regex" | "env-regex" if !is_local => {
                    Regex::new(value).map_err(|_| wrong())?;
                }
                _ => {
                    let driver = if is_local { LOCAL } else { "json-file" };
                    return Err(invalid(format!(
                        "unknown log opt '{name}' for {driver} log driver"
                    )));
                }
            }
        }
        if limits.packed && (limits.files == 1 || limits.size == u64::MAX) {
            if !is_local {
                let words = "compress cannot be true when max-file is less than 2 or max-size is \
                             not set";
                return Err(invalid(words.to_owned()));
            }
            limits.packed = false;
        }
        Ok(limits)
    }
}

fn is_eager(name: &str, mode: &str) -> bool {
    (name, mode) == ("mode", "non-blocking")
}

fn invalid(words: String) -> anyhow::Error {
    refuse(Kind::Invalid, words)
}

/// `10m` in bytes.
fn size(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let bare = lower.strip_suffix('b').unwrap_or(&lower);
    let (number, shift) = match bare.as_bytes().last()? {
        b'k' => (&bare[..bare.len() - 1], 10),
        b'm' => (&bare[..bare.len() - 1], 20),
        b'g' => (&bare[..bare.len() - 1], 30),
        _ => (bare, 0),
    };
    number.parse::<u64>().ok()?.checked_shl(shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(driver: &str, pairs: &[(&str, &str)]) -> LogConfig {
        LogConfig {
            driver: driver.to_owned(),
            config: Some(pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()),
        }
    }

    #[test]
    fn options_are_read() {
        for (driver, pairs, expected) in [
            ("", &[][..], JSON_FILE),
            (LOCAL, &[], OF_LOCAL),
            (LOCAL, &[("max-file", "1")], Limits { files: 1, packed: false, ..OF_LOCAL }),
            (
                "json-file",
                &[("max-size", "10m"), ("max-file", "3"), ("compress", "true")],
                Limits { size: 10 << 20, files: 3, packed: true },
            ),
            ("", &[("mode", "non-blocking"), ("max-buffer-size", "4m"), ("tag", "x")], JSON_FILE),
        ] {
            assert_eq!(Limits::read(&config(driver, pairs)).unwrap(), expected, "{pairs:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (driver, pairs, words) in [
            ("", &[("max-file", "0")][..], "invalid value for log opt max-file: \"0\""),
            ("", &[("max-size", "x")], "max-size"),
            ("", &[("colour", "red")], "unknown log opt 'colour' for json-file log driver"),
            (LOCAL, &[("tag", "x")], "unknown log opt 'tag' for local log driver"),
            ("", &[("compress", "maybe")], "compress"),
            ("", &[("compress", "true"), ("max-size", "1k")], "max-file is less than 2"),
            ("", &[("env-regex", "(")], "invalid value for log opt env-regex"),
            ("", &[("mode", "fast")], "logging mode not supported: fast"),
            ("", &[("max-buffer-size", "1m")], "only supported with 'mode=non-blocking'"),
        ] {
            let error = Limits::read(&config(driver, pairs)).unwrap_err();
            assert!(error.to_string().contains(words), "{pairs:?}: {error}");
        }
    }
}
