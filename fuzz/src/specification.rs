//! What a caller writes: config.json, process.json, resources.json.

use std::path::Path;
use std::sync::OnceLock;

use onggi::host::{Cgroups, Host};
use onggi::plan::{
    self, CgroupManager, ExecSource, IdMap, IdMaps, Keyring, MapWriter, MountSource, Options, Plan,
    RootSwitch, mount_option_names,
};
use onggi::seccomp::{self, Arch};
use onggi::spec::{Mount, Process, Resources, Root, Spec, Str};
use onggi::sys::mount::ATIME;
use onggi::validate;
use serde_json::Value;

use crate::Random;

const CONTAINER: &str = include_str!("../../tests/golden/docker-default/config.json");
const UNIFIED: &str = include_str!("../../tests/golden/docker-default/host.json");
const LEGACY: &str = include_str!("../../tests/golden/cgroup-v1/host.json");
const ROOTLESS: &str = include_str!("../../tests/golden/podman-rootless/host.json");

/// Hosts of the golden plans: with cgroup v2, with v1, without root's rights.
fn hosts() -> &'static [Host] {
    static HOSTS: OnceLock<Vec<Host>> = OnceLock::new();
    HOSTS.get_or_init(|| {
        let host = |text: &&str| serde_json::from_str(text).expect("a host");
        [UNIFIED, LEGACY, ROOTLESS].iter().map(host).collect()
    })
}

fn planned(spec: &Spec<'_>, host: &Host, manager: CgroupManager) -> Result<Plan, String> {
    let options = Options {
        id: "id",
        bundle: Path::new("/bundle"),
        root_switch: RootSwitch::Pivot,
        keyring: Keyring::New,
        cgroup_manager: manager,
        unit_properties: plan::PROPERTIES_OF_LIMITS,
        seccomp: None,
    };
    plan::container(spec, host, &options).map_err(|error| error.to_string())
}

/// What was read is read and planned the same again after it was written; a sound one has no text
/// that the kernel would see cut short. Which of the hosts it is for, the input says.
pub(crate) fn config(input: &[u8]) {
    let Ok(spec) = Spec::read(input) else { return };
    let written = serde_json::to_vec(&spec).expect("written");
    let again = Spec::read(&written).expect("read again");
    assert_eq!(again, spec);
    let mut random = Random::of(input);
    let host = &hosts()[random.below(hosts().len())];
    let manager = random.of_these(&[CgroupManager::Cgroupfs, CgroupManager::Systemd]);
    let problems = validate::problems(&spec, host);
    assert!(problems.iter().all(|problem| !problem.words.is_empty()));
    assert_eq!(validate::problems(&again, host), problems);
    let plan = planned(&spec, host, manager);
    assert_eq!(planned(&again, host, manager), plan);
    if let (Ok(plan), true) = (plan, problems.is_empty()) {
        check_texts(&serde_json::to_value(plan).expect("a plan"));
    }
    let _ = seccomp::filter(&spec, None, Arch::NATIVE);
}

/// The kernel takes a text to end at its first zero byte.
fn check_texts(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.contains('\0'), "{text:?}"),
        Value::Array(list) => list.iter().for_each(check_texts),
        // What is only for the log may say anything.
        Value::Object(fields) => {
            fields.iter().filter(|(key, _)| *key != "warnings").for_each(|(_, v)| check_texts(v));
        }
        _ => {}
    }
}

/// A process of `exec --process`.
pub(crate) fn process(input: &[u8]) {
    let Ok(process) = serde_json::from_slice::<Process<'_>>(input) else { return };
    let written = serde_json::to_vec(&process).expect("written");
    let again: Process<'_> = serde_json::from_slice(&written).expect("read again");
    assert_eq!(again, process);
    let container = Spec::read(CONTAINER.as_bytes()).expect("a container");
    for host in hosts() {
        let planned = |process| {
            let planned = plan::exec(&container, ExecSource::File(process), host, None);
            planned.map_err(|error| error.to_string())
        };
        let planned_once = planned(&process);
        assert_eq!(planned(&again), planned_once);
        if let Ok(planned) = planned_once {
            check_texts(&serde_json::to_value(&planned.process).expect("a plan"));
        }
    }
}

/// Limits of `update`: what a container has after them is the same after them again.
pub(crate) fn resources(input: &[u8]) {
    let Ok(new) = serde_json::from_slice::<Resources<'_>>(input) else { return };
    let written = serde_json::to_vec(&new).expect("written");
    assert_eq!(serde_json::from_slice::<Resources<'_>>(&written).expect("read again"), new);
    let container = Spec::read(CONTAINER.as_bytes()).expect("a container");
    let current = container.linux.resources.unwrap_or_default();
    for host in hosts() {
        if let Ok(mut changes) = plan::update(&new, &current, &host.cgroups) {
            for write in &changes.writes {
                assert!(!write.file.contains('/') && !write.file.is_empty(), "{:?}", write.file);
            }
            let _ = plan::properties(&mut changes.writes);
        }
    }
    let merged = plan::merge(&current, &new);
    assert_eq!(plan::merge(&merged, &new), merged);
    let _ = plan::update(&merged, &Resources::default(), &Cgroups::default());
}

/// One mount: its file system, its source, its options, each on a line.
pub(crate) fn mounts(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.lines();
    let (kind, source) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let options: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let mount = Mount {
        destination: "/m".into(),
        kind: kind.into(),
        source: source.into(),
        options: options.iter().map(|option| Str::from(*option)).collect(),
        ..Default::default()
    };
    let spec = Spec {
        root: Some(Root { path: "rootfs".into(), readonly: false }),
        process: Some(Process { cwd: "/".into(), args: vec!["a".into()], ..Default::default() }),
        mounts: vec![mount],
        ..Default::default()
    };
    for host in hosts() {
        let _ = validate::problems(&spec, host);
        let Ok(plan) = planned(&spec, host, CgroupManager::Cgroupfs) else { continue };
        check_mount(&plan.mounts[0], &options);
    }
}

/// No option is lost: it is in the table, or the file system gets it.
fn check_mount(mount: &plan::Mount, options: &[&str]) {
    for attributes in [mount.attributes, mount.recursive] {
        // The kernel refuses a change of the access time without the whole of its mask.
        assert!(attributes.set & ATIME == 0 || attributes.clear & ATIME == ATIME);
        assert_eq!(attributes.set & attributes.clear & !ATIME, 0);
    }
    if let MountSource::Filesystem(planned) = &mount.what {
        let is_ours = |option: &str| {
            let maps = ["idmap=", "ridmap="].iter().any(|key| option.starts_with(key));
            maps || option.is_empty() || mount_option_names().any(|name| name == option)
        };
        let others: Vec<_> = options.iter().copied().filter(|option| !is_ours(option)).collect();
        assert_eq!(planned.data, others);
    }
}

/// Lines of a uid_map as the kernel shows them; and three numbers of four bytes each as a line of a
/// configuration.
pub(crate) fn id_maps(input: &[u8]) {
    let number = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
    let (numbers, _) = input.as_chunks::<4>();
    let line = |three: &[[u8; 4]; 3]| IdMap {
        inside: number(&three[0]),
        outside: number(&three[1]),
        size: number(&three[2]),
    };
    let uids: Vec<IdMap> = numbers.as_chunks::<3>().0.iter().map(line).collect();
    let show = |lines: &[IdMap]| -> String {
        let one =
            |line: &IdMap| format!("{:10} {:10} {:10}\n", line.inside, line.outside, line.size);
        lines.iter().map(one).collect()
    };
    let shown = show(&uids);
    let maps = IdMaps { gids: uids.clone(), uids, write: MapWriter::Runtime };
    assert!(maps.agree_with(&shown, &shown));
    let text = String::from_utf8_lossy(input);
    let _ = maps.agree_with(&text, &shown);
    for map in &maps.uids {
        let last = map.inside.checked_add(map.size.saturating_sub(1));
        for id in [Some(map.inside), last, map.inside.checked_sub(1)].into_iter().flatten() {
            let outside = map.outside_of(id);
            assert!(outside.is_none_or(|outside| outside - map.outside == id - map.inside));
        }
    }
}
