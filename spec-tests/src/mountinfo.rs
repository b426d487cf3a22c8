//! `/proc/PID/mountinfo`, read from inside or outside: proc_pid_mountinfo(5).

use anyhow::{Context, Result};

/// One mount.
#[derive(Debug)]
pub struct Mount {
    /// The directory of the file system that is mounted.
    pub root: String,
    /// Where it is mounted.
    pub point: String,
    /// The flags of this mount: `ro`, `nosuid`, …
    pub options: Vec<String>,
    /// The optional fields: `shared:7`, `master:3`, `unbindable`; none means private.
    pub propagation: Vec<String>,
    /// The file system's type.
    pub kind: String,
    /// The file system's source.
    pub source: String,
    /// The flags and data of the file system.
    pub data: Vec<String>,
}

impl Mount {
    /// Whether the mount itself has this flag.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|have| have == option)
    }

    /// Whether the file system has this flag or datum.
    pub fn has_data(&self, datum: &str) -> bool {
        self.data.iter().any(|have| have == datum)
    }

    /// The kind of propagation, by the first words of the optional fields; `private` if none.
    pub fn propagation(&self) -> String {
        let words = self.propagation.iter();
        let words: Vec<_> = words
            .filter_map(|word| word.split(':').next())
            .filter(|word| *word != "propagate_from")
            .collect();
        if words.is_empty() { "private".into() } else { words.join(" ") }
    }
}

/// Every mount, in the order of the file.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let (mount, system) = line.split_once(" - ")?;
    let mount: Vec<&str> = mount.split(' ').collect();
    let system: Vec<&str> = system.split(' ').collect();
    let list = |text: &str| text.split(',').map(String::from).collect();
    Some(Mount {
        root: (*mount.get(3)?).into(),
        point: (*mount.get(4)?).into(),
        options: list(mount.get(5)?),
        propagation: mount[6..].iter().map(|word| (*word).into()).collect(),
        kind: (*system.first()?).into(),
        source: (*system.get(1)?).into(),
        data: list(system.get(2)?),
    })
}

/// The topmost mount at `point`.
pub fn at(text: &str, point: &str) -> Result<Mount> {
    let mounts = parse(text).into_iter().rev();
    mounts
        .into_iter()
        .find(|mount| mount.point == point)
        .with_context(|| format!("nothing is mounted at {point}:\n{text}"))
}
