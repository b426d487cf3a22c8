//! Man pages: the definitions, and a few sections that hold for the whole program.

use clap_mangen::Man;

use crate::definitions;

/// Each page's file name and text.
pub(crate) fn pages() -> Vec<(String, String)> {
    definitions().into_iter().map(|(name, command)| page(name, command)).collect()
}

fn page(name: &str, command: clap::Command) -> (String, String) {
    let title = if name.is_empty() { "onggi".to_owned() } else { format!("onggi-{name}") };
    // The prose under the options is the page's description.
    let prose = command.get_after_help().or(command.get_about()).cloned().unwrap_or_default();
    let command = command.name(&*title.clone().leak()).long_about(prose);
    let man =
        Man::new(command).title(title.to_uppercase()).section("8").source("onggi").manual("onggi");
    let mut text = Vec::new();
    man.render_title(&mut text).unwrap();
    man.render_name_section(&mut text).unwrap();
    man.render_synopsis_section(&mut text).unwrap();
    man.render_description_section(&mut text).unwrap();
    man.render_options_section(&mut text).unwrap();
    let mut text = String::from_utf8(text).unwrap().replace(APOSTROPHES, "");
    text.insert_str(0, APOSTROPHES);
    if name.is_empty() {
        text += &commands();
        text += PROGRAM;
    }
    text += &see_also(name);
    (format!("{title}.8"), text)
}

/// What every section begins with, and a page needs once.
const APOSTROPHES: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

fn commands() -> String {
    let line = |(name, command): (&str, clap::Command)| {
        let about = command.get_about().unwrap().to_string().replace('-', "\\-");
        format!(".TP\n\\fBonggi\\-{name}\\fR(8)\n{about}.\n")
    };
    let lines: String = definitions().into_iter().skip(1).map(line).collect();
    format!(".SH COMMANDS\n{lines}")
}

const PROGRAM: &str = include_str!("../../man/program.roff");

fn see_also(name: &str) -> String {
    if !name.is_empty() {
        return ".SH SEE ALSO\n\\fBonggi\\fR(8)\n".into();
    }
    ".SH SEE ALSO\n\\fBnamespaces\\fR(7), \\fBcgroups\\fR(7), \\fBcapabilities\\fR(7)\n".into()
}
