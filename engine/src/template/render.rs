//! A template's nodes and a value become text.

use serde_json::Value;

use super::{Keeps, Label, Node, Operand, Pipe, fields, functions};
use crate::error::Result;

pub(super) fn render(nodes: &[Node], root: &Value, label: Option<Label>) -> Result<String> {
    let variables = vec![(String::new(), root.clone())];
    let mut renderer = Renderer { root, variables, label, text: String::new() };
    renderer.nodes(nodes, root)?;
    Ok(renderer.text)
}

pub(super) fn wrong(what: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("template parsing error: template: :1: executing \"\" {what}")
}

struct Renderer<'a> {
    root: &'a Value,
    /// The last of a name counts; those of a block go with it.
    variables: Vec<(String, Value)>,
    label: Option<Label<'a>>,
    text: String,
}

/// Whether a `range` goes on.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl Renderer<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    /// Nodes with variables of their own.
    fn block(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        let outside = self.variables.len();
        let flow = self.nodes(nodes, dot);
        self.variables.truncate(outside);
        flow
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow> {
        match node {
            Node::Text(own) => self.text.push_str(own),
            Node::Print(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.keeps.is_none() {
                    let shown = path_of(pipe).and_then(|path| fields::print(path, &value));
                    self.text.push_str(&shown.unwrap_or_else(|| functions::print(&value)));
                }
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::If(pipe, ..) | Node::With(pipe, ..) | Node::Range(pipe, ..) => {
                let outside = self.variables.len();
                let value = self.pipe(pipe, dot)?;
                let flow = self.choose(node, value, dot);
                self.variables.truncate(outside);
                return flow;
            }
        }
        Ok(Flow::On)
    }

    /// What of a block is carried out for the value that it asks about.
    fn choose(&mut self, node: &Node, value: Value, dot: &Value) -> Result<Flow> {
        match node {
            Node::With(_, yes, _) if functions::is_true(&value) => self.block(yes, &value),
            Node::If(_, yes, _) if functions::is_true(&value) => self.block(yes, dot),
            Node::Range(pipe, each, none) => {
                let items: Vec<(Value, Value)> = match value {
                    Value::Null => Vec::new(),
                    Value::Array(items) => {
                        items.into_iter().enumerate().map(|(at, item)| (at.into(), item)).collect()
                    }
                    Value::Object(fields) => {
                        fields.into_iter().map(|(name, item)| (name.into(), item)).collect()
                    }
                    other => {
                        let shown = functions::print(&other);
                        return Err(wrong(format_args!("range can't iterate over {shown}")));
                    }
                };
                match items.is_empty() {
                    true => self.block(none, dot),
                    false => self.each(pipe, each, items),
                }
            }
            Node::With(.., no) | Node::If(.., no) => self.block(no, dot),
            Node::Text(_) | Node::Print(_) | Node::Break | Node::Continue => Ok(Flow::On),
        }
    }

    fn each(&mut self, pipe: &Pipe, nodes: &[Node], items: Vec<(Value, Value)>) -> Result<Flow> {
        let names = match &pipe.keeps {
            Some(Keeps::New(names)) => &names[..],
            _ => &[],
        };
        for (at, item) in items {
            let outside = self.variables.len();
            match names {
                [key, name] => {
                    self.variables.push((key.clone(), at));
                    self.variables.push((name.clone(), item.clone()));
                }
                [name] => self.variables.push((name.clone(), item.clone())),
                _ => {}
            }
            let flow = self.nodes(nodes, &item);
            self.variables.truncate(outside);
            if flow? == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    /// The value of a pipe, which is also kept where it says so.
    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        let mut before = None;
        for command in &pipe.commands {
            before = Some(self.command(command, before, dot)?);
        }
        let value = before.unwrap_or_default();
        match &pipe.keeps {
            // A `range` keeps each of its items in turn.
            Some(Keeps::New(names)) => {
                if let [name] = &names[..] {
                    self.variables.push((name.clone(), value.clone()));
                }
            }
            Some(Keeps::Known(name)) => *self.variable(name)? = value.clone(),
            None => {}
        }
        Ok(value)
    }

    fn variable(&mut self, name: &str) -> Result<&mut Value> {
        let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
        let undefined = || wrong(format_args!("undefined variable \"${name}\""));
        known.map(|(_, value)| value).ok_or_else(undefined)
    }

    fn command(
        &mut self,
        command: &[Operand],
        before: Option<Value>,
        dot: &Value,
    ) -> Result<Value> {
        let [first, rest @ ..] = command else { return Ok(Value::Null) };
        let given: Vec<Value> =
            rest.iter().map(|operand| self.operand(operand, dot)).collect::<Result<_>>()?;
        let given: Vec<Value> = given.into_iter().chain(before).collect();
        match (first, self.label) {
            (Operand::Function(name), _) => functions::call(name, &given),
            (Operand::Field(path), Some(label)) if *path == ["Label"] => match &given[..] {
                [Value::String(name)] => Ok(label(name).into()),
                _ => Err(wrong("wrong number of args for Label: expected the name of one")),
            },
            _ if given.is_empty() => self.operand(first, dot),
            _ => Err(wrong("can't give argument to non-function")),
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value> {
        match operand {
            Operand::Field(path) => field(dot, path, std::ptr::eq(dot, self.root)),
            Operand::Variable(name, path) => field(self.variable(name)?, path, name.is_empty()),
            Operand::Constant(value) => Ok(value.clone()),
            Operand::Function(name) => functions::call(name, &[]),
            Operand::Pipe(pipe) => self.pipe(pipe, dot),
        }
    }
}

/// A field of Docker's begins with a capital, and one that is not there is a mistake of whoever
/// wrote the template; a label that is not there has no value.
fn field(value: &Value, path: &[String], is_root: bool) -> Result<Value> {
    let mut found = value;
    for (at, name) in path.iter().enumerate() {
        let is_field = name.starts_with(char::is_uppercase) || (is_root && at == 0);
        found = match found.get(name).or_else(|| fields::spelt_otherwise(found, name)) {
            Some(inner) => inner,
            None if fields::is_text(name) => return Ok("".into()),
            None if fields::is_number(name) => return Ok(0.into()),
            None if found.is_null() || fields::may_be_missing(name) => &Value::Null,
            None if !is_field => &Value::Null,
            None => {
                let path = path.join(".");
                return Err(wrong(format_args!("at <.{path}>: can't evaluate field {name}")));
            }
        };
    }
    Ok(found.clone())
}

/// The path of a pipe that is a field and nothing else.
fn path_of(pipe: &Pipe) -> Option<&[String]> {
    match &pipe.commands[..] {
        [command] => match &command[..] {
            [Operand::Field(path) | Operand::Variable(_, path)] => Some(path),
            _ => None,
        },
        _ => None,
    }
}
