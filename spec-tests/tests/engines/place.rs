//! Where an engine lives: namespaces, directories and a cgroup of its own, gone when dropped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use spec_tests::output::Output;
use spec_tests::runtime::{Call, Runtime, wait_until};
use spec_tests::scratch::Scratch;
use spec_tests::{cgroup, host};

/// Longer than any call of an engine may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the namespaces a host of their own: its /run, a network with a loopback, and on a hybrid
/// layout the v1 half alone, which is all that many engines understand. Then runs the daemon, until
/// this program closes the pipe: the end of the first process is that of the namespace.
const SETUP: &str = r#"
set -e
place=$1; shift
for kept in dbus systemd user; do
    [ -d /run/$kept ] || continue
    mkdir "$place/run/$kept"
    mount --rbind /run/$kept "$place/run/$kept"
done
mount --rbind "$place/run" /run
if [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then
    mount -t tmpfs none /sys/fs/cgroup/unified
fi
ip link set lo up
: >"$place/ready"
"$@" </dev/null &
cat >/dev/null
"#;

/// The namespaces and directories of one engine. Paths are short: sockets are made below them.
#[derive(Debug)]
pub(crate) struct Place {
    scratch: Scratch,
    holder: Child,
}

impl Place {
    /// A place with a daemon, whose words may name the place as `@PLACE@` and the runtime as
    /// `@RUNTIME@`. What it says is in the file `daemon.log`.
    pub(crate) fn with_daemon(files: &[(&str, &str)], daemon: &[&str]) -> Result<Self> {
        let scratch = Scratch::new()?;
        fs::create_dir(scratch.path().join("run"))?;
        let log = File::create(scratch.path().join("daemon.log"))?;
        let words = |text: &str| fill(text, scratch.path());
        for (name, text) in files {
            fs::write(scratch.path().join(name), words(text)?)?;
        }
        let daemon = daemon.iter().map(|word| words(word)).collect::<Result<Vec<_>>>()?;
        let holder = in_namespaces(scratch.name())
            .args(["--mount", "--net", "--fork", "--kill-child", "sh", "-c", SETUP, "sh"])
            .arg(scratch.path())
            .args(daemon)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("make namespaces for an engine")?;
        let place = Self { scratch, holder };
        place.wait_for("ready")?;
        Ok(place)
    }

    /// A place for an engine without a daemon.
    pub(crate) fn empty(files: &[(&str, &str)]) -> Result<Self> {
        Self::with_daemon(files, &["sleep", "infinity"])
    }

    /// The directory of the place.
    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// A path below the place, as a word.
    pub(crate) fn word(&self, name: &str) -> String {
        self.path().join(name).to_string_lossy().into_owned()
    }

    /// The name of the place, and of its cgroup.
    pub(crate) fn name(&self) -> &str {
        self.scratch.name()
    }

    /// Waits for a file, such as a daemon's socket.
    pub(crate) fn wait_for(&self, name: &str) -> Result<()> {
        let path = self.path().join(name);
        if wait_until(PATIENCE, || path.exists().then_some(())).is_none() {
            bail!("{} never came: {}", path.display(), self.log());
        }
        Ok(())
    }

    /// Waits until the daemon answers this call: its socket is there a moment before.
    pub(crate) fn wait_for_answer(&self, call: impl Fn() -> Call) -> Result<()> {
        let answers = wait_until(PATIENCE, || call().run().ok().ok());
        answers.map(drop).with_context(|| format!("no answer of the daemon: {}", self.log()))
    }

    /// What the daemon said.
    pub(crate) fn log(&self) -> String {
        let text = fs::read(self.path().join("daemon.log")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A call of a program inside the place.
    pub(crate) fn call<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Call {
        let namespaces = format!("/proc/{}/ns", self.holder.id());
        let mut enter = vec![
            "nsenter".into(),
            format!("--mount={namespaces}/mnt"),
            format!("--net={namespaces}/net"),
        ];
        if !host::systemd_makes_cgroups() {
            enter.push(format!("--pid={namespaces}/pid_for_children"));
        }
        enter.push("--".into());
        Call::of(enter, self.path()).args(words).within(PATIENCE)
    }
}

/// Waits until a call says these words: an engine's call returns a moment before the program runs.
pub(crate) fn comes_to_say(call: impl Fn() -> Output, words: &str) -> Result<()> {
    let said = wait_until(PATIENCE, || call().says(words).ok());
    said.map(drop).with_context(|| format!("never {words:?}: {}", call()))
}

/// Waits until the words are among what a call says.
pub(crate) fn comes_to_tell(call: impl Fn() -> Output, words: &str) -> Result<()> {
    let told = wait_until(PATIENCE, || call().stdout.contains(words).then_some(()));
    told.with_context(|| format!("no {words:?}: {}", call()))
}

impl Drop for Place {
    fn drop(&mut self) {
        if host::systemd_makes_cgroups() {
            let scope = format!("{}.scope", self.name());
            let _ = Command::new("systemctl").args(["kill", "--signal=KILL", &scope]).status();
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        for directory in cgroup::directories(self.name()) {
            cgroup::remove(&directory);
        }
    }
}

/// `unshare` with what ends all processes of the place along with the first. systemd is told of
/// processes by the numbers that they have on the host: with its driver it is a scope that they
/// have in common, and no pid namespace.
fn in_namespaces(name: &str) -> Command {
    if host::systemd_makes_cgroups() {
        let mut command = Command::new("systemd-run");
        command.args(["--quiet", "--scope", "--unit", name, "unshare"]);
        return command;
    }
    let mut command = Command::new("unshare");
    command.args(["--pid", "--mount-proc"]);
    command
}

/// The runtime under test.
pub(crate) fn runtime() -> Result<PathBuf> {
    Ok(Runtime::get()?.program.clone())
}

fn fill(text: &str, place: &Path) -> Result<String> {
    let runtime = runtime()?;
    Ok(text
        .replace("@PLACE@", &place.to_string_lossy())
        .replace("@RUNTIME@", &runtime.to_string_lossy()))
}
