//! A template's text becomes its nodes.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use super::{Keeps, Node, Operand, Pipe, functions};
use crate::error::Result;

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Path(Vec<String>),
    /// Without its `$`.
    Variable(String, Vec<String>),
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

fn wrong(what: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("template parsing error: template: :1: {what}")
}

pub(super) fn parse(text: &str) -> Result<Vec<Node>> {
    let mut parts = split(text)?.into_iter().peekable();
    let nodes = nodes(&mut parts, false)?;
    match parts.next() {
        None => Ok(nodes),
        Some(_) => Err(wrong("unexpected {{end}} or {{else}}")),
    }
}

/// Text and actions in turn. `{{- ` and ` -}}` take the white space beside them away.
fn split(text: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut trim = false;
    loop {
        let (before, action) = match rest.split_once("{{") {
            Some((before, after)) => (before, Some(after)),
            None => (rest, None),
        };
        let before = if trim { before.trim_start() } else { before };
        let trims_before = action.is_some_and(|action| action.starts_with("- "));
        let before = if trims_before { before.trim_end() } else { before };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let Some(action) = action else { return Ok(parts) };
        let end = end_of(action).ok_or_else(|| wrong("unclosed action"))?;
        let inner = &action[..end];
        let inner = inner.strip_prefix("- ").unwrap_or(inner);
        trim = inner.ends_with(" -");
        let inner = inner.strip_suffix(" -").unwrap_or(inner).trim();
        if !(inner.starts_with("/*") && inner.ends_with("*/")) {
            parts.push(Part::Action(tokens(inner)?));
        }
        rest = &action[end + 2..];
    }
}

/// Where the action ends: at braces that are not in quotes.
fn end_of(action: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in action.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if action[at..].starts_with("}}") => return Some(at),
            None => {}
        }
    }
    None
}

fn tokens(action: &str) -> Result<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = action.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | '|' | ',' | '=' => {
                found.push(match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    ',' => Token::Comma,
                    '=' => Token::Known,
                    _ => Token::Bar,
                });
                1
            }
            ':' if rest.starts_with(":=") => {
                found.push(Token::New);
                2
            }
            '"' | '`' => {
                let (value, length) = quoted(rest, first)?;
                found.push(Token::Constant(value));
                length
            }
            _ => {
                // A keyword may be followed by a field at once: `range.Containers`.
                let is_name = first.is_alphabetic();
                let end = rest.find(|c| " \t\n()|\"`,:=".contains(c) || (is_name && c == '.'));
                let word = &rest[..end.unwrap_or(rest.len()).max(first.len_utf8())];
                found.push(word_token(word));
                word.len()
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// Text in quotes, and how long it is with them.
fn quoted(rest: &str, quote: char) -> Result<(Value, usize)> {
    let inner = &rest[1..];
    if quote == '`' {
        let end = inner.find('`').ok_or_else(|| wrong("unterminated raw quoted string"))?;
        return Ok((Value::from(&inner[..end]), end + 2));
    }
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                // What Go escapes in such text, JSON does too.
                let text = serde_json::from_str(&rest[..at + 2]);
                let text: String = text.map_err(|_| wrong("bad escape in a quoted string"))?;
                return Ok((Value::from(text), at + 2));
            }
            _ => {}
        }
    }
    Err(wrong("unterminated quoted string"))
}

fn word_token(word: &str) -> Token {
    let path = |text: &str| text.split('.').filter(|n| !n.is_empty()).map(str::to_owned).collect();
    if let Some(rest) = word.strip_prefix('$') {
        let (name, fields) = rest.split_once('.').unwrap_or((rest, ""));
        Token::Variable(name.to_owned(), path(fields))
    } else if word.starts_with('.') {
        Token::Path(path(word))
    } else if let Ok(number) = word.parse::<i64>() {
        Token::Constant(Value::from(number))
    } else {
        match word {
            "true" => Token::Constant(Value::Bool(true)),
            "false" => Token::Constant(Value::Bool(false)),
            "nil" => Token::Constant(Value::Null),
            _ => Token::Word(word.to_owned()),
        }
    }
}

type Parts = Peekable<IntoIter<Part>>;

/// Nodes until an `end`, an `else` or the end of all, which is left to the caller; `break` and
/// `continue` are only known in a `range`.
fn nodes(parts: &mut Parts, in_range: bool) -> Result<Vec<Node>> {
    let mut found = Vec::new();
    while let Some(part) = parts.peek() {
        let keyword = match part {
            Part::Action(tokens) => match tokens.first() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            },
            Part::Text(_) => String::new(),
        };
        if matches!(keyword.as_str(), "end" | "else") {
            break;
        }
        found.push(match (parts.next(), keyword.as_str()) {
            (Some(Part::Text(text)), _) => Node::Text(text),
            (Some(Part::Action(tokens)), "if" | "with" | "range") => {
                block(&tokens, parts, in_range)?
            }
            (Some(Part::Action(tokens)), "break") if in_range && tokens.len() == 1 => Node::Break,
            (Some(Part::Action(tokens)), "continue") if in_range && tokens.len() == 1 => {
                Node::Continue
            }
            (Some(Part::Action(tokens)), _) => Node::Print(pipe(&tokens, 1)?),
            (None, _) => break,
        });
    }
    Ok(found)
}

/// A block whose first action has been taken: `if .A`, and what follows to its `end`.
fn block(tokens: &[Token], parts: &mut Parts, in_range: bool) -> Result<Node> {
    let is_range = tokens.first() == Some(&Token::Word("range".to_owned()));
    let condition = pipe(tokens.get(1..).unwrap_or_default(), if is_range { 2 } else { 1 })?;
    let yes = nodes(parts, in_range || is_range)?;
    let no = match parts.next() {
        Some(Part::Action(next)) if next == [Token::Word("end".to_owned())] => Vec::new(),
        Some(Part::Action(next)) if next.len() == 1 => {
            let no = nodes(parts, in_range)?;
            match parts.next() {
                Some(Part::Action(end)) if end == [Token::Word("end".to_owned())] => no,
                _ => return Err(wrong("unexpected EOF")),
            }
        }
        // `else if`: a block in a block, which share their `end`.
        Some(Part::Action(next)) => vec![block(&next[1..], parts, in_range)?],
        _ => return Err(wrong("unexpected EOF")),
    };
    Ok(match tokens.first() {
        Some(Token::Word(word)) if word == "with" => Node::With(condition, yes, no),
        Some(Token::Word(word)) if word == "range" => Node::Range(condition, yes, no),
        _ => Node::If(condition, yes, no),
    })
}

/// A pipe with up to so many new variables in front.
fn pipe(tokens: &[Token], most: usize) -> Result<Pipe> {
    let (keeps, mut rest) = match tokens {
        [Token::Variable(name, path), Token::New, rest @ ..] if path.is_empty() => {
            (Some(Keeps::New(vec![name.clone()])), rest)
        }
        [Token::Variable(name, path), Token::Known, rest @ ..] if path.is_empty() => {
            (Some(Keeps::Known(name.clone())), rest)
        }
        [Token::Variable(a, _), Token::Comma, Token::Variable(b, _), Token::New, rest @ ..]
            if most == 2 =>
        {
            (Some(Keeps::New(vec![a.clone(), b.clone()])), rest)
        }
        rest => (None, rest),
    };
    let commands = commands(&mut rest)?;
    match rest {
        [] => Ok(Pipe { keeps, commands }),
        _ => Err(wrong("unexpected \")\"")),
    }
}

/// Commands with bars between them, until what closes them.
fn commands(rest: &mut &[Token]) -> Result<Vec<Vec<Operand>>> {
    let mut pipe = vec![Vec::new()];
    while let [first, after @ ..] = *rest {
        let operand = match first {
            Token::Close => break,
            Token::Bar => {
                *rest = after;
                pipe.push(Vec::new());
                continue;
            }
            Token::Open => {
                let mut inner = after;
                let commands = commands(&mut inner)?;
                let [Token::Close, beyond @ ..] = inner else {
                    return Err(wrong("unclosed left paren"));
                };
                *rest = beyond;
                parenthesis(Pipe { keeps: None, commands }, rest)
            }
            token => {
                *rest = after;
                operand(token)?
            }
        };
        pipe.last_mut().ok_or_else(|| wrong("missing value for command"))?.push(operand);
    }
    match pipe.iter().any(Vec::is_empty) {
        true => Err(wrong("missing value for command")),
        false => Ok(pipe),
    }
}

/// `(index .A 1).B` is the field of what is in the parentheses.
fn parenthesis(pipe: Pipe, rest: &mut &[Token]) -> Operand {
    let [Token::Path(path), beyond @ ..] = *rest else { return Operand::Pipe(pipe) };
    *rest = beyond;
    let mut command = vec![Operand::Function("index".to_owned()), Operand::Pipe(pipe)];
    command.extend(path.iter().map(|name| Operand::Constant(Value::from(name.as_str()))));
    Operand::Pipe(Pipe { keeps: None, commands: vec![command] })
}

fn operand(token: &Token) -> Result<Operand> {
    Ok(match token {
        Token::Path(path) => Operand::Field(path.clone()),
        Token::Variable(name, path) => Operand::Variable(name.clone(), path.clone()),
        Token::Constant(value) => Operand::Constant(value.clone()),
        Token::Word(name) if functions::is_known(name) => Operand::Function(name.clone()),
        Token::Word(name) => return Err(wrong(format_args!("function \"{name}\" not defined"))),
        Token::Open | Token::Close | Token::Bar => return Err(wrong("unexpected token")),
        Token::Comma | Token::New | Token::Known => return Err(wrong("unexpected token")),
    })
}
