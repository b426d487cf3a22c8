//! A bundle in three lines: `Bundle::busybox().sh("echo hi").build()?`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::config;
use crate::container::Container;
use crate::host;
use crate::runtime::Output;
use crate::scratch::Scratch;

/// Directories of an empty root.
const DIRECTORIES: [&str; 9] =
    ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr/bin", "var"];

/// What to build: the config, and files to put into the root.
#[derive(Debug)]
pub struct Bundle {
    config: Value,
    files: Vec<(String, Vec<u8>, u32)>,
    directories: Vec<String>,
    owner: Option<u32>,
}

impl Bundle {
    /// A root with a static busybox and the default config.
    pub fn busybox() -> Self {
        let directories = DIRECTORIES.map(String::from).to_vec();
        Self { config: config::default(""), files: Vec::new(), directories, owner: None }
    }

    /// `process.args`.
    pub fn args<S: AsRef<str>>(self, args: impl IntoIterator<Item = S>) -> Self {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        self.set("/process/args", args)
    }

    /// `process.args` is a shell with this script.
    pub fn sh(self, script: &str) -> Self {
        self.args(["/bin/sh", "-c", script])
    }

    /// A container that lives until it is killed, and dies at once of SIGTERM.
    pub fn sleeping(self) -> Self {
        self.sh("trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done")
    }

    /// Puts `value` at a JSON pointer of the config; `-` appends to a list.
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        config::set(&mut self.config, pointer, value.into());
        self
    }

    /// Takes a property out of the config.
    pub fn remove(mut self, pointer: &str) -> Self {
        config::remove(&mut self.config, pointer);
        self
    }

    /// One more entry of `mounts`: destination, type and source, options.
    pub fn mount(self, destination: &str, what: (&str, &str), options: &[&str]) -> Self {
        self.set("/mounts/-", config::mount(destination, what, options))
    }

    /// One more bind mount.
    pub fn bind(self, source: &str, destination: &str, options: &[&str]) -> Self {
        self.mount(destination, ("bind", source), &[&["bind"], options].concat())
    }

    /// One more `NAME=value` of `process.env`.
    pub fn env(self, entry: &str) -> Self {
        self.set("/process/env/-", entry)
    }

    /// One more namespace, new.
    pub fn namespace(self, kind: &str) -> Self {
        self.set("/linux/namespaces/-", json!({"type": kind}))
    }

    /// The host's namespace instead of a new one.
    pub fn without_namespace(mut self, kind: &str) -> Self {
        let list = self.config.pointer_mut("/linux/namespaces").and_then(Value::as_array_mut);
        if let Some(list) = list {
            list.retain(|namespace| namespace["type"] != kind);
        }
        self
    }

    /// The named capabilities, in every set of `sets`.
    pub fn capabilities(self, sets: &[&str], names: &[&str]) -> Self {
        let put = |bundle: Self, set: &&str| {
            bundle.set(&format!("/process/capabilities/{set}"), names.to_vec())
        };
        sets.iter().fold(self, put)
    }

    /// One more hook of a kind: the script is run by the host's shell, with `$1` = the bundle.
    pub fn hook(self, kind: &str, script: &str) -> Self {
        let args = json!(["sh", "-c", script, "hook", "@BUNDLE@"]);
        self.set(&format!("/hooks/{kind}/-"), json!({"path": "/bin/sh", "args": args}))
    }

    /// A file of the root, with its mode.
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        self.files.push((path.into(), content.as_ref().to_vec(), mode));
        self
    }

    /// A directory of the root.
    pub fn directory(mut self, path: &str) -> Self {
        self.directories.push(path.into());
        self
    }

    /// The host's user that owns the root, the bundle and the runtime's state directory.
    pub fn owned_by(mut self, id: u32) -> Self {
        self.owner = Some(id);
        self
    }

    /// A new user namespace with 65536 ids, the first of them the host's `first`, and a root that
    /// belongs to it.
    pub fn in_user_namespace(self, first: u32) -> Self {
        let map = json!([{"containerID": 0, "hostID": first, "size": 65536}]);
        let bundle = self.namespace("user").set("/linux/uidMappings", map.clone());
        bundle.set("/linux/gidMappings", map).owned_by(first)
    }

    /// Terminals of the user's own group, for a user namespace that has no group 5.
    pub fn terminals_of_one_group(self) -> Self {
        let options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
        self.set("/mounts/2/options", options.to_vec())
    }

    /// Writes the bundle. In every text of the config `@BUNDLE@` becomes the bundle's path.
    pub fn build(mut self) -> Result<Container> {
        let scratch = Scratch::new()?;
        if self.config["linux"]["cgroupsPath"] == "" {
            self = self.set("/linux/cgroupsPath", host::cgroups_path(scratch.name()));
        }
        let bundle = scratch.path().join("bundle");
        let root = bundle.join("rootfs");
        for directory in &self.directories {
            fs::create_dir_all(root.join(directory))?;
        }
        fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
        install_busybox(&root.join("bin"))?;
        for (path, content, mode) in &self.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().context("a file of the root")?)?;
            match mode & 0o111 {
                0 => fs::write(&path, content)?,
                _ => {
                    let written = scratch.path().join("program");
                    fs::write(&written, content)?;
                    install(&written, &path)?;
                    fs::remove_file(written)?;
                }
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode))?;
        }
        let text = serde_json::to_string_pretty(&self.config)?;
        let text = text.replace("@BUNDLE@", &bundle.to_string_lossy());
        fs::write(bundle.join("config.json"), text)?;
        if let Some(owner) = self.owner {
            fs::create_dir(scratch.path().join("state"))?;
            chown_all(scratch.path(), owner)?;
        }
        Ok(Container::new(scratch))
    }

    /// Builds, runs in the foreground, and gives what came out. The container is gone afterwards.
    pub fn run(self) -> Result<Output> {
        Ok(self.build()?.run())
    }

    /// Builds and creates; fails when the runtime refuses.
    pub fn create(self) -> Result<Container> {
        let container = self.build()?;
        let output = container.create().ok()?;
        let state = container.state_root().join(container.id());
        if !state.exists() {
            bail!("{} was not made: {output}", state.display());
        }
        Ok(container)
    }

    /// Builds, creates and starts; fails when the runtime refuses.
    pub fn start(self) -> Result<Container> {
        let container = self.create()?;
        container.start().ok()?;
        Ok(container)
    }

    /// Builds, and demands that `create` refuses with these words.
    pub fn is_refused(self, words: &str) -> Result<()> {
        let container = self.build()?;
        container.create().fails_with(words)?;
        container.left_no_trace()
    }
}

/// The host's static busybox: its path and its applets.
fn busybox() -> Result<&'static (PathBuf, Vec<String>)> {
    static BUSYBOX: OnceLock<Option<(PathBuf, Vec<String>)>> = OnceLock::new();
    let found = BUSYBOX.get_or_init(|| {
        let path = ["/bin/busybox", "/usr/bin/busybox", "/sbin/busybox"];
        let path = path.into_iter().map(PathBuf::from).find(|path| path.exists())?;
        let list = Command::new(&path).arg("--list").output().ok()?;
        let list = String::from_utf8(list.stdout).ok()?;
        Some((path, list.lines().map(String::from).collect()))
    });
    found.as_ref().context("busybox is not installed (Debian: busybox-static)")
}

/// Gives `path` and all below it to the user and group `id`.
fn chown_all(path: &Path, id: u32) -> Result<()> {
    lchown(path, Some(id), Some(id))?;
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        chown_all(&entry?.path(), id)?;
    }
    Ok(())
}

/// Copies a program by another process: a child of another thread, between its fork(2) and its
/// execve(2), would keep a copy of ours open for writing, and so from being run.
///
/// # Errors
/// cp(1) says them.
pub fn install(program: &Path, path: &Path) -> Result<()> {
    let output = Command::new("cp").arg(program).arg(path).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn install_busybox(bin: &Path) -> Result<()> {
    let (path, applets) = busybox()?;
    install(path, &bin.join("busybox"))?;
    if applets.is_empty() {
        bail!("{} has no applets", path.display());
    }
    // Hard links: hundreds of new inodes per test are what ext4 is slow at.
    for applet in applets.iter().filter(|name| *name != "busybox") {
        fs::hard_link(bin.join("busybox"), bin.join(applet))?;
    }
    Ok(())
}
