//! Text as it is written inside of other languages.

/// In HTML.
pub(super) fn html(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' => "&#34;".to_owned(),
        '\'' => "&#39;".to_owned(),
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '\0' => "\u{fffd}".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// In a string of JavaScript.
pub(super) fn js(text: &str) -> String {
    let escaped = |c: char| match c {
        '\\' | '\'' | '"' => format!("\\{c}"),
        '<' | '>' | '&' | '=' | '\0'..' ' => format!("\\u{:04X}", u32::from(c)),
        // They end a line there.
        '\u{7f}' | '\u{2028}' | '\u{2029}' => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

/// In the query of an address.
pub(crate) fn urlquery(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_go_escapes_it() {
        assert_eq!(html("<a href=\"x\">&'"), "&lt;a href=&#34;x&#34;&gt;&amp;&#39;");
        let script = "\\u003Ca\\u003E\\\"\\'\\u000A\\\\\\u003D\\u0026é\\u2028";
        assert_eq!(js("<a>\"'\n\\=&é\u{2028}"), script);
        assert_eq!(urlquery("a b&c/d?é~-_.*"), "a+b%26c%2Fd%3F%C3%A9~-_.%2A");
    }
}
