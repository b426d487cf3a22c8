//! The image that every engine runs: a static busybox in one layer, as `docker save` writes it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;

/// The image's name in every engine.
pub(crate) const NAME: &str = "localhost/spec/busybox:latest";

/// The image of what keeps a pod's namespaces.
const PAUSE: &str = "localhost/spec/pause:latest";

/// Programs of busybox that the tests call.
const PROGRAMS: [&str; 16] = [
    "cat", "echo", "env", "false", "grep", "head", "hostname", "id", "kill", "ls", "ps", "sh",
    "sleep", "touch", "true", "stat",
];

/// Writes `DIRECTORY/image.tar`.
pub(crate) fn write(directory: &Path) -> Result<()> {
    write_as(directory, "image", NAME, &["sh"])
}

/// Writes `DIRECTORY/pause.tar`.
pub(crate) fn write_pause(directory: &Path) -> Result<()> {
    write_as(directory, "pause", PAUSE, &["sleep", "1000000"])
}

fn write_as(directory: &Path, file: &str, name: &str, command: &[&str]) -> Result<()> {
    let work = directory.join(file);
    let root = work.join("root");
    for name in ["bin", "dev", "etc", "proc", "root", "sys", "tmp"] {
        fs::create_dir_all(root.join(name))?;
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| fs::exists(path).unwrap_or(false));
    fs::copy(busybox.context("busybox is not installed")?, root.join("bin/busybox"))?;
    for program in PROGRAMS {
        symlink("busybox", root.join("bin").join(program))?;
    }
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/:/bin/sh\n",
    )?;
    fs::write(root.join("etc/group"), "root:x:0:\nguest:x:1000:\n")?;
    let owned = ["--owner=0", "--group=0", "--numeric-owner"];
    tar(&work.join("layer.tar"), &root, &owned, &["."])?;
    let digest = output(Command::new("sha256sum").arg(work.join("layer.tar")))?;
    let digest = digest.split(' ').next().unwrap_or_default();
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": command},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    });
    fs::write(work.join("config.json"), config.to_string())?;
    let manifest = json!([{
        "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]
    }]);
    fs::write(work.join("manifest.json"), manifest.to_string())?;
    let files = ["manifest.json", "config.json", "layer.tar"];
    tar(&directory.join(format!("{file}.tar")), &work, &[], &files)
}

/// The architecture as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn tar(archive: &Path, directory: &Path, options: &[&str], files: &[&str]) -> Result<()> {
    let mut command = Command::new("tar");
    command.arg("-C").arg(directory).args(options).arg("-cf").arg(archive).args(files);
    output(&mut command).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
