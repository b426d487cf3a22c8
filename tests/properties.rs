//! What holds for any input, not only for the ones we thought of.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::path::Path;

use onggi::host::{Cgroups, Host};
use onggi::plan::{
    self, CgroupManager, IdMap, Keyring, MountSource, Options, Plan, RootSwitch, mount_option_names,
};
use onggi::spec::{Mount, Process, Root, Spec, Str};
use onggi::sys::mount::ATIME;
use onggi::validate;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};

fn host() -> Host {
    Host {
        euid: 0,
        egid: 0,
        rootless: false,
        in_user_namespace: false,
        setgroups: true,
        cgroups: Cgroups::default(),
        apparmor: false,
        selinux: false,
        bounding: u64::MAX,
        resctrl: None,
    }
}

fn planned(spec: &Spec<'_>) -> onggi::error::Result<Plan> {
    let options = Options {
        id: "id",
        bundle: Path::new("/bundle"),
        root_switch: RootSwitch::Pivot,
        keyring: Keyring::Keep,
        cgroup_manager: CgroupManager::Cgroupfs,
        unit_properties: plan::PROPERTIES_OF_LIMITS,
        seccomp: None,
    };
    plan::container(spec, &host(), &options)
}

fn spec_with(mounts: Vec<Mount<'_>>) -> Spec<'_> {
    Spec {
        root: Some(Root { path: "rootfs".into(), readonly: false }),
        process: Some(Process { cwd: "/".into(), args: vec!["a".into()], ..Default::default() }),
        mounts,
        ..Default::default()
    }
}

/// Any of the configurations that are planned elsewhere.
fn golden() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(include_str!("golden/every-field/config.json")),
        Just(include_str!("golden/docker-default/config.json")),
        Just(include_str!("golden/rootless-one-id/config.json")),
    ]
    .prop_map(|text| serde_json::from_str(text).unwrap())
}

/// Words that are something somewhere.
const HOSTILE: &[&str] =
    &["", "/", "..", "a\0b", "-1", "0-4294967295", "rw", "idmap", "1.x", "/proc/self/x"];

/// A value to put somewhere: small ones, hostile ones.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-2i64..3).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(HOSTILE).prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{}])),
        Just(json!([null, ""])),
    ]
}

/// The leaves and branches of a value, each as a JSON pointer.
fn places(value: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    match value {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(index, value)| self::places(value, &format!("{at}/{index}"), places)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            self::places(value, &format!("{at}/{key}"), places);
        }),
        _ => {}
    }
}

/// Words of the table and options of a file system, mixed.
fn options() -> impl Strategy<Value = Vec<String>> {
    let known: Vec<&str> = mount_option_names().collect();
    let known = prop::sample::select(known).prop_map(String::from);
    prop::collection::vec(prop_oneof![known, "[a-z]{1,4}=[a-z0-9:]{0,6}"], 0..12)
}

fn check_options(options: &[String]) {
    let has = |words: &[&str]| options.iter().any(|option| words.contains(&option.as_str()));
    let mount = Mount {
        destination: "/m".into(),
        kind: "xfs".into(),
        source: "/s".into(),
        options: options.iter().map(|option| Str::from(option.as_str())).collect(),
        ..Default::default()
    };
    let for_file_system = |word: &&String| !mount_option_names().any(|name| name == word.as_str());
    let data: Vec<&String> = options.iter().filter(for_file_system).collect();
    let Ok(plan) = planned(&spec_with(vec![mount])) else {
        let translates = has(&["idmap", "ridmap"]);
        let minds_links = has(&["copy-symlink", "src-nofollow", "dest-nofollow"]);
        let binds = has(&["bind", "rbind", "remount"]);
        assert!(translates || minds_links || binds && !data.is_empty());
        return;
    };
    let mount = &plan.mounts[0];
    match &mount.what {
        MountSource::Filesystem(planned) => {
            assert_eq!(planned.data.iter().collect::<Vec<_>>(), data)
        }
        _ => assert!(has(&["bind", "rbind", "remount"]) && data.is_empty()),
    }
    for attributes in [mount.attributes, mount.recursive] {
        // The kernel refuses a change of the access time without the whole of its mask.
        assert!(attributes.set & ATIME == 0 || attributes.clear & ATIME == ATIME);
        assert_eq!(attributes.set & attributes.clear & !ATIME, 0);
    }
}

fn check_configuration(text: &str) {
    let told = match Spec::read(text.as_bytes()) {
        Err(error) => error.to_string(),
        Ok(spec) => {
            let problems = validate::problems(&spec, &host());
            assert!(problems.iter().all(|problem| !problem.words.is_empty()));
            planned(&spec).err().map_or("planned".into(), |error| error.to_string())
        }
    };
    assert!(!told.is_empty());
}

/// A string that ends too early in the kernel's eyes could name something else.
#[test]
fn a_nul_byte_is_refused_wherever_it_is() {
    let text = include_str!("golden/every-field/config.json");
    let config: Value = serde_json::from_str(text).unwrap();
    let mut places = Vec::new();
    self::places(&config, "", &mut places);
    places.retain(|place| config.pointer(place).is_some_and(Value::is_string));
    assert!(places.len() > 100);
    for place in places {
        let mut config = config.clone();
        let value = config.pointer_mut(&place).unwrap();
        *value = format!("{}\0x", value.as_str().unwrap()).into();
        let text = config.to_string();
        let spec = Spec::read(text.as_bytes()).unwrap();
        let problems = validate::problems(&spec, &host());
        let refused = !problems.is_empty() || planned(&spec).is_err();
        // The version only tells how to read the rest; an unknown capability is a warning.
        let unseen = place == "/ociVersion" || place.starts_with("/process/capabilities");
        assert!(refused || unseen, "{place}");
    }
}

proptest! {
    #[test]
    fn mounts_are_never_reordered(
        targets in prop::collection::vec("/[a-z]{1,8}(/[a-z]{1,3})?", 0..20),
    ) {
        let mount = |target: &String| Mount {
            destination: target.clone().into(),
            kind: "tmpfs".into(),
            ..Default::default()
        };
        let plan = planned(&spec_with(targets.iter().map(mount).collect())).unwrap();
        let planned: Vec<&str> = plan.mounts.iter().map(|mount| mount.target.as_str()).collect();
        assert_eq!(planned, targets);
    }

    #[test]
    fn each_option_has_an_effect_or_is_kept_for_the_file_system(options in options()) {
        check_options(&options);
    }

    #[test]
    fn an_id_map_is_one_to_one(
        inside: u32, outside: u32, size: u32, first in 0u32..100, second in 0u32..100,
    ) {
        let map = IdMap { inside, outside, size };
        let of = |offset: u32| inside.checked_add(offset).and_then(|id| map.outside_of(id));
        for offset in [first, second] {
            assert!(of(offset).is_none_or(|id| offset < size && id - outside == offset));
        }
        if let (Some(a), Some(b)) = (of(first), of(second)) {
            assert_eq!(first == second, a == b);
        }
    }

    #[test]
    fn any_configuration_fails_with_words_or_is_planned(
        mut config in golden(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), value()), 1..6),
    ) {
        for (place, value) in changes {
            let mut places = Vec::new();
            self::places(&config, "", &mut places);
            let place: &String = place.get(&places);
            *config.pointer_mut(place).unwrap() = value;
        }
        check_configuration(&config.to_string());
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        check_configuration(&text);
    }
}
