//! `onggi doctor`

use clap::ArgMatches;
use serde_json::json;

use super::exit::{ExitCode, Outcome};
use super::flags::{self, Format, value};
use super::globals::Globals;
use super::print;
use crate::host::survey::{Fact, survey};

const ABOUT: &str = "Tell what this host offers to containers, and what is missing";
const MORE: &str = "\
Asks the kernel, the cgroups, the security modules, and what users without root's rights need. A \
line that begins with `-` says what is missing and what cannot be done without it; `!` is for what \
no container can run without, and then the exit code is 1. Nothing is changed. As JSON it is an \
object: canRun, and facts with area, name, there, found, need and without.";

pub(super) fn definition() -> clap::Command {
    flags::command("doctor", ABOUT)
        .after_help(MORE)
        .arg(value("format", "text|json", "The format").short('f').default_value("text"))
}

pub(super) fn run(matches: &ArgMatches, _: &Globals) -> Outcome {
    let format = Format::read(flags::text(matches, "format").unwrap_or_default())?;
    let facts = survey();
    let can_run = facts.iter().all(Fact::is_enough);
    match format {
        Format::Json => print(&format!("{}\n", json!({ "canRun": can_run, "facts": facts })))?,
        Format::Text => print(&report(&facts, can_run))?,
    }
    Ok(if can_run { ExitCode::DONE } else { ExitCode::FAILED })
}

fn report(facts: &[Fact], can_run: bool) -> String {
    let mut text = String::new();
    let mut area = "";
    for fact in facts {
        if fact.area != area {
            area = fact.area;
            text.push_str(&format!("{area}\n"));
        }
        text.push_str(&line(fact));
    }
    text.push_str(match can_run {
        true => "containers can run\n",
        false => "no container can run: see the lines that begin with !\n",
    });
    text
}

fn line(fact: &Fact) -> String {
    let sign = match (fact.there, fact.is_enough()) {
        (true, _) => '+',
        (false, true) => '-',
        (false, false) => '!',
    };
    let words = match (fact.there, fact.found.as_str()) {
        (true, found) => found.to_owned(),
        (false, "") => fact.without.to_owned(),
        (false, found) => format!("{found}: {}", fact.without),
    };
    let name = if words.is_empty() { fact.name.to_owned() } else { format!("{:24}", fact.name) };
    format!("  {sign} {name}{words}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::survey::Need;

    #[test]
    fn what_is_missing_says_what_is_lost() {
        let fact = |there, found: &str, need| Fact {
            area: "kernel",
            name: "clone3",
            there,
            found: found.into(),
            need,
            without: "nothing runs",
        };
        let facts = [
            fact(true, "", Need::Required),
            fact(true, "yes", Need::Required),
            fact(false, "", Need::Useful),
            fact(false, "old", Need::Required),
        ];
        assert_eq!(
            report(&facts, false),
            "kernel\n  + clone3\n  + clone3                  yes\n  \
             - clone3                  nothing runs\n  \
             ! clone3                  old: nothing runs\n\
             no container can run: see the lines that begin with !\n"
        );
    }
}
