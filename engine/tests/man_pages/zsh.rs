//! Completion for zsh.

use clap::{Arg, Command};
use onggi_engine::cli;

use crate::manual::NOTE;
use crate::words::{Kind, Value, argument, options, spellings, takes_value, value};

pub(crate) fn script() -> String {
    let lists: String = Kind::ALL.iter().map(|kind| listing(*kind)).collect();
    let entries = cli::entries();
    let about = |words: &str, text: &str| format!("        '{words}:{}'\n", quoted(text));
    let mut first = String::new();
    let mut second: Vec<(&str, String)> =
        cli::GROUPS.iter().map(|(group, _)| (*group, String::new())).collect();
    let mut cases = String::new();
    for entry in &entries {
        let text = entry.definition.get_about().unwrap().to_string();
        for words in &entry.spellings {
            match words.split_once(' ') {
                None => first += &about(words, &text),
                Some((group, word)) => {
                    let list = second.iter_mut().find(|(name, _)| *name == group).unwrap();
                    list.1 += &about(word, &text);
                }
            }
        }
        cases += &case(&entry.spellings, &entry.definition);
    }
    first += &cli::GROUPS.iter().map(|(group, text)| about(group, text)).collect::<String>();
    let groups: String = second.iter().map(|(group, list)| commands(group, list)).collect();
    format!(
        r#"#compdef dok
{NOTE}
_dok_names() {{
    local kind=$1
    shift
    local -a names=(${{(f)"$(dok ${{(kv)opt_args[(I)--root|--run-root]}} "$@" 2>/dev/null)"}})
    _describe $kind names
}}

{lists}
{}{groups}
_dok() {{
    local curcontext=$curcontext state line
    local -A opt_args
    _arguments -C -S \
{}        '1:command:_dok_commands' \
        '*::argument:->arguments' && return
    local command=$words[1]
    case $command in
        {})
            if ((CURRENT == 2)); then
                _dok_${{command}}_commands
                return
            fi
            shift words
            ((CURRENT--))
            command+=" $words[1]"
            ;;
    esac
    case $command in
{cases}    esac
}}

_dok "$@"
"#,
        commands("", &first),
        lines(&cli::program(), 8),
        group_names(),
    )
}

fn group_names() -> String {
    cli::GROUPS.iter().map(|(group, _)| *group).collect::<Vec<_>>().join("|")
}

fn listing(kind: Kind) -> String {
    let (name, words) = (kind.name(), kind.listed_by());
    format!("_dok_{name}() {{ _dok_names {name} {words} }}\n")
}

fn commands(group: &str, list: &str) -> String {
    let group = if group.is_empty() { String::new() } else { format!("{group}_") };
    format!(
        "_dok_{group}commands() {{\n    local -a commands=(\n{list}    )\n    \
         _describe command commands\n}}\n\n"
    )
}

fn case(names: &[&str], command: &Command) -> String {
    let first = match argument(names[0], command) {
        Value::Words(words) => format!("1:word:({})", words.join(" ")),
        Value::Kept(kind) => format!("*:{0}:_dok_{0}", kind.name()),
        Value::Path => "*:file:_files".into(),
        Value::Anything => "*:argument:_files".into(),
    };
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!(
        "        {})\n            _arguments -s \\\n{}                '{first}'\n            ;;\n",
        names.join("|"),
        lines(command, 16)
    )
}

/// The options for `_arguments`, a line each.
fn lines(command: &Command, indent: usize) -> String {
    let line = |arg: &Arg| {
        let value = match (takes_value(arg), value(arg)) {
            (false, _) => String::new(),
            (true, Value::Words(words)) => format!(":value:({})", words.join(" ")),
            (true, Value::Path) => ":path:_files".into(),
            (true, Value::Kept(kind)) => format!(":{0}:_dok_{0}", kind.name()),
            (true, Value::Anything) => ":value: ".into(),
        };
        let spellings = spellings(arg);
        let exclusive = spellings.join(" ");
        let forms = spellings.iter().map(|form| {
            // A long option's value may follow an equals sign.
            let sign = if takes_value(arg) && form.starts_with("--") { "=" } else { "" };
            let help = quoted(&arg.get_help().unwrap().to_string());
            format!("{:indent$}'({exclusive}){form}{sign}[{help}]{value}' \\\n", "")
        });
        forms.collect::<String>()
    };
    options(command).into_iter().map(line).collect()
}

/// Text inside single quotes, and inside the brackets of `_arguments`.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:")
}
