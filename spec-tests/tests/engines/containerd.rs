//! containerd with its own client, `ctr`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use spec_tests::cgroup;
use spec_tests::output::Output;
use spec_tests::runtime::{Call, wait_until};
use spec_tests::{Result, chapter, host, tests};

use crate::image;
use crate::place::{PATIENCE, Place, comes_to_say, runtime};
use crate::shared::Shared;

tests![
    a_container_runs_and_its_exit_code_is_told,
    a_limit_stands_in_the_cgroup,
    a_terminal_is_one,
    a_program_that_is_missing_is_told,
    a_task_lives_from_start_to_kill,
    a_task_is_paused_and_resumed,
    a_task_is_measured,
    a_second_process_is_run,
];

static ENGINE: Shared<Containerd> = Shared::new();

/// Ends the daemon.
pub(crate) fn end() {
    ENGINE.end();
}

const CONFIG: &str = r#"
version = 2
root = "@PLACE@/data"
state = "@PLACE@/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "@PLACE@/sock"
"#;

struct Containerd(Place);

impl Containerd {
    fn get() -> Result<Arc<Self>> {
        ENGINE.get(&["containerd", "ctr", "containerd-shim-runc-v2"], || {
            let daemon = ["containerd", "--config", "@PLACE@/config.toml"];
            let place = Place::with_daemon(&[("config.toml", CONFIG)], &daemon)?;
            place.wait_for("sock")?;
            image::write(place.path())?;
            let engine = Self(place);
            engine.0.wait_for_answer(|| engine.ctr(["version"]))?;
            engine.ctr(["image", "import", &engine.0.word("image.tar")]).run().ok()?;
            Ok(engine)
        })
    }

    /// The name of containerd's namespace is the first part of the cgroup's path.
    fn ctr<const N: usize>(&self, words: [&str; N]) -> Call {
        let socket = self.0.word("sock");
        self.0.call(["ctr", "--address", &socket, "--namespace", self.0.name()]).args(words)
    }

    fn run(&self, options: &[&str], id: &str, words: &[&str]) -> Result<Output> {
        let call = self.ctr(["run", "--runc-binary"]).arg(runtime()?);
        let call = call.arg("--runc-root").arg(self.0.word("runc")).args(options);
        let call = match host::systemd_makes_cgroups() {
            true => {
                let group = format!("system.slice:{}:{id}", self.0.name());
                call.args(["--runc-systemd-cgroup", "--cgroup", &group])
            }
            false => call,
        };
        Ok(call.arg(image::NAME).arg(id).args(words).run())
    }

    /// The groups of a container, in whichever hierarchies there are.
    fn groups(&self, id: &str) -> Vec<PathBuf> {
        let name = self.0.name();
        match host::systemd_makes_cgroups() {
            true => cgroup::directories(&format!("system.slice/{name}-{id}.scope")),
            false => cgroup::directories(&format!("{name}/{id}")),
        }
    }

    /// A container that sleeps, until the value is dropped.
    fn sleeping(self: &Arc<Self>, id: &'static str) -> Result<Task> {
        self.sleeping_with(&[], id)
    }

    fn sleeping_with(self: &Arc<Self>, options: &[&str], id: &'static str) -> Result<Task> {
        let task = Task { engine: self.clone(), id };
        self.run(&[&["--detach"], options].concat(), id, &["sleep", "1000"])?.ok()?;
        Ok(task)
    }

    fn task<const N: usize>(&self, words: [&str; N]) -> Output {
        self.ctr(["task"]).args(words).run()
    }
}

struct Task {
    engine: Arc<Containerd>,
    id: &'static str,
}

impl Task {
    fn status(&self) -> Result<String> {
        let list = self.engine.task(["ls"]).ok()?;
        let line = list.stdout.lines().find(|line| line.starts_with(self.id));
        let word = line.and_then(|line| line.split_whitespace().nth(2));
        Ok(word.unwrap_or("none").into())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.engine.task(["rm", "--force", self.id]);
        self.engine.ctr(["container", "rm", self.id]).run();
    }
}

fn a_container_runs_and_its_exit_code_is_told() -> Result {
    chapter!("engine#containerd");
    let engine = Containerd::get()?;
    engine.run(&["--rm"], "plain", &["echo", "hello"])?.says("hello")?;
    engine.run(&["--rm"], "seven", &["sh", "-c", "exit 7"])?.exits(7)?;
    Ok(())
}

fn a_limit_stands_in_the_cgroup() -> Result {
    chapter!("engine#containerd");
    let engine = Containerd::get()?;
    let task = engine.sleeping_with(&["--memory-limit", "67108864"], "limited")?;
    let groups = engine.groups(task.id);
    let files = ["memory.max", "memory.limit_in_bytes"];
    let paths = groups.iter().flat_map(|group| files.map(|file| group.join(file)));
    let limits: Vec<_> = paths.filter_map(|path| fs::read_to_string(path).ok()).collect();
    assert_eq!(limits, ["67108864\n"]);
    Ok(())
}

fn a_terminal_is_one() -> Result {
    chapter!("engine#containerd");
    let engine = Containerd::get()?;
    let run = format!(
        "ctr --address {} --namespace {} run --rm --tty --runc-binary {} --runc-root {} {} tty \
         sh -c 'test -t 0 && echo a terminal'",
        engine.0.word("sock"),
        engine.0.name(),
        runtime()?.display(),
        engine.0.word("runc"),
        image::NAME
    );
    let output = engine.0.call(["script", "-qefc", &run, "/dev/null"]).run().ok()?;
    assert!(output.stdout.contains("a terminal"), "{output}");
    Ok(())
}

fn a_program_that_is_missing_is_told() -> Result {
    chapter!("engine#containerd");
    let engine = Containerd::get()?;
    let output = engine.run(&["--rm"], "missing", &["no-such-program"])?;
    output.fails_with("executable file not found in $PATH")?;
    Ok(())
}

fn a_task_lives_from_start_to_kill() -> Result {
    chapter!("engine#containerd");
    let engine = Containerd::get()?;
    let task = engine.sleeping("life")?;
    assert_eq!(task.status()?, "RUNNING");
    engine.task(["kill", "--signal", "KILL", task.id]).ok()?;
    // The shim has yet to hear of the end.
    let ended = wait_until(PATIENCE, || engine.task(["rm", task.id]).ok().ok());
    let ended = ended.context("it is not removed")?;
    assert!(ended.stderr.contains("exit code 137"), "{ended}");
    assert_eq!(task.status()?, "none");
    Ok(())
}

fn a_task_is_paused_and_resumed() -> Result {
    chapter!("engine#containerd");
    let engine = Containerd::get()?;
    let task = engine.sleeping("paused")?;
    engine.task(["pause", task.id]).ok()?;
    assert_eq!(task.status()?, "PAUSED");
    engine.task(["resume", task.id]).ok()?;
    assert_eq!(task.status()?, "RUNNING");
    Ok(())
}

fn a_task_is_measured() -> Result {
    chapter!("engine#containerd");
    let engine = Containerd::get()?;
    let task = engine.sleeping("measured")?;
    let metrics = engine.task(["metrics", task.id]).ok()?;
    assert!(metrics.stdout.contains("memory.usage"), "{metrics}");
    let processes = engine.task(["ps", task.id]).ok()?;
    assert_eq!(processes.lines().len(), 2, "{processes}");
    Ok(())
}

fn a_second_process_is_run() -> Result {
    chapter!("engine#containerd");
    let engine = Containerd::get()?;
    let task = engine.sleeping("second")?;
    let exec = |id: &str, script: &str| {
        let words = ["exec", "--exec-id", id, task.id, "sh", "-c", script];
        engine.task(words)
    };
    comes_to_say(|| exec("one", "cat /proc/1/comm"), "sleep")?;
    exec("two", "exit 9").exits(9)?;
    let missing = engine.task(["exec", "--exec-id", "three", task.id, "no-such-program"]);
    missing.fails_with("executable file not found in $PATH")?;
    Ok(())
}
