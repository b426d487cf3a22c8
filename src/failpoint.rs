//! Failures on demand, for the test that looks for what they leave behind (tests/no_trace). A
//! release build has none of it.

use crate::error::Result;

/// The variable that names a place: `fail:PLACE`, or `wait:PLACE` to be killed there.
#[cfg(debug_assertions)]
pub const VARIABLE: &str = "ONGGI_FAILPOINT";

/// The runtime's own places; those of init are the names of its steps.
#[cfg(debug_assertions)]
pub const OF_CREATE: [&str; 6] = [
    "reserve the directory",
    "keep the configuration",
    "make the cgroup",
    "save the state",
    "spawn init",
    "save the pid",
];

/// The same of `start`.
#[cfg(debug_assertions)]
pub const OF_START: [&str; 3] = ["connect to init", "tell init to go on", "wait for the program"];

/// The same of `exec`.
#[cfg(debug_assertions)]
pub const OF_EXEC: [&str; 3] = ["plan the process", "spawn the process", "answer the process"];

/// The same of `delete`.
#[cfg(debug_assertions)]
pub const OF_DELETE: [&str; 4] =
    ["end the processes", "remove the cgroup", "remove the state", "run poststop hooks"];

/// Goes on, unless a test wants this place to fail or to wait.
///
/// # Errors
/// `failpoint`
#[cfg(debug_assertions)]
pub fn reach(place: &str) -> Result<()> {
    use crate::error::Error;
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    match wanted.split_once(':') {
        Some(("fail", at)) if at == place => Err(Error::new("failpoint")),
        Some(("wait", at)) if at == place => {
            eprintln!("waiting at {place}");
            std::thread::sleep(std::time::Duration::from_secs(600));
            Err(Error::new("nobody came to the failpoint"))
        }
        _ => Ok(()),
    }
}

/// Goes on.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn reach(_: &str) -> Result<()> {
    Ok(())
}
