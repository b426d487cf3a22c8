//! docker: `dockerd --add-runtime`, driven by its own client.

use std::sync::Arc;

use spec_tests::output::Output;
use spec_tests::runtime::Call;
use spec_tests::{Result, chapter, host, tests};

use crate::image;
use crate::place::{Place, comes_to_say, comes_to_tell};
use crate::shared::Shared;

tests![
    a_container_runs_and_its_exit_code_is_told,
    limits_are_seen_inside,
    an_init_runs_above_the_program,
    a_read_only_root_with_a_tmpfs_is_one,
    users_and_capabilities_are_set,
    a_program_that_is_missing_is_127,
    a_program_that_cannot_be_executed_is_126,
    a_second_process_is_run,
    a_container_is_paused_and_resumed,
    limits_are_changed,
    statistics_and_processes_are_told,
    a_container_is_restarted,
    a_container_is_stopped_by_its_signal,
];

static ENGINE: Shared<Docker> = Shared::new();

/// Ends the daemon.
pub(crate) fn end() {
    ENGINE.end();
}

struct Docker(Place);

impl Docker {
    fn get() -> Result<Arc<Self>> {
        ENGINE.get(&["dockerd", "docker", "containerd"], || {
            let driver = match host::systemd_makes_cgroups() {
                true => "systemd",
                false => "cgroupfs --cgroup-parent /$(basename @PLACE@)",
            };
            let script = "exec dockerd --data-root @PLACE@/data --exec-root @PLACE@/exec \
                --pidfile @PLACE@/pid --host unix://@PLACE@/sock --config-file @PLACE@/none.json \
                --bridge none --iptables=false --storage-driver vfs \
                --add-runtime spec=@RUNTIME@ --default-runtime spec --exec-opt native.cgroupdriver=";
            let script = format!("{script}{driver}");
            let files = [("none.json", "{}")];
            let place = Place::with_daemon(&files, &["sh", "-c", &script])?;
            place.wait_for("sock")?;
            image::write(place.path())?;
            let engine = Self(place);
            engine.0.wait_for_answer(|| engine.docker(["version"]))?;
            engine.docker(["load", "--input", &engine.0.word("image.tar")]).run().ok()?;
            Ok(engine)
        })
    }

    fn docker<const N: usize>(&self, words: [&str; N]) -> Call {
        let socket = format!("unix://{}", self.0.word("sock"));
        let call = self.0.call(["docker", "--host", &socket]).args(words);
        call.env("DOCKER_CONFIG", self.0.path())
    }

    /// `docker run --rm` in the foreground.
    fn run(&self, options: &[&str], words: &[&str]) -> Output {
        let call = self.docker(["run", "--rm", "--network", "none"]);
        call.args(options).arg(image::NAME).args(words).run()
    }

    /// `docker run --detach` of a shell with this script, until the value is dropped.
    fn detached(self: &Arc<Self>, name: &'static str, script: &str) -> Result<Container> {
        let container = Container { engine: self.clone(), name };
        let call = self.docker(["run", "--detach", "--network", "none", "--name", name]);
        call.args([image::NAME, "sh", "-c", script]).run().ok()?;
        Ok(container)
    }

    fn sleeping(self: &Arc<Self>, name: &'static str) -> Result<Container> {
        self.detached(name, "exec sleep 1000")
    }
}

struct Container {
    engine: Arc<Docker>,
    name: &'static str,
}

impl Container {
    fn exec(&self, words: &[&str]) -> Output {
        self.engine.docker(["exec", self.name]).args(words).run()
    }

    fn command(&self, command: &str) -> Output {
        self.engine.docker([command, self.name]).run()
    }

    fn inspect(&self, what: &str) -> Result<String> {
        let format = format!("{{{{{what}}}}}");
        let output = self.engine.docker(["inspect", "--format", &format, self.name]).run();
        Ok(output.ok()?.stdout.trim().into())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.engine.docker(["rm", "--force", self.name]).run();
    }
}

/// A shell's words that print the first of the files that is there: v2's or v1's.
fn first_of(unified: &str, legacy: &str) -> String {
    format!("cat /sys/fs/cgroup/{unified} 2>/dev/null || cat /sys/fs/cgroup/{legacy}")
}

fn memory() -> String {
    first_of("memory.max", "memory/memory.limit_in_bytes")
}

fn a_container_runs_and_its_exit_code_is_told() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    engine.run(&[], &["echo", "hello"]).says("hello")?;
    engine.run(&[], &["sh", "-c", "exit 7"]).exits(7)?;
    Ok(())
}

fn limits_are_seen_inside() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let pids = first_of("pids.max", "pids/pids.max");
    let script = format!("{}; {pids}", memory());
    let limits = ["--memory", "64m", "--pids-limit", "50", "--cpus", "0.5"];
    engine.run(&limits, &["sh", "-c", &script]).says("67108864\n50")?;
    Ok(())
}

fn an_init_runs_above_the_program() -> Result {
    chapter!("engine#docker");
    host::program("docker-init")?;
    let engine = Docker::get()?;
    engine.run(&["--init"], &["sh", "-c", "cat /proc/1/comm"]).says("docker-init")?;
    Ok(())
}

fn a_read_only_root_with_a_tmpfs_is_one() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let script = "touch /tmp/there && ! touch /here 2>/dev/null && echo yes";
    engine.run(&["--read-only", "--tmpfs", "/tmp"], &["sh", "-c", script]).says("yes")?;
    Ok(())
}

fn users_and_capabilities_are_set() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    engine.run(&["--user", "guest"], &["id", "-u"]).says("1000")?;
    let script = "grep CapEff /proc/self/status";
    engine.run(&["--cap-drop", "ALL"], &["sh", "-c", script]).says("CapEff:\t0000000000000000")?;
    Ok(())
}

fn a_program_that_is_missing_is_127() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let output = engine.run(&[], &["no-such-program"]);
    output.exits(127)?.fails_with("executable file not found in $PATH")?;
    Ok(())
}

fn a_program_that_cannot_be_executed_is_126() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    engine.run(&[], &["/etc/passwd"]).exits(126)?.fails_with("permission denied")?;
    Ok(())
}

fn a_second_process_is_run() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let container = engine.sleeping("second")?;
    comes_to_say(|| container.exec(&["cat", "/proc/1/comm"]), "sleep")?;
    container.exec(&["sh", "-c", "exit 9"]).exits(9)?;
    container.exec(&["no-such-program"]).exits(126)?;
    Ok(())
}

fn a_container_is_paused_and_resumed() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let container = engine.sleeping("paused")?;
    container.command("pause").ok()?;
    assert_eq!(container.inspect(".State.Status")?, "paused");
    container.command("unpause").ok()?;
    assert_eq!(container.inspect(".State.Status")?, "running");
    Ok(())
}

fn limits_are_changed() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let container = engine.sleeping("changed")?;
    let limits = ["update", "--memory", "32m", "--memory-swap", "32m", container.name];
    engine.docker(limits).run().ok()?;
    container.exec(&["sh", "-c", &memory()]).says("33554432")?;
    Ok(())
}

fn statistics_and_processes_are_told() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let container = engine.sleeping("measured")?;
    let words = ["stats", "--no-stream", "--format", "{{.PIDs}}", container.name];
    engine.docker(words).run().says("1")?;
    host::success("ps", &["-ef"])?;
    comes_to_tell(|| container.command("top"), "sleep 1000")
}

fn a_container_is_restarted() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let container = engine.detached("restarted", "echo started; exec sleep 1000")?;
    comes_to_say(|| container.command("logs"), "started")?;
    engine.docker(["restart", "--time", "0", container.name]).run().ok()?;
    assert_eq!(container.inspect(".State.Status")?, "running");
    comes_to_say(|| container.command("logs"), "started\nstarted")
}

fn a_container_is_stopped_by_its_signal() -> Result {
    chapter!("engine#docker");
    let engine = Docker::get()?;
    let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done";
    let container = engine.detached("stopped", script)?;
    comes_to_say(|| container.command("logs"), "ready")?;
    container.command("stop").ok()?;
    assert_eq!(container.inspect(".State.ExitCode")?, "5");
    Ok(())
}
