//! A template's nodes and a value become text.

use serde_json::Value;

use super::{Keeps, Label, Node, Operand, Path, Pipe, Place, Template, fields, functions};
use crate::error::Result;

/// As many templates are in one another at most; each takes some of the stack.
const DEEPEST: usize = 100;

pub(super) fn render(template: &Template, root: &Value, label: Option<Label>) -> Result<String> {
    let variables = vec![(String::new(), root.clone())];
    let text = String::new();
    let mut renderer = Renderer { template, root, variables, label, depth: 0, text };
    renderer.nodes(&template.main, root)?;
    Ok(renderer.text)
}

pub(super) fn wrong(what: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("template parsing error: template: :1: executing \"\" {what}")
}

fn wrong_at(path: &Path, what: impl std::fmt::Display) -> anyhow::Error {
    let Place { line, column } = path.place;
    let at = format!("template: :{line}:{column}: executing \"\" at <{path}>");
    anyhow::anyhow!("template parsing error: {at}: {what}")
}

struct Renderer<'a> {
    template: &'a Template,
    root: &'a Value,
    /// The last of a name counts; those of a block go with it.
    variables: Vec<(String, Value)>,
    label: Option<Label<'a>>,
    /// How many templates the nodes at hand are inside of.
    depth: usize,
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
                    let shown = path_of(pipe).and_then(|path| fields::print(&path.names, &value));
                    self.text.push_str(&shown.unwrap_or_else(|| functions::print(&value)));
                }
            }
            Node::Call(name, given) => {
                let given = given.as_ref().map(|pipe| self.pipe(pipe, dot)).transpose()?;
                self.call(name, &given.unwrap_or_default())?;
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

    /// A template by its name, which knows only what it is given.
    fn call(&mut self, name: &str, given: &Value) -> Result<()> {
        let nodes = self.template.named.get(name);
        let nodes = nodes.ok_or_else(|| wrong(format_args!("template {name:?} not defined")))?;
        if self.depth == DEEPEST {
            return Err(wrong(format_args!("exceeded maximum template depth ({DEEPEST})")));
        }
        self.depth += 1;
        let own = vec![(String::new(), given.clone())];
        let outside = std::mem::replace(&mut self.variables, own);
        self.nodes(nodes, given)?;
        self.variables = outside;
        self.depth -= 1;
        Ok(())
    }

    /// What of a block is carried out for the value that it asks about.
    fn choose(&mut self, node: &Node, value: Value, dot: &Value) -> Result<Flow> {
        match node {
            Node::With(_, yes, _) if functions::is_true(&value) => self.block(yes, &value),
            Node::If(_, yes, _) if functions::is_true(&value) => self.block(yes, dot),
            Node::Range(pipe, each, none) => {
                let mut items = items(value, pipe)?.peekable();
                match items.peek() {
                    None => self.block(none, dot),
                    Some(_) => self.each(pipe, each, items),
                }
            }
            Node::With(.., no) | Node::If(.., no) => self.block(no, dot),
            _ => Ok(Flow::On),
        }
    }

    fn each(
        &mut self,
        pipe: &Pipe,
        nodes: &[Node],
        items: impl Iterator<Item = Item>,
    ) -> Result<Flow> {
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
        for (at, command) in pipe.commands.iter().enumerate() {
            let value = self.command(command, before.take(), dot)?;
            before = Some(match (&command[..], pipe.commands.get(at + 1)) {
                ([operand], Some(next)) if prints(next) => typed(operand, value),
                _ => value,
            });
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
        let given = rest.iter().map(|operand| {
            let value = self.operand(operand, dot)?;
            Ok(if prints(command) { typed(operand, value) } else { value })
        });
        let given: Vec<Value> = given.collect::<Result<_>>()?;
        let given: Vec<Value> = given.into_iter().chain(before).collect();
        match (first, self.label) {
            (Operand::Function(name), _) => functions::call(name, &given),
            (Operand::Field(path), Some(label)) if path.names == ["Label"] => match &given[..] {
                [Value::String(name)] => Ok(label(name).into()),
                _ => Err(wrong("wrong number of args for Label: expected the name of one")),
            },
            _ if given.is_empty() => self.operand(first, dot),
            _ => Err(wrong("can't give argument to non-function")),
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value> {
        match operand {
            Operand::Field(path) => self.field(dot, path, std::ptr::eq(dot, self.root)),
            Operand::Variable(name, path) => {
                let value = self.variable(name)?.clone();
                self.field(&value, path, name.is_empty())
            }
            Operand::Constant(value) => Ok(value.clone()),
            Operand::Function(name) => functions::call(name, &[]),
            Operand::Pipe(pipe) => self.pipe(pipe, dot),
            Operand::Inside(pipe, path) => match self.pipe(pipe, dot)? {
                Value::Null => {
                    let name = path.names.first().map_or("", String::as_str);
                    Err(wrong_at(path, format_args!("nil data; no entry for key {name:?}")))
                }
                value => self.field(&value, path, false),
            },
        }
    }

    /// A field of Docker's begins with a capital, and one that is not there is a mistake of whoever
    /// wrote the template; a label that is not there has no value.
    fn field(&self, value: &Value, path: &Path, is_root: bool) -> Result<Value> {
        let mut found = value;
        let mut missing = None;
        for (at, name) in path.names.iter().enumerate() {
            let before = at.checked_sub(1).map_or("", |before| &path.names[before]);
            let may_be_field = name.starts_with(char::is_uppercase) || (is_root && at == 0);
            let is_field = may_be_field && !fields::is_map(before);
            if let Some(inner) = found.get(name).or_else(|| fields::spelt_otherwise(found, name)) {
                found = inner;
                continue;
            }
            if found.is_null() && fields::is_pointer(before) {
                return Err(match missing {
                    Some(missing) => self.no_field(path, missing),
                    None => wrong_at(path, format_args!("nil pointer evaluating {before}.{name}")),
                });
            }
            found = match name.as_str() {
                name if fields::is_text(name) => return Ok("".into()),
                name if fields::is_number(name) => return Ok(0.into()),
                name if found.is_null() || fields::may_be_missing(name) || !is_field => {
                    missing = Some(name);
                    &Value::Null
                }
                name if !found.is_object() => {
                    let what = format_args!("can't evaluate field {name} in type interface {{}}");
                    return Err(wrong_at(path, what));
                }
                name => return Err(self.no_field(path, name)),
            };
        }
        Ok(found.clone())
    }

    /// Docker's client knows the fields of a list's rows by their type, and of what it inspects by
    /// what is there.
    fn no_field(&self, path: &Path, name: &str) -> anyhow::Error {
        match self.label {
            Some(_) => wrong_at(path, format_args!("can't evaluate field {name}")),
            None => wrong_at(path, format_args!("map has no entry for key {name:?}")),
        }
    }
}

/// What a `range` goes through: a key or a number, and a value.
type Item = (Value, Value);

fn items(value: Value, pipe: &Pipe) -> Result<Box<dyn Iterator<Item = Item>>> {
    let has_two_names = matches!(&pipe.keeps, Some(Keeps::New(names)) if names.len() == 2);
    Ok(match value {
        Value::Null => Box::new(std::iter::empty()),
        Value::Array(items) => {
            Box::new(items.into_iter().enumerate().map(|(at, item)| (at.into(), item)))
        }
        Value::Object(fields) => {
            Box::new(fields.into_iter().map(|(name, item)| (name.into(), item)))
        }
        Value::Number(count) if !count.is_f64() && has_two_names => {
            let what = "to iterate over more than one variable";
            return Err(wrong(format_args!("can't use {count} {what}")));
        }
        Value::Number(count) if !count.is_f64() => {
            Box::new((0..count.as_i64().unwrap_or(i64::MAX)).map(|at| (at.into(), at.into())))
        }
        other => {
            let shown = functions::print(&other);
            return Err(wrong(format_args!("range can't iterate over {shown}")));
        }
    })
}

/// The path of a pipe that is a field and nothing else.
fn path_of(pipe: &Pipe) -> Option<&Path> {
    match &pipe.commands[..] {
        [command] => match &command[..] {
            [Operand::Field(path) | Operand::Variable(_, path) | Operand::Inside(_, path)] => {
                Some(path)
            }
            _ => None,
        },
        _ => None,
    }
}

fn prints(command: &[Operand]) -> bool {
    matches!(command.first(), Some(Operand::Function(name)) if functions::prints(name))
}

/// A value that is printed by a function, which does not know of which field it is.
fn typed(operand: &Operand, value: Value) -> Value {
    match operand {
        Operand::Field(path) | Operand::Variable(_, path) | Operand::Inside(_, path) => {
            let name = path.names.last().map_or("", String::as_str);
            fields::typed(name, value)
        }
        _ => value,
    }
}
