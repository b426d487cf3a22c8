//! Go's templates, as far as `--format` is used with them: fields, variables, `range`, `if` and
//! `with`, pipes, and the functions that Docker's client has.

mod fields;
mod functions;
mod parse;
mod render;

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
    Break,
    Continue,
}

/// Commands, of which each gets the value of the one before as its last operand.
#[derive(Debug, Clone, PartialEq)]
struct Pipe {
    keeps: Option<Keeps>,
    commands: Vec<Vec<Operand>>,
}

/// Where the value of a pipe is kept.
#[derive(Debug, Clone, PartialEq)]
enum Keeps {
    /// `$x :=`, in a `range` also `$at, $x :=`.
    New(Vec<String>),
    /// `$x =`
    Known(String),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    /// From the value at hand.
    Field(Vec<String>),
    /// From a variable; the one without a name is what the template began with.
    Variable(String, Vec<String>),
    Constant(Value),
    Function(String),
    Pipe(Pipe),
}

/// What `.Label "NAME"` of a row of a list says.
pub(crate) type Label<'a> = &'a dyn Fn(&str) -> String;

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
        render::render(&self.0, value, None)
    }

    /// The text for a row of a list, whose labels can be asked for one by one.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub(crate) fn render_row(&self, row: &Value, label: Label) -> Result<String> {
        render::render(&self.0, row, Some(label))
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
            ("{{index .Labels \"c\"}}|{{index .Ports \"81/tcp\"}}", "|<no value>"),
            ("{{if eq (index .Labels \"c\") \"\"}}none{{end}}", "none"),
            ("{{printf \"%.2s|%4.1s|%-3s|\" .Name .Name .Id}}", "we|   w|12 |"),
            ("{{join (split .Name \"\") \"-\"}}", "w-e-b"),
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
            ("{{range $name, $value := .Labels}}{{$name}}={{$value}};{{end}}", "a=1;b=2;"),
            ("{{range $at, $tag := .Tags}}{{$at}}{{$tag}}{{end}}", "0x1y"),
            ("{{range $c := .Net.IPAM.Config}}{{$c.Subnet}} {{end}}", "10.0.0.0/8 fd00::/64 "),
            ("{{$n := .Name}}{{with .Net}}{{$n}}{{end}}", "web"),
            ("{{$n := 1}}{{range .Tags}}{{$n = .}}{{end}}{{$n}}", "y"),
            ("{{with $n := .Name}}{{$n}}{{.}}{{end}}", "webweb"),
            ("{{if $n := len .Tags}}{{$n}}{{end}}", "2"),
            ("{{range .Tags}}{{if eq . \"y\"}}{{break}}{{end}}{{.}}{{end}}", "x"),
            ("{{range .Tags}}{{if eq . \"x\"}}{{continue}}{{end}}{{.}}{{end}}", "y"),
            ("{{with .None}}{{else with .Name}}{{.}}{{end}}", "web"),
            ("{{pad .Name 1 2}}|{{slice .Name 1 2}}", " web  |e"),
            ("{{pad .Name 1 99999999999}}", ""),
            ("{{printf \"%1000001s\" .Name}}", ""),
            (
                "{{len (printf \"%70000s\" .Name)}}|{{printf \"%-5s|%4d\" .Name 3}}",
                "70000|web  |   3",
            ),
            ("{{range .Name}}{{end}}", ""),
            ("{{$nothing}}", ""),
            ("{{range .Tags}}{{$in := .}}{{end}}{{$in}}", ""),
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
        for wrong in [
            "{{",
            "{{.Name",
            "{{end}}",
            "{{if .A}}",
            "{{\"a}}",
            "{{nothing .A}}",
            "{{}}",
            "{{$a, $b := .A}}",
            "{{$a.b := 1}}",
            "{{break}}",
            "{{:= .A}}",
            "{{.A = 1}}",
        ] {
            let read = Template::parse(wrong);
            assert!(read.is_err(), "{wrong}: {read:?}");
        }
        let template = Template::parse("{{.nmae}}").expect("a template");
        template.render(&json!({"Name": "web"})).expect_err("no such field either");
        let template = Template::parse("{{.Nmae}}").expect("a template");
        let error = template.render(&json!({"Name": "web"})).expect_err("no such field");
        let words = "executing \"\" at <.Nmae>: can't evaluate field Nmae";
        assert_eq!(error.to_string(), format!("template parsing error: template: :1: {words}"));
    }
}
