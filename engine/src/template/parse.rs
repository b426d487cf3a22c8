//! A template's text becomes its nodes.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use super::lex::{Part, Token, parts};
use super::{Around, Keeps, Node, Operand, Pipe, Template, functions};
use crate::error::Result;

pub(super) fn wrong(what: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("template parsing error: template: :1: {what}")
}

pub(super) fn parse(text: &str, around: Around) -> Result<Template> {
    let parts = parts(text, around)?.into_iter().peekable();
    let mut parser = Parser { parts, variables: vec![String::new()], named: BTreeMap::new() };
    let main = parser.nodes(Inside::Nothing)?;
    match parser.parts.next() {
        None => Ok(Template { main, named: parser.named }),
        Some(part) => {
            Err(wrong(format_args!("unexpected {{{{{}}}}}", keyword(&part).unwrap_or_default())))
        }
    }
}

/// What nodes are inside of.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Nothing,
    Block,
    /// Where `break` and `continue` are known.
    Range,
}

/// The first word of an action.
fn keyword(part: &Part) -> Option<&str> {
    match part {
        Part::Action(tokens) => match tokens.first() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        },
        Part::Text(_) => None,
    }
}

struct Parser {
    parts: Peekable<IntoIter<Part>>,
    /// Those that are known where the parser is; the one without a name always is.
    variables: Vec<String>,
    named: BTreeMap<String, Vec<Node>>,
}

impl Parser {
    /// Nodes until an `end`, an `else` or the end of all, which is left to the caller.
    fn nodes(&mut self, inside: Inside) -> Result<Vec<Node>> {
        let mut found = Vec::new();
        while let Some(part) =
            self.parts.next_if(|part| !matches!(keyword(part), Some("end" | "else")))
        {
            let tokens = match part {
                Part::Text(text) => {
                    found.push(Node::Text(text));
                    continue;
                }
                Part::Action(tokens) => tokens,
            };
            found.push(match &tokens[..] {
                [Token::Word(word), rest @ ..] => match (word.as_str(), rest) {
                    ("if" | "with" | "range", _) => self.block(word, rest, inside)?,
                    ("break" | "continue", []) if inside != Inside::Range => {
                        return Err(wrong(format_args!("{{{{{word}}}}} outside {{{{range}}}}")));
                    }
                    ("break", []) => Node::Break,
                    ("continue", []) => Node::Continue,
                    ("define", rest) if inside == Inside::Nothing => {
                        self.define(rest)?;
                        continue;
                    }
                    ("block", rest) => self.define_here(rest)?,
                    ("template", rest) => self.call("template", rest)?,
                    _ => Node::Print(self.pipe("command", &tokens)?),
                },
                tokens => Node::Print(self.pipe("command", tokens)?),
            });
        }
        Ok(found)
    }

    /// A block whose first action has been taken: `if .A`, and what follows to its `end`.
    fn block(&mut self, word: &str, rest: &[Token], outside: Inside) -> Result<Node> {
        let known = self.variables.len();
        let condition = self.pipe(word, rest)?;
        let inside = match (word, outside) {
            ("range", _) | (_, Inside::Range) => Inside::Range,
            _ => Inside::Block,
        };
        let yes = self.nodes(inside)?;
        let inside = if outside == Inside::Range { outside } else { Inside::Block };
        let no = match self.parts.next() {
            Some(Part::Action(next)) => match &next[..] {
                [Token::Word(word)] if word == "end" => Vec::new(),
                [Token::Word(word)] if word == "else" => {
                    let no = self.nodes(inside)?;
                    self.end()?;
                    no
                }
                // `else if`: a block in a block, which share their `end`.
                [Token::Word(first), Token::Word(next), rest @ ..]
                    if first == "else" && matches!(next.as_str(), "if" | "with") =>
                {
                    vec![self.block(next, rest, inside)?]
                }
                _ => return Err(wrong("unexpected token in end or else")),
            },
            _ => return Err(wrong("unexpected EOF")),
        };
        self.variables.truncate(known);
        Ok(match word {
            "with" => Node::With(condition, yes, no),
            "range" => Node::Range(condition, yes, no),
            _ => Node::If(condition, yes, no),
        })
    }

    fn end(&mut self) -> Result<()> {
        match self.parts.next() {
            Some(Part::Action(end)) if end == [Token::Word("end".to_owned())] => Ok(()),
            Some(_) => Err(wrong("expected end")),
            None => Err(wrong("unexpected EOF")),
        }
    }

    /// `define "NAME"`, and what follows to its `end`.
    fn define(&mut self, rest: &[Token]) -> Result<()> {
        let [Token::Constant(Value::String(name))] = rest else {
            return Err(wrong("unexpected token in define clause"));
        };
        // A template of its own knows nothing of the variables around it.
        let known = std::mem::replace(&mut self.variables, vec![String::new()]);
        let nodes = self.nodes(Inside::Block)?;
        self.variables = known;
        self.end()?;
        self.named.insert(name.clone(), nodes);
        Ok(())
    }

    /// `block "NAME" PIPE`: a template that is defined where it is used.
    fn define_here(&mut self, rest: &[Token]) -> Result<Node> {
        let call = self.call("block clause", rest)?;
        self.define(rest.get(..1).unwrap_or_default())?;
        Ok(call)
    }

    /// `"NAME" PIPE`
    fn call(&mut self, what: &str, rest: &[Token]) -> Result<Node> {
        let [Token::Constant(Value::String(name)), rest @ ..] = rest else {
            return Err(wrong(format_args!("unexpected token in {what}")));
        };
        let given = match (rest, what) {
            ([], "template") => None,
            (rest, what) => Some(self.pipe(what, rest)?),
        };
        Ok(Node::Call(name.clone(), given))
    }

    /// A pipe with new variables in front: one, or two of a `range`.
    fn pipe(&mut self, what: &str, tokens: &[Token]) -> Result<Pipe> {
        let (keeps, mut rest) = match tokens {
            [Token::Variable(name, path), Token::New, rest @ ..] if path.is_empty() => {
                (Some(Keeps::New(vec![name.clone()])), rest)
            }
            [Token::Variable(name, path), Token::Known, rest @ ..] if path.is_empty() => {
                (Some(Keeps::Known(name.clone())), rest)
            }
            [Token::Variable(a, _), Token::Comma, Token::Variable(b, _), Token::New, rest @ ..]
                if what == "range" =>
            {
                (Some(Keeps::New(vec![a.clone(), b.clone()])), rest)
            }
            rest => (None, rest),
        };
        let commands = self.commands(what, &mut rest)?;
        if !rest.is_empty() {
            return Err(wrong("unexpected right paren"));
        }
        match &keeps {
            Some(Keeps::New(names)) => self.variables.extend(names.iter().cloned()),
            Some(Keeps::Known(name)) => self.is_known(name)?,
            None => {}
        }
        Ok(Pipe { keeps, commands })
    }

    /// Commands with bars between them, until what closes them.
    fn commands(&self, what: &str, rest: &mut &[Token]) -> Result<Vec<Vec<Operand>>> {
        let missing = || wrong(format_args!("missing value for {what}"));
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
                    let commands = self.commands("parenthesized pipeline", &mut inner)?;
                    let [Token::Close, beyond @ ..] = inner else {
                        return Err(wrong("unclosed left paren"));
                    };
                    *rest = beyond;
                    parenthesis(Pipe { keeps: None, commands }, rest)
                }
                token => {
                    *rest = after;
                    self.operand(token)?
                }
            };
            pipe.last_mut().ok_or_else(missing)?.push(operand);
        }
        match pipe.iter().any(Vec::is_empty) {
            true => Err(missing()),
            false => Ok(pipe),
        }
    }

    fn operand(&self, token: &Token) -> Result<Operand> {
        Ok(match token {
            Token::Path(path) => Operand::Field(path.clone()),
            Token::Variable(name, path) => {
                self.is_known(name)?;
                Operand::Variable(name.clone(), path.clone())
            }
            Token::Constant(value) => Operand::Constant(value.clone()),
            Token::Word(name) if functions::is_known(name) => Operand::Function(name.clone()),
            Token::Word(word) if matches!(word.as_str(), "define" | "else" | "end") => {
                return Err(wrong(format_args!("unexpected <{word}> in command")));
            }
            Token::Word(name) => {
                return Err(wrong(format_args!("function \"{name}\" not defined")));
            }
            Token::Open | Token::Close | Token::Bar => return Err(wrong("unexpected token")),
            Token::Comma => return Err(wrong("unexpected \",\" in operand")),
            Token::New => return Err(wrong("unexpected \":=\" in operand")),
            Token::Known => return Err(wrong("unexpected \"=\" in operand")),
        })
    }

    fn is_known(&self, variable: &str) -> Result<()> {
        match self.variables.iter().any(|known| known == variable) {
            true => Ok(()),
            false => Err(wrong(format_args!("undefined variable \"${variable}\""))),
        }
    }
}

/// `(index .A 1).B` is the field of what is in the parentheses.
fn parenthesis(pipe: Pipe, rest: &mut &[Token]) -> Operand {
    match *rest {
        [Token::Path(path), beyond @ ..] => {
            *rest = beyond;
            Operand::Inside(pipe, path.clone())
        }
        _ => Operand::Pipe(pipe),
    }
}
