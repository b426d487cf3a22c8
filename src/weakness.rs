//! Protections that are left out on demand, for the test that no attack is a blank (spec-tests,
//! `weakened`). A release build has none of it.

/// The variable that names what is left out, divided by commas: [`PROTECTIONS`], steps of init.
#[cfg(debug_assertions)]
const VARIABLE: &str = "ONGGI_WEAKNESS";

/// What can be left out besides steps of init, sorted.
#[cfg(debug_assertions)]
pub const PROTECTIONS: [&str; 16] = [
    "a private procfs",
    "ids",
    "inheritable capabilities",
    "lookups stay inside",
    "mount attributes",
    "plain directories",
    "proc is kept whole",
    "properties of limits alone",
    "sysctls of own namespaces",
    "the configured cgroup",
    "the console itself",
    "the device filter",
    "the null device",
    "the program's file",
    "the size of passwd",
    "undumpable",
];

/// Whether a test wants this protection, or this step of init, to be left out.
#[cfg(debug_assertions)]
pub fn leaves_out(protection: &str) -> bool {
    let unwanted = std::env::var(VARIABLE).unwrap_or_default();
    unwanted.split(',').any(|one| one == protection)
}

/// Never.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn leaves_out(_: &str) -> bool {
    false
}
