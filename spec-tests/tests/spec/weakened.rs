//! No attack is a blank: each gets through a runtime that lacks the protection it is about. Only a
//! build of onggi with debug assertions leaves one out when it is asked to.

use std::sync::Mutex;

use spec_tests::host::{needs, processors};
use spec_tests::runtime::Runtime;
use spec_tests::suite::End;
use spec_tests::{Bundle, Result, chapter, shim, suite, tests};

tests![each_attack_gets_through_without_its_protection];

/// Names a place where a runtime with debug assertions fails or waits.
pub(crate) const FAILPOINT: &str = "ONGGI_FAILPOINT";
/// Names what it leaves out.
const WEAKNESS: &str = "ONGGI_WEAKNESS";
/// They mostly wait.
const THREADS: usize = 4;
/// So often an attack is tried, since a race is not always won.
const TRIES: usize = 10;

/// What is left out, steps of init among it, the attacks that must then succeed, and what the test
/// says of one that has. One that Debian's runc or crun does not withstand needs none
/// (`hack/attacks`).
#[rustfmt::skip]
const ROWS: &[(&str, &[(&str, &str)])] = &[
    ("become the user", &[
        ("user::cve_2018_10856_another_user_keeps_only_ambient_capabilities", "CapPrm"),
        ("user::cve_2022_36109_the_groups_are_exactly_the_configured_ones", r#"left: """#),
    ]),
    ("inheritable capabilities", &[
        ("user::cve_2016_8867_each_capability_set_is_the_configured_one", "CapInh"),
        ("exec_options::cve_2022_29162_an_added_capability_is_not_inheritable", "CapInh"),
    ]),
    ("undumpable", &[
        ("security::cve_2016_9962_a_joining_process_shows_no_descriptor", "socket:["),
    ]),
    ("the program's file,undumpable", &[
        ("security::cve_2019_5736_the_runtime_is_not_overwritten", "it was overwritten"),
    ]),
    ("let go of the runtime's descriptors,let go of the host", &[
        ("security::cve_2024_21626_an_interpreter_below_a_descriptor_is_not_run", "stdout: /script"),
    ]),
    ("let go of the host,verify the directory", &[
        ("security::cve_2024_21626_a_program_below_a_descriptor_is_not_run", "stdout: escaped"),
        ("security::cve_2024_21626_exec_does_not_start_below_a_descriptor", "--cwd /proc/self/fd/"),
    ]),
    ("lookups stay inside", &[
        ("security::cve_2019_18837_links_of_the_root_lead_inside", "beside the canary"),
        ("security::cve_2026_41579_a_link_instead_of_dev_leads_nowhere", "beside the canary"),
        ("security_engines::cve_2024_1753_mounts_and_directories_below_links_are_inside", "beside the canary"),
        ("security_engines::cve_2024_5154_nothing_is_made_or_deleted_through_links", "beside the canary"),
        ("devices::cve_2026_47766_a_dev_that_is_a_symlink_cannot_lead_out_of_the_root", "beside the canary"),
        ("races::cve_2021_30465_a_racing_link_leads_inside", "beside the canary"),
        ("races::cve_2024_45310_nothing_is_made_where_a_racing_link_leads", "made on the host"),
    ]),
    ("plain directories", &[
        ("mounts::cve_2023_28642_a_proc_that_is_a_symlink_is_refused", "expected a failure"),
        ("mounts::cve_2025_54867_a_sys_that_is_a_symlink_is_refused", "expected a failure"),
        ("security::cve_2019_19921_proc_and_sys_are_no_links", "expected a failure"),
        ("races::cve_2019_19921_a_proc_that_changes_is_procfs_or_nothing", "proc is astray"),
    ]),
    ("proc is kept whole", &[
        ("security::cve_2019_16884_nothing_covers_the_files_of_labels", "at /proc/self/attr: expected a failure"),
    ]),
    ("proc is kept whole,a private procfs", &[
        ("apparmor::cve_2025_52881_the_profile_holds_or_there_is_no_program", " exchanges: "),
        ("security::cve_2025_52881_a_covered_proc_gets_no_writes", r#"right: "canary""#),
        ("races::cve_2025_52881_settings_are_written_to_procfs_or_not_at_all", "a setting is astray"),
    ]),
    ("the null device", &[
        ("security::cve_2025_31133_a_replaced_null_hides_nothing_writable", r#"left: "written"#),
        ("races::cve_2025_31133_a_null_that_changes_hides_nothing_writable", "null is another file"),
    ]),
    ("the console itself", &[
        ("races::cve_2025_52565_the_console_is_the_terminal_or_nothing", "the console is astray"),
    ]),
    ("mount attributes", &[
        ("rootless::cve_2023_25809_the_hosts_sysfs_is_read_only", r#"point: "/sys", options: ["rw""#),
    ]),
    ("the device filter", &[
        ("device_access::ghsa_g54h_a_list_of_nothing_but_allow_rules_denies_the_rest", r#"left: ["read", "written"]"#),
    ]),
    ("sysctls of own namespaces", &[
        ("security::cve_2022_0811_sysctls_of_the_host_are_refused", "kernel.core_pattern: expected a failure"),
    ]),
    ("the configured cgroup", &[
        ("security_engines::cve_2025_47291_the_cgroup_is_the_configured_one", "it is in another cgroup"),
    ]),
    ("properties of limits alone", &[
        ("security_engines::cve_2024_3154_a_property_that_runs_programs_is_refused", r#"expected the words "ExecStartPre""#),
        ("systemd::cve_2024_3154_an_annotation_cannot_run_programs", "expected a failure"),
    ]),
    ("the size of passwd", &[
        ("security_engines::cve_2026_47262_a_passwd_without_end_holds_nothing_up", "memory allocation"),
    ]),
    ("ids", &[
        ("security::hardening_ids_that_lead_elsewhere_are_refused", "the canary is gone"),
    ]),
];

/// Skips a test where the runtime has none: one that makes `create` fail must do so.
pub(crate) fn needs_failpoints() -> Result {
    needs(Runtime::get()?.is_onggi(), "the failpoints are onggi's")?;
    let container = Bundle::busybox().build()?;
    let call = container.create_call().arg(container.id());
    let output = call.env(FAILPOINT, "fail:reserve the directory").run();
    needs(output.stderr.contains("failpoint"), "a release build has no failpoints")
}

fn each_attack_gets_through_without_its_protection() -> Result {
    chapter!("cli#create");
    needs_failpoints()?;
    needs(shim::wanted().is_none(), "WITHOUT is set: other ways have other protections")?;
    // On one, a race is hardly ever won.
    processors(2)?;
    let attacks =
        ROWS.iter().flat_map(|(without, list)| list.iter().map(move |it| (*without, *it)));
    let (attacks, blanks) = (Mutex::new(attacks), Mutex::new(Vec::new()));
    let next = || attacks.lock().ok()?.next();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((protection, attack)) = next() {
                    if let Some(words) = blank(protection, attack) {
                        blanks.lock().into_iter().for_each(|mut list| list.push(words.clone()));
                    }
                }
            });
        }
    });
    let blanks = blanks.into_inner().unwrap_or_default();
    anyhow::ensure!(blanks.is_empty(), "{}", blanks.join("\n"));
    Ok(())
}

/// What is wrong with an attack that must fail with these words, without the protection. What this
/// machine cannot do says nothing.
fn blank(protection: &str, (attack, words): (&str, &str)) -> Option<String> {
    let again = || suite::again(attack, &[(WEAKNESS, protection)]);
    let earlier = (1..TRIES).map(|_| again()).find(|end| !matches!(end, Ok(End::Passed)));
    match earlier.unwrap_or_else(again) {
        Ok(End::Failed(text)) if text.contains(words) => None,
        Ok(End::Failed(text)) => {
            Some(format!("{attack} without {protection} fails, but not with {words:?}: {text}"))
        }
        Ok(End::Passed) => Some(format!("{attack} without {protection} passes")),
        Ok(End::Skipped(_)) => None,
        Err(error) => Some(format!("{attack}: {error:#}")),
    }
}
