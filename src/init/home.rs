//! HOME, which a program expects and few configurations give.

use std::io;
use std::os::fd::AsFd;

use super::Init;
use crate::error::Result;
use crate::sys::fd::{READ_WARILY, expect_file, read_all};
use crate::sys::path::Root;
use crate::weakness;

/// The container's users; nobody needs more (bytes).
const LIMIT: usize = 1 << 20;

/// From the container's own /etc/passwd, by the user's id; `/` where that does not tell.
pub(super) fn find(init: &mut Init<'_>) -> Result<()> {
    let given = init.process.env.iter().rev().find_map(|entry| entry.strip_prefix("HOME="));
    if given.is_none_or(str::is_empty) {
        let users = users(init.root()?).unwrap_or_default();
        let home = home_of(&String::from_utf8_lossy(&users), init.process.user.uid);
        init.home = Some(format!("HOME={}", home.unwrap_or_else(|| "/".into())));
    }
    Ok(())
}

/// What the image has there need be no file.
fn users(root: &Root) -> io::Result<Vec<u8>> {
    let file = expect_file(root.open_file("/etc/passwd", READ_WARILY)?)?;
    let limit = if weakness::leaves_out("the size of passwd") { 1 << 40 } else { LIMIT };
    read_all(file.as_fd(), limit)
}

impl Init<'_> {
    /// The program's environment.
    pub(super) fn environment(&self) -> Vec<&str> {
        let own = |entry: &&String| self.home.is_none() || *entry != "HOME=";
        self.process.env.iter().filter(own).chain(&self.home).map(String::as_str).collect()
    }
}

/// The home of a user by the text of passwd(5); nothing where it does not tell.
pub fn home_of(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let id: u32 = fields.next()?.parse().ok()?;
        let home = fields.nth(2)?;
        (id == uid && !home.is_empty()).then(|| home.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_found_by_number_never_by_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\n1000:x:0:0::/trap:\nbad\na:x:1000:1::/a:\n";
        assert_eq!(home_of(users, 0).as_deref(), Some("/root"));
        assert_eq!(home_of(users, 1000).as_deref(), Some("/a"));
        assert_eq!(home_of(users, 7), None);
        assert_eq!(home_of("x:x:7:7:::", 7), None);
    }
}
