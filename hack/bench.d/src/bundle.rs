//! The bundles that every runtime is measured with.
use crate::{profile, proof};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The two configurations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Config {
    /// What `runc spec` writes, without a terminal.
    Plain,
    /// What docker writes for `run --memory 256m --cpus 1 --pids-limit 256`.
    Docker,
}

impl Config {
    pub const ALL: [Config; 2] = [Config::Plain, Config::Docker];

    pub fn name(self) -> &'static str {
        match self {
            Config::Plain => "plain",
            Config::Docker => "docker",
        }
    }
}

/// The directory with one root file system and the bundles that share it.
pub struct Bundles {
    base: PathBuf,
}

const TRUE: &[&str] = &["/bin/true"];
const SLEEP: &[&str] = &["/bin/sleep", "1000"];

impl Bundles {
    /// Makes `base` anew; `busybox` must be a static one.
    pub fn make(base: &Path, busybox: &Path) -> io::Result<Bundles> {
        let rootfs = base.join("rootfs");
        for dir in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
            fs::create_dir_all(rootfs.join(dir))?;
        }
        fs::copy(busybox, rootfs.join("bin/busybox"))?;
        for applet in ["true", "sleep", "sh", "grep", "cat", "hostname"] {
            symlink("busybox", rootfs.join("bin").join(applet))?;
        }
        fs::create_dir_all(base.join("files"))?;
        for file in ["resolv.conf", "hostname", "hosts"] {
            fs::write(base.join("files").join(file), "")?;
            fs::write(rootfs.join("etc").join(file), "")?;
        }
        let bundles = Bundles {
            base: base.to_owned(),
        };
        for config in Config::ALL {
            bundles.write(config.name(), &bundles.spec(config, TRUE))?;
            bundles.write(
                &format!("{}-sleep", config.name()),
                &bundles.spec(config, SLEEP),
            )?;
            let look = proof::script(config);
            let look = bundles.spec(config, &["/bin/sh", "-c", &look]);
            bundles.write(&format!("{}-proof", config.name()), &look)?;
        }
        Ok(bundles)
    }

    fn write(&self, name: &str, spec: &Value) -> io::Result<()> {
        let dir = self.base.join(name);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("config.json"), serde_json::to_vec(spec)?)
    }

    /// Where `rootfs` and `files` are; the floor program's bundle.
    pub fn base(&self) -> String {
        self.base.display().to_string()
    }

    /// The bundle that runs /bin/true.
    pub fn of(&self, config: Config) -> String {
        self.base.join(config.name()).display().to_string()
    }

    /// The bundle that stays.
    pub fn sleeping(&self, config: Config) -> String {
        self.base
            .join(format!("{}-sleep", config.name()))
            .display()
            .to_string()
    }

    /// The bundle whose program looks around.
    pub fn proof(&self, config: Config) -> String {
        self.base
            .join(format!("{}-proof", config.name()))
            .display()
            .to_string()
    }

    /// A bundle that runs /bin/true under a memory limit, in KiB.
    pub fn limited(&self, config: Config, kib: u64) -> io::Result<String> {
        let mut spec = self.spec(config, TRUE);
        spec["linux"]["resources"]["memory"] = json!({ "limit": kib * 1024 });
        self.write("limited", &spec)?;
        Ok(self.base.join("limited").display().to_string())
    }

    fn spec(&self, config: Config, args: &[&str]) -> Value {
        let mut spec = match config {
            Config::Plain => plain(),
            Config::Docker => docker(&self.base.join("files")),
        };
        spec["process"]["args"] = json!(args);
        spec["root"]["path"] = json!(self.base.join("rootfs"));
        spec
    }
}

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const HIDE: [&str; 3] = ["nosuid", "noexec", "nodev"];
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Value {
    json!({"destination": destination, "type": kind, "source": source, "options": options})
}

fn with<'a>(options: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [options, more].concat()
}

fn dev_mounts() -> [Value; 2] {
    let pts = [
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
        "gid=5",
    ];
    [
        mount(
            "/dev",
            "tmpfs",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        mount("/dev/pts", "devpts", "devpts", &pts),
    ]
}

fn shm() -> Value {
    mount(
        "/dev/shm",
        "tmpfs",
        "shm",
        &with(&HIDE, &["mode=1777", "size=65536k"]),
    )
}

fn capabilities(names: &[&str]) -> Value {
    let names: Vec<_> = names.iter().map(|name| format!("CAP_{name}")).collect();
    json!({"bounding": names, "effective": names, "permitted": names})
}

fn namespaces() -> Value {
    json!(["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind })))
}

fn plain() -> Value {
    let [dev, pts] = dev_mounts();
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": [],
            "env": [PATH, "TERM=xterm"],
            "cwd": "/",
            "capabilities": capabilities(&["AUDIT_WRITE", "KILL", "NET_BIND_SERVICE"]),
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "", "readonly": true},
        "hostname": "runc",
        "mounts": [
            mount("/proc", "proc", "proc", &[]),
            dev,
            pts,
            shm(),
            mount("/dev/mqueue", "mqueue", "mqueue", &HIDE),
            mount("/sys", "sysfs", "sysfs", &with(&HIDE, &["ro"])),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", &with(&HIDE, &["relatime", "ro"])),
        ],
        "linux": {
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": namespaces(),
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
                "/proc/scsi",
            ],
            "readonlyPaths": READ_ONLY,
        },
    })
}

fn device(allow: bool, major: u32, minor: u32) -> Value {
    json!({
        "allow": allow, "type": "c", "major": major, "minor": minor, "access": "rwm",
    })
}

fn docker_resources() -> Value {
    json!({
        "devices": [
            {"allow": false, "access": "rwm"},
            device(true, 1, 5), device(true, 1, 3), device(true, 1, 9), device(true, 1, 8),
            device(true, 5, 0), device(true, 5, 1), device(false, 10, 229),
        ],
        "memory": {"limit": 256 << 20},
        "cpu": {"shares": 512, "quota": 100_000, "period": 100_000},
        "pids": {"limit": 256},
    })
}

fn docker_mounts(files: &Path) -> Value {
    let [dev, pts] = dev_mounts();
    let bind = |name: &str| {
        let source = files.join(name);
        json!({
            "destination": format!("/etc/{name}"), "type": "bind", "source": source,
            "options": ["rbind", "rprivate"],
        })
    };
    json!([
        mount("/proc", "proc", "proc", &HIDE),
        dev,
        pts,
        mount("/sys", "sysfs", "sysfs", &with(&HIDE, &["ro"])),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &with(&HIDE, &["ro"])),
        mount("/dev/mqueue", "mqueue", "mqueue", &HIDE),
        shm(),
        bind("resolv.conf"),
        bind("hostname"),
        bind("hosts"),
    ])
}

fn docker(files: &Path) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": [],
            "env": [PATH, "HOSTNAME=0123456789ab"],
            "cwd": "/",
            "capabilities": capabilities(&[
                "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID",
                "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL",
                "AUDIT_WRITE",
            ]),
            "noNewPrivileges": false,
            "oomScoreAdj": 0,
        },
        "root": {"path": "", "readonly": false},
        "hostname": "0123456789ab",
        "mounts": docker_mounts(files),
        "linux": {
            "resources": docker_resources(),
            "namespaces": namespaces(),
            "sysctl": {
                "net.ipv4.ip_unprivileged_port_start": "0",
                "net.ipv4.ping_group_range": "0 2147483647",
            },
            "seccomp": profile::to_json(),
            "maskedPaths": [
                "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
                "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
                "/sys/devices/virtual/powercap",
            ],
            "readonlyPaths": READ_ONLY,
        },
    })
}
