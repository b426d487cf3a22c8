//! A source file as the rules see it: without comments, without what stands between quotation
//! marks, without tests.

use std::collections::BTreeSet;
use std::ops::Range;

/// A file below `src`.
#[derive(Debug)]
pub(crate) struct Source {
    /// Below `src`.
    pub(crate) path: String,
    /// The first name of the path: the room, `lib` or `main`.
    pub(crate) room: String,
    /// The code alone, each line where it was.
    pub(crate) code: String,
    /// Columns of each line, comments and tests included.
    pub(crate) widths: Vec<usize>,
    /// Modules that are compiled for tests only.
    tests: Vec<String>,
}

impl Source {
    /// Reads a file's text.
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let mut code = code_alone(text);
        let mut tests = Vec::new();
        while let Some(item) = test_item(&code) {
            let words: Vec<&str> = code[item.clone()].split([' ', ';', '{']).collect();
            tests.extend(
                words
                    .windows(2)
                    .find(|pair| pair[0].ends_with("mod"))
                    .map(|pair| pair[1])
                    .map(str::to_owned),
            );
            code.replace_range(item, "");
        }
        let room = path.split(['/', '.']).next().unwrap_or_default().to_owned();
        let widths = text.lines().map(|line| line.chars().count()).collect();
        Source { path: path.to_owned(), room, code, widths, tests }
    }

    /// How many modules deep the file is: `super::` that often is the crate's root.
    pub(crate) fn depth(&self) -> usize {
        let path = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').count()
    }

    /// Lines without tests.
    pub(crate) fn lines(&self) -> usize {
        self.code.lines().count()
    }

    /// Names and paths: `crate::plan::Plan`.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.code.split(|c: char| !is_name(c) && c != ':')
    }

    /// The first names after a prefix like `crate::`, also those of a group in braces.
    pub(crate) fn below(&self, prefix: &str) -> BTreeSet<String> {
        let starts = self.code.match_indices(prefix);
        let starts = starts.filter(|(at, _)| !self.code[..*at].ends_with(is_name));
        starts.flat_map(|(at, _)| first_names(&self.code[at + prefix.len()..])).collect()
    }

    /// Whether a macro is called, by its name with the mark.
    pub(crate) fn has_macro(&self, name: &str) -> bool {
        self.code.match_indices(name).any(|(at, _)| !self.code[..at].ends_with(is_name))
    }

    /// The modules that the file declares.
    pub(crate) fn modules(&self) -> impl Iterator<Item = String> {
        let words: Vec<&str> = self.code.split_whitespace().collect();
        let pairs: Vec<String> = words
            .windows(2)
            .filter(|pair| pair[0] == "mod")
            .map(|pair| pair[1].trim_end_matches(';').to_owned())
            .collect();
        pairs.into_iter()
    }

    /// Whether a file, below `src`, is of a module that is compiled for this one's tests only.
    pub(crate) fn tests_with(&self, path: &str) -> bool {
        let directory = self.path.trim_end_matches(".rs").trim_end_matches("mod");
        let below = path.strip_prefix(directory.trim_end_matches('/'));
        let below = below.and_then(|path| path.strip_prefix('/')).unwrap_or_default();
        let module = below.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        self.tests.iter().any(|name| name == module)
    }
}

/// What a name may consist of.
pub(crate) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `a::b` gives a; `{a, b::{c}, d}` gives a, b, d.
fn first_names(text: &str) -> Vec<String> {
    let Some(group) = text.strip_prefix('{') else {
        return vec![text.chars().take_while(|c| is_name(*c)).collect()];
    };
    let mut depth = 1;
    let inner = group.chars().take_while(|c| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        depth > 0
    });
    let inner: String = inner.collect();
    let mut depth = 0;
    let parts = inner.split(|c| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        depth == 0 && c == ','
    });
    let names = parts.map(|part| part.trim().chars().take_while(|c| is_name(*c)).collect());
    names.filter(|name: &String| !name.is_empty()).collect()
}

/// The first item with `#[cfg(test)]`, attribute and all.
fn test_item(code: &str) -> Option<Range<usize>> {
    let start = code.find("#[cfg(test)]")?;
    let body = start + code[start..].find([';', '{'])?;
    let mut depth = 0;
    for (at, c) in code[body..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(start..body + at + 1);
        }
    }
    Some(start..code.len())
}

/// Takes out comments and what stands between quotation marks; every line stays where it is.
fn code_alone(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => string(rest),
            'r' if !code.ends_with(is_name) => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        match taken {
            0 => code.push(first),
            _ => code.extend(rest[..taken].chars().filter(|c| *c == '\n')),
        }
        rest = &rest[taken.max(first.len_utf8())..];
    }
    code
}

/// The length of a string with escapes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `r"…"` or `r#"…"#`; 0 for another word that begins with r.
fn raw_string(text: &str) -> usize {
    let marks = text[1..].chars().take_while(|c| *c == '#').count();
    let Some(inside) = text[1 + marks..].strip_prefix('"') else { return 0 };
    let end = format!("\"{}", "#".repeat(marks));
    let length = inside.find(&end).unwrap_or(inside.len());
    (2 + marks + length + end.len()).min(text.len())
}

/// The length of a character; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            let after = at + c.len_utf8();
            text[after..].find('\'').map_or(0, |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}
