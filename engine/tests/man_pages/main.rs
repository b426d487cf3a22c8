//! The manual pages and completions are those that the commands' definitions give, and leave
//! nothing out. `hack/man` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod bash;
mod fish;
mod manual;
mod words;
mod zsh;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use onggi_engine::cli;

fn man() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("man")
}

fn files() -> Vec<(PathBuf, String)> {
    let pages = manual::pages().into_iter().map(|(name, text)| (man().join(name), text));
    let scripts =
        [("dok.bash", bash::script()), ("_dok", zsh::script()), ("dok.fish", fish::script())];
    let scripts = scripts.map(|(name, text)| (man().join("completions").join(name), text));
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
    let expected: Vec<PathBuf> = files().into_iter().map(|file| file.0).collect();
    for entry in fs::read_dir(man()).unwrap() {
        let path = entry.unwrap().path();
        let ours = path.extension().is_some_and(|section| section == "1");
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
    let page = |name: &str| &pages.iter().find(|page| page.0 == name).unwrap().1;
    let (bash, zsh, fish) = (bash::script(), zsh::script(), fish::script());
    for entry in cli::entries() {
        let own = plain(page(&manual::file(entry.spellings[0])));
        let help = entry.definition.clone().render_help().to_string();
        for words in &entry.spellings {
            assert!(own.contains(&format!("dok {words}")), "the page does not name {words}");
            assert!(page("dok.1").contains(&manual::link(entry.spellings[0])), "dok.1: {words}");
            let last = words.rsplit(' ').next().unwrap();
            assert!(bash.contains(&format!("'{words}'")), "bash lacks {words}");
            assert!(zsh.contains(&format!("'{words}'")), "zsh lacks {words}");
            assert!(fish.contains(&format!(" -a {last} ")), "fish lacks {words}");
        }
        for option in words::options(&entry.definition) {
            let (words, long) = (entry.spellings[0], option.get_long().unwrap());
            let about = option.get_help().unwrap().to_string();
            assert!(own.contains(&format!("--{long}")), "the page of {words} lacks --{long}");
            assert!(help.contains(&about), "help of {words} does not explain --{long}");
            for words in &entry.spellings {
                for (shell, offers) in [
                    ("bash", case_offers(&bash, words, long)),
                    ("zsh", case_offers(&zsh, words, long)),
                    ("fish", fish_offers(&fish, words, long)),
                ] {
                    assert!(offers, "{shell} lacks {words} --{long}");
                }
            }
        }
    }
}

/// Whether the case of a command in the script of bash or zsh has an option.
fn case_offers(script: &str, words: &str, long: &str) -> bool {
    let name = format!("'{words}'");
    let begins =
        |line: &&str| line.starts_with("        '") && line.ends_with(')') && line.contains(&name);
    let case = script.lines().skip_while(|line| !begins(line));
    let mut case = case.take_while(|line| *line != "            ;;");
    case.any(|line| has_word(line, &format!("--{long}")))
}

/// Whether a line of a command in the script of fish gives it an option.
fn fish_offers(script: &str, words: &str, long: &str) -> bool {
    let of_command = |line: &&str| {
        let condition = line.split('"').nth(1).unwrap_or_default();
        condition.contains(&format!("'{words}'"))
    };
    script.lines().filter(of_command).any(|line| line.contains(&format!(" -l {long} ")))
}

/// Whether a text has a word that is no part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '-');
    text.match_indices(word).any(|(at, _)| !goes_on(&text[at + word.len()..]))
}

#[test]
fn an_option_of_one_command_is_none_of_another() {
    let (bash, zsh, fish) = (bash::script(), zsh::script(), fish::script());
    for (words, long, offers) in [
        ("images", "format", true),
        ("images", "entrypoint", false),
        ("image ls", "format", true),
        ("login", "format", false),
        ("create", "env", true),
        ("create", "env-f", false),
    ] {
        let found = [
            case_offers(&bash, words, long),
            case_offers(&zsh, words, long),
            fish_offers(&fish, words, long),
        ];
        assert_eq!(found, [offers; 3], "{words} --{long}");
    }
}

#[test]
fn the_shells_can_read_their_scripts() {
    for (shell, script) in [("bash", "dok.bash"), ("zsh", "_dok"), ("fish", "dok.fish")] {
        let path = man().join("completions").join(script);
        let Ok(output) = Command::new(shell).arg("-n").arg(path).output() else {
            eprintln!("skipped: there is no {shell} on this machine");
            continue;
        };
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.is_empty(), "{script}: {told}");
    }
}

/// What bash offers for the last word of a line.
fn offered(line: &str) -> Vec<String> {
    let script = format!(
        "source '{}'; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _dok; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        man().join("completions/dok.bash").display()
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
}

#[test]
fn bash_completes_commands_of_one_and_two_words_and_their_options() {
    if Command::new("bash").arg("--version").output().is_err() {
        eprintln!("skipped: there is no bash on this machine");
        return;
    }
    assert_eq!(offered("dok --root /x logi"), ["login"]);
    assert_eq!(offered("dok image pru"), ["prune"]);
    assert_eq!(offered("dok run --entry"), ["--entrypoint"]);
    assert_eq!(offered("dok container run --entry"), ["--entrypoint"]);
    assert_eq!(offered("dok completion f"), ["fish"]);
    assert!(offered("dok run --env-file ''").concat().is_empty());
}
