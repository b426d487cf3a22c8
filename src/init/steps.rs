//! The order in which init does the plan. Each name appears in error messages and, with the reason
//! why it stands before its neighbour, in docs/init-order.md.

use super::{
    Init, console, devices, exec, home, identity, labels, landlock, limits, mounts, namespaces,
    network,
};
use super::{paths, root};
use crate::error::Result;

/// A step: what it does, as a verb phrase, and how.
pub type Step = (&'static str, fn(&mut Init<'_>) -> Result<()>);

/// The first process of a container.
pub const NEW_CONTAINER: &[Step] = &[
    ("let go of the runtime's descriptors", exec::close_what_is_the_runtimes),
    ("protect the program", exec::protect_program),
    ("make namespaces", namespaces::make),
    ("join namespaces", namespaces::join),
    ("find the root", root::find),
    ("wait for id maps", namespaces::wait_for_id_maps),
    ("become root inside", namespaces::become_root_inside),
    ("hide from others", identity::hide),
    ("start a session", exec::start_session),
    ("bring up loopback", network::bring_up_loopback),
    ("move network devices", network::ask_for_devices),
    ("enter the cgroup", namespaces::enter_new_cgroup),
    ("make late namespaces", namespaces::make_late_ones),
    ("join the session keyring", labels::join_keyring),
    ("prepare the root", root::prepare),
    ("make mounts", mounts::make),
    ("make devices", devices::make),
    ("run runtime hooks", exec::ask_for_runtime_hooks),
    ("run createContainer hooks", exec::run_create_hooks),
    ("enter the root", root::enter),
    ("open the console", console::open),
    ("reopen /dev/null", devices::reopen_null),
    ("show the console", console::show),
    ("make the working directory", exec::make_directory),
    ("finish mounts", mounts::finish),
    ("finish the root", root::finish),
    ("set host and domain name", namespaces::set_names),
    ("write sysctls", paths::write_sysctls),
    ("make paths read-only", paths::make_read_only),
    ("hide masked paths", paths::hide_masked),
    ("set scheduling", limits::set_scheduling),
    ("take cores of its own", limits::take_own_cores),
    ("set no_new_privs", identity::set_no_new_privileges),
    ("find the home", home::find),
    ("enter the memory cgroup", namespaces::enter_memory_cgroup),
    ("set resource limits", limits::set_own_limits),
    ("report ready", exec::report_ready),
    ("set labels for exec", labels::set_for_exec),
    ("let go of the host", exec::let_go_of_the_host),
    ("restrict by Landlock", landlock::restrict),
    ("load seccomp (privileged)", exec::load_seccomp_with_privileges),
    ("change directory", exec::change_directory),
    ("become the user", identity::become_user),
    ("verify the directory", exec::verify_directory),
    ("find the program", exec::find_program),
    ("load seccomp", exec::load_seccomp),
    ("wait for start", exec::wait_for_start),
    ("run startContainer hooks", exec::run_start_hooks),
    ("close other descriptors", exec::close_others),
    ("execute the program", exec::execute),
];

/// A process that is added to a container.
pub const EXEC: &[Step] = &[
    ("let go of the runtime's descriptors", exec::close_what_is_the_runtimes),
    ("protect the program", exec::protect_program),
    ("enter the cgroup", namespaces::enter_cgroup),
    ("join namespaces", namespaces::join),
    ("become root inside", namespaces::become_root_inside),
    ("start a session", exec::start_session),
    ("join the session keyring", labels::join_keyring),
    ("find the container's root", root::find_inside),
    ("open the console", console::open),
    ("reopen /dev/null", devices::reopen_null),
    ("set scheduling", limits::set_scheduling),
    ("set no_new_privs", identity::set_no_new_privileges),
    ("find the home", home::find),
    ("set resource limits", limits::set_own_limits),
    ("report ready", exec::report_ready),
    ("set labels for exec", labels::set_for_exec),
    ("let go of the host", exec::let_go_of_the_host),
    ("restrict by Landlock", landlock::restrict),
    ("load seccomp (privileged)", exec::load_seccomp_with_privileges),
    ("change directory", exec::change_directory),
    ("become the user", identity::become_user),
    ("verify the directory", exec::verify_directory),
    ("find the program", exec::find_program),
    ("load seccomp", exec::load_seccomp),
    ("wait for a reader", exec::wait_for_reader),
    ("close other descriptors", exec::close_others),
    ("execute the program", exec::execute),
];

/// A process that adds mounts to a container, and ends.
pub const ADD_MOUNTS: &[Step] = &[
    ("let go of the runtime's descriptors", exec::close_what_is_the_runtimes),
    ("protect the program", exec::protect_program),
    ("join namespaces", namespaces::join),
    ("become root inside", namespaces::become_root_inside),
    ("find the container's root", root::find_inside),
    ("add mounts", mounts::add),
    ("finish mounts", mounts::finish),
    ("report ready", exec::report_ready),
    ("report that all is done", exec::report_done),
];

/// A process that removes mounts from a container, and ends.
pub const REMOVE_MOUNTS: &[Step] = &[
    ("let go of the runtime's descriptors", exec::close_what_is_the_runtimes),
    ("protect the program", exec::protect_program),
    ("join namespaces", namespaces::join),
    ("become root inside", namespaces::become_root_inside),
    ("find the container's root", root::find_inside),
    ("remove mounts", mounts::remove),
    ("report ready", exec::report_ready),
    ("report that all is done", exec::report_done),
];
