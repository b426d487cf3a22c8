//! `--cap-add`, `--cap-drop`, `--privileged` → the set that a container may have.

use std::collections::BTreeSet;

use crate::error::{Kind, Result, refuse};

/// The word for every capability.
const ALL: &str = "ALL";

/// What a container has when nothing is said.
const DEFAULT: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

/// Every capability, at its number: linux/capability.h.
const EVERY: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// The set, where `owned` are the capabilities of dok itself, as bits: nobody can give more.
///
/// # Errors
/// A name that is no capability.
pub fn allowed(
    add: &[String],
    drop: &[String],
    privileged: bool,
    owned: u64,
) -> Result<Vec<&'static str>> {
    let (add, drop) = (names(add)?, names(drop)?);
    let all = |list: &[Option<&str>]| list.contains(&None);
    let has = |list: &[Option<&str>], name| list.contains(&Some(name));
    let chosen = |name: &&'static str| {
        if privileged || (all(&add) && !has(&drop, *name)) {
            return true;
        }
        has(&add, *name) || (DEFAULT.contains(name) && !all(&drop) && !has(&drop, *name))
    };
    let numbered = EVERY.iter().enumerate().filter(|(number, _)| owned >> number & 1 == 1);
    Ok(numbered.map(|(_, name)| *name).filter(chosen).collect())
}

/// The words as Docker keeps them: in capitals, in order, each once.
///
/// # Errors
/// A name that is no capability.
pub fn normal(words: &[String]) -> Result<Vec<String>> {
    let names: BTreeSet<_> = names(words)?.into_iter().map(|name| name.unwrap_or(ALL)).collect();
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Each word as the kernel's name; `None` is `ALL`.
fn names(words: &[String]) -> Result<Vec<Option<&'static str>>> {
    words.iter().map(|word| name(word)).collect()
}

fn name(word: &str) -> Result<Option<&'static str>> {
    let upper = word.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if bare == ALL {
        return Ok(None);
    }
    let found = EVERY.iter().find(|name| name.strip_prefix("CAP_") == Some(bare));
    let words = || format!("invalid capability: unknown capability: {word:?}");
    found.map(|name| Some(*name)).ok_or_else(|| refuse(Kind::Invalid, words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(add: &[&str], drop: &[&str]) -> Vec<&'static str> {
        let own = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        allowed(&own(add), &own(drop), false, u64::MAX).unwrap()
    }

    #[test]
    fn what_is_added_and_dropped_changes_the_default() {
        assert_eq!(given(&[], &[]).len(), DEFAULT.len());
        assert!(given(&["net_admin"], &[]).contains(&"CAP_NET_ADMIN"));
        assert!(!given(&[], &["CAP_MKNOD"]).contains(&"CAP_MKNOD"));
        assert_eq!(given(&["CHOWN"], &["ALL"]), ["CAP_CHOWN"]);
        assert_eq!(given(&["ALL"], &["SYS_ADMIN"]).len(), EVERY.len() - 1);
        assert!(allowed(&["FLY".into()], &[], false, u64::MAX).is_err());
    }

    #[test]
    fn each_is_kept_once_by_its_whole_name() {
        let words = ["net_admin", "cap_chown", "all", "CHOWN"].map(str::to_owned);
        assert_eq!(normal(&words).unwrap(), ["ALL", "CAP_CHOWN", "CAP_NET_ADMIN"]);
        assert!(normal(&["FLY".to_owned()]).is_err());
    }

    #[test]
    fn nobody_gives_what_it_does_not_have() {
        let kill_only = 1 << 5;
        assert_eq!(allowed(&[], &[], true, kill_only).unwrap(), ["CAP_KILL"]);
        assert_eq!(allowed(&[], &[], false, kill_only).unwrap(), ["CAP_KILL"]);
    }
}
