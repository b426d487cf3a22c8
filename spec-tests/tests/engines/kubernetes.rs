//! Pods, as the kubelet has them made by containerd (CRI).

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use spec_tests::runtime::wait_until;
use spec_tests::scratch::Scratch;
use spec_tests::{Result, cgroup, chapter, host, tests};

use crate::cri::{self, Answer, Message};
use crate::image;
use crate::place::{PATIENCE, Place};
use crate::shared::Shared;

tests![
    a_container_lives_from_create_to_stop,
    a_command_is_run_in_a_container,
    what_a_container_says_is_in_the_kubelets_log,
    containers_of_a_pod_share_its_network_and_its_name,
    a_privileged_pod_of_the_host_is_as_the_host,
    limits_stand_in_the_cgroup_and_are_changed,
    a_security_context_is_kept,
    a_program_that_is_missing_is_told,
];

static ENGINE: Shared<Kubelet> = Shared::new();

/// Ends the daemon.
pub(crate) fn end() {
    ENGINE.end();
}

/// Debian's place for the plugins of the container network interface.
const NETWORK_PLUGINS: &str = "/usr/lib/cni";

const CONFIG: &str = r#"
version = 2
root = "@PLACE@/data"
state = "@PLACE@/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "@PLACE@/sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/spec/pause:latest"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "@PLACE@"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "spec"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.spec]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.spec.options]
        BinaryName = "@RUNTIME@"
        Root = "@PLACE@/runc"
        SystemdCgroup = @SYSTEMD@
"#;

const NETWORK: &str = r#"{"cniVersion": "0.4.0", "name": "spec", "plugins": [{
    "type": "bridge", "bridge": "spec0",
    "ipam": {"type": "host-local", "dataDir": "@PLACE@/addresses", "subnet": "10.213.7.0/24"}
}]}"#;

/// containerd, and we in the kubelet's place.
struct Kubelet(Place);

impl Kubelet {
    fn get() -> Result<Arc<Self>> {
        let has_networks = fs::exists(NETWORK_PLUGINS)?;
        host::needs(has_networks, "needs containernetworking-plugins")?;
        ENGINE.get(&["containerd", "ctr", "containerd-shim-runc-v2", "curl"], || {
            let systemd = host::systemd_makes_cgroups().to_string();
            let config = CONFIG.replace("@SYSTEMD@", &systemd);
            let files = [("config.toml", &*config), ("spec.conflist", NETWORK)];
            let daemon = ["containerd", "--config", "@PLACE@/config.toml"];
            let place = Place::with_daemon(&files, &daemon)?;
            place.wait_for("sock")?;
            image::write(place.path())?;
            image::write_pause(place.path())?;
            let socket = place.word("sock");
            let ctr = || place.call(["ctr", "--address", &socket, "--namespace", "k8s.io"]);
            place.wait_for_answer(|| ctr().arg("version"))?;
            for archive in ["image.tar", "pause.tar"] {
                ctr().args(["image", "import", &place.word(archive)]).run().ok()?;
            }
            let engine = Self(place);
            // Networks, and images that were imported, are found a moment later.
            let pod = Message::default().part(1, &engine.config("first"));
            let made = wait_until(PATIENCE, || engine.call("RunPodSandbox", &pod).ok());
            let made = made.with_context(|| format!("no pods: {}", engine.0.log()))?;
            engine.remove_pod(&made.text(1)?)?;
            Ok(engine)
        })
    }

    fn call(&self, method: &str, message: &Message) -> Result<Answer> {
        let files = Scratch::new()?;
        cri::call(&self.0.word("sock"), files.path(), method, message)
    }

    /// A pod's configuration.
    fn config(&self, name: &str) -> Message {
        self.config_with(name, &Message::default().part(1, &own_processes()))
    }

    /// A pod's configuration with a security context.
    fn config_with(&self, name: &str, security: &Message) -> Message {
        let metadata = Message::default().text(1, name).text(2, name).text(3, "default");
        let linux = Message::default().text(1, &self.cgroup_parent()).part(2, security);
        let logs = self.0.word(&format!("logs/{name}"));
        Message::default().part(1, &metadata).text(3, &logs).part(8, &linux)
    }

    fn cgroup_parent(&self) -> String {
        match host::systemd_makes_cgroups() {
            true => "system.slice".into(),
            false => format!("/{}/pods", self.0.name()),
        }
    }

    /// A pod, until the value is dropped.
    fn pod(self: &Arc<Self>, config: Message) -> Result<Pod> {
        let made = self.call("RunPodSandbox", &Message::default().part(1, &config))?;
        Ok(Pod { kubelet: self.clone(), id: made.text(1)?, config })
    }

    fn remove_pod(&self, id: &str) -> Result<()> {
        let pod = Message::default().text(1, id);
        self.call("StopPodSandbox", &pod)?;
        self.call("RemovePodSandbox", &pod).map(drop)
    }
}

struct Pod {
    kubelet: Arc<Kubelet>,
    id: String,
    config: Message,
}

impl Pod {
    /// A container that was created, with limits and a security context.
    fn create(&self, name: &str, command: &[&str], linux: &Linux) -> Result<Container<'_>> {
        let linux = Message::default().part(1, &linux.resources).part(2, &linux.security);
        let metadata = Message::default().text(1, name);
        let image = Message::default().text(1, image::NAME);
        let container = Message::default()
            .part(1, &metadata)
            .part(2, &image)
            .texts(3, command)
            .text(11, &format!("{name}.log"))
            .part(15, &linux);
        let request =
            Message::default().text(1, &self.id).part(2, &container).part(3, &self.config);
        let made = self.kubelet.call("CreateContainer", &request)?;
        Ok(Container { pod: self, id: made.text(1)? })
    }

    fn start(&self, name: &str, command: &[&str], linux: &Linux) -> Result<Container<'_>> {
        let container = self.create(name, command, linux)?;
        container.call("StartContainer")?;
        Ok(container)
    }

    fn sleeping(&self, name: &str) -> Result<Container<'_>> {
        self.start(name, &["sleep", "1000"], &Linux::default())
    }
}

/// What a pod asks for unless it says otherwise: a pid namespace for each container.
fn own_processes() -> Message {
    const CONTAINER: u64 = 1;
    Message::default().number(2, CONTAINER)
}

/// The part of a container's configuration that is for Linux.
struct Linux {
    resources: Message,
    security: Message,
}

impl Default for Linux {
    fn default() -> Self {
        let security = Message::default().part(3, &own_processes());
        Self { resources: Message::default(), security }
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // Its containers end with it.
        let _ = self.kubelet.remove_pod(&self.id);
    }
}

struct Container<'a> {
    pod: &'a Pod,
    id: String,
}

/// `ContainerState` of api.proto.
const RUNNING: u64 = 1;
const EXITED: u64 = 2;

impl Container<'_> {
    fn message(&self) -> Message {
        Message::default().text(1, &self.id)
    }

    fn call(&self, method: &str) -> Result<Answer> {
        self.pod.kubelet.call(method, &self.message())
    }

    fn status(&self) -> Result<Answer> {
        self.call("ContainerStatus")?.part(1)
    }

    /// What a command in the container writes, its errors, and its exit code.
    fn exec(&self, script: &str) -> Result<(String, String, u64)> {
        let request = self.message().texts(2, &["sh", "-c", script]).number(3, 30);
        let answer = self.pod.kubelet.call("ExecSync", &request)?;
        Ok((answer.text(1)?, answer.text(2)?, answer.number(3)?))
    }

    fn says(&self, script: &str) -> Result<String> {
        let (said, errors, code) = self.exec(script)?;
        anyhow::ensure!(code == 0, "{script}: {code}, {errors}");
        Ok(said)
    }

    /// The groups of the container, in whichever hierarchies there are.
    fn groups(&self) -> Vec<PathBuf> {
        let parent = self.pod.kubelet.cgroup_parent();
        match host::systemd_makes_cgroups() {
            true => cgroup::directories(&format!("{parent}/cri-containerd-{}.scope", self.id)),
            false => cgroup::directories(&format!("{}/{}", &parent[1..], self.id)),
        }
    }

    fn memory_limit(&self) -> Option<String> {
        let files = ["memory.max", "memory.limit_in_bytes"];
        let groups = self.groups();
        let mut paths = groups.iter().flat_map(|group| files.map(|file| group.join(file)));
        paths.find_map(|path| fs::read_to_string(path).ok())
    }
}

fn a_container_lives_from_create_to_stop() -> Result {
    chapter!("engine#kubernetes");
    let kubelet = Kubelet::get()?;
    let pod = kubelet.pod(kubelet.config("life"))?;
    let container = pod.sleeping("life")?;
    assert_eq!(container.status()?.number(3)?, RUNNING);
    let stats = container.call("ContainerStats")?.part(1)?;
    assert!(stats.part(3)?.part(2)?.number(1)? > 0, "no memory is counted: {stats:?}");
    // The first process has no handler for SIGTERM: after a second it is killed.
    kubelet.call("StopContainer", &container.message().number(2, 1))?;
    let status = container.status()?;
    assert_eq!((status.number(3)?, status.number(7)?), (EXITED, 137));
    container.call("RemoveContainer")?;
    assert!(container.groups().iter().all(|group| !group.exists()));
    Ok(())
}

fn a_command_is_run_in_a_container() -> Result {
    chapter!("engine#kubernetes");
    let kubelet = Kubelet::get()?;
    let pod = kubelet.pod(kubelet.config("exec"))?;
    let container = pod.sleeping("exec")?;
    let told = container.exec("cat /proc/1/comm; echo no >&2; exit 9")?;
    assert_eq!(told, ("sleep\n".into(), "no\n".into(), 9));
    Ok(())
}

fn what_a_container_says_is_in_the_kubelets_log() -> Result {
    chapter!("engine#kubernetes");
    let kubelet = Kubelet::get()?;
    let pod = kubelet.pod(kubelet.config("log"))?;
    let container = pod.start("log", &["sh", "-c", "echo hello; exit 3"], &Linux::default())?;
    let ended = || container.status().ok().filter(|status| status.number(3).ok() == Some(EXITED));
    let status = wait_until(PATIENCE, ended).context("it does not end")?;
    assert_eq!(status.number(7)?, 3);
    let log = fs::read_to_string(kubelet.0.path().join("logs/log/log.log"))?;
    assert!(log.ends_with(" stdout F hello\n"), "{log}");
    Ok(())
}

fn containers_of_a_pod_share_its_network_and_its_name() -> Result {
    chapter!("engine#kubernetes");
    let kubelet = Kubelet::get()?;
    let config = kubelet.config("shared").text(2, "web");
    let pod = kubelet.pod(config)?;
    let [one, other] = [pod.sleeping("one")?, pod.sleeping("other")?];
    let of_the_pod = "hostname; stat -L -c %i /proc/self/ns/net /proc/self/ns/ipc";
    let said = one.says(of_the_pod)?;
    assert!(said.starts_with("web\n"), "{said}");
    assert_eq!(said, other.says(of_the_pod)?);
    let own = "stat -L -c %i /proc/1/ns/pid /proc/1/ns/mnt";
    assert_ne!(one.says(own)?, other.says(own)?);
    assert!(one.says("cat /proc/net/dev")?.contains("eth0:"));
    Ok(())
}

fn a_privileged_pod_of_the_host_is_as_the_host() -> Result {
    chapter!("engine#kubernetes");
    const NODE: u64 = 2;
    let kubelet = Kubelet::get()?;
    let namespaces = Message::default().number(1, NODE).number(2, NODE);
    let security = Message::default().part(1, &namespaces).number(6, 1);
    let pod = kubelet.pod(kubelet.config_with("host", &security))?;
    let security = Message::default().number(2, 1).part(3, &namespaces);
    let linux = Linux { security, ..Linux::default() };
    let container = pod.start("host", &["sleep", "1000"], &linux)?;
    let script =
        "stat -L -c %i /proc/self/ns/net /proc/self/ns/pid; grep -E '^Cap' /proc/self/status";
    let host = kubelet.0.call(["sh", "-c", script]).run().ok()?;
    assert_eq!(container.says(script)?, host.stdout);
    Ok(())
}

fn limits_stand_in_the_cgroup_and_are_changed() -> Result {
    chapter!("engine#kubernetes");
    let kubelet = Kubelet::get()?;
    let pod = kubelet.pod(kubelet.config("limits"))?;
    let limits = |bytes| Message::default().number(4, bytes);
    let linux = Linux { resources: limits(64 << 20).number(3, 512), ..Linux::default() };
    let container = pod.start("limits", &["sleep", "1000"], &linux)?;
    assert_eq!(container.memory_limit().as_deref(), Some("67108864\n"));
    let change = container.message().part(2, &limits(32 << 20));
    kubelet.call("UpdateContainerResources", &change)?;
    assert_eq!(container.memory_limit().as_deref(), Some("33554432\n"));
    Ok(())
}

fn a_security_context_is_kept() -> Result {
    chapter!("engine#kubernetes");
    let kubelet = Kubelet::get()?;
    let pod = kubelet.pod(kubelet.config("security"))?;
    let no_capabilities = Message::default().text(2, "ALL");
    let guest = Message::default().number(1, 1000);
    let security = Message::default()
        .part(1, &no_capabilities)
        .part(3, &own_processes())
        .part(5, &guest)
        .number(7, 1)
        .number(11, 1)
        // The default profile of the engine.
        .part(15, &Message::default());
    let linux = Linux { security, ..Linux::default() };
    let container = pod.start("security", &["sleep", "1000"], &linux)?;
    let status = container.says("grep -E '^(Uid|CapBnd|NoNewPrivs|Seccomp):' /proc/1/status")?;
    let words: Vec<_> = status.split_whitespace().collect();
    let nothing = "0000000000000000";
    let uid = ["Uid:", "1000", "1000", "1000", "1000"];
    let rest = ["CapBnd:", nothing, "NoNewPrivs:", "1", "Seccomp:", "2"];
    assert_eq!(words, [&uid[..], &rest].concat());
    let (_, errors, code) = container.exec("touch /new")?;
    assert!(code == 1 && errors.contains("Read-only file system"), "{code}: {errors}");
    Ok(())
}

fn a_program_that_is_missing_is_told() -> Result {
    chapter!("engine#kubernetes");
    let kubelet = Kubelet::get()?;
    let pod = kubelet.pod(kubelet.config("missing"))?;
    let container = pod.create("missing", &["no-such-program"], &Linux::default())?;
    let error = container.call("StartContainer").err().context("it was started")?;
    let words = "exec: \"no-such-program\": executable file not found in $PATH";
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!(container.status()?.number(3)?, EXITED);
    Ok(())
}
