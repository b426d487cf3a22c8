//! Running another program in a container: the runtime joins it and passes its streams through.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Engine;
use super::inside::Inside;
use crate::bundle::{self, capabilities, merge_variables};
use crate::error::{Context, Kind, Result, refuse, told};
use crate::model::{Container, Event, Status, items};
use crate::runtime::NotRun;
use crate::store::{EXEC, random_id};

/// What is to run: the body of `POST /containers/ID/exec`.
#[derive(Debug, Clone, Default)]
pub struct ExecRequest {
    /// The program and its arguments.
    pub cmd: Vec<String>,
    /// Variables over the container's.
    pub env: Vec<String>,
    /// In place of the container's user.
    pub user: Option<String>,
    /// In place of the container's folder.
    pub working_dir: Option<String>,
    /// Whether it gets a terminal.
    pub tty: bool,
    /// Whether nothing is kept from it.
    pub privileged: bool,
    /// Whether nobody waits for it.
    pub detach: bool,
}

/// A program that is about to run: its files go when this is dropped.
#[derive(Debug)]
pub struct Exec {
    /// The command that runs it; its standard streams are to be chosen.
    pub command: Command,
    /// Sixty-four hexadecimal digits.
    pub id: String,
    /// What runs, as events tell of it.
    line: String,
    folder: PathBuf,
}

impl Exec {
    /// Why the runtime ended with 255: its own words, or none where that was the program's code.
    pub fn refused(&self) -> Option<NotRun> {
        let not_run = NotRun::read(&complaints(&self.folder));
        (!not_run.words.is_empty()).then_some(not_run)
    }
}

impl Drop for Exec {
    fn drop(&mut self) {
        // They are in the run folder, and go with the container at the latest.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn complaints(folder: &Path) -> PathBuf {
    folder.join("runtime.log")
}

impl Engine {
    /// Prepares a program to be run in a container.
    ///
    /// # Errors
    /// The container does not run; the request makes no sense.
    pub fn exec(&self, container: &Container, request: &ExecRequest) -> Result<Exec> {
        let words = match self.store.state(&container.id)?.status {
            Status::Running => None,
            Status::Paused => Some(format!(
                "container {} is paused, unpause the container before exec",
                container.id
            )),
            _ => Some(format!("container {} is not running", container.id)),
        };
        if let Some(words) = words {
            return Err(refuse(Kind::Conflict, words));
        }
        let id = random_id()?;
        let name = format!("{EXEC}{}-{}", std::process::id(), &id[..16]);
        let folder = self.store.bundle(&container.id).join(name);
        fs::create_dir(&folder).with_context(|| format!("make {}", folder.display()))?;
        // Docker has a space behind the program, arguments or not.
        let (program, arguments) = request.cmd.split_first().unzip();
        let arguments = arguments.unwrap_or_default().join(" ");
        let line = format!("{} {arguments}", program.map_or("", String::as_str));
        let exec = Exec { command: Command::new(&self.runtime), id, line, folder };
        let exec = self.describe(container, request, exec)?;
        for action in ["exec_create", "exec_start"] {
            let event = Event::of_container(container, &format!("{action}: {}", exec.line));
            self.store.tell(&event.with("execID", &exec.id));
        }
        Ok(exec)
    }

    /// Tells that a program that was run beside the container's own has ended.
    pub fn exec_ended(&self, container: &Container, exec: &Exec, exit_code: i32) {
        let event = Event::of_container(container, "exec_die").with("execID", &exec.id);
        self.store.tell(&event.with("exitCode", &exit_code.to_string()));
    }

    fn describe(
        &self,
        container: &Container,
        request: &ExecRequest,
        mut exec: Exec,
    ) -> Result<Exec> {
        let process = self.process(container, request)?;
        let file = exec.folder.join("process.json");
        let text = serde_json::to_vec(&process).context("encode the process")?;
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        let log = complaints(&exec.folder);
        exec.command = self.runtime().exec(&container.id, &file, &log, request.detach);
        Ok(exec)
    }
}

impl Engine {
    /// Another program of a container, in the specification's words.
    pub(super) fn process(&self, container: &Container, request: &ExecRequest) -> Result<Value> {
        let like = as_container(container, request);
        let rootfs = self.store.bundle(&container.id).join("rootfs");
        let accounts = Inside::open(&rootfs)?.accounts();
        let host = &like.host_config;
        let facts = bundle::Facts {
            identity: accounts
                .identity(&like.config.user, items(&host.group_add))
                .map_err(|error| NotRun { exit_code: 126, words: told(&error) })?,
            // One that has ended is told of no more.
            variables: self
                .linked(container)
                .map(|links| links.into_iter().flat_map(|link| link.variables).collect())
                .unwrap_or_default(),
            ..bundle::Facts::default()
        };
        let capabilities = capabilities::allowed(
            items(&host.cap_add),
            items(&host.cap_drop),
            host.privileged,
            super::host::own_capabilities(),
        )?;
        bundle::process(&like, &facts, &capabilities)
    }
}

/// The container as it would be if this were its program.
fn as_container(container: &Container, request: &ExecRequest) -> Container {
    let mut like = container.clone();
    let config = &mut like.config;
    config.entrypoint = None;
    config.cmd = Some(request.cmd.clone());
    config.tty = request.tty;
    merge_variables(config.env.get_or_insert_default(), &request.env);
    if let Some(user) = &request.user {
        config.user.clone_from(user);
    }
    if let Some(folder) = &request.working_dir {
        config.working_dir.clone_from(folder);
    }
    like.host_config.privileged |= request.privileged;
    like
}
