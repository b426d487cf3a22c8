//! Older kernels and filters of the host: what there is a fallback for works without the system
//! call, and what there is none for is told. `WITHOUT=clone3,openat2` runs any test so.

use spec_tests::host::needs;
use spec_tests::runtime::Runtime;
use spec_tests::{Bundle, Result, chapter, shim, suite, tests};

tests![
    containers_run_without_what_has_a_fallback,
    attacks_fail_without_openat2_too,
    what_cannot_be_done_without_a_call_is_told,
];

/// With a fallback, one by one; the last ones are as old filters do it, and all at once.
const WITH_A_FALLBACK: &[&str] = &[
    "clone3",
    "openat2",
    "close_range",
    "faccessat2",
    "statx",
    "open_tree_attr",
    "pidfd_getfd",
    "notify",
    "EPERM:clone3,close_range,openat2",
    "clone3,close_range,faccessat2,open_tree_attr,openat2,pidfd_getfd,statx",
];

/// Each touches other calls.
const PASSING: &[&str] = &[
    "lifecycle::state_tells_what_the_specification_lists",
    "exec::the_process_is_in_the_containers_namespaces_and_cgroup",
    "exec::the_exit_code_is_the_programs",
    "endings::kill_sends_term_by_default",
    "cgroups::the_process_is_in_the_configured_cgroup",
    "descriptors::a_container_has_only_the_three_streams",
    "descriptors::preserved_descriptors_are_passed",
    "devices::the_default_devices_work",
    "mounts::mounts_are_made_in_the_listed_order",
    "paths::a_masked_file_is_empty_and_not_writable",
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
    needs(Runtime::get()?.name.starts_with("onggi"), "other runtimes have other fallbacks")
}

fn all_pass(calls: &[&str], tests: &[&str]) -> Result {
    let mut failed = Vec::new();
    for calls in calls {
        for test in tests {
            let (passed, text) = suite::again(test, &[("WITHOUT", calls)])?;
            if !passed {
                failed.push(format!("{test} without {calls}: {text}"));
            }
        }
    }
    anyhow::ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

fn containers_run_without_what_has_a_fallback() -> Result {
    chapter!("cli#create");
    is_onggi()?;
    all_pass(WITH_A_FALLBACK, PASSING)
}

fn attacks_fail_without_openat2_too() -> Result {
    chapter!("cli#create");
    is_onggi()?;
    all_pass(&["openat2"], ATTACKS)
}

fn what_cannot_be_done_without_a_call_is_told() -> Result {
    chapter!("cli#create");
    is_onggi()?;
    for call in ["open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr"] {
        let container = Bundle::busybox().build()?;
        let create = container.create_call().arg(container.id());
        let output = create.at_last_under(shim::words(call)?).run();
        let told = output.fails_with("Linux 5.12 or newer is needed");
        told.map_err(|error| error.context(call))?;
        container.left_no_trace().map_err(|error| error.context(call))?;
    }
    let container = Bundle::busybox().sleeping().start()?;
    for call in ["pidfd_open", "pidfd_send_signal"] {
        let kill = container.call("kill").args([container.id(), "KILL"]);
        let output = kill.at_last_under(shim::words(call)?).run();
        output.fails_with("Linux 5.12 or newer is needed")?;
        assert_eq!(container.status()?, "running", "{call}");
    }
    Ok(())
}
