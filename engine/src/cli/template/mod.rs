//! Go's templates, as far as `--format` is used with them: fields, `range`, `if`, `with`, pipes,
//! and the functions that Docker's client has.

mod fields;
mod functions;
mod parse;

use serde_json::Value;

use crate::error::Result;

/// A template that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Vec<Node>);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Print(Pipe),
    If(Pipe, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Range(Pipe, Vec<Node>, Vec<Node>),
}

/// Commands, of which each gets the value of the one before as its last operand.
type Pipe = Vec<Vec<Operand>>;

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    /// From the value at hand.
    Field(Vec<String>),
    /// From the value that the template began with.
    Root(Vec<String>),
    Constant(Value),
    Function(String),
    Pipe(Pipe),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Says where it makes no sense.
    pub fn parse(text: &str) -> Result<Template> {
        parse::parse(text).map(Template)
    }

    /// The text for a value.
    ///
    /// # Errors
    /// Names the field that it does not have, or the function that cannot do with what it got.
    pub fn render(&self, value: &Value) -> Result<String> {
        let mut text = String::new();
        Renderer { root: value }.nodes(&self.0, value, &mut text)?;
        Ok(text)
    }
}

struct Renderer<'a> {
    root: &'a Value,
}

impl Renderer<'_> {
    fn nodes(&self, nodes: &[Node], dot: &Value, text: &mut String) -> Result<()> {
        nodes.iter().try_for_each(|node| self.node(node, dot, text))
    }

    fn node(&self, node: &Node, dot: &Value, text: &mut String) -> Result<()> {
        match node {
            Node::Text(own) => text.push_str(own),
            Node::Print(pipe) => {
                let value = self.pipe(pipe, dot)?;
                let shown = last_name(pipe).and_then(|path| fields::print(path, &value));
                text.push_str(&shown.unwrap_or_else(|| functions::print(&value)));
            }
            Node::If(pipe, yes, no) => {
                let nodes = if functions::is_true(&self.pipe(pipe, dot)?) { yes } else { no };
                return self.nodes(nodes, dot, text);
            }
            Node::With(pipe, yes, no) => {
                let value = self.pipe(pipe, dot)?;
                return match functions::is_true(&value) {
                    true => self.nodes(yes, &value, text),
                    false => self.nodes(no, dot, text),
                };
            }
            Node::Range(pipe, each, none) => {
                let items = match self.pipe(pipe, dot)? {
                    Value::Array(items) => items,
                    Value::Object(fields) => fields.into_iter().map(|(_, item)| item).collect(),
                    _ => Vec::new(),
                };
                if items.is_empty() {
                    return self.nodes(none, dot, text);
                }
                return items.iter().try_for_each(|item| self.nodes(each, item, text));
            }
        }
        Ok(())
    }

    fn pipe(&self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        let mut before = None;
        for command in pipe {
            before = Some(self.command(command, before, dot)?);
        }
        Ok(before.unwrap_or_default())
    }

    fn command(&self, command: &[Operand], before: Option<Value>, dot: &Value) -> Result<Value> {
        let [first, rest @ ..] = command else { return Ok(Value::Null) };
        if let Operand::Function(name) = first {
            let mut given: Vec<Value> =
                rest.iter().map(|operand| self.operand(operand, dot)).collect::<Result<_>>()?;
            given.extend(before);
            return functions::call(name, &given);
        }
        anyhow::ensure!(
            rest.is_empty() && before.is_none(),
            "template parsing error: can't give an argument to what is no function"
        );
        self.operand(first, dot)
    }

    fn operand(&self, operand: &Operand, dot: &Value) -> Result<Value> {
        match operand {
            Operand::Field(path) => self.field(dot, path),
            Operand::Root(path) => self.field(self.root, path),
            Operand::Constant(value) => Ok(value.clone()),
            Operand::Function(name) => functions::call(name, &[]),
            Operand::Pipe(pipe) => self.pipe(pipe, dot),
        }
    }

    /// A field of Docker's begins with a capital, and one that is not there is a mistake of whoever
    /// wrote the template; a label that is not there has no value.
    fn field(&self, value: &Value, path: &[String]) -> Result<Value> {
        let mut found = value;
        for name in path {
            let of_root = std::ptr::eq(found, self.root);
            found = match found.get(name).or_else(|| fields::spelt_otherwise(found, name)) {
                Some(inner) => inner,
                None if fields::is_text(name) => return Ok("".into()),
                None if fields::is_number(name) => return Ok(0.into()),
                None if found.is_null() || fields::may_be_missing(name) => &Value::Null,
                None if !of_root && !name.starts_with(char::is_uppercase) => &Value::Null,
                None => {
                    anyhow::bail!(
                        "template parsing error: template: :1: can't evaluate field {name}"
                    )
                }
            };
        }
        Ok(found.clone())
    }
}

/// The path of a pipe that is a field and nothing else.
fn last_name(pipe: &Pipe) -> Option<&[String]> {
    match &pipe[..] {
        [command] => match &command[..] {
            [Operand::Field(path) | Operand::Root(path)] => Some(path),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_say_what_gos_say() {
        let value = json!({
            "Name": "web", "Count": 3, "Up": true, "Tags": ["x", "y"],
            "Labels": {"a": "1", "b": "2"},
            "Net": {"IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}, {"Subnet": "fd00::/64"}]}},
            "None": null, "Ports": {"80/tcp": {}}, "Nothing": {}, "Id": "12", "ExecIDs": null,
            "Options": null, "Check": {"Healthcheck": {"Timeout": 90_000_000_000_i64}},
        });
        for (template, expected) in [
            ("{{.Name}} is {{ .Count }}", "web is 3"),
            ("{{.Labels}} {{.Tags}} {{.None}}", "map[a:1 b:2] [x y] <no value>"),
            ("{{.Ports}} {{.Nothing}} {{.ID}} {{.Id}}", "map[80/tcp:{}] map[] 12 12"),
            ("{{json .StopTimeout}}{{.StopSignal}}", "null"),
            ("{{.StopTimeout}} {{.ExecIDs}} {{.Options}}", "<nil> [] map[]"),
            ("{{.COUNT}} {{.Check.Healthcheck.Timeout}}", "3 1m30s"),
            ("{{json .Labels}} {{json .Tags}}", "{\"a\":\"1\",\"b\":\"2\"} [\"x\",\"y\"]"),
            ("{{range .Net.IPAM.Config}}{{.Subnet}};{{end}}", "10.0.0.0/8;fd00::/64;"),
            ("{{(index .Net.IPAM.Config 1).Subnet}}", "fd00::/64"),
            ("{{index .Labels \"a\"}}{{.Labels.b}}{{.Labels.c}}", "12<no value>"),
            ("{{if .Up}}up{{else}}down{{end}}", "up"),
            ("{{if and .Up (eq .Name \"db\")}}a{{else if .Tags}}b{{else}}c{{end}}", "b"),
            ("{{with .None}}a{{else}}{{.Name}}{{end}}", "web"),
            ("{{range .None}}{{else}}none{{end}}", "none"),
            ("{{.Name | upper | printf \"%s-%d\" \"x\"}}", ""),
            ("{{join .Tags \", \"}} {{len .Tags}} {{upper .Name}}", "x, y 2 WEB"),
            ("a {{- .Name -}} b", "awebb"),
            ("{{range .Tags}}{{$.Name}}{{.}} {{end}}", "webx weby "),
            ("{{printf \"%s has %d\" .Name .Count}}", "web has 3"),
            ("{{truncate .Name 2}}{{/* nothing */}}", "we"),
        ] {
            if expected.is_empty() {
                assert!(Template::parse(template).expect(template).render(&value).is_err());
                continue;
            }
            let text = Template::parse(template).expect(template).render(&value).expect(template);
            assert_eq!(text, expected, "{template}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in ["{{", "{{.Name", "{{end}}", "{{if .A}}", "{{\"a}}", "{{nothing .A}}", "{{}}"]
        {
            let read = Template::parse(wrong);
            assert!(read.is_err(), "{wrong}: {read:?}");
        }
        let template = Template::parse("{{.nmae}}").expect("a template");
        template.render(&json!({"Name": "web"})).expect_err("no such field either");
        let template = Template::parse("{{.Nmae}}").expect("a template");
        let error = template.render(&json!({"Name": "web"})).expect_err("no such field");
        assert_eq!(
            error.to_string(),
            "template parsing error: template: :1: can't evaluate field Nmae"
        );
    }
}
