//! Attacks on runtimes that were published, tried for real: an image, a volume or a process inside
//! that reaches for the host.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use spec_tests::{Bundle, Container, Result, chapter, tests};

tests![
    cve_2024_21626_a_program_below_a_descriptor_is_not_run,
    cve_2024_21626_an_interpreter_below_a_descriptor_is_not_run,
];

/// Beyond what a runtime has open by then.
const DESCRIPTORS: std::ops::RangeInclusive<u32> = 3..=24;

/// The host's busybox through a descriptor that a runtime may have left open: as high as it goes,
/// and then down again.
fn below_descriptor(number: u32, path: &str) -> String {
    format!("/proc/self/fd/{number}{}{path}", "/..".repeat(12))
}

/// A busybox of the host where no container has one.
fn host_program(container: &Container) -> Result<String> {
    let path = container.directory().join("host/busybox");
    fs::create_dir(container.directory().join("host"))?;
    fs::copy(container.in_root("bin/busybox"), &path)?;
    Ok(path.to_string_lossy().into_owned())
}

fn cve_2024_21626_a_program_below_a_descriptor_is_not_run() -> Result {
    chapter!("config.md#process");
    let running = Bundle::busybox().sleeping().start()?;
    let program = host_program(&running)?;
    let container = Bundle::busybox().build()?;
    for number in DESCRIPTORS {
        let program = below_descriptor(number, &program);
        container.reconfigure("/process/args", vec![program.as_str(), "echo", "escaped"])?;
        container.run().fails()?;
        running.exec([program.as_str(), "echo", "escaped"]).fails()?;
    }
    container.left_no_trace()
}

fn cve_2024_21626_an_interpreter_below_a_descriptor_is_not_run() -> Result {
    chapter!("config.md#process");
    let container = Bundle::busybox().build()?;
    let program = host_program(&container)?;
    // The kernel reads no more of the first line.
    assert!(below_descriptor(10, &program).len() < 250);
    for number in DESCRIPTORS {
        let script = format!("#!{} echo\n", below_descriptor(number, &program));
        fs::write(container.in_root("script"), script)?;
        fs::set_permissions(container.in_root("script"), Permissions::from_mode(0o755))?;
        container.reconfigure("/process/args", vec!["/script"])?;
        container.run().fails()?;
    }
    container.left_no_trace()
}
