//! One store with things in it that must stay, and what is looked at after each kill.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};

use super::patience::PATIENCE;
use super::setting::Dok;
use super::traces::{Traces, parents, processes};

/// System calls that change something.
const CALLS: &str = "rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,link,linkat,\
                     symlink,symlinkat,mount,umount2,fsync,syncfs,write,sendto,sendmsg,clone,\
                     clone3,vfork,flock";
/// Without being told otherwise: enough to see that it holds, in some seconds.
const POINTS: u64 = 3;
/// The monitor of the container that lives, and the process that moves its bytes.
const BESIDE: usize = 2;

/// Whom the kill hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// The first thread of the command counts, and all of its process dies.
    Dok,
    /// Each process and thread at its own nth call.
    All,
}

/// A command that is killed.
pub(crate) struct Case<'a> {
    pub(crate) words: &'a [&'a str],
    pub(crate) whom: Whom,
    /// Makes what the command works on.
    pub(crate) before: &'a dyn Fn(&Campaign),
}

pub(crate) struct Campaign {
    pub(crate) dok: Dok,
    /// The parent of all cgroups, which goes after the containers.
    pub(crate) groups: Groups,
    /// The containers that must stay.
    own: Vec<String>,
    images: String,
    traces: Option<Traces>,
    points: u64,
    seed: u64,
    /// The beginnings of the commands that are killed; none stands for all.
    chosen: Vec<String>,
}

impl Campaign {
    /// In a network namespace of its own; `None`, with a word about it, where this cannot be.
    pub(crate) fn new(name: &str) -> Option<Campaign> {
        if Command::new("strace").arg("-V").output().is_err() {
            eprintln!("skipped: there is no strace on this machine");
            return None;
        }
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            eprintln!("skipped: needs a network namespace of its own: {error}");
            return None;
        }
        let dok = Dok::new()?;
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        let mut campaign = Campaign {
            dok,
            groups: Groups(format!("/dok-kill-{}-{name}", std::process::id())),
            own: Vec::new(),
            images: String::new(),
            traces: None,
            points: number("DOK_KILL_POINTS").unwrap_or(POINTS),
            seed: number("DOK_KILL_SEED").unwrap_or(1),
            chosen: chosen(),
        };
        campaign.furnish();
        Some(campaign)
    }

    /// Two containers, one of which runs, and everything that is made once.
    fn furnish(&mut self) {
        let parent = format!("--cgroup-parent={}", self.groups.0);
        let own = ["--label=keep", &parent, "--name"];
        let lives = [&["run", "-d"], &own[..], &["lives", "-v/own", "busybox", "sleep", "86400"]];
        let lives = self.dok.ok(&lives.concat());
        let kept = [&["create", "--network=none"], &own[..], &["kept", "busybox", "echo", "well"]];
        let kept = self.dok.ok(&kept.concat());
        self.dok.ok(&["start", "-a", "kept"]);
        self.dok.ok(&["rm", self.dok.ok(&["create", &parent, "busybox"]).trim()]);
        self.own = vec![lives.trim().to_owned(), kept.trim().to_owned()];
        self.images = self.dok.ok(&["images", "-q", "--no-trunc"]);
        self.dok.ok(&["system", "check", "--repair"]);
    }

    /// Whether `DOK_KILL_COMMANDS` lets a command be killed.
    pub(crate) fn is_chosen(&self, words: &[&str]) -> bool {
        let command = words.join(" ");
        self.chosen.is_empty() || self.chosen.iter().any(|begin| command.starts_with(begin))
    }

    /// Kills a command at some of its points, if it is a chosen one.
    pub(crate) fn kill(&mut self, case: &Case<'_>) {
        if !self.is_chosen(case.words) {
            return;
        }
        let last = self.count(case);
        self.traces = Some(self.rest(&format!("{:?} without a kill", case.words)));
        let mut random = Random(self.seed);
        // No call twice.
        let points = self.points.min(last);
        for number in 0..points {
            // One point in each of as many equal parts of the command's life.
            let (from, to) = (number * last / points, (number + 1) * last / points);
            let point = 1 + from + random.below((to - from).max(1));
            (case.before)(self);
            self.strike(case, point);
            let at = format!(
                "{:?} ({:?}), seed {}, call {point} of {last}",
                case.words, case.whom, self.seed
            );
            self.after(&at);
        }
        eprintln!("{:?} ({:?}): {points} points of {last}", case.words, case.whom);
    }

    /// Without repair nothing is wrong; with it nothing is left.
    pub(crate) fn after(&self, at: &str) {
        self.agree(at);
        let more = self.rest(at).unlike(self.traces.as_ref().unwrap());
        assert!(more.is_empty(), "{at}: {more:#?}");
    }

    /// What there is now is what is compared with.
    pub(crate) fn remember(&mut self) {
        self.traces = Some(self.rest("before the first kill"));
    }

    pub(crate) fn points(&self) -> u64 {
        self.points
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dok.root().parent().unwrap().to_owned()
    }

    /// What there is when all is done. The kernel takes some milliseconds to take a network namespace
    /// away, and until then the store remembers who was in it.
    fn rest(&self, at: &str) -> Traces {
        let until = Instant::now() + PATIENCE;
        loop {
            self.settle(at);
            let traces = Traces::of(&self.dok, &self.groups.0, &self.own);
            if !traces.has("leaving-") {
                return traces;
            }
            assert!(Instant::now() < until, "{at}: {traces:#?}");
        }
    }

    /// How many calls the busiest process makes when it is left alone.
    fn count(&self, case: &Case<'_>) -> u64 {
        (case.before)(self);
        let log = self.folder().join("strace");
        let trace = ["-qq", "-e", "signal=none", "-o", log.to_str().unwrap()];
        let said = self.strace(case, &trace, &format!("trace={CALLS}"));
        assert!(
            said.status.success(),
            "{:?}: {}",
            case.words,
            String::from_utf8_lossy(&said.stderr)
        );
        let mut counts = BTreeMap::new();
        let text = fs::read_to_string(&log).unwrap();
        fs::remove_file(&log).unwrap();
        let calls = text.lines().filter(|line| line.contains('('));
        for line in calls {
            let pid = line.split(' ').next().filter(|_| case.whom == Whom::All);
            *counts.entry(pid.unwrap_or_default()).or_insert(0) += 1;
        }
        counts.into_values().max().unwrap()
    }

    fn strike(&self, case: &Case<'_>, point: u64) {
        let inject = format!("inject={CALLS}:signal=KILL:when={point}");
        self.strace(case, &["-qq", "-o", "/dev/null"], &inject);
    }

    fn strace(&self, case: &Case<'_>, flags: &[&str], what: &str) -> std::process::Output {
        let dok = self.dok.command(case.words);
        let mut command = Command::new("timeout");
        command.arg(PATIENCE.as_secs().to_string()).arg("strace").args(flags).args(["-e", what]);
        if case.whom == Whom::All {
            command.arg("-f");
        }
        // The words of the command begin with the limit of its own `timeout`.
        command.args(dok.get_args().skip(1)).stdin(Stdio::null()).output().unwrap()
    }

    /// All commands say the same, and what is not to be touched is as it was.
    fn agree(&self, at: &str) {
        let dok = &self.dok;
        let listed =
            dok.ok(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}} {{.Names}}"]);
        for line in listed.lines() {
            let (id, rest) = line.split_once(' ').unwrap();
            let (state, name) = rest.split_once(' ').unwrap();
            let format = ["inspect", "--format", "{{.State.Status}} {{.Id}}", name];
            let said = dok.dok(&format);
            // It may end, or be gone, between the two.
            let same = said.out == format!("{state} {id}\n");
            let moved = !self.own.iter().any(|own| own == id)
                && (said.code != Some(0) || matches!(state, "running" | "created"));
            assert!(same || moved, "{at}: ps says {line}, inspect {said:?}");
        }
        let [lives, kept] = &self.own[..] else { unreachable!() };
        assert!(listed.contains(&format!("{lives} running lives\n")), "{at}: {listed}");
        assert!(listed.contains(&format!("{kept} exited kept\n")), "{at}: {listed}");
        dok.ok(&["exec", "lives", "true"]);
        assert_eq!(dok.ok(&["start", "-a", "kept"]), "well\n", "{at}");
        let images = dok.ok(&["images", "-q", "--no-trunc"]);
        for image in images.lines() {
            let said = dok.ok(&["image", "inspect", "--format", "{{.Id}}", image]);
            assert_eq!(said.trim(), image, "{at}");
        }
        assert!(self.images.lines().all(|image| images.contains(image)), "{at}: {images}");
    }

    /// Repairs, removes by ordinary commands what can be seen, and waits for what ends by itself.
    pub(crate) fn settle(&self, at: &str) {
        let dok = &self.dok;
        let said = dok.dok(&["system", "check", "--repair"]);
        assert_eq!(said.code, Some(0), "{at}: {said:?}");
        for id in dok.ok(&["ps", "-aq", "--no-trunc"]).lines() {
            if !self.own.iter().any(|own| own == id) {
                let said = dok.dok(&["rm", "-f", "-v", id]);
                let gone = said.err.contains("No such container");
                assert!(said.code == Some(0) || gone, "{at}: {said:?}");
            }
        }
        for id in dok.ok(&["images", "-aq", "--no-trunc"]).lines() {
            if !self.images.contains(id) {
                dok.ok(&["rmi", "-f", id]);
            }
        }
        for name in dok.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}"]).lines() {
            if name != "busybox:latest" && !name.contains('<') {
                dok.ok(&["rmi", name]);
            }
        }
        dok.ok(&["volume", "prune", "-af"]);
        dok.ok(&["network", "prune", "-f"]);
        let until = Instant::now() + PATIENCE;
        loop {
            let said = dok.dok(&["system", "check"]);
            let alone = processes(&self.folder()).len() == BESIDE;
            if alone && said.out == "0 problems, 0B left over\n" {
                return;
            }
            assert!(Instant::now() < until, "{at}: {said:?}, {:?}", processes(&self.folder()));
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

fn chosen() -> Vec<String> {
    let list = std::env::var("DOK_KILL_COMMANDS").unwrap_or_default();
    list.split(',').filter(|begin| !begin.is_empty()).map(String::from).collect()
}

/// A parent of cgroups, by its path in each hierarchy.
pub(crate) struct Groups(pub(crate) String);

impl Drop for Groups {
    fn drop(&mut self) {
        for parent in parents(&self.0) {
            // What is not there, or is not empty, is told by what was looked at before.
            let _ = fs::remove_dir(parent);
        }
    }
}

/// Numbers that are the same for the same seed: a linear congruence.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}
