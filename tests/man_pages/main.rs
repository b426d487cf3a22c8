//! The man pages and completions are those that the commands' definitions give, and leave nothing
//! out. `hack/man` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod completion;
mod manual;

use std::fs;
use std::path::{Path, PathBuf};

/// A command under the name that is typed: `onggi` itself, or one of its commands.
pub(crate) fn definitions() -> Vec<(&'static str, clap::Command)> {
    let commands = onggi::cli::COMMANDS.iter().map(|one| (one.name, (one.definition)()));
    [("", onggi::cli::program())].into_iter().chain(commands).collect()
}

/// The options that help shows.
pub(crate) fn options(command: &clap::Command) -> Vec<&clap::Arg> {
    let shown = |arg: &&clap::Arg| arg.get_long().is_some() && !arg.is_hide_set();
    command.get_arguments().filter(shown).collect()
}

fn files() -> Vec<(PathBuf, String)> {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let pages = manual::pages().into_iter().map(|(name, text)| (man.join(name), text));
    let scripts = [
        ("onggi.bash", completion::bash()),
        ("_onggi", completion::zsh()),
        ("onggi.fish", completion::fish()),
    ];
    let scripts = scripts.map(|(name, text)| (man.join("completions").join(name), text));
    pages.chain(scripts).collect()
}

#[test]
fn the_files_are_what_the_definitions_give() {
    let rewrite = std::env::var_os("REWRITE").is_some();
    for (path, text) in files() {
        if rewrite {
            fs::write(&path, &text).unwrap();
        }
        let file = fs::read_to_string(&path).unwrap_or_default();
        assert!(file == text, "{} is out of date: run hack/man", path.display());
    }
}

#[test]
fn there_are_no_other_pages() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let expected: Vec<PathBuf> = files().into_iter().map(|file| file.0).collect();
    for entry in fs::read_dir(man).unwrap() {
        let path = entry.unwrap().path();
        let ours = path.file_name().unwrap().to_string_lossy().starts_with("onggi");
        assert!(!ours || expected.contains(&path), "{} is of no command", path.display());
    }
}

/// What a page says, without roff's escapes.
fn plain(roff: &str) -> String {
    roff.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "")
}

#[test]
fn every_command_and_option_is_in_page_help_and_completions() {
    let pages = manual::pages();
    let scripts = [completion::bash(), completion::zsh(), completion::fish()];
    for (name, command) in definitions() {
        let file = if name.is_empty() { "onggi.8".into() } else { format!("onggi-{name}.8") };
        let page = plain(&pages.iter().find(|page| page.0 == file).unwrap().1);
        let help = command.clone().render_help().to_string();
        assert!(page.contains(&format!("onggi {name}")), "{file} does not name its command");
        for script in &scripts {
            assert!(script.contains(name), "{name} is not completed");
        }
        for option in options(&command) {
            let long = option.get_long().unwrap();
            assert!(page.contains(&format!("--{long}")), "{file} lacks --{long}");
            assert!(help.contains(&format!("--{long}")), "help of {name} lacks --{long}");
            let about = option.get_help().unwrap().to_string();
            assert!(help.contains(&about), "help of {name} does not explain --{long}");
            assert!(scripts[0].contains(&format!("--{long}")), "bash lacks {name} --{long}");
            assert!(scripts[1].contains(&format!("--{long}")), "zsh lacks {name} --{long}");
            assert!(scripts[2].contains(&format!("-l {long} ")), "fish lacks {name} --{long}");
        }
    }
}
