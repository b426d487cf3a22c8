//! A template's text becomes parts: text, and the tokens of actions.

use std::borrow::Cow;

use serde_json::Value;

use super::parse::wrong;
use super::{Around, Path, Place, literal};
use crate::error::Result;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Path(Path),
    /// Without its `$`.
    Variable(String, Path),
    Word(String),
    Constant(Value),
    Open,
    Close,
    Bar,
    Comma,
    /// `:=`
    New,
    /// `=`
    Known,
}

/// Text and actions in turn. `{{- ` and ` -}}` take the white space beside them away.
pub(super) fn parts(text: &str, around: Around) -> Result<Vec<Part>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut parts = Vec::new();
    let mut trims_after = false;
    loop {
        let rest = lexer.rest();
        let start = rest.find("{{");
        let before = around.read(&rest[..start.unwrap_or(rest.len())]);
        let before = if trims_after { before.trim_start_matches(is_space) } else { &before };
        let opened = start.map(|start| &rest[start + 2..]);
        let trims_before = opened.is_some_and(|inner| {
            inner.strip_prefix('-').is_some_and(|inner| inner.starts_with(is_space))
        });
        let before = if trims_before { before.trim_end_matches(is_space) } else { before };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let Some(start) = start else { return Ok(parts) };
        lexer.at += start + if trims_before { 4 } else { 2 };
        match lexer.rest().starts_with("/*") {
            true => lexer.skip_comment()?,
            false => parts.push(Part::Action(lexer.action()?)),
        }
        let (length, trims) = closing(lexer.rest()).ok_or_else(|| wrong("unclosed action"))?;
        lexer.at += length;
        trims_after = trims;
    }
}

impl Around {
    fn read(self, text: &str) -> Cow<'_, str> {
        match self {
            Around::AsTyped => text.into(),
            Around::Unescaped => text.replace("\\t", "\t").replace("\\n", "\n").into(),
        }
    }
}

/// What Go takes for white space.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// How long the end of an action is that the text begins with, and whether it takes the white
/// space after it away.
fn closing(rest: &str) -> Option<(usize, bool)> {
    if rest.starts_with("}}") {
        return Some((2, false));
    }
    let trims = rest.strip_prefix(is_space).is_some_and(|rest| rest.starts_with("-}}"));
    trims.then_some((4, true))
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_comment(&mut self) -> Result<()> {
        let end = self.rest().find("*/").ok_or_else(|| wrong("unclosed comment"))?;
        self.at += end + 2;
        match closing(self.rest()) {
            Some(_) => Ok(()),
            None => Err(wrong("comment ends before closing delimiter")),
        }
    }

    /// The tokens until what closes the action, which is left.
    fn action(&mut self) -> Result<Vec<Token>> {
        let mut found = Vec::new();
        while closing(self.rest()).is_none() {
            match self.rest().chars().next() {
                None => return Err(wrong("unclosed action")),
                Some(c) if is_space(c) => self.at += 1,
                Some(c) => found.push(self.token(c)?),
            }
        }
        Ok(found)
    }

    fn token(&mut self, first: char) -> Result<Token> {
        let rest = self.rest();
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '|' => (Token::Bar, 1),
            ',' => (Token::Comma, 1),
            '=' => (Token::Known, 1),
            ':' if rest.starts_with(":=") => (Token::New, 2),
            '"' | '`' => {
                let read = if first == '"' { literal::quoted(rest) } else { literal::raw(rest) };
                let (text, length) = read.map_err(wrong)?;
                (Token::Constant(text.into()), length)
            }
            '\'' => {
                let (number, length) = literal::character(rest).map_err(wrong)?;
                (Token::Constant(number), length)
            }
            _ => self.word(first)?,
        };
        self.at += length;
        Ok(token)
    }

    fn word(&self, first: char) -> Result<(Token, usize)> {
        let rest = self.rest();
        // A keyword may be followed by a field at once: `range.Containers`.
        let is_name = first.is_alphabetic();
        let ends = |c| is_space(c) || "()|\"`',:={}".contains(c) || (is_name && c == '.');
        let word = &rest[..rest.find(ends).unwrap_or(rest.len()).max(first.len_utf8())];
        let token = if let Some(rest) = word.strip_prefix('$') {
            let name = rest.split_once('.').map_or(rest, |(name, _)| name);
            Token::Variable(name.to_owned(), self.path(word, name.len() + 1))
        } else if literal::begins_number(word) {
            let number = literal::number(word);
            let number = number.ok_or_else(|| wrong(format_args!("bad number: {word:?}")))?;
            Token::Constant(number)
        } else if word.starts_with('.') {
            Token::Path(self.path(word, 0))
        } else {
            match word {
                "true" => Token::Constant(Value::Bool(true)),
                "false" => Token::Constant(Value::Bool(false)),
                "nil" => Token::Constant(Value::Null),
                _ => Token::Word(word.to_owned()),
            }
        };
        Ok((token, word.len()))
    }

    /// The names in a word from there on. Go counts a path's place from its second name.
    fn path(&self, word: &str, from: usize) -> Path {
        let names = &word[from..];
        let second = names.get(1..).and_then(|names| names.find('.')).map_or(0, |at| at + 1);
        Path {
            names: names.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            place: Place::of(&self.text[..self.at + from + second]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let part = |part| match part {
            Part::Text(text) => text,
            Part::Action(tokens) => format!("<{}>", tokens.len()),
        };
        parts(text, Around::AsTyped).expect(text).into_iter().map(part).collect()
    }

    #[test]
    fn an_action_ends_at_braces_outside_of_quotes_and_comments() {
        for (text, found) in [
            ("a{{\"}}\"}}b", &["a", "<1>", "b"][..]),
            ("{{`}}\"`}}b", &["<1>", "b"]),
            ("{{'\"'}}b", &["<1>", "b"]),
            ("{{\"\\\"}}\" | json}}", &["<3>"]),
            ("{{/* don't \" }} */}}b", &["b"]),
            ("a {{- /* b */ -}}\n c", &["a", "c"]),
            ("a \u{a0}{{- 1 -}}\u{a0}b", &["a \u{a0}", "<1>", "\u{a0}b"]),
            ("{{.A\n|\tjson}}", &["<3>"]),
            ("{{-3}} {{- -3}}{{3 -}} }}", &["<1>", "<1>", "<1>", "}}"]),
        ] {
            assert_eq!(words(text), found, "{text}");
        }
        for wrong in ["{{", "{{.A}", "{{.A", "{{- ", "{{/* a", "{{/* a */ }}", "{{\"}}", "{{1a}}"] {
            parts(wrong, Around::AsTyped).expect_err(wrong);
        }
    }

    #[test]
    fn only_text_around_actions_is_unescaped() {
        let text = "\\ta{{\"\\t\"}}\\n {{- 1 -}} \\nb";
        let found = parts(text, Around::Unescaped).expect("a template");
        let texts = found.into_iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Action(_) => None,
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["\ta", "b"]);
    }

    #[test]
    fn a_path_knows_where_it_is() {
        for (text, line, column) in [
            ("{{.Name}}", 1, 2),
            ("{{.State.Health.Status}}", 1, 8),
            ("a\nb {{$x.State.Health}}", 2, 12),
            ("{{.Up}}{{ .A }}", 1, 10),
        ] {
            let place =
                parts(text, Around::AsTyped).expect(text).into_iter().rev().find_map(|part| {
                    match part {
                        Part::Action(tokens) => tokens.into_iter().next_back(),
                        Part::Text(_) => None,
                    }
                });
            let Some(Token::Path(path) | Token::Variable(_, path)) = place else {
                panic!("{text}: {place:?}")
            };
            assert_eq!(path.place, Place { line, column }, "{text}");
        }
    }
}
