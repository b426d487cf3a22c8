//! No attack is a blank: each gets through a runtime that lacks the protection it is about. Only a
//! build of onggi with debug assertions has failpoints that leave one out.

use spec_tests::host::needs;
use spec_tests::runtime::Runtime;
use spec_tests::{Bundle, Result, chapter, suite, tests};

tests![each_attack_gets_through_without_its_protection];

pub(crate) const VARIABLE: &str = "ONGGI_FAILPOINT";

/// What is left out, and the attack that must then succeed.
const ROWS: &[(&str, &str)] = &[
    ("lookups stay inside", "security::cve_2019_18837_links_of_the_root_lead_inside"),
    ("lookups stay inside", "security::cve_2021_30465_a_racing_link_leads_inside"),
    ("lookups stay inside", "security::cve_2026_41579_a_link_instead_of_dev_leads_nowhere"),
    ("plain directories", "security::cve_2019_19921_proc_and_sys_are_no_links"),
    ("plain directories", "races::cve_2019_19921_a_proc_that_changes_is_procfs_or_nothing"),
    ("the null device", "security::cve_2025_31133_a_replaced_null_hides_nothing_writable"),
    ("the null device", "races::cve_2025_31133_a_null_that_changes_hides_nothing_writable"),
    ("the program's file,undumpable", "security::cve_2019_5736_the_runtime_is_not_overwritten"),
    ("ids", "security::ids_that_lead_elsewhere_are_refused"),
];

/// Whether the runtime has failpoints: one that makes `create` fail does so.
pub(crate) fn has_failpoints() -> Result<bool> {
    let container = Bundle::busybox().build()?;
    let call = container.create_call().arg(container.id());
    Ok(call.env(VARIABLE, "fail:reserve the directory").run().stderr.contains("failpoint"))
}

fn each_attack_gets_through_without_its_protection() -> Result {
    chapter!("cli#create");
    needs(Runtime::get()?.name.starts_with("onggi"), "the failpoints are onggi's")?;
    needs(has_failpoints()?, "a release build has no failpoints")?;
    let mut blanks = Vec::new();
    for (protection, attack) in ROWS {
        let (passed, text) = suite::again(attack, &[(VARIABLE, &format!("weaken:{protection}"))])?;
        if passed {
            blanks.push(format!("{attack} without {protection}: {text}"));
        }
    }
    anyhow::ensure!(blanks.is_empty(), "passed all the same: {blanks:#?}");
    Ok(())
}
