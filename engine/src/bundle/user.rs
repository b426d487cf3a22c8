//! `user:group`, as `--user` and an image say it, becomes numbers by the text of the container's
//! own passwd(5) and group(5).

use crate::error::{Kind, Result, refuse};

/// Who a process is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// All groups of the process, the first one too, in rising order: a process that leaves its
    /// group by setgid(2) stays kept from what that group may not do (CVE-2022-36109).
    pub groups: Vec<u32>,
    /// The user's home folder, where passwd has one.
    pub home: Option<String>,
}

/// The container's `/etc/passwd` and `/etc/group`; empty where it has none.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// passwd(5).
    pub passwd: String,
    /// group(5).
    pub group: String,
}

/// The largest number that is a user or a group. The kernel has twice as many; Docker stops here,
/// since what reads the number as one with a sign would find it negative.
const LARGEST: u32 = i32::MAX as u32;

impl Accounts {
    /// What `user`, `user:group`, or nothing for root, stands for, with groups asked for besides.
    ///
    /// # Errors
    /// A name that the container does not know, a number out of range.
    pub fn identity(&self, words: &str, more: &[String]) -> Result<Identity> {
        let (user, group) = match words.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (words, None),
        };
        let user = if user.is_empty() { "0" } else { user };
        let entry = self.user(user);
        let uid = match (&entry, number(user)?) {
            (_, Some(uid)) => uid,
            (Some(entry), None) => entry.uid,
            (None, None) => {
                return Err(unknown("user", user, "passwd"));
            }
        };
        let mut groups = Vec::new();
        let gid = match group {
            Some(group) if !group.is_empty() => self.gid(group)?,
            _ => {
                groups = entry.as_ref().map_or_else(Vec::new, |entry| self.groups_of(entry.name));
                entry.as_ref().map_or(0, |entry| entry.gid)
            }
        };
        for name in more {
            groups.push(self.gid(name)?);
        }
        groups.push(gid);
        groups.sort_unstable();
        groups.dedup();
        Ok(Identity { uid, gid, groups, home: entry.map(|entry| entry.home.to_owned()) })
    }

    /// By number first where it is one: a user may not take another's place by being called "0".
    fn user<'a>(&'a self, user: &str) -> Option<Entry<'a>> {
        let mut entries = self.passwd.lines().filter_map(Entry::parse);
        match user.parse::<u32>() {
            Ok(uid) => entries.find(|entry| entry.uid == uid),
            Err(_) => entries.find(|entry| entry.name == user),
        }
    }

    fn gid(&self, group: &str) -> Result<u32> {
        if let Some(gid) = number(group)? {
            return Ok(gid);
        }
        let mut lines = self.group.lines().filter_map(group_line);
        let found = lines.find(|(name, ..)| *name == group).map(|(_, gid, _)| gid);
        found.ok_or_else(|| unknown("group", group, "group"))
    }

    fn groups_of(&self, user: &str) -> Vec<u32> {
        let lines = self.group.lines().filter_map(group_line);
        lines
            .filter(|(_, _, members)| members.split(',').any(|member| member == user))
            .map(|(_, gid, _)| gid)
            .collect()
    }
}

/// A line of passwd(5).
struct Entry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl Entry<'_> {
    fn parse(line: &str) -> Option<Entry<'_>> {
        let mut fields = line.split(':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let (uid, gid) = (id(fields.next()?)?, id(fields.next()?)?);
        let home = fields.nth(1).unwrap_or("/");
        Some(Entry { name, uid, gid, home: if home.is_empty() { "/" } else { home } })
    }
}

fn group_line(line: &str) -> Option<(&str, u32, &str)> {
    let mut fields = line.split(':');
    let (name, _password) = (fields.next()?, fields.next()?);
    Some((name, id(fields.next()?)?, fields.next().unwrap_or_default()))
}

/// A line with another number names nobody.
fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id <= LARGEST)
}

/// The number, where the word is one; a number that is none of an account is refused rather than
/// cut short, which once made root of 4294967296.
fn number(word: &str) -> Result<Option<u32>> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let words = format!("uids and gids must be in range 0-{LARGEST}: {word}");
    id(word).map(Some).ok_or_else(|| refuse(Kind::Invalid, words))
}

fn unknown(what: &str, name: &str, file: &str) -> anyhow::Error {
    let words = format!("unable to find {what} {name}: no matching entries in {file} file");
    refuse(Kind::Invalid, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv/www:/bin/false\nbad line\n\
                     odd:x:7:4294967295::/:\n"
                .into(),
            group: "root:x:0:\nwww:x:34:\nadm:x:4:root,web\nlog:x:99:web\nodd:x:2147483648:web\n"
                .into(),
        }
    }

    #[test]
    fn names_and_numbers_become_an_identity() {
        let table: &[(&str, u32, u32, &[u32])] = &[
            ("", 0, 0, &[0, 4]),
            ("root", 0, 0, &[0, 4]),
            ("web", 33, 34, &[4, 34, 99]),
            ("33", 33, 34, &[4, 34, 99]),
            ("web:log", 33, 99, &[99]),
            ("1000", 1000, 0, &[0]),
            ("1000:1001", 1000, 1001, &[1001]),
            (":34", 0, 34, &[34]),
        ];
        for (words, uid, gid, groups) in table {
            let got = accounts().identity(words, &[]).unwrap();
            assert_eq!((got.uid, got.gid, &got.groups[..]), (*uid, *gid, *groups), "{words}");
        }
        assert_eq!(accounts().identity("web", &[]).unwrap().home.as_deref(), Some("/srv/www"));
        assert_eq!(accounts().identity("web", &["7".into()]).unwrap().groups, [4, 7, 34, 99]);
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for words in
            ["ghost", "odd", "root:ghosts", "root:odd", "4294967296", "2147483648", "-1", "0:-5"]
        {
            assert!(accounts().identity(words, &[]).is_err(), "{words}");
        }
        let error = Accounts::default().identity("ghost", &[]).unwrap_err();
        let words = "unable to find user ghost: no matching entries in passwd file";
        assert_eq!(error.to_string(), words);
    }
}
