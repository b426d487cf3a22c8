//! What commands answer: lists as tables or by a template, objects as JSON or by a template.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::error::Result;
use crate::template::Template;

/// A column: its field's name in templates, and its head.
pub(super) type Column = (&'static str, &'static str);

/// A line of a list.
pub(super) struct Row {
    fields: Value,
    labels: BTreeMap<String, String>,
}

impl Row {
    /// A line whose labels templates may ask for by `.Label "NAME"`.
    pub(super) fn new(fields: Value, labels: BTreeMap<String, String>) -> Row {
        Row { fields, labels }
    }
}

impl From<Value> for Row {
    fn from(fields: Value) -> Row {
        Row { fields, labels: BTreeMap::new() }
    }
}

/// No column of a list but the last is narrower.
const LEAST_WIDTH: usize = 10;

/// A list of objects. The format is none (a table of the first columns), `json`, `table TEMPLATE`
/// or a template; templates may use all columns.
///
/// # Errors
/// Says what is wrong with the template.
pub(super) fn list(
    rows: impl IntoIterator<Item = impl Into<Row>>,
    columns: &[Column],
    shown: usize,
    format: Option<&str>,
) -> Result<String> {
    let rows: Vec<Row> = rows.into_iter().map(Into::into).collect();
    match format {
        None | Some("" | "table") => {
            let template: Vec<String> =
                columns[..shown].iter().map(|(field, _)| format!("{{{{.{field}}}}}")).collect();
            table(&rows, columns, &template.join("\t"))
        }
        Some("json") => rows.iter().map(|row| Ok(format!("{}\n", row.fields))).collect(),
        Some(format) => match format.strip_prefix("table ") {
            Some(template) => table(&rows, columns, template),
            None => {
                let template = Template::parse_row(format)?;
                rows.iter().map(|row| Ok(format!("{}\n", line(&template, row)?))).collect()
            }
        },
    }
}

/// The format, where `raw` is a line for each field with its name.
pub(super) fn or_raw<'a>(format: Option<&'a str>, raw: &'a str) -> Option<&'a str> {
    format.map(|format| if format == "raw" { raw } else { format })
}

/// Whether a format is none, or the table, which is the same.
pub(super) fn is_table(format: Option<&str>) -> bool {
    matches!(format, None | Some("" | "table"))
}

fn line(template: &Template, row: &Row) -> Result<String> {
    let label = |name: &str| row.labels.get(name).cloned().unwrap_or_default();
    template.render_row(&row.fields, &label)
}

/// A label's column has the last part of its name, in words.
fn head_of_label(name: &str) -> String {
    name.rsplit('.').next().unwrap_or_default().replace(['-', '_'], " ")
}

fn table(rows: &[Row], columns: &[Column], template: &str) -> Result<String> {
    let template = Template::parse_row(template)?;
    let heads: Value =
        columns.iter().map(|(field, head)| ((*field).to_owned(), Value::from(*head))).collect();
    let mut lines = vec![template.render_row(&heads, &head_of_label)?];
    for row in rows {
        lines.push(line(&template, row)?);
    }
    Ok(align(&lines, LEAST_WIDTH))
}

/// Columns, which tabs divide, get the width of their widest cell and three spaces, and at least
/// so much.
pub(super) fn align(lines: &[String], least: usize) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for line in lines {
        for (at, cell) in line.split('\t').enumerate() {
            let width = (cell.chars().count() + 3).max(least);
            match widths.get_mut(at) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let mut text = String::new();
    for line in lines {
        let last = line.matches('\t').count();
        for (at, cell) in line.split('\t').enumerate() {
            text.push_str(cell);
            if at < last {
                // Rust's own formatting goes no further than 65535.
                text.extend(std::iter::repeat_n(' ', widths[at] - cell.chars().count()));
            }
        }
        text.push('\n');
    }
    text
}

/// A template for objects, not for a list, that makes no sense: programs know Docker's exit code.
#[derive(Debug)]
pub(super) struct BadFormat(String);

impl fmt::Display for BadFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadFormat {}

impl From<anyhow::Error> for BadFormat {
    fn from(error: anyhow::Error) -> BadFormat {
        BadFormat(error.to_string())
    }
}

/// The template for an object.
///
/// # Errors
/// A [`BadFormat`] says what is wrong with it.
pub(super) fn template(format: &str) -> Result<Template> {
    Ok(Template::parse(format).map_err(BadFormat::from)?)
}

/// One object: the format is `json` or a template.
///
/// # Errors
/// Says what is wrong with the template.
pub(super) fn of_one(object: &Value, format: &str) -> Result<String> {
    match format {
        "json" => Ok(format!("{object}\n")),
        format => Ok(format!("{}\n", template(format)?.render(object)?)),
    }
}

/// Objects for `inspect`: the format is none, `json` or a template.
///
/// # Errors
/// Says what is wrong with the template.
pub(super) fn inspect<T: Serialize>(objects: &[T], format: Option<&str>) -> Result<String> {
    match format {
        None | Some("") => {
            let mut text = Vec::new();
            let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
            let mut writer = serde_json::Serializer::with_formatter(&mut text, indent);
            objects.serialize(&mut writer)?;
            text.push(b'\n');
            Ok(String::from_utf8(text)?)
        }
        Some("json") => Ok(serde_json::to_string(objects)? + "\n"),
        Some(format) => {
            let template = template(format)?;
            let line =
                |object| Ok(format!("{}\n", template.render(&serde_json::to_value(object)?)?));
            objects.iter().map(line).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_look_like_dockers() {
        let columns = [("ID", "NETWORK ID"), ("Name", "NAME"), ("Driver", "DRIVER")];
        let rows = [
            json!({"ID": "85caccc0b044", "Name": "bridge", "Driver": "bridge"}),
            json!({"ID": "bb767e145e36", "Name": "none", "Driver": "null"}),
        ];
        for (format, expected) in [
            (None, "NETWORK ID     NAME\n85caccc0b044   bridge\nbb767e145e36   none\n"),
            (
                Some("table {{.Name}}\\t{{.Driver}}"),
                "NAME      DRIVER\nbridge    bridge\nnone      null\n",
            ),
            (Some("{{.Name}}:{{.ID}}"), "bridge:85caccc0b044\nnone:bb767e145e36\n"),
        ] {
            assert_eq!(
                list(rows.to_vec(), &columns, 2, format).expect("a list"),
                expected,
                "{format:?}"
            );
        }
        let labels = [("com.example.web-tier".to_owned(), "a,b".to_owned())].into();
        let row = Row::new(rows[0].clone(), labels);
        let format = "table {{.Label \"com.example.web-tier\"}}\t{{.Label \"other\"}}.";
        let text = list(vec![row], &columns, 2, Some(format)).expect("a list");
        assert_eq!(text, "web tier   other.\na,b        .\n");
        let long = "x".repeat(70_000);
        let text = align(&[format!("{long}\ta"), "b\tc".to_owned()], 10);
        assert_eq!(text, format!("{long}   a\nb{}c\n", " ".repeat(70_002)));
        let json = list(rows[..1].to_vec(), &columns, 2, Some("json")).expect("a list");
        assert_eq!(json, "{\"Driver\":\"bridge\",\"ID\":\"85caccc0b044\",\"Name\":\"bridge\"}\n");
    }
}
