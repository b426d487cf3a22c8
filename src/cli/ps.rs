//! `onggi ps ID [PS OPTIONS]`

use std::process::Command;

use clap::{Arg, ArgAction, ArgMatches};

use super::exit::{ExitCode, Outcome};
use super::flags::{self, value};
use super::globals::Globals;
use super::list::Format;
use super::print;
use crate::container;
use crate::error::{Doing, Error, Result};
use crate::sys::signal;

const ABOUT: &str = "List the processes of a container";
const MORE: &str = "\
The table is that of the host's ps, with the lines whose PID column names a process of the \
container. The options for ps must make it print that column.";

pub(super) fn definition() -> clap::Command {
    flags::command("ps", ABOUT)
        .after_help(MORE)
        .arg(value("format", "table|json", "The format").short('f').default_value("table"))
        .arg(flags::id())
        .arg(
            Arg::new("PS OPTIONS")
                .help("Options for the host's ps [default: -ef]")
                .action(ArgAction::Append)
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true),
        )
}

pub(super) fn run(matches: &ArgMatches, globals: &Globals) -> Outcome {
    let format = Format::read(flags::text(matches, "format").unwrap_or_default())?;
    let pids = container::processes(&globals.store(), &flags::container(matches)?)?;
    let text = match format {
        Format::Json => serde_json::to_string(&pids).map_err(Error::from)? + "\n",
        Format::Table => {
            let options = matches.get_many::<String>("PS OPTIONS").unwrap_or_default();
            let options: Vec<&str> = options.map(String::as_str).collect();
            lines_of(&host_ps(if options.is_empty() { &["-ef"] } else { &options })?, &pids)?
        }
    };
    print(&text)?;
    Ok(ExitCode::DONE)
}

fn host_ps(options: &[&str]) -> Result<String> {
    let mut command = Command::new("ps");
    signal::hold_none_in(&mut command);
    let output = command.args(options).output().doing(|| "run ps".into())?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(Error::new(format!("ps: {}: {}", output.status, words.trim_end())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The header and the lines of these processes.
fn lines_of(table: &str, pids: &[i32]) -> Result<String> {
    let header = table.lines().next().unwrap_or_default();
    let column = header
        .split_whitespace()
        .position(|title| title == "PID")
        .ok_or_else(|| Error::new("couldn't find PID field in ps output"))?;
    let is_ours = |line: &&str| {
        let pid = line.split_whitespace().nth(column).and_then(|cell| cell.parse().ok());
        pid.is_some_and(|pid: i32| pids.contains(&pid))
    };
    let lines = table.lines().skip(1).filter(is_ours);
    Ok([header].into_iter().chain(lines).map(|line| format!("{line}\n")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "UID   PID  PPID CMD\nroot    1     0 init 7\nroot   71    1 a\nme      7   1 b\n";

    #[test]
    fn lines_are_chosen_by_the_pid_column_alone() {
        let lines = lines_of(TABLE, &[7]).unwrap();
        assert_eq!(lines, "UID   PID  PPID CMD\nme      7   1 b\n");
        assert_eq!(lines_of(TABLE, &[]).unwrap(), "UID   PID  PPID CMD\n");
    }

    #[test]
    fn a_table_without_pids_is_an_error() {
        assert!(lines_of("USER CMD\nroot init\n", &[1]).is_err());
    }
}
