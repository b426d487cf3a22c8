//! A group of v2 is given to the user who may manage groups below it (cgroup-v2.rst, "Delegation").

use std::fs;
use std::os::unix::fs::chown;

use super::Group;
use crate::error::Result;

const LIST: &str = "/sys/kernel/cgroup/delegate";
/// What kernels before 4.15 let be given away, and had no list of.
const FEWEST: &str = "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n";

impl Group {
    /// Gives away the directory and those of its files that the kernel says are safe to give.
    pub(super) fn give_to(&self, uid: u32) -> Result<()> {
        chown(&self.path, Some(uid), None)?;
        let list = fs::read_to_string(LIST).unwrap_or_else(|_| FEWEST.to_owned());
        for name in list.lines().filter(|name| !name.is_empty() && !name.contains('/')) {
            match chown(self.path.join(name), Some(uid), None) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
        Ok(())
    }
}
