//! Addresses and what is written in them and beside them, as text.

use ureq::http::Uri;

use crate::error::{Context, Result};

/// Scheme, host and port.
pub fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

/// An address as seen from another.
///
/// # Errors
/// Where it is neither whole nor begins with a slash.
pub fn join(base: &str, place: &str) -> Result<String> {
    if place.starts_with("http://") || place.starts_with("https://") {
        return Ok(place.to_owned());
    }
    let (scheme, rest) = base.split_once("://").context("an address without a scheme")?;
    let host = rest.split('/').next().unwrap_or(rest);
    anyhow::ensure!(
        place.starts_with('/') && !place.starts_with("//"),
        "the registry answers with the address {place:?}"
    );
    Ok(format!("{scheme}://{host}{place}"))
}

/// `name="value",…` of a challenge.
pub fn parameters(text: &str) -> Vec<(String, String)> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([',', ' ', '\t']).to_ascii_lowercase();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name, value.to_owned()));
        rest = next;
    }
    found
}

/// Fields as a form or after a question mark.
pub fn form(fields: &[(&str, &str)]) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let escape = |text: &str| -> String {
        let byte = |b: u8| if safe(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
        text.bytes().map(byte).collect()
    };
    let field = |(name, value): &(&str, &str)| format!("{name}={}", escape(value));
    fields.iter().map(field).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_with_its_quotes() {
        let text = r#"realm="https://a/t",service="x, y" , scope="repository:a:pull,push",error=z"#;
        let found = parameters(text);
        let find = |n: &str| found.iter().find(|(name, _)| name == n).map(|(_, v)| v.as_str());
        assert_eq!(find("realm"), Some("https://a/t"));
        assert_eq!(find("service"), Some("x, y"));
        assert_eq!(find("scope"), Some("repository:a:pull,push"));
        assert_eq!(find("error"), Some("z"));
    }

    #[test]
    fn an_address_is_joined_to_its_server_alone() {
        assert_eq!(join("https://h:1/v2/x", "/y?z").unwrap(), "https://h:1/y?z");
        assert_eq!(join("https://h", "http://o/p").unwrap(), "http://o/p");
        assert!(join("https://h", "//o/p").is_err() && join("https://h", "p").is_err());
        assert_eq!(origin("https://H/x"), origin("https://h:443"));
        assert_ne!(origin("https://h"), origin("http://h"));
        assert_ne!(origin("https://h"), origin("https://h:444"));
    }
}
