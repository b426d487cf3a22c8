//! Older kernels and filters of the host: what there is a fallback for works without the system
//! call, and what there is none for is told. `WITHOUT=clone3,openat2` runs any test so.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread::ScopedJoinHandle;

use anyhow::{bail, ensure};
use serde_json::json;
use spec_tests::host::needs;
use spec_tests::runtime::Runtime;
use spec_tests::suite::End;
use spec_tests::{Bundle, Result, chapter, shim, suite, tests};

tests![
    containers_run_without_what_has_a_fallback,
    what_is_refused_is_asked_for_where_it_is_not,
    attacks_fail_the_other_way_too,
    what_cannot_be_done_without_a_call_is_told,
    a_bind_mount_into_a_running_container_takes_open_tree,
    a_flag_of_a_source_is_taken_back_by_mount_setattr,
];

/// Each touches other calls.
const PASSING: &[&str] = &[
    "beyond::wait_for_several_has_a_line_for_each",
    "lifecycle::state_tells_what_the_specification_lists",
    "exec::the_process_is_in_the_containers_namespaces_and_cgroup",
    "exec::the_exit_code_is_the_programs",
    "endings::kill_sends_term_by_default",
    "cgroups::the_process_is_in_the_configured_cgroup",
    "descriptors::a_container_has_only_the_three_streams",
    "descriptors::preserved_descriptors_are_passed",
    "devices::the_default_devices_work",
    "mount_options::an_escaped_comma_belongs_to_a_path_of_overlayfs",
    "mounts::mounts_are_made_in_the_listed_order",
    "paths::a_masked_file_is_empty_and_not_writable",
    "rootless::a_seccomp_listener_is_handed_over",
    "rootless::exec_works",
    "seccomp::the_listener_is_told_the_state",
    "terminal::the_console_is_the_terminal",
    "user_namespace::the_process_has_the_mapped_ids",
];

/// Those whose outcome depends on lookups.
const ATTACKS: &[&str] = &[
    "security::cve_2019_18837_links_of_the_root_lead_inside",
    "security::cve_2019_19921_proc_and_sys_are_no_links",
    "security_engines::cve_2024_5154_nothing_is_made_or_deleted_through_links",
    "races::cve_2021_30465_a_racing_link_leads_inside",
    "races::cve_2024_45310_nothing_is_made_where_a_racing_link_leads",
    "races::cve_2025_52881_settings_are_written_to_procfs_or_not_at_all",
    "security::cve_2024_21626_exec_does_not_start_below_a_descriptor",
    "security::cve_2025_31133_a_replaced_null_hides_nothing_writable",
    "security::cve_2025_52881_a_covered_proc_gets_no_writes",
    "security::cve_2026_41579_a_link_instead_of_dev_leads_nowhere",
];

fn is_onggi() -> Result {
    needs(shim::wanted().is_none(), "WITHOUT is set for the whole suite")?;
    needs(Runtime::get()?.is_onggi(), "other runtimes have other fallbacks")
}

/// Each test without each of the calls, some at a time: they mostly wait for processes.
fn ends<'a>(calls: &[&'a str], tests: &[&'a str]) -> Result<Vec<(&'a str, &'a str, End)>> {
    let pairs = calls.iter().flat_map(|calls| tests.iter().map(|test| (*calls, *test)));
    let left = Mutex::new(pairs);
    let next = || left.lock().ok()?.next();
    let run = |(calls, test)| Ok((calls, test, suite::again(test, &[("WITHOUT", calls)])?));
    std::thread::scope(|scope| {
        let part = || std::iter::from_fn(next).map(run).collect::<Result<Vec<_>>>();
        let parts: Vec<_> = (0..4).map(|_| scope.spawn(part)).collect();
        let join = |part: ScopedJoinHandle<'_, Result<Vec<_>>>| {
            part.join().unwrap_or_else(|_| bail!("a thread panicked"))
        };
        let parts = parts.into_iter().map(join).collect::<Result<Vec<_>>>()?;
        Ok(parts.into_iter().flatten().collect())
    })
}

fn all_pass(calls: &[&str], tests: &[&str]) -> Result {
    let (mut failed, mut skipped) = (Vec::new(), BTreeSet::new());
    for (calls, test, end) in ends(calls, tests)? {
        match end {
            End::Passed => {}
            End::Skipped(text) if text.contains(shim::NO_OTHER_WAY) => {}
            End::Skipped(_) => drop(skipped.insert(test)),
            End::Failed(text) => failed.push(format!("{test} without {calls}: {text}")),
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    needs(skipped.is_empty(), &format!("the others passed: {skipped:?} cannot run here"))
}

fn containers_run_without_what_has_a_fallback() -> Result {
    chapter!("cli#create");
    is_onggi()?;
    let all: Vec<&str> = shim::OTHER_WAYS.iter().copied().chain(["EPERM:all", "all"]).collect();
    all_pass(&all, PASSING)
}

/// A list of calls that nobody makes would prove nothing.
fn what_is_refused_is_asked_for_where_it_is_not() -> Result {
    chapter!("cli#create");
    is_onggi()?;
    let mut idle = Vec::new();
    for call in shim::OTHER_WAYS {
        let killed = |test: &&str| {
            let end = suite::again(test, &[("WITHOUT", &format!("KILL:{call}"))]);
            matches!(end, Ok(End::Failed(_)))
        };
        if !PASSING.iter().any(killed) {
            idle.push(*call);
        }
    }
    ensure!(idle.is_empty(), "no test makes {idle:?}");
    Ok(())
}

fn attacks_fail_the_other_way_too() -> Result {
    chapter!("cli#create");
    is_onggi()?;
    all_pass(&["openat2", "all", "EPERM:all"], ATTACKS)
}

/// What it is, the call that it takes, and the version that the error must name.
type Told = (fn() -> Bundle, &'static str, &'static str);

const TOLD: &[Told] = &[
    (|| with_option("rro"), "mount_setattr", "mount_setattr(2)) needs Linux 5.12"),
    (|| with_option("rro"), "EPERM:mount_setattr", "mount_setattr(2)) needs Linux 5.12"),
    (|| with_option("idmap"), "mount_setattr", "mount_setattr(2)) needs Linux 5.12"),
    (|| with_option("idmap"), "all", "mount_setattr(2)) needs Linux 5.12"),
    (hosts_network, "mount_setattr", "mount_setattr(2)) needs Linux 5.12"),
    (over_the_root, "move_mount", "over the container's root (move_mount(2)) needs Linux 5.2"),
    (over_the_root, "EPERM:all", "over the container's root (move_mount(2)) needs Linux 5.2"),
    (hidden_device, "fsopen", "does not show (fsopen(2)) needs Linux 5.2"),
    (hidden_device, "all", "does not show (fsopen(2)) needs Linux 5.2"),
    (confined, "landlock_create_ruleset", "the kernel has no Landlock"),
    (listening, "notify", "seccomp(2)) needs Linux 5.0"),
    (listening, "pidfd_getfd", "pidfd_getfd(2)) needs Linux 5.6"),
];

fn with_option(option: &str) -> Bundle {
    let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 10}]);
    let mut mount = json!({
        "destination": "/mnt", "source": "/tmp", "type": "bind", "options": ["rbind", option],
    });
    if option == "idmap" {
        (mount["uidMappings"], mount["gidMappings"]) = (ids.clone(), ids);
    }
    Bundle::busybox().directory("mnt").set("/mounts/-", mount)
}

fn over_the_root() -> Bundle {
    let mount = json!({"destination": "/", "source": "tmpfs", "type": "tmpfs"});
    Bundle::busybox().set("/mounts/-", mount)
}

fn hidden_device() -> Bundle {
    let device = json!({"path": "/dev/more/none", "type": "c", "major": 1, "minor": 3});
    Bundle::busybox().in_user_namespace(100_000).set("/linux/devices", json!([device]))
}

fn hosts_network() -> Bundle {
    Bundle::busybox().in_user_namespace(100_000).without_namespace("network")
}

fn confined() -> Bundle {
    Bundle::busybox().set("/annotations", json!({"org.onggi.landlock": "{\"readOnly\":[\"/\"]}"}))
}

fn listening() -> Bundle {
    Bundle::busybox().set(
        "/linux/seccomp",
        json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": "/run/no-such-listener",
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
        }),
    )
}

fn what_cannot_be_done_without_a_call_is_told() -> Result {
    chapter!("cli#create");
    is_onggi()?;
    for (bundle, calls, words) in TOLD {
        let container = bundle().build()?;
        let create = container.create_call().arg(container.id());
        let told = create.at_last_under(shim::words(calls)?).run().fails_with(words);
        told.map_err(|error| error.context(*calls))?;
        container.left_no_trace().map_err(|error| error.context(*calls))?;
    }
    Ok(())
}

fn a_bind_mount_into_a_running_container_takes_open_tree() -> Result {
    chapter!("cli#mounts");
    is_onggi()?;
    let container = Bundle::busybox().directory("mnt").sleeping().start()?;
    let mount = json!([{"destination": "/mnt", "source": "/tmp", "type": "bind"}]).to_string();
    let add = container.call("mounts").args(["add", container.id(), "-"]).stdin(&mount);
    let output = add.at_last_under(shim::words("open_tree")?).run();
    output.fails_with("open_tree(2)) needs Linux 5.2")?;
    assert_eq!(container.status()?, "running");
    Ok(())
}

/// In a user namespace; the flag is one of a mount of the host.
fn a_flag_of_a_source_is_taken_back_by_mount_setattr() -> Result {
    chapter!("cli#create");
    is_onggi()?;
    let bundle = Bundle::busybox().in_user_namespace(100_000).directory("../host");
    let container = bundle.bind("host", "/mnt", &["exec"]).build()?;
    let script = "mount -t tmpfs -o noexec none bundle/host && exec \"$@\"";
    let run = container.run_call().arg(container.id());
    let run = run.under(["unshare", "-m", "sh", "-c", script, "sh"]);
    let output = run.at_last_under(shim::words("mount_setattr")?).run();
    output.fails_with("flag of the source (mount_setattr(2)) needs Linux 5.12")?;
    container.left_no_trace()
}
