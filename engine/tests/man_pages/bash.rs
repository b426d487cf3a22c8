//! Completion for bash.

use clap::Command;
use onggi_engine::cli;

use crate::manual::NOTE;
use crate::words::{
    Kind, Value, argument, first_words, of_group, options, spellings, takes_value, value,
};

pub(crate) fn script() -> String {
    let program = cli::program();
    let globals: Vec<_> = options(&program);
    let with_value: Vec<String> =
        globals.iter().filter(|arg| takes_value(arg)).flat_map(|arg| spellings(arg)).collect();
    let groups: Vec<&str> = cli::GROUPS.iter().map(|(group, _)| *group).collect();
    let mut cases = case(&["".into()], &first_words().join(" "), &program);
    for group in &groups {
        cases += &format!("        '{group}') words='{}' ;;\n", of_group(group).join(" "));
    }
    for entry in cli::entries() {
        let names: Vec<String> = entry.spellings.iter().map(ToString::to_string).collect();
        let words = offer(&argument(entry.spellings[0], &entry.definition));
        cases += &case(&names, &words, &entry.definition);
    }
    let kept: String = Kind::ALL.iter().map(|kind| listing(*kind)).collect();
    format!(
        r#"# bash completion for dok
{NOTE}
_dok() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    local at command= options= words=
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${{COMP_WORDS[at]}} in
            {}) ((at++)) ;;
            -*) ;;
            *) command=${{COMP_WORDS[at]}} && break ;;
        esac
    done
    local program=("${{COMP_WORDS[@]:0:at}}")
    case $command in
        {}) ((at + 1 < COMP_CWORD)) && command+=" ${{COMP_WORDS[at + 1]}}" ;;
    esac
    COMPREPLY=()
    case $command in
{cases}    esac
    [[ $word == -* ]] && words=$options
    case $words in
{kept}    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}
complete -o default -F _dok dok
"#,
        with_value.join("|"),
        groups.join("|"),
    )
}

fn listing(kind: Kind) -> String {
    let (name, words) = (kind.name(), kind.listed_by());
    format!("        @{name}) words=$(\"${{program[@]}}\" {words} 2>/dev/null) ;;\n")
}

/// What `words` is set to.
fn offer(value: &Value) -> String {
    match value {
        Value::Words(words) => words.join(" "),
        Value::Kept(kind) => format!("@{}", kind.name()),
        Value::Path | Value::Anything => String::new(),
    }
}

/// Sets `options` and `words`; returns where only a file, or nothing, can be meant.
fn case(names: &[String], words: &str, command: &Command) -> String {
    let options = options(command);
    let all: Vec<String> = options.iter().flat_map(|arg| spellings(arg)).collect();
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let mut text = format!(
        "        {})\n            options='{}'\n            words='{words}'\n",
        names.join("|"),
        all.join(" ")
    );
    text += "            case $before in\n";
    for option in options.into_iter().filter(|arg| takes_value(arg)) {
        let action = match value(option) {
            Value::Path | Value::Anything => "return".into(),
            value => format!("options='' words='{}'", offer(&value)),
        };
        text += &format!("                {}) {action} ;;\n", spellings(option).join("|"));
    }
    text + "            esac\n            ;;\n"
}
