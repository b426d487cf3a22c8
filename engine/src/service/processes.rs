//! What runs in a container, as the host sees it.

use std::process::Command;

use super::Engine;
use crate::error::{Context, Kind, Result, refuse};
use crate::model::Event;

/// The processes of a container, as the host's ps(1) tells of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes {
    /// The heads of the columns.
    pub titles: Vec<String>,
    /// A row for each.
    pub processes: Vec<Vec<String>>,
}

impl Engine {
    /// The processes of a container. The options are those of ps(1), which must print a column PID.
    ///
    /// # Errors
    /// It does not run; ps is not there, or does not know an option.
    pub fn processes(&self, name: &str, options: &[String]) -> Result<Processes> {
        let container = self.store.container(name)?;
        if !self.store.state(&container.id)?.status.is_alive() {
            let words = format!("container {} is not running", container.id);
            return Err(refuse(Kind::Conflict, words));
        }
        let pids = self.runtime().processes(&container.id)?;
        let default = ["-ef".to_owned()];
        let options = if options.is_empty() { &default } else { options };
        let output = Command::new("ps").args(options).output().context("run ps on the host")?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(refuse(Kind::Invalid, format!("ps: {}", words.trim())));
        }
        let found = select(&String::from_utf8_lossy(&output.stdout), &pids)?;
        self.store.tell(&Event::of_container(&container, "top"));
        Ok(found)
    }
}

/// The lines about these processes; the last column may hold spaces.
fn select(table: &str, pids: &[u32]) -> Result<Processes> {
    let mut lines = table.lines();
    let titles: Vec<String> =
        lines.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let pid = titles.iter().position(|title| title == "PID");
    let pid = pid.ok_or_else(|| refuse(Kind::Invalid, "Couldn't find PID field in ps output"))?;
    let rows = lines.map(|line| row(line, titles.len()));
    let is_meant = |row: &Vec<String>| {
        row.get(pid).and_then(|pid| pid.parse().ok()).is_some_and(|pid| pids.contains(&pid))
    };
    Ok(Processes { processes: rows.filter(is_meant).collect(), titles })
}

fn row(line: &str, columns: usize) -> Vec<String> {
    let mut cells = Vec::new();
    let mut rest = line.trim();
    while cells.len() + 1 < columns {
        let Some((cell, after)) = rest.split_once(char::is_whitespace) else { break };
        cells.push(cell.to_owned());
        rest = after.trim_start();
    }
    cells.push(rest.to_owned());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_its_processes_are_chosen_by_their_column() {
        let table = "UID   PID  CMD\nroot    1  /sbin/init x\nweb    42  sh -c  'a b'\n";
        let chosen = select(table, &[42]).unwrap();
        assert_eq!(chosen.titles, ["UID", "PID", "CMD"]);
        assert_eq!(chosen.processes, [["web", "42", "sh -c  'a b'"]]);
        assert!(select("UID CMD\n", &[42]).is_err());
    }
}
