//! Pure: `--expose`.

use crate::error::{Kind, Result, refuse};

/// `80`, `80/udp`, `3000-3005/tcp` become single ports: `80/tcp`.
pub(super) fn exposed(word: &str) -> Result<Vec<String>> {
    let wrong = || refuse(Kind::Invalid, format!("invalid range format for --expose: {word}"));
    let (range, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
    let (first, last) = (port(first)?, port(last)?);
    if first > last || !matches!(protocol, "tcp" | "udp" | "sctp") {
        return Err(wrong());
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_each_of_its_ports() {
        assert_eq!(exposed("80").unwrap(), ["80/tcp"]);
        assert_eq!(exposed("7-8/udp").unwrap(), ["7/udp", "8/udp"]);
        for wrong in ["", "0", "9-8", "80/icmp", "x", "70000"] {
            assert!(exposed(wrong).is_err(), "{wrong}");
        }
    }
}
