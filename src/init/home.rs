//! HOME, which callers of runc expect in every environment.

use std::os::fd::AsFd;

use super::Init;
use crate::error::Result;
use crate::sys::fd::{read_all, stat};
use crate::sys::path::Root;

/// More than this is no file of users (bytes).
const LIMIT: usize = 4 << 20;
const NAME: &str = "HOME=";

/// The user's directory in the container's /etc/passwd, where the environment has no HOME or an
/// empty one.
pub(super) fn find(init: &mut Init<'_>) -> Result<()> {
    let given = |entry: &String| entry.starts_with(NAME) && entry.len() > NAME.len();
    if !init.process.env.iter().any(given) {
        let users = users(init.root()?).unwrap_or_default();
        let home = home_of(&users, init.process.user.uid).unwrap_or("/");
        init.home = Some(format!("{NAME}{home}"));
    }
    Ok(())
}

impl Init<'_> {
    /// The program's environment.
    pub(super) fn environment(&self) -> Vec<String> {
        let own = |entry: &&String| self.home.is_none() || !entry.starts_with(NAME);
        self.process.env.iter().filter(own).chain(&self.home).cloned().collect()
    }
}

/// An image may bring none, or anything else in its place.
fn users(root: &Root) -> Option<String> {
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = root.open_file("/etc/passwd", flags).ok()?;
    let is_file = stat(file.as_fd()).ok()?.st_mode & libc::S_IFMT == libc::S_IFREG;
    let bytes = is_file.then(|| read_all(file.as_fd(), LIMIT))?.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn home_of(users: &str, uid: u32) -> Option<&str> {
    let lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = |fields: &Vec<&str>| fields.get(2).and_then(|id| id.parse().ok()) == Some(uid);
    let home = lines.into_iter().find(found).and_then(|fields| fields.get(5).copied());
    home.filter(|home| !home.is_empty())
}

#[cfg(test)]
mod tests {
    use super::home_of;

    #[test]
    fn a_home_is_found_by_the_id_alone() {
        let users = "1000:x:0:0::/by-name:\nroot:x:0:0:root:/root:/bin/sh\nbad:x:7\nme:x:5:5:::\n";
        assert_eq!(home_of(users, 0), Some("/by-name"));
        assert_eq!(home_of(&users[users.find("root").unwrap()..], 0), Some("/root"));
        for uid in [5, 7, 1000] {
            assert_eq!(home_of(users, uid), None, "{uid}");
        }
    }
}
