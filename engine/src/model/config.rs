//! The part of a container that does not depend on the host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What runs inside, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// The host name inside; empty is the first twelve digits of the id.
    pub hostname: String,
    /// The NIS domain name.
    pub domainname: String,
    /// `user`, `user:group`, by name or number; empty is root.
    pub user: String,
    /// Whether the client takes part in standard input.
    pub attach_stdin: bool,
    /// Whether the client sees standard output.
    pub attach_stdout: bool,
    /// Whether the client sees standard error.
    pub attach_stderr: bool,
    /// Ports that the program listens on: `80/tcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed_ports: Option<BTreeMap<String, Empty>>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether it has a standard input at all.
    pub open_stdin: bool,
    /// Whether standard input is closed when the first client leaves.
    pub stdin_once: bool,
    /// `NAME=VALUE`.
    pub env: Option<Vec<String>>,
    /// The program's arguments, or the program where there is no entry point.
    pub cmd: Option<Vec<String>>,
    /// How to see whether it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// The image, as it was named.
    pub image: String,
    /// Folders that get a volume of their own.
    pub volumes: Option<BTreeMap<String, Empty>>,
    /// The working folder; empty is `/`.
    pub working_dir: String,
    /// The program and its first arguments.
    pub entrypoint: Option<Vec<String>>,
    /// What a build on top of it starts with.
    pub on_build: Option<Vec<String>>,
    /// Anything, for others.
    pub labels: Option<BTreeMap<String, String>>,
    /// The signal that asks it to end; empty is `SIGTERM`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Seconds until a stop becomes a kill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<i64>,
    /// The shell of build steps and of a health check's command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<Vec<String>>,
}

/// Docker's `{}` behind a key that alone says everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// A health check. Times are nanoseconds, and 0 stands for the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", program, …]`, `["CMD-SHELL", line]`; empty is the image's.
    pub test: Option<Vec<String>>,
    /// Between two checks; 30 s.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// After which a check has failed; 30 s.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// In which failures do not count; none.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// Between two checks in the start period; 5 s.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// Failures in a row that make it unhealthy; 3.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
}

impl Config {
    /// The program that checks the health, and its arguments; none where nothing is checked.
    pub fn check(&self) -> Option<Vec<String>> {
        let test = self.healthcheck.as_ref()?.test.as_deref()?;
        match test.split_first()? {
            (kind, words) if kind == "CMD" && !words.is_empty() => Some(words.to_vec()),
            (kind, words) if kind == "CMD-SHELL" => {
                let own = ["/bin/sh", "-c"].map(str::to_owned).to_vec();
                let shell = self.shell.clone().filter(|shell| !shell.is_empty()).unwrap_or(own);
                Some([&shell[..], words].concat())
            }
            _ => None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_decodes_and_null_is_a_list_that_was_not_given() {
        let config: Config = serde_json::from_str("{}").unwrap();
        assert_eq!(config, Config::default());
        let text = r#"{"Env":null,"Cmd":["true"],"Volumes":{"/data":{}},"Labels":{"a":"b"}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert_eq!((config.env, config.cmd), (None, Some(vec!["true".into()])));
        assert!(config.volumes.unwrap().contains_key("/data"));
    }
}
