//! Groups on the running kernel. Needs root; what a host does not have is skipped with a word.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use onggi::cgroup::{Cgroup, Created, Entry, Oom, SubGroup};
use onggi::host::{Cgroups, Host, cgroups};
use onggi::plan;
use onggi::spec::Spec;

type Test = fn(&Host);

/// Runs a test on the hierarchies as they are.
fn here(test: Test) {
    match is_root() {
        true => test(&host()),
        false => eprintln!("skipped: needs root"),
    }
}

/// Runs a test on cgroup v2 alone, in a mount namespace of this thread: on a host with v1, the
/// cgroup2 hierarchy covers the others there.
fn unified(test: Test) {
    if !is_root() {
        return eprintln!("skipped: needs root");
    }
    let none = None::<&str>;
    let cover = || -> nix::Result<()> {
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(none, "/", none, MsFlags::MS_PRIVATE | MsFlags::MS_REC, none)?;
        if host().cgroups.is_unified() {
            return Ok(());
        }
        umount2("/sys/fs/cgroup", MntFlags::MNT_DETACH)?;
        mount(Some("cgroup2"), "/sys/fs/cgroup", Some("cgroup2"), MsFlags::empty(), none)
    };
    if let Err(errno) = cover() {
        return eprintln!("skipped: no cgroup2 hierarchy to look at: {errno}");
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let _control = Control { before: fs::read_to_string(CONTROL).unwrap() };
    test(&host());
}

/// One test after the other may enable controllers.
static TURN: Mutex<()> = Mutex::new(());
const CONTROL: &str = "/sys/fs/cgroup/cgroup.subtree_control";

/// The hierarchy is the machine's: what a test enables in its root is put back.
struct Control {
    before: String,
}

impl Drop for Control {
    fn drop(&mut self) {
        for name in fs::read_to_string(CONTROL).unwrap_or_default().split_whitespace() {
            if !self.before.split_whitespace().any(|known| known == name) {
                fs::write(CONTROL, format!("-{name}")).unwrap();
            }
        }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn host() -> Host {
    let cgroups = cgroups::probe().unwrap();
    Host {
        euid: 0,
        egid: 0,
        rootless: false,
        in_user_namespace: false,
        setgroups: true,
        cgroups,
        apparmor: false,
        selinux: false,
        bounding: 0,
        resctrl: None,
    }
}

fn plan(host: &Host, name: &str, resources: &str) -> plan::Cgroup {
    let config = format!(r#"{{"linux":{{"resources":{resources}}}}}"#);
    let spec = Spec::read(config.as_bytes()).unwrap();
    // Each test has a thread of its own, and the v2 tests see the same tree as the others.
    let id = format!("onggi-test-{}-{name}", nix::unistd::gettid());
    plan::cgroup(&spec, host, &id).unwrap()
}

fn create(host: &Host, name: &str, resources: &str) -> Created {
    Cgroup::create(&plan(host, name, resources)).unwrap()
}

fn paths(cgroup: &Cgroup) -> Vec<PathBuf> {
    cgroup.saved().paths.into_values().collect()
}

/// The directory of the group that governs a controller.
fn dir(cgroup: &Cgroup, controller: &str) -> PathBuf {
    let paths = cgroup.saved().paths;
    paths.get(controller).unwrap_or_else(|| &paths[""]).clone()
}

/// A process that does not outlive its test, even one that fails.
struct Inside(Child);

impl std::ops::Deref for Inside {
    type Target = Child;
    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Inside {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process inside.
fn enter(entry: &Entry, program: &[&str]) -> Inside {
    let entry_join = Join { tasks: entry };
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).stdin(Stdio::null()).stderr(Stdio::null());
    let address = &raw const entry_join as usize;
    let join = move || {
        // SAFETY: `entry_join` lives until `spawn` returns, which is after the child has run this.
        unsafe { &*(address as *const Join) }.tasks.join()
    };
    // SAFETY: `join` allocates nothing and takes no lock; it only writes to open files.
    unsafe { command.pre_exec(join) };
    let child = Inside(command.spawn().unwrap());
    // The runtime has its child born there; a command of the standard library must be moved.
    if let Some(directory) = entry.directory() {
        let procs = format!("/proc/self/fd/{}/cgroup.procs", directory.as_raw_fd());
        fs::write(procs, child.id().to_string()).unwrap();
    }
    child
}

struct Join<'a> {
    tasks: &'a Entry,
}

/// A process that is born in a group of v2 and sleeps for ever.
fn born_inside(directory: BorrowedFd) -> io::Result<i32> {
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut arguments = [0_u64; 11];
    arguments[0] = CLONE_INTO_CGROUP;
    arguments[4] = libc::SIGCHLD as u64;
    arguments[10] = directory.as_raw_fd() as u64;
    // SAFETY: the arguments are a whole `struct clone_args`, and the child, a copy of this thread,
    // does nothing but sleep until it is killed.
    match unsafe { libc::syscall(libc::SYS_clone3, &arguments, size_of_val(&arguments)) } {
        -1 => Err(io::Error::last_os_error()),
        0 => loop {
            // SAFETY: takes no argument.
            unsafe { libc::pause() };
        },
        pid => Ok(pid as i32),
    }
}

fn sleeper(entry: &Entry) -> Inside {
    enter(entry, &["sleep", "1000"])
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(180), "{what}");
        sleep(Duration::from_millis(5));
    }
}

fn a_life(host: &Host) {
    let created = create(host, "life", "{}");
    let paths = paths(&created);
    assert!(!paths.is_empty() && paths.iter().all(|path| path.is_dir()), "{paths:?}");
    let entry = created.entry().unwrap();
    let mut child = sleeper(&entry);
    let pid = child.id() as i32;
    for path in &paths {
        let inside = fs::read_to_string(path.join("cgroup.procs")).unwrap();
        assert_eq!(inside.trim(), pid.to_string(), "{}", path.display());
    }
    assert_eq!(created.processes().unwrap(), [pid]);
    let cgroup = created.keep();
    let saved = serde_json::to_string(&cgroup.saved()).unwrap();
    let cgroup = Cgroup::open(&serde_json::from_str(&saved).unwrap());
    assert!(!cgroup.is_frozen().unwrap());
    cgroup.freeze().unwrap();
    assert!(cgroup.is_frozen().unwrap());
    cgroup.kill_all().unwrap();
    assert!(!child.wait().unwrap().success());
    cgroup.remove().unwrap();
    cgroup.remove().unwrap();
    assert!(paths.iter().all(|path| !path.exists()), "{paths:?}");
    assert!(cgroup.processes().unwrap().is_empty());
}

#[test]
fn a_group_is_made_entered_frozen_killed_and_removed() {
    here(a_life);
}

#[test]
fn a_group_of_v2_is_made_entered_frozen_killed_and_removed() {
    unified(|host| {
        a_life(host);
        let created = create(host, "kill", "{}");
        let entry = created.entry().unwrap();
        let mut children = [sleeper(&entry), sleeper(&entry)];
        created.freeze().unwrap();
        created.thaw().unwrap();
        created.kill_all().unwrap();
        children.iter_mut().for_each(|child| assert!(!child.wait().unwrap().success()));
    });
}

#[test]
fn a_child_is_born_in_its_group_of_v2() {
    here(|host| {
        let created = create(host, "born", "{}");
        let entry = created.entry().unwrap();
        let Some(directory) = entry.directory() else {
            return eprintln!("skipped: no cgroup2 hierarchy");
        };
        let pid = born_inside(directory).unwrap();
        let group = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let inside = group.lines().any(|line| line.starts_with("0::") && line.ends_with("-born"));
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL).unwrap();
        nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
        assert!(inside, "{group}");
    });
}

#[test]
fn what_is_not_kept_vanishes() {
    here(|host| {
        let config =
            format!(r#"{{"linux":{{"cgroupsPath":"onggi-test-{}-a/b/c"}}}}"#, std::process::id());
        let spec = Spec::read(config.as_bytes()).unwrap();
        let plan = plan::cgroup(&spec, host, "x").unwrap();
        let created = Cgroup::create(&plan).unwrap();
        let paths = paths(&created);
        let mut child = sleeper(&created.entry().unwrap());
        created.kill_all().unwrap();
        drop(created);
        child.wait().unwrap();
        for path in paths {
            let above = path.parent().unwrap().parent().unwrap();
            assert!(!above.exists(), "{}", above.display());
        }
    });
}

#[test]
fn a_group_in_use_is_refused_and_an_empty_one_taken() {
    here(|host| {
        let first = create(host, "used", "{}");
        let mut child = sleeper(&first.entry().unwrap());
        let error = Cgroup::create(&plan(host, "used", "{}")).unwrap_err().to_string();
        assert!(error.ends_with("container's cgroup is not empty: 1 process(es) found"), "{error}");
        first.kill_all().unwrap();
        child.wait().unwrap();
        until("empty", || first.processes().unwrap().is_empty());
        first.freeze().unwrap();
        let error = Cgroup::create(&plan(host, "used", "{}")).unwrap_err().to_string();
        assert!(error.ends_with("container's cgroup unexpectedly frozen"), "{error}");
        first.thaw().unwrap();
        let second = Cgroup::create(&plan(host, "used", "{}")).unwrap();
        drop(second);
        assert!(paths(&first).iter().all(|path| path.exists()), "the second one made nothing");
    });
}

#[test]
fn limits_are_there_before_anyone_enters() {
    here(|host| {
        if host.cgroups.is_unified() {
            return eprintln!("skipped: the values are those of v1");
        }
        let created = create(
            host,
            "limits",
            r#"{"memory":{"limit":33554432,"swap":67108864,"reservation":16777216},
                "cpu":{"shares":512,"quota":50000,"period":200000,"cpus":"0","idle":0},
                "pids":{"limit":0},"blockIO":{"weight":300}}"#,
        );
        for (controller, file, value) in [
            ("memory", "memory.limit_in_bytes", "33554432"),
            ("memory", "memory.memsw.limit_in_bytes", "67108864"),
            ("memory", "memory.soft_limit_in_bytes", "16777216"),
            ("cpu", "cpu.shares", "512"),
            ("cpu", "cpu.cfs_quota_us", "50000"),
            ("cpu", "cpu.cfs_period_us", "200000"),
            ("cpuset", "cpuset.cpus", "0"),
            ("pids", "pids.max", "1"),
        ] {
            let text = fs::read_to_string(dir(&created, controller).join(file)).unwrap();
            assert_eq!(text.trim(), value, "{file}");
        }
        let blkio = dir(&created, "blkio");
        let weight =
            ["blkio.weight", "blkio.bfq.weight"].map(|name| fs::read_to_string(blkio.join(name)));
        assert!(weight.into_iter().flatten().any(|text| text.trim() == "300"));
    });
}

/// Whether the hierarchy of v2 has controllers.
fn has(names: &[&str]) -> bool {
    let all = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    let missing = names.iter().find(|name| !all.split_whitespace().any(|known| known == **name));
    missing.is_none_or(|name| {
        eprintln!("skipped: no controller {name}");
        false
    })
}

#[test]
fn limits_of_v2_are_there_and_change_together() {
    unified(|host| {
        if !has(&["cpu", "memory", "pids"]) {
            return;
        }
        let old = r#"{"memory":{"limit":33554432,"reservation":16777216},"pids":{"limit":9},
            "cpu":{"shares":512,"quota":50000,"period":200000},
            "unified":{"memory.high":"20000768"}}"#;
        let created = create(host, "limits2", old);
        let read = |file: &str| {
            fs::read_to_string(dir(&created, "").join(file)).unwrap().trim().to_owned()
        };
        for (file, value) in [
            ("memory.max", "33554432"),
            ("memory.low", "16777216"),
            ("memory.high", "20000768"),
            ("cpu.weight", "59"),
            ("cpu.max", "50000 200000"),
            ("pids.max", "9"),
        ] {
            assert_eq!(read(file), value, "{file}");
        }
        let update = |new: &str| {
            let (old, new) =
                (serde_json::from_str(old).unwrap(), serde_json::from_str(new).unwrap());
            created.update(&plan::update(&new, &old, &host.cgroups).unwrap())
        };
        update(r#"{"cpu":{"period":100000},"memory":{"limit":-1}}"#).unwrap();
        assert_eq!(
            (read("cpu.max").as_str(), read("memory.max").as_str()),
            ("50000 100000", "max")
        );
        let bad = r#"{"pids":{"limit":3},"cpu":{"shares":2},"unified":{"memory.max":"x"}}"#;
        assert!(update(bad).unwrap_err().is(libc::EINVAL));
        assert_eq!((read("pids.max").as_str(), read("cpu.weight").as_str()), ("9", "59"));
        let mut child = sleeper(&created.entry().unwrap());
        let small = r#"{"memory":{"limit":4096,"checkBeforeUpdate":true}}"#;
        let error = update(small).unwrap_err().to_string();
        assert!(error.contains("rejecting memory limit 4096 <= usage"), "{error}");
        let small = r#"{"memory":{"limit":4096,"swap":8192,"checkBeforeUpdate":true}}"#;
        let error = update(small).unwrap_err().to_string();
        assert!(error.contains("rejecting memory+swap limit 8192 <= usage"), "{error}");
        created.kill_all().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn a_limit_without_its_controller_says_so() {
    unified(|host| {
        let all = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap();
        if all.split_whitespace().any(|name| name == "cpuset") {
            return eprintln!("skipped: cpuset is there");
        }
        let error = Cgroup::create(&plan(host, "without", r#"{"cpu":{"cpus":"0"}}"#)).unwrap_err();
        let error = error.to_string();
        let start = "linux.resources.cpu.cpus: the requested cgroup controller `cpuset` is not \
                     available: write";
        assert!(error.starts_with(start), "{error}");
    });
}

#[test]
fn below_a_group_with_processes_there_are_only_threaded_ones() {
    unified(|host| {
        if !has(&["cpu", "memory", "pids"]) {
            return;
        }
        let above = create(host, "above", "{}");
        let mut child = sleeper(&above.entry().unwrap());
        let mut plan = plan(host, "above", r#"{"memory":{"limit":33554432}}"#);
        plan.groups[0].path.push("below");
        let error = Cgroup::create(&plan).unwrap_err().to_string();
        assert!(error.starts_with("linux.resources.memory.limit: "), "{error}");
        assert!(error.contains("is domain invalid, because"), "{error}");
        plan.writes.clear();
        let below = Cgroup::create(&plan).unwrap();
        let kind = fs::read_to_string(dir(&below, "").join("cgroup.type")).unwrap();
        assert_eq!(kind.trim(), "threaded");
        drop(below);
        above.kill_all().unwrap();
        child.wait().unwrap();
    });
}

/// Where the process of the test below finds its group.
const GROUP: &str = "ONGGI_TEST_GROUP";

/// Run by the test below as process 2 of a pid namespace, in a process group of its own; by itself
/// it does nothing.
#[test]
fn kills_a_group_from_a_pid_namespace_below() {
    if let Ok(saved) = std::env::var(GROUP) {
        Cgroup::open(&serde_json::from_str(&saved).unwrap()).kill_all().unwrap();
    }
}

/// Only a threaded group is killed one by one where the kernel knows cgroup.kill (Linux 5.14).
#[test]
fn a_process_that_is_not_shown_is_not_taken_for_the_runtimes_own_group() {
    unified(|host| {
        let above = create(host, "hidden", "{}");
        let mut child = sleeper(&above.entry().unwrap());
        let mut plan = plan(host, "hidden", "{}");
        plan.groups[0].path.push("below");
        let below = Cgroup::create(&plan).unwrap();
        let path = dir(&below, "");
        fs::write(path.join("cgroup.type"), "threaded").unwrap();
        fs::write(path.join("cgroup.procs"), child.id().to_string()).unwrap();
        unshare(CloneFlags::CLONE_NEWPID).unwrap();
        let own = std::env::current_exe().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", r#""$0" --exact "$1"; echo code $?"#]);
        shell.arg(own).arg("kills_a_group_from_a_pid_namespace_below").process_group(0);
        shell.env(GROUP, serde_json::to_string(&below.saved()).unwrap());
        let told = shell.output().unwrap();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.contains("1 passed") && told.contains("code 0"), "{told}");
        assert!(child.try_wait().unwrap().is_none(), "nobody could name it");
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn beside_init_there_is_room_where_the_container_manages_groups() {
    unified(|host| {
        if !has(&["memory"]) {
            return;
        }
        let created = create(host, "beside", "{}");
        let path = dir(&created, "");
        fs::create_dir(path.join("init")).unwrap();
        let inner = SubGroup::parse_all(&["init".to_owned()]).unwrap();
        let mut init = sleeper(&created.entry_below(&inner).unwrap());
        fs::write(path.join("cgroup.subtree_control"), "+memory").unwrap();
        let entry = created.entry().unwrap();
        let error = born_inside(entry.directory().unwrap()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY));
        let entry = created.entry_beside(init.id() as i32, &host.cgroups).unwrap();
        let pid = born_inside(entry.directory().unwrap()).unwrap();
        let group = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        assert!(group.trim().ends_with("-beside/init"), "{group}");
        created.kill_all().unwrap();
        init.wait().unwrap();
        nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
    });
}

#[test]
fn an_update_that_fails_leaves_the_old_values() {
    here(|host| {
        if host.cgroups.is_unified() {
            return eprintln!("skipped: the values are those of v1");
        }
        let old = r#"{"memory":{"limit":33554432,"swap":67108864},"pids":{"limit":100}}"#;
        let created = create(host, "update", old);
        let read = |controller, file: &str| {
            fs::read_to_string(dir(&created, controller).join(file)).unwrap().trim().to_owned()
        };
        let update = |new: &str| {
            let (old, new) =
                (serde_json::from_str(old).unwrap(), serde_json::from_str(new).unwrap());
            created.update(&plan::update(&new, &old, &host.cgroups).unwrap())
        };
        // Above the old sum: the memory has to wait for it.
        update(r#"{"memory":{"limit":134217728,"swap":268435456},"pids":{"limit":50}}"#).unwrap();
        assert_eq!(read("memory", "memory.limit_in_bytes"), "134217728");
        assert_eq!(read("memory", "memory.memsw.limit_in_bytes"), "268435456");
        update(r#"{"memory":{"limit":33554432,"swap":67108864}}"#).unwrap();
        assert_eq!(read("memory", "memory.limit_in_bytes"), "33554432");
        let error =
            update(r#"{"pids":{"limit":7},"cpu":{"shares":700,"cpus":"4000"}}"#).unwrap_err();
        assert!(
            error.to_string().starts_with("linux.resources.cpu.cpus: write \"4000\""),
            "{error}"
        );
        assert_eq!(read("pids", "pids.max"), "50");
        assert_eq!(read("cpu", "cpu.shares"), "1024");
    });
}

#[test]
fn devices_that_no_rule_allows_cannot_be_opened() {
    let test: Test = |host| {
        // An allow-list without a leading "deny all" (GHSA-g54h-m393-cpwq).
        let rules =
            r#"{"devices":[{"allow":true,"type":"c","major":10,"minor":229,"access":"rw"}]}"#;
        let all = r#"{"devices":[{"allow":true,"access":"rwm"}]}"#;
        let place = std::env::temp_dir().join(format!("onggi-test-{}-node", std::process::id()));
        for (resources, major, minor, opens) in
            [(rules, 1, 3, true), (rules, 1, 1, false), (all, 1, 11, true)]
        {
            let created = create(host, "devices", resources);
            let script =
                format!("rm -f {0}; mknod {0} c {major} {minor} && exec 3<{0}", place.display());
            let mut child = enter(&created.entry().unwrap(), &["sh", "-c", &script]);
            assert_eq!(child.wait().unwrap().success(), opens, "{major}:{minor}");
            fs::remove_file(&place).unwrap();
        }
    };
    here(test);
    unified(test);
}

#[test]
fn a_new_device_filter_takes_the_place_of_the_old_one() {
    unified(|host| {
        let filters = |cgroup: &Cgroup| {
            let group = onggi::sys::file::open_dir(&dir(cgroup, "")).unwrap();
            onggi::sys::bpf::device_programs(group.as_fd()).unwrap()
        };
        let first = create(host, "filter", "{}");
        let old = filters(&first);
        let second = create(host, "filter", "{}");
        let new = filters(&second);
        assert_eq!((old.len(), new.len()), (1, 1));
        assert_ne!(old, new);
        let all = r#"{"devices":[{"allow":true,"access":"rwm"}]}"#;
        assert!(filters(&create(host, "free", all)).is_empty());
    });
}

#[test]
fn sub_groups_are_entered_and_removed() {
    here(|host| {
        let created = create(host, "below", "{}");
        let all = paths(&created);
        let sub = SubGroup::parse_all(&["inner".to_owned()]).unwrap();
        assert!(created.entry_below(&sub).is_err(), "it must exist");
        for path in &all {
            fs::create_dir(path.join("inner")).unwrap();
            for name in ["cpuset.cpus", "cpuset.mems"] {
                let value = fs::read_to_string(path.join(name)).unwrap_or_default();
                if !value.trim().is_empty() {
                    fs::write(path.join("inner").join(name), value).unwrap();
                }
            }
        }
        let mut child = sleeper(&created.entry_below(&sub).unwrap());
        for path in &all {
            let inside = fs::read_to_string(path.join("inner/cgroup.procs")).unwrap();
            assert_eq!(inside.trim(), child.id().to_string(), "{}", path.display());
        }
        created.kill_all().unwrap();
        child.wait().unwrap();
        created.remove().unwrap();
        assert!(all.iter().all(|path| !path.exists()));
    });
}

#[test]
fn running_out_of_memory_is_told() {
    here(|host| {
        let memory = |cgroups: &Cgroups| {
            cgroups.legacy.iter().any(|h| h.controllers.iter().any(|name| name == "memory"))
        };
        if !memory(&host.cgroups) && !host.cgroups.is_unified() {
            return eprintln!("skipped: no memory controller");
        }
        let created = create(host, "oom", r#"{"memory":{"limit":8388608,"swap":8388608}}"#);
        let mut events = created.oom_events().unwrap();
        assert_eq!(events.take(), Oom::Nothing);
        let mut hog =
            enter(&created.entry().unwrap(), &["sh", "-c", "x=x; while :; do x=$x$x; done"]);
        // The limit is hit more than once before somebody is killed for it.
        until("out of memory", || {
            let (fd, flags) = events.poll_fd();
            let mut fds = [nix::poll::PollFd::new(fd, flags)];
            assert_eq!(nix::poll::poll(&mut fds, 20_000_u16).unwrap(), 1);
            events.take() == Oom::Happened
        });
        hog.wait().unwrap();
        assert!(created.oom_kills().is_some_and(|kills| kills >= 1));
        drop(created);
        assert_eq!(events.take(), Oom::Gone);
    });
}

#[test]
fn a_group_is_given_to_its_owner() {
    unified(|host| {
        let mut plan = plan(host, "owner", "{}");
        plan.owner = Some(12345);
        let created = Cgroup::create(&plan).unwrap();
        let path = dir(&created, "");
        let owner = |path: &Path| fs::metadata(path).unwrap().uid();
        assert_eq!(owner(&path), 12345);
        assert_eq!(owner(&path.join("cgroup.procs")), 12345);
        assert_eq!(owner(&path.join("cgroup.subtree_control")), 12345);
        assert_eq!(owner(&path.join("cgroup.freeze")), 0);
    });
}

#[test]
fn what_may_not_be_made_is_passed_over_when_it_is_optional() {
    unified(|host| {
        let remount = |readonly: MsFlags| {
            let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | readonly;
            mount(None::<&str>, "/sys/fs/cgroup", None::<&str>, flags, None::<&str>).unwrap();
        };
        remount(MsFlags::MS_RDONLY);
        let mut plan = plan(host, "optional", r#"{"pids":{"limit":5}}"#);
        plan.devices = None;
        let required = Cgroup::create(&plan).map(|_| ());
        plan.optional = true;
        let limited = Cgroup::create(&plan).map(|_| ());
        plan.writes.clear();
        let without = Cgroup::create(&plan);
        remount(MsFlags::empty());
        assert!(required.unwrap_err().is(libc::EROFS));
        let error = limited.unwrap_err().to_string();
        let words = "cannot set pids limit: container could not join or create cgroup";
        assert_eq!(error, format!("linux.resources.pids.limit: {words}"));
        let without = without.unwrap();
        assert!(without.is_none() && without.saved().paths.is_empty());
        assert!(without.warnings()[0].contains("Read-only file system"));
    });
}

#[test]
fn what_was_used_is_counted() {
    here(|host| {
        let created = create(host, "stats", r#"{"pids":{"limit":77}}"#);
        let mut child = enter(&created.entry().unwrap(), &["sh", "-c", "while :; do :; done"]);
        until("some time on a CPU", || created.stats().unwrap().cpu.usage.total > 20_000_000);
        let stats = created.stats().unwrap();
        created.kill_all().unwrap();
        child.wait().unwrap();
        assert_eq!((stats.pids.current, stats.pids.limit), (1, 77), "{stats:?}");
        assert!(stats.memory.usage.usage > 0 && stats.memory.usage.limit > 0, "{stats:?}");
        assert!(stats.memory.raw.len() > 10, "{stats:?}");
        let cpuset = host.cgroups.legacy.iter().any(|h| h.controllers.contains(&"cpuset".into()));
        assert!(!cpuset || !stats.cpuset.cpus.is_empty(), "{stats:?}");
    });
}

#[test]
fn what_was_used_is_counted_by_v2() {
    unified(|host| {
        let created = create(host, "stats", "{}");
        let mut child = enter(&created.entry().unwrap(), &["sh", "-c", "while :; do :; done"]);
        until("some time on a CPU", || created.stats().unwrap().cpu.usage.total > 20_000_000);
        let stats = created.stats().unwrap();
        created.kill_all().unwrap();
        child.wait().unwrap();
        let usage = &stats.cpu.usage;
        assert!(usage.user > 0 && usage.total >= usage.user, "{stats:?}");
        let pressure = Path::new("/sys/fs/cgroup/cpu.pressure").exists();
        assert_eq!(stats.cpu.psi.is_some(), pressure, "{stats:?}");
    });
}
