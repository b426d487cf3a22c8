//! create, start, state, kill, delete.

use spec_tests::{Bundle, Result, chapter, tests};

tests![
    a_created_container_has_not_run_its_program,
    a_started_container_runs_its_program
];

fn a_created_container_has_not_run_its_program() -> Result {
    chapter!("runtime.md#create");
    let container = Bundle::busybox().args(["touch", "/ran"]).create()?;
    assert_eq!(container.status()?, "created");
    assert!(!container.in_root("ran").exists());
    container.delete_by_force().ok()?;
    container.left_no_trace()
}

fn a_started_container_runs_its_program() -> Result {
    chapter!("runtime.md#start");
    let container = Bundle::busybox().sh("echo hi").start()?;
    assert_eq!(container.log_at_end()?, "hi\n");
    Ok(())
}
