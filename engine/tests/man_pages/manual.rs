//! Manual pages: the definitions, and a few sections that hold for the whole program.

use clap_mangen::Man;
use onggi_engine::cli;

pub(crate) const NOTE: &str = "# Written by hack/man from the definitions of the commands.\n";

/// What every section begins with, and a page needs once.
const APOSTROPHES: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

const PROGRAM: &str = include_str!("../../../man/dok.roff");

/// Each page's file name and text.
pub(crate) fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("dok.1".to_owned(), program())];
    for entry in cli::entries() {
        let own = file(entry.spellings[0]);
        for other in entry.spellings.iter().skip(1) {
            pages.push((file(other), format!(".so man1/{own}\n")));
        }
        let text = page(&entry);
        pages.push((own, text));
    }
    pages
}

/// The file of a command's page.
pub(crate) fn file(words: &str) -> String {
    format!("dok-{}.1", words.replace(' ', "-"))
}

/// How a page names another.
pub(crate) fn link(words: &str) -> String {
    format!("\\fBdok\\-{}\\fR(1)", words.replace(' ', "\\-").replace('_', "\\_"))
}

fn page(entry: &cli::Entry) -> String {
    let words = entry.spellings[0];
    let title = format!("dok-{}", words.replace(' ', "-"));
    let mut text = rendered(&title, entry.definition.clone().bin_name(format!("dok {words}")));
    if entry.spellings.len() > 1 {
        let others: Vec<String> =
            entry.spellings.iter().map(|words| format!("\\fBdok {words}\\fR")).collect();
        text += &format!(".SH ALIASES\n{}\n", others.join(", "));
    }
    text + ".SH SEE ALSO\n\\fBdok\\fR(1)\n"
}

fn program() -> String {
    let line = |entry: cli::Entry| {
        let about = entry.definition.get_about().unwrap().to_string().replace('-', "\\-");
        format!(".TP\n{}\n{about}.\n", link(entry.spellings[0]))
    };
    let commands: String = cli::entries().into_iter().map(line).collect();
    rendered("dok", cli::program()) + &format!(".SH COMMANDS\n{commands}") + PROGRAM
}

fn rendered(title: &str, command: clap::Command) -> String {
    // The prose under the options is the page's description.
    let prose = command.get_after_help().or(command.get_about()).cloned().unwrap_or_default();
    let command = command.name(title.to_owned().leak() as &str).long_about(prose);
    let man =
        Man::new(command).title(title.to_uppercase()).section("1").source("dok").manual("dok");
    let mut text = Vec::new();
    man.render_title(&mut text).unwrap();
    man.render_name_section(&mut text).unwrap();
    man.render_synopsis_section(&mut text).unwrap();
    man.render_description_section(&mut text).unwrap();
    man.render_options_section(&mut text).unwrap();
    // The long help of the definition is the page itself.
    let text =
        String::from_utf8(text).unwrap().replace(" (see a summary with \\*(Aq\\-h\\*(Aq)", "");
    let mut text = text.replace(APOSTROPHES, "");
    text.insert_str(0, APOSTROPHES);
    text
}
