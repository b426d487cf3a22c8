//! Connections that could not be made or broke, in Docker's words.

use rustix::io::Errno;
use ureq::http::Uri;

use crate::error::{Kind, lower_case, refuse};

/// Errors of which only connecting can die.
const DIALLING: [Errno; 5] = [
    Errno::ADDRNOTAVAIL,
    Errno::CONNREFUSED,
    Errno::HOSTUNREACH,
    Errno::NETUNREACH,
    Errno::TIMEDOUT,
];

/// Why nothing was answered. What the kernel says has no number: that says nothing to people.
pub(super) fn broken(error: ureq::Error, url: &str) -> anyhow::Error {
    let ureq::Error::Io(error) = error else { return error.into() };
    let words = match Errno::from_io_error(&error) {
        Some(errno) if DIALLING.contains(&errno) => {
            format!("dial tcp {}: connect: {}", address(url), lower_case(errno))
        }
        Some(errno) => lower_case(errno),
        None => error.to_string(),
    };
    refuse(Kind::Denied, words)
}

/// `HOST:PORT` of a URL.
fn address(url: &str) -> String {
    let Ok(url) = url.parse::<Uri>() else { return url.to_owned() };
    let usual = if url.scheme_str() == Some("https") { 443 } else { 80 };
    format!("{}:{}", url.host().unwrap_or_default(), url.port_u16().unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_broke_is_told_as_docker_tells_it() {
        let told = |errno: Errno, url: &str| {
            let error = ureq::Error::Io(io::Error::from(errno));
            broken(error, url).to_string()
        };
        for (errno, url, words) in [
            (Errno::CONNREFUSED, "http://h:5/v2/", "dial tcp h:5: connect: connection refused"),
            (Errno::NETUNREACH, "https://h/", "dial tcp h:443: connect: network is unreachable"),
            (Errno::CONNREFUSED, "http://[::1]/", "dial tcp [::1]:80: connect: connection refused"),
            (Errno::CONNRESET, "https://h/", "connection reset by peer"),
        ] {
            assert_eq!(told(errno, url), words);
        }
    }
}
