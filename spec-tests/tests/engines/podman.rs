//! podman, as root and as an ordinary user.

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;
use std::sync::Arc;

use anyhow::Context;
use spec_tests::output::Output;
use spec_tests::runtime::Call;
use spec_tests::{Result, chapter, host, tests};

use crate::image;
use crate::place::{Place, comes_to_say, comes_to_tell, runtime};
use crate::shared::Shared;

tests![
    a_container_runs_and_its_exit_code_is_told,
    limits_are_seen_inside,
    a_read_only_root_is_one,
    a_program_that_is_missing_is_127,
    a_program_that_cannot_be_executed_is_126,
    a_second_process_is_run,
    a_container_lives_from_run_to_rm,
    an_ordinary_user_runs_a_container,
    an_ordinary_user_runs_a_second_process,
];

static ROOT: Shared<Podman> = Shared::new();
static ORDINARY: Shared<Podman> = Shared::new();

/// Ends both.
pub(crate) fn end() {
    ROOT.end();
    ORDINARY.end();
}

/// Nobody of the host's, and where its subordinate ids begin.
const USER: u32 = 61_235;
const SUBORDINATE: u32 = 800_000;

/// The ordinary user: one with a systemd of his own, where that is to make cgroups.
fn user() -> Result<u32> {
    if host::systemd_makes_cgroups() { host::user_with_systemd() } else { Ok(USER) }
}

struct Podman {
    place: Place,
    user: Option<u32>,
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.podman(["rm", "--all", "--force", "--time", "0"]).run();
    }
}

impl Podman {
    fn root() -> Result<Arc<Self>> {
        ROOT.get(&["podman", "conmon"], || Self::start(Place::empty(&[])?, None))
    }

    /// podman of a user that is known in the place only.
    fn ordinary() -> Result<Arc<Self>> {
        let id = user()?.to_string();
        let tried = Command::new("setpriv")
            .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
            .args(["unshare", "--user", "--map-root-user", "true"])
            .status();
        let works = tried.is_ok_and(|status| status.success());
        host::needs(works, "needs user namespaces for ordinary users")?;
        ORDINARY.get(&["podman", "conmon", "newuidmap", "setpriv"], || {
            let user = user()?;
            let passwd =
                format!("root:x:0:0::/:/bin/sh\nspec:x:{user}:{user}::@PLACE@/home:/bin/sh\n");
            let ids = format!("spec:{SUBORDINATE}:65536\n");
            let script = "for name in passwd subuid subgid; do
                    touch /etc/$name; mount --bind @PLACE@/$name /etc/$name
                done
                : >@PLACE@/users; exec sleep infinity";
            let files = [("passwd", passwd.as_str()), ("subuid", &ids), ("subgid", &ids)];
            let place = Place::with_daemon(&files, &["sh", "-c", script])?;
            place.wait_for("users")?;
            chown(place.path(), Some(user), Some(user))?;
            for name in ["home", "tmp", "xdg"] {
                fs::create_dir(place.path().join(name))?;
                chown(place.path().join(name), Some(user), Some(user))?;
            }
            Self::start(place, Some(user))
        })
    }

    fn start(place: Place, user: Option<u32>) -> Result<Self> {
        image::write(place.path())?;
        let podman = Self { place, user };
        podman.podman(["load", "--input", &podman.place.word("image.tar")]).run().ok()?;
        Ok(podman)
    }

    /// A call inside the place, as the user.
    fn enter<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Call {
        let Some(user) = self.user.map(|id| id.to_string()) else {
            return self.place.call(words);
        };
        let drop = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups"];
        let call = self.place.call(drop).args(words);
        call.env("XDG_RUNTIME_DIR", self.sockets(&user)).env("HOME", self.place.word("home"))
    }

    fn podman<const N: usize>(&self, words: [&str; N]) -> Call {
        let manager = if host::systemd_makes_cgroups() { "systemd" } else { "cgroupfs" };
        let call = self.enter(["podman", "--cgroup-manager", manager, "--storage-driver", "vfs"]);
        let call = call.arg("--root").arg(self.place.word("data"));
        let call = call.arg("--runroot").arg(self.place.word("state"));
        let call = call.arg("--tmpdir").arg(self.place.word("tmp"));
        call.args(["--events-backend", "none", "--runtime"]).args(runtime()).args(words)
    }

    /// The limits are what any machine can give; podman's own are more than some may.
    fn run(&self, options: &[&str], words: &[&str]) -> Output {
        let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
        let call = self.podman(["run", "--network", "none", "--log-driver", "k8s-file"]);
        let group = format!("/{}", self.place.name());
        let has_group = self.user.is_none() && !host::systemd_makes_cgroups();
        let call = if has_group { call.args(["--cgroup-parent", &group]) } else { call };
        call.args(limits).args(options).arg(image::NAME).args(words).run()
    }

    /// The directory of the user's sockets: the place's, unless his own systemd is to be asked.
    fn sockets(&self, user: &str) -> String {
        match host::systemd_makes_cgroups() {
            true => format!("/run/user/{user}"),
            false => self.place.word("xdg"),
        }
    }

    fn sleeping(&self, name: &str) -> Result<()> {
        self.run(&["--detach", "--name", name], &["sleep", "1000"]).ok()?;
        Ok(())
    }
}

fn a_container_runs_and_its_exit_code_is_told() -> Result {
    chapter!("engine#podman");
    let podman = Podman::root()?;
    podman.run(&["--rm"], &["echo", "hello"]).says("hello")?;
    podman.run(&["--rm"], &["sh", "-c", "exit 7"]).exits(7)?;
    Ok(())
}

fn limits_are_seen_inside() -> Result {
    chapter!("engine#podman");
    let podman = Podman::root()?;
    let script = "cd /sys/fs/cgroup; cat memory.max pids.max 2>/dev/null || \
        cat memory/memory.limit_in_bytes pids/pids.max";
    let limits = ["--rm", "--memory", "64m", "--pids-limit", "50"];
    podman.run(&limits, &["sh", "-c", script]).says("67108864\n50")?;
    Ok(())
}

fn a_read_only_root_is_one() -> Result {
    chapter!("engine#podman");
    let script = "touch /tmp/there && ! touch /here 2>/dev/null && echo yes";
    Podman::root()?.run(&["--rm", "--read-only"], &["sh", "-c", script]).says("yes")?;
    Ok(())
}

fn a_program_that_is_missing_is_127() -> Result {
    chapter!("engine#podman");
    Podman::root()?.run(&["--rm"], &["no-such-program"]).exits(127)?;
    Ok(())
}

fn a_program_that_cannot_be_executed_is_126() -> Result {
    chapter!("engine#podman");
    Podman::root()?.run(&["--rm"], &["/etc/passwd"]).exits(126)?;
    Ok(())
}

fn a_second_process_is_run() -> Result {
    chapter!("engine#podman");
    let podman = Podman::root()?;
    podman.sleeping("second")?;
    let exec =
        |words: &[&str]| podman.podman(["exec", "--user", "guest", "second"]).args(words).run();
    exec(&["id", "-u"]).says("1000")?;
    exec(&["sh", "-c", "exit 9"]).exits(9)?;
    exec(&["no-such-program"]).exits(127)?;
    Ok(())
}

fn a_container_lives_from_run_to_rm() -> Result {
    chapter!("engine#podman");
    let podman = Podman::root()?;
    podman.sleeping("life")?;
    let status = || -> Result<String> {
        let words = ["inspect", "--format", "{{.State.Status}}", "life"];
        Ok(podman.podman(words).run().ok()?.stdout.trim().into())
    };
    assert_eq!(status()?, "running");
    podman.podman(["pause", "life"]).run().ok()?;
    assert_eq!(status()?, "paused");
    podman.podman(["unpause", "life"]).run().ok()?;
    comes_to_tell(|| podman.podman(["top", "life", "args"]).run(), "sleep 1000")?;
    podman.podman(["kill", "life"]).run().ok()?;
    podman.podman(["wait", "life"]).run().says("137")?;
    podman.podman(["rm", "life"]).run().ok()?;
    Ok(())
}

fn an_ordinary_user_runs_a_container() -> Result {
    chapter!("engine#podman");
    let podman = Podman::ordinary()?;
    podman.run(&["--rm"], &["sh", "-c", "id -u; exit 7"]).exits(7)?;
    let map = podman.run(&["--rm"], &["cat", "/proc/self/uid_map"]).ok()?;
    let first = map.stdout.split_whitespace().nth(1).context("an id map")?;
    assert_eq!(first, user()?.to_string(), "{map}");
    Ok(())
}

fn an_ordinary_user_runs_a_second_process() -> Result {
    chapter!("engine#podman");
    let podman = Podman::ordinary()?;
    podman.sleeping("second")?;
    let exec = || podman.podman(["exec", "second", "cat", "/proc/1/comm"]).run();
    comes_to_say(exec, "sleep")?;
    podman.podman(["rm", "--force", "--time", "0", "second"]).run().ok()?;
    Ok(())
}
