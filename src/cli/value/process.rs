//! What `exec` is told about its process.

use crate::container::{ExecUser, SubCgroup};
use crate::error::{Error, Result};

/// `UID[:GID]`, numbers only.
pub(in super::super) fn user(typed: &str) -> Result<ExecUser> {
    let number = |text: &str| {
        // Rust's parser takes a sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| digits)
    };
    let (uid, gid) = match typed.split_once(':') {
        Some((uid, gid)) => (number(uid), Some(number(gid))),
        None => (number(typed), None),
    };
    match (uid, gid) {
        (Some(uid), None) => Ok(ExecUser { uid, gid: None }),
        (Some(uid), Some(Some(gid))) => Ok(ExecUser { uid, gid: Some(gid) }),
        _ => Err(Error::new("not numbers like 1000 or 1000:100")),
    }
}

/// `[CONTROLLER,…:]PATH`
pub(in super::super) fn sub_cgroup(typed: &str) -> Result<SubCgroup> {
    let (controllers, path) = match typed.split_once(':') {
        Some((controllers, path)) => (controllers.split(',').map(String::from).collect(), path),
        None => (Vec::new(), typed),
    };
    if path.is_empty() || controllers.iter().any(String::is_empty) {
        return Err(Error::new("not a group like name or cpu,memory:name"));
    }
    Ok(SubCgroup { controllers, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_one_or_two_numbers() {
        assert_eq!(user("1").unwrap(), ExecUser { uid: 1, gid: None });
        assert_eq!(user("1000:100").unwrap(), ExecUser { uid: 1000, gid: Some(100) });
        for typed in ["", ":", "1:", ":1", "root", "-1", "+1", "1:2:3", "4294967296", "0x1", "1 "] {
            assert!(user(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_group_may_name_its_controllers() {
        let group = sub_cgroup("cpu,memory:a/b").unwrap();
        assert_eq!(group.controllers, ["cpu", "memory"]);
        assert_eq!(group.path, "a/b");
        assert!(sub_cgroup("a/b").unwrap().controllers.is_empty());
        for typed in ["", "cpu:", ":a", "cpu,,memory:a"] {
            assert!(sub_cgroup(typed).is_err(), "{typed}");
        }
    }
}
