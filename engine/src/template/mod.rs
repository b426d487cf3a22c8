//! Go's templates, as far as `--format` is used with them: fields, variables, `range`, `if` and
//! `with`, templates by name, pipes, and the functions that Docker's client has.

mod escape;
mod fields;
mod functions;
mod lex;
mod literal;
mod numbers;
mod parse;
mod printf;
mod render;
mod structs;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::error::Result;
pub(crate) use escape::urlquery;

/// A template that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    main: Vec<Node>,
    /// What `define` and `block` have given a name.
    named: BTreeMap<String, Vec<Node>>,
}

/// What the text around actions is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Around {
    AsTyped,
    /// `\t` and `\n` are typed for the characters, as in lists.
    Unescaped,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Print(Pipe),
    If(Pipe, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Range(Pipe, Vec<Node>, Vec<Node>),
    /// A template by its name, and what it is given.
    Call(String, Option<Pipe>),
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
    Field(Path),
    /// From a variable; the one without a name is what the template began with.
    Variable(String, Path),
    Constant(Value),
    Function(String),
    Pipe(Pipe),
    /// From the value of a pipe.
    Inside(Pipe, Path),
}

/// The names of fields inside of one another.
#[derive(Debug, Clone, PartialEq)]
struct Path {
    names: Vec<String>,
    place: Place,
}

impl Path {
    fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".{}", self.names.join("."))
    }
}

/// Where something is in a template's text, as Go counts: lines from one, bytes from nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// The place after that text.
    fn of(before: &str) -> Place {
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
        Place { line: 1 + before.matches('\n').count(), column }
    }
}

/// What `.Label "NAME"` of a row of a list says.
pub(crate) type Label<'a> = &'a dyn Fn(&str) -> String;

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Says where it makes no sense.
    pub fn parse(text: &str) -> Result<Template> {
        parse::parse(text, Around::AsTyped)
    }

    /// Reads the template of a list, in whose text `\t` and `\n` may be typed.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub(super) fn parse_row(text: &str) -> Result<Template> {
        parse::parse(text, Around::Unescaped)
    }

    /// The text for a value.
    ///
    /// # Errors
    /// Names the field that it does not have, or the function that cannot do with what it got.
    pub fn render(&self, value: &Value) -> Result<String> {
        render::render(self, value, None)
    }

    /// The text for a row of a list, whose labels can be asked for one by one.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub(crate) fn render_row(&self, row: &Value, label: Label) -> Result<String> {
        render::render(self, row, Some(label))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HTML: &str = "&lt;a&gt;&amp;1 2 \\u003Ca\\u003E a+b%26c";

    fn said(template: &str, value: &Value) -> Result<String> {
        Template::parse(template)?.render(value)
    }

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
            (
                "{{len (printf \"%70000s\" .Name)}}|{{printf \"%-5s|%4d\" .Name 3}}",
                "70000|web  |   3",
            ),
            ("{{range .Name}}{{end}}", ""),
        ] {
            match expected {
                "" => assert!(said(template, &value).is_err(), "{template}"),
                expected => assert_eq!(said(template, &value).expect(template), expected),
            }
        }
    }

    #[test]
    fn what_is_not_there_is_empty_where_docker_knows_its_type() {
        let value = json!({"Options": null, "Config": {}});
        for (template, expected) in [
            ("{{index .Options \"c\"}}|{{index .Config.Labels \"c\"}}|", "||"),
            ("{{.Variant}}|{{.OsVersion}}|{{.ServerErrors}}", "||[]"),
        ] {
            let text = Template::parse(template).expect(template).render(&value).expect(template);
            assert_eq!(text, expected, "{template}");
        }
    }

    #[test]
    fn functions_print_what_gos_print() {
        let value = json!({
            "Name": "web", "ExecIDs": null, "Options": null,
            "Log": [{"Start": "2026-11-22T07:24:43.5Z", "End": "2026-11-22T07:24:44Z"}],
        });
        for (template, text) in [
            ("{{.Name | upper | printf \"%s-%d\" \"x\"}}", "x-%!d(string=WEB)"),
            ("{{printf \"%1000001s\" .Name}}", "%!(NOVERB)%!(EXTRA string=web)"),
            ("{{html \"<a>&\" 1 2}} {{js \"<a>\"}} {{urlquery \"a b&c\"}}", HTML),
            ("{{print 1 2 \"a\" \"b\" 3 nil}}|{{println 1 \"a\"}}", "1 2ab3 <nil>|1 a\n"),
            ("{{1.0}} {{1e21}} {{1e-7}} {{123456789.0}}", "1 1e+21 1e-07 1.23456789e+08"),
            (
                "{{print .ExecIDs}} {{.Options | printf \"%v\"}} {{printf \"%s\" .ExecIDs}}",
                "[] map[] []",
            ),
            ("{{printf \"%d %s\" .Name}}", "%!d(string=web) %!s(MISSING)"),
            (
                "{{range .Log}}{{.Start}} {{end}}{{(index .Log 0).End}}",
                "2026-11-22 07:24:43.5 +0000 UTC 2026-11-22 07:24:44 +0000 UTC",
            ),
            ("{{json (index .Log 0).Start}}", "\"2026-11-22T07:24:43.5Z\""),
        ] {
            assert_eq!(said(template, &value).expect(template), text, "{template}");
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
            "{{$nothing}}",
            "{{range .Tags}}{{$in := .}}{{end}}{{$in}}",
            "{{\"\\q\"}}",
            "{{end if}}",
            "{{if .A}}{{else else}}{{end}}",
            "{{range .A}}{{else}}{{break}}{{end}}",
            "{{.A}}{{/* a */ }}",
            "{{.A)}}",
        ] {
            let read = Template::parse(wrong);
            assert!(read.is_err(), "{wrong}: {read:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_its_place() {
        let value = json!({
            "Name": "web", "State": {"Up": true}, "Net": {"IPAMConfig": null},
            "Networks": {"a": {}}, "List": [null],
        });
        for (template, place, what) in [
            ("{{.nmae}}", "2: executing \"\" at <.nmae>", "map has no entry for key \"nmae\""),
            (
                "{{.State.Health.Status}}",
                "8: executing \"\" at <.State.Health.Status>",
                "map has no entry for key \"Health\"",
            ),
            (
                "{{with .State}}{{.Health.Status}}{{end}}",
                "24: executing \"\" at <.Health.Status>",
                "map has no entry for key \"Health\"",
            ),
            (
                "{{.Net.IPAMConfig.IPv4Address}}",
                "6: executing \"\" at <.Net.IPAMConfig.IPv4Address>",
                "nil pointer evaluating IPAMConfig.IPv4Address",
            ),
            (
                "{{.Name.Foo}}",
                "7: executing \"\" at <.Name.Foo>",
                "can't evaluate field Foo in type interface {}",
            ),
            (
                "{{(index .List 0).Name}}",
                "17: executing \"\" at <.Name>",
                "nil data; no entry for key \"Name\"",
            ),
        ] {
            let error = said(template, &value).expect_err(template).to_string();
            assert_eq!(error, format!("template parsing error: template: :1:{place}: {what}"));
        }
        for (template, text) in [
            ("{{.State.Health}}{{if .State.Health}}{{.State.Health.Status}}{{end}}", "<nil>"),
            ("{{with .State.Health}}{{.Status}}{{else}}none{{end}}", "none"),
            ("{{json .State.Health}} {{.Networks.B.IPAddress}}", "null <no value>"),
        ] {
            assert_eq!(said(template, &value).expect(template), text, "{template}");
        }
        let row = Template::parse("{{.Nmae}}").expect("a template");
        let error = row.render_row(&value, &|_| String::new()).expect_err("no such field");
        assert!(error.to_string().ends_with("at <.Nmae>: can't evaluate field Nmae"), "{error}");
    }

    #[test]
    fn literals_are_gos() {
        for (template, text) in [
            ("{{\"\\n\"}}{{`\\n`}}\\n", "\n\\n\\n"),
            ("{{range .}}{{.}}{{\"\\n\"}}{{end}}", "a\nb\n"),
            ("{{join . \"\\n\"}}{{\"a\tb\"}}", "a\nba\tb"),
            ("{{'a'}} {{0x1F}} {{1_000}} {{-3}}", "97 31 1000 -3"),
        ] {
            assert_eq!(said(template, &json!(["a", "b"])).expect(template), text, "{template}");
        }
        let row = Template::parse_row("\\t{{.}}{{\"\\t\"}}{{printf \"%s\\n\" .}}\\n");
        let text = row.and_then(|row| row.render_row(&json!("a"), &|_| String::new()));
        assert_eq!(text.expect("a row"), "\ta\ta\n\n");
    }

    #[test]
    fn templates_have_names() {
        let value = json!({"Name": "web"});
        for (template, text) in [
            ("{{template \"x\" .Name}}{{define \"x\"}}<{{.}}{{$}}>{{end}}", "<webweb>"),
            ("{{define \"x\"}}<{{.}}>{{end}}{{template \"x\"}}", "<<no value>>"),
            ("{{block \"y\" 3}}[{{.}}]{{end}}{{template \"y\" 4}}", "[3][4]"),
        ] {
            assert_eq!(said(template, &value).expect(template), text, "{template}");
        }
        for wrong in [
            "{{template \"x\"}}",
            "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}",
            "{{define \"x\"}}",
            "{{define x}}{{end}}",
            "{{define \"x\" .}}{{end}}",
            "{{if .}}{{define \"x\"}}{{end}}{{end}}",
            "{{block \"x\"}}{{end}}",
            "{{$y := 1}}{{define \"x\"}}{{$y}}{{end}}",
        ] {
            said(wrong, &value).expect_err(wrong);
        }
    }

    #[test]
    fn a_range_goes_through_numbers() {
        for (template, text) in [
            ("{{range 3}}{{.}}{{else}}no{{end}}{{range 0}}x{{else}}no{{end}}", "012no"),
            ("{{range $i := 2}}{{$i}}{{end}}{{range -1}}x{{end}}", "01"),
            ("{{range 9223372036854775807}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}}", "01"),
        ] {
            assert_eq!(said(template, &json!(null)).expect(template), text, "{template}");
        }
        for wrong in ["{{range $i, $j := 2}}{{end}}", "{{range 1.5}}{{end}}"] {
            said(wrong, &json!(null)).expect_err(wrong);
        }
    }
}
