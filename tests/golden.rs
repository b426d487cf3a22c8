//! Golden plans: `tests/golden/<case>/{config,host,plan}.json`. `hack/golden` rewrites the plans;
//! review reads the difference.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::path::{Path, PathBuf};

use onggi::host::Host;
use onggi::plan::{self, CgroupManager, Keyring, Options, Plan, RootSwitch};
use onggi::spec::Spec;
use onggi::validate;

/// The cases' folders.
fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<_> = fs::read_dir(root).unwrap().map(|case| case.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 10, "the cases are there: {cases:?}");
    cases
}

fn planned(case: &Path) -> (Vec<validate::Problem>, Plan) {
    let config = fs::read(case.join("config.json")).unwrap();
    let spec = Spec::read(&config).unwrap();
    let host: Host = serde_json::from_slice(&fs::read(case.join("host.json")).unwrap()).unwrap();
    let options = Options {
        id: "c0ffee",
        bundle: Path::new("/bundle"),
        root_switch: RootSwitch::Pivot,
        keyring: Keyring::New,
        // Who has systemd make the cgroup writes `slice:prefix:name`.
        cgroup_manager: match spec.linux.cgroups_path.contains(':') {
            true => CgroupManager::Systemd,
            false => CgroupManager::Cgroupfs,
        },
        unit_properties: plan::PROPERTIES_OF_LIMITS,
        seccomp: None,
    };
    let plan = plan::container(&spec, &host, &options);
    (validate::problems(&spec, &host), plan.unwrap_or_else(|error| panic!("{case:?}: {error}")))
}

#[test]
fn each_case_is_sound_and_planned_as_written_down() {
    let rewrite = std::env::var_os("REWRITE_GOLDEN").is_some();
    for case in cases() {
        let (problems, plan) = planned(&case);
        assert_eq!(problems, [], "{case:?}");
        let told = serde_json::to_string_pretty(&plan).unwrap() + "\n";
        let file = case.join("plan.json");
        if rewrite {
            fs::write(&file, &told).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if told != expected {
            let mut lines = told.lines().zip(expected.lines()).enumerate();
            let differs = lines.find(|(_, (told, expected))| told != expected);
            panic!("{case:?} differs: {differs:?}\nhack/golden rewrites it; read the difference");
        }
    }
}
