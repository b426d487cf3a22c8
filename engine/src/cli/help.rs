//! `dok help`, and the lists of commands: the overview, and those of `dok image` and its like.

use std::process::ExitCode;

use clap::{Arg, ArgMatches};

use super::dispatch::{find, unknown};
use super::{COMMANDS, Command, Globals, Result, globals, print};

/// The commands that help names first.
const COMMON: &[&str] = &[
    "run", "exec", "ps", "pull", "push", "images", "login", "logout", "search", "version", "info",
];

/// Words that stand before another, and what their commands do.
pub const GROUPS: &[(&str, &str)] = &[
    ("container", "Manage containers"),
    ("image", "Manage images"),
    ("network", "Manage networks"),
    ("system", "Manage what dok keeps"),
    ("volume", "Manage volumes"),
];

impl Command {
    /// The definition under the name that was typed.
    pub(super) fn built(&self) -> clap::Command {
        let command = (self.definition)().bin_name(format!("dok {}", self.words));
        let spellings = COMMANDS.iter().filter(|other| other.page == self.page);
        let spellings: Vec<_> = spellings.map(|other| format!("dok {}", other.words)).collect();
        match spellings.len() {
            1 => command,
            _ => command.after_help(format!("Aliases:\n  {}", spellings.join(", "))),
        }
    }

    /// What it does, in a line.
    fn about(&self) -> String {
        (self.definition)().get_about().map_or_else(String::new, ToString::to_string)
    }
}

/// What the manual and the completions tell of a command.
pub struct Entry {
    /// Its spellings, the one of its page first.
    pub spellings: Vec<&'static str>,
    /// Its arguments and flags.
    pub definition: clap::Command,
}

/// Every command once.
pub fn entries() -> Vec<Entry> {
    let mut pages: Vec<(&str, Entry)> = Vec::new();
    for command in COMMANDS {
        match pages.iter_mut().find(|(page, _)| *page == command.page) {
            Some((_, entry)) => entry.spellings.push(command.words),
            None => {
                let definition = (command.definition)();
                pages.push((command.page, Entry { spellings: vec![command.words], definition }));
            }
        }
    }
    pages.into_iter().map(|(_, entry)| entry).collect()
}

pub(super) fn definition() -> clap::Command {
    clap::Command::new("help")
        .about("Show the help of a command, or the list of all commands")
        .arg(Arg::new("command").value_name("COMMAND").num_args(0..))
}

pub(super) fn run(_: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let words = matches.get_many::<String>("command").into_iter().flatten();
    show(&words.map(String::as_str).collect::<Vec<_>>())
}

/// Prints the help of the command that these words name, or of all of them.
pub(super) fn show(words: &[&str]) -> Result<ExitCode> {
    match words {
        [] => print(&overview())?,
        [group, ..] if is_group(group) && words.len() == 1 => print(&of_group(group))?,
        _ => {
            let typed: Vec<_> = words.iter().map(Into::into).collect();
            let Some((command, _)) = find(&typed) else { return unknown(words) };
            print(&command.built().render_help().to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a word stands before other words.
pub(super) fn is_group(word: &str) -> bool {
    GROUPS.iter().any(|(group, _)| *group == word)
}

fn overview() -> String {
    let about = |command: &Command| (command.words, command.about());
    let one_word = || COMMANDS.iter().filter(|command| !command.words.contains(' '));
    let common = COMMON.iter().filter_map(|name| one_word().find(|one| one.words == *name));
    let mut others: Vec<_> =
        one_word().filter(|command| !COMMON.contains(&command.words)).map(about).collect();
    others.sort_unstable();
    let groups = GROUPS.iter().map(|(word, about)| (*word, (*about).to_owned())).collect();
    let flags = globals::definition().help_template("{options}").render_help();
    format!(
        "Usage:  dok [OPTIONS] COMMAND\n\nImages and containers without a daemon\n\n\
         Common Commands:\n{}\nManagement Commands:\n{}\nCommands:\n{}\n\
         Global Options:\n{flags}\n\nRun 'dok COMMAND --help' for more information on a command.\n",
        list(common.map(about).collect()),
        list(groups),
        list(others),
    )
}

/// The commands of a group, each under its first spelling.
fn of_group(group: &str) -> String {
    let about = GROUPS.iter().find(|(word, _)| *word == group).map_or("", |(_, about)| about);
    let mut seen = Vec::new();
    let mut commands = Vec::new();
    for command in COMMANDS {
        match command.words.split_once(' ') {
            Some((first, second)) if first == group && !seen.contains(&command.page) => {
                seen.push(command.page);
                commands.push((second, command.about()));
            }
            _ => {}
        }
    }
    commands.sort_unstable();
    format!(
        "Usage:  dok {group} COMMAND\n\n{about}\n\nCommands:\n{}\n\
         Run 'dok {group} COMMAND --help' for more information on a command.\n",
        list(commands)
    )
}

fn list(commands: Vec<(&str, String)>) -> String {
    commands.into_iter().map(|(word, about)| format!("  {word:<11} {about}\n")).collect()
}
