//! Completion scripts: the options and their words, and the names of the containers there are.

use clap::{Arg, Command, ValueHint};

use crate::{definitions, options};

const NOTE: &str = "# Written by hack/man from the definitions of the commands.\n";

/// What can stand where a value is wanted.
enum Value {
    Words(Vec<String>),
    Path,
    Container,
    Command,
    Anything,
}

fn value(arg: &Arg) -> Value {
    let placeholder =
        arg.get_value_names().and_then(|names| names.first().map(ToString::to_string));
    match placeholder {
        Some(words) if words.contains('|') => {
            Value::Words(words.split('|').map(String::from).collect())
        }
        _ if arg.get_value_hint() == ValueHint::AnyPath => Value::Path,
        _ if arg.get_id() == "ID" => Value::Container,
        _ if arg.get_id() == "COMMAND" && !arg.is_trailing_var_arg_set() => Value::Command,
        _ => Value::Anything,
    }
}

/// What the first argument after the options is.
fn argument(name: &str, command: &Command) -> Value {
    // A name for a container that is not there yet.
    let is_new = ["create", "run"].contains(&name);
    let first = command.get_positionals().next().filter(|_| !is_new);
    first.map_or(Value::Anything, value)
}

fn spellings(arg: &Arg) -> Vec<String> {
    let short = arg.get_short().map(|sign| format!("-{sign}"));
    let long = arg.get_long().map(|name| format!("--{name}"));
    short.into_iter().chain(long).collect()
}

fn takes_value(arg: &&Arg) -> bool {
    arg.get_action().takes_values()
}

fn names() -> String {
    onggi::cli::COMMANDS.iter().map(|one| one.name).collect::<Vec<_>>().join(" ")
}

pub(crate) fn bash() -> String {
    let cases: String =
        definitions().iter().map(|(name, command)| bash_case(name, command)).collect();
    let program = onggi::cli::program();
    let globals: Vec<String> =
        options(&program).into_iter().filter(takes_value).flat_map(spellings).collect();
    format!(
        r#"# bash completion for onggi
{NOTE}
_onggi() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    local at command= options= words= commands='{}'
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${{COMP_WORDS[at]}} in
            {}) ((at++)) ;;
            -*) ;;
            *) command=${{COMP_WORDS[at]}} && break ;;
        esac
    done
    local program=("${{COMP_WORDS[@]:0:at}}")
    COMPREPLY=()
    case $command in
{cases}    esac
    [[ $word == -* ]] && words=$options
    [[ $words == @containers ]] && words=$("${{program[@]}}" list --quiet 2>/dev/null)
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}
complete -o default -F _onggi onggi
"#,
        names(),
        globals.join("|")
    )
}

/// Sets `options` and `words`; returns where only a file, or nothing, can be meant.
fn bash_case(name: &str, command: &Command) -> String {
    let all: Vec<String> = options(command).into_iter().flat_map(spellings).collect();
    let mut text = format!("        '{name}')\n            options='{}'\n", all.join(" "));
    let words = match argument(name, command) {
        _ if name.is_empty() => "$commands".into(),
        Value::Words(words) => words.join(" "),
        Value::Container => "@containers".into(),
        Value::Command => "$commands".into(),
        Value::Path | Value::Anything => String::new(),
    };
    text += &format!("            words=\"{words}\"\n            case $before in\n");
    for option in options(command).into_iter().filter(takes_value) {
        let action = match value(option) {
            Value::Words(words) => format!("options='' words='{}'", words.join(" ")),
            _ => "return".into(),
        };
        text += &format!("                {}) {action} ;;\n", spellings(option).join("|"));
    }
    text + "            esac\n            ;;\n"
}

/// Text inside single quotes, and inside the brackets of zsh's `_arguments`.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:")
}

fn help(arg: &Arg) -> String {
    arg.get_help().unwrap().to_string()
}

pub(crate) fn zsh() -> String {
    let commands: String = definitions()
        .iter()
        .skip(1)
        .map(|(name, one)| {
            format!("        '{name}:{}'\n", quoted(&one.get_about().unwrap().to_string()))
        })
        .collect();
    let cases: String =
        definitions().iter().skip(1).map(|(name, one)| zsh_case(name, one)).collect();
    let program = onggi::cli::program();
    format!(
        r#"#compdef onggi
{NOTE}
_onggi_containers() {{
    local -a names=(${{(f)"$(onggi ${{(kv)opt_args[(I)--root]}} list --quiet 2>/dev/null)"}})
    _describe container names
}}

_onggi_commands() {{
    local -a commands=(
{commands}    )
    _describe command commands
}}

_onggi() {{
    local curcontext=$curcontext state line
    local -A opt_args
    _arguments -C -S \
{}        '1:command:_onggi_commands' \
        '*::argument:->arguments' && return
    case $words[1] in
{cases}    esac
}}

_onggi "$@"
"#,
        zsh_options(&program, 8)
    )
}

fn zsh_case(name: &str, command: &Command) -> String {
    let first = match argument(name, command) {
        Value::Words(words) => format!("1:word:({})", words.join(" ")),
        Value::Container => "1:container:_onggi_containers".into(),
        Value::Command => "1:command:_onggi_commands".into(),
        Value::Path => "1:file:_files".into(),
        Value::Anything => "1:name: ".into(),
    };
    let options = zsh_options(command, 16);
    let indent = " ".repeat(16);
    format!(
        "        {name})\n            _arguments \\\n{options}{indent}'{first}' \\\n\
         {indent}'*:argument:_files'\n            ;;\n"
    )
}

fn zsh_options(command: &Command, indent: usize) -> String {
    let line = |arg: &Arg| {
        let value = match (takes_value(&arg), value(arg)) {
            (false, _) => String::new(),
            (true, Value::Words(words)) => format!(":value:({})", words.join(" ")),
            (true, Value::Path) => ":path:_files".into(),
            (true, _) => ":value: ".into(),
        };
        let spellings = spellings(arg);
        let exclusive = spellings.join(" ");
        let forms = spellings.iter().map(|form| {
            // A long option's value may follow an equals sign.
            let sign = if takes_value(&arg) && form.starts_with("--") { "=" } else { "" };
            format!("'({exclusive}){form}{sign}[{}]{value}'", quoted(&help(arg)))
        });
        forms.map(|form| format!("{:indent$}{form} \\\n", "")).collect::<String>()
    };
    options(command).into_iter().map(line).collect()
}

pub(crate) fn fish() -> String {
    let blocks = definitions().into_iter().map(|(name, command)| fish_block(name, &command));
    let names = names();
    format!(
        "# fish completion for onggi\n{NOTE}\nset -l commands {names}\ncomplete -c onggi -f\n{}",
        blocks.collect::<String>()
    )
}

fn fish_block(name: &str, command: &Command) -> String {
    let outside = "complete -c onggi -n \"not __fish_seen_subcommand_from $commands\"";
    let inside = format!("complete -c onggi -n \"__fish_seen_subcommand_from {name}\"");
    let start = if name.is_empty() { outside } else { &inside };
    let mut text = String::new();
    if !name.is_empty() {
        let about = fish_quoted(&command.get_about().unwrap().to_string());
        text += &format!("{outside} -a {name} -d {about}\n");
    }
    let words = match argument(name, command) {
        Value::Words(words) => Some(words.join(" ")),
        Value::Container => Some("(onggi list --quiet 2>/dev/null)".into()),
        Value::Command => Some("$commands".into()),
        Value::Path | Value::Anything => None,
    };
    text += &words.map(|words| format!("{start} -a \"{words}\"\n")).unwrap_or_default();
    text += &options(command).into_iter().map(|arg| fish_option(start, arg)).collect::<String>();
    text
}

fn fish_option(start: &str, arg: &Arg) -> String {
    let short = arg.get_short().map(|sign| format!(" -s {sign}")).unwrap_or_default();
    let value = match (takes_value(&arg), value(arg)) {
        (false, _) => String::new(),
        (true, Value::Words(words)) => format!(" -x -a \"{}\"", words.join(" ")),
        (true, Value::Path) => " -r -F".into(),
        (true, _) => " -x".into(),
    };
    let long = arg.get_long().unwrap();
    format!("{start}{short} -l {long}{value} -d {}\n", fish_quoted(&help(arg)))
}

fn fish_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
