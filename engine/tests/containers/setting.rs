//! A dok with a store of its own, and an image of busybox in it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use onggi_engine::service::Engine;
use onggi_engine::service::image::{Import, Registries};
use onggi_engine::store::{Store, random_id};

use super::patience::PATIENCE;

/// Removed with all that is in it when it is dropped.
pub(crate) struct Dok {
    folder: PathBuf,
    runtime: PathBuf,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Dok {
    /// A store with the image `busybox`; `None`, with a word about it, where this cannot be.
    pub(crate) fn new() -> Option<Dok> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return None;
        }
        let runtime = runtime()?;
        let busybox = Path::new("/bin/busybox");
        if !busybox.exists() {
            eprintln!("skipped: needs a static /bin/busybox");
            return None;
        }
        // Whatever a run that was killed left is not this one's.
        let name = format!("dok-test-{}", &random_id().unwrap()[..12]);
        let folder = std::env::temp_dir().join(name);
        let dok = Dok { folder, runtime };
        dok.import(busybox);
        Some(dok)
    }

    fn import(&self, busybox: &Path) {
        let tree = self.folder.join("tree");
        for folder in ["bin", "etc", "tmp", "data/below"] {
            fs::create_dir_all(tree.join(folder)).unwrap();
        }
        fs::copy(busybox, tree.join("bin/busybox")).unwrap();
        for name in
            "sh true false cat echo sleep id stty ls seq kill test nc nslookup ip".split(' ')
        {
            std::os::unix::fs::symlink("busybox", tree.join("bin").join(name)).unwrap();
        }
        fs::write(tree.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/:/bin/sh\n")
            .unwrap();
        fs::write(tree.join("etc/group"), "root:x:0:\nwww:x:34:\nlog:x:99:web\n").unwrap();
        fs::write(tree.join("data/below/file"), "of the image\n").unwrap();
        std::os::unix::fs::symlink("/etc/shadow", tree.join("data/link")).unwrap();
        let tar =
            Command::new("tar").arg("-C").arg(&tree).args(["-cf", "-", "."]).output().unwrap();
        assert!(tar.status.success(), "{tar:?}");
        let store = Store::open(self.root(), self.run_folder()).unwrap();
        let registries =
            Registries { settings: self.folder.join("none"), client: self.folder.join("none") };
        let engine = Engine { store, runtime: self.runtime.clone(), registries };
        let name = Some("busybox:latest".parse().unwrap());
        let told = Import { name, changes: vec!["CMD [\"sh\"]".into()], ..Import::default() };
        engine.import(&tar.stdout[..], told).unwrap();
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    pub(crate) fn run_folder(&self) -> PathBuf {
        self.folder.join("run")
    }

    pub(crate) fn runtime(&self) -> &Path {
        &self.runtime
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(self.root(), self.run_folder()).unwrap()
    }

    /// A command that ends in time, or is ended.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.arg(PATIENCE.as_secs().to_string()).arg(env!("CARGO_BIN_EXE_dok"));
        command.arg("--root").arg(self.root()).arg("--run-root").arg(self.run_folder());
        command.arg("--runtime").arg(&self.runtime).args(words);
        command
    }

    /// A command without that limit: its process is dok itself, which can be signalled.
    pub(crate) fn direct(&self, words: &[&str]) -> Command {
        let inner = self.command(words);
        let mut line = inner.get_args().skip(1);
        let mut command = Command::new(line.next().unwrap());
        command.args(line);
        command
    }

    pub(crate) fn dok(&self, words: &[&str]) -> Said {
        said(&self.command(words).stdin(Stdio::null()).output().unwrap())
    }

    /// In a network namespace of its own, so that the host's stays as it is.
    pub(crate) fn apart(&self, words: &[&str]) -> Said {
        let inner = self.command(words);
        let mut command = Command::new("unshare");
        command.arg("--net").arg(inner.get_program()).args(inner.get_args());
        said(&command.stdin(Stdio::null()).output().unwrap())
    }

    /// With something to read.
    pub(crate) fn dok_reading(&self, input: &str, words: &[&str]) -> Said {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        said(&child.wait_with_output().unwrap())
    }

    /// What a command that must succeed printed.
    #[track_caller]
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let said = self.dok(words);
        assert_eq!(said.code, Some(0), "{words:?}: {said:?}");
        said.out
    }

    /// A command that is refused with this code and these words.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, words: &[&str], expected: &str) {
        let said = self.dok(words);
        assert_eq!(said.code, Some(code), "{words:?}: {said:?}");
        assert!(said.err.contains(expected), "{words:?} does not say {expected:?}: {}", said.err);
    }
}

impl Drop for Dok {
    fn drop(&mut self) {
        let ids = self.store().container_ids().unwrap_or_default();
        for id in ids {
            self.dok(&["rm", "-f", "-v", &id]);
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let left = mounts.lines().filter(|line| line.contains(&*self.folder.to_string_lossy()));
        let left: Vec<_> = left.map(str::to_owned).collect();
        let _ = fs::remove_dir_all(&self.folder);
        assert!(left.is_empty() || std::thread::panicking(), "mounts are left: {left:?}");
    }
}

fn said(output: &Output) -> Said {
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn runtime() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_BIN_EXE_dok")).with_file_name("onggi");
    let runtime = std::env::var_os("ONGGI").map_or(beside, PathBuf::from);
    if !runtime.exists() {
        eprintln!("skipped: {} is not there: cargo build -p onggi", runtime.display());
        return None;
    }
    Some(runtime)
}
