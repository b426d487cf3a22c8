//! What each word in a mount's `options` does: one table.

use super::types::{Attributes, Links, Propagation, PropagationKind, SourceLink, TargetLink};

/// `MOUNT_ATTR_*` (linux/mount.h)
pub(super) const RDONLY: u64 = 0x01;
const NOSUID: u64 = 0x02;
const NODEV: u64 = 0x04;
const NOEXEC: u64 = 0x08;
/// The access time modes are one of three values, not bits: `relatime` is zero.
const ATIME: u64 = 0x70;
const RELATIME: u64 = 0x00;
const NOATIME: u64 = 0x10;
const STRICTATIME: u64 = 0x20;
const NODIRATIME: u64 = 0x80;
const NOSYMFOLLOW: u64 = 0x20_0000;

/// What a word does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Changes the mount's own attributes.
    Here(Change),
    /// Changes the attributes of the mount and of all below it.
    Below(Change),
    /// Sets a flag of the superblock.
    Super(&'static str),
    /// Takes a flag of the superblock back.
    NotSuper(&'static str),
    /// Makes the mount a bind.
    Bind(Reach),
    /// Changes the propagation type.
    Propagate(PropagationKind, Reach),
    /// Translates ids.
    IdMap(Reach),
    /// Changes an existing mount.
    Remount,
    /// Starts a tmpfs with a copy of what it covers.
    CopyUp,
    /// Says what is done about a source that is a link.
    Source(SourceLink),
    /// Covers a destination that is a link.
    CoverLink,
    /// Asks for what is there anyway.
    Nothing,
}

/// Whether the mounts below are meant too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    One,
    Tree,
}

/// A change of attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Set(u64),
    Clear(u64),
    Atime(u64),
    NotAtime(u64),
}

use Change::{Atime, Clear, NotAtime, Set};
use Effect::{
    Below, Bind, CopyUp, CoverLink, Here, IdMap, NotSuper, Nothing, Propagate, Remount, Source,
    Super,
};
use PropagationKind::{Private, Shared, Slave, Unbindable};
use Reach::{One, Tree};

/// Every word that is not for the file system, sorted.
const OPTIONS: &[(&str, Effect)] = &[
    ("async", NotSuper("sync")),
    ("atime", Here(NotAtime(NOATIME))),
    ("bind", Bind(One)),
    ("copy-symlink", Source(SourceLink::Copy)),
    ("defaults", Nothing),
    ("dest-nofollow", CoverLink),
    ("dev", Here(Clear(NODEV))),
    ("diratime", Here(Clear(NODIRATIME))),
    ("dirsync", Super("dirsync")),
    ("exec", Here(Clear(NOEXEC))),
    ("idmap", IdMap(One)),
    ("iversion", Super("iversion")),
    ("lazytime", Super("lazytime")),
    ("loud", NotSuper("silent")),
    ("mand", Super("mand")),
    ("noatime", Here(Atime(NOATIME))),
    ("nodev", Here(Set(NODEV))),
    ("nodiratime", Here(Set(NODIRATIME))),
    ("noexec", Here(Set(NOEXEC))),
    ("noiversion", NotSuper("iversion")),
    ("nolazytime", NotSuper("lazytime")),
    ("nomand", NotSuper("mand")),
    ("norelatime", Here(NotAtime(RELATIME))),
    ("nostrictatime", Here(NotAtime(STRICTATIME))),
    ("nosuid", Here(Set(NOSUID))),
    ("nosymfollow", Here(Set(NOSYMFOLLOW))),
    ("private", Propagate(Private, One)),
    // A flag of the superblock is for all that is below anyway; crun has these words too.
    ("rasync", NotSuper("sync")),
    ("ratime", Below(NotAtime(NOATIME))),
    ("rbind", Bind(Tree)),
    ("rdev", Below(Clear(NODEV))),
    ("rdiratime", Below(Clear(NODIRATIME))),
    ("rdirsync", Super("dirsync")),
    ("relatime", Here(Atime(RELATIME))),
    ("remount", Remount),
    ("rexec", Below(Clear(NOEXEC))),
    ("ridmap", IdMap(Tree)),
    ("rmand", Super("mand")),
    ("rnoatime", Below(Atime(NOATIME))),
    ("rnodev", Below(Set(NODEV))),
    ("rnodiratime", Below(Set(NODIRATIME))),
    ("rnoexec", Below(Set(NOEXEC))),
    ("rnorelatime", Below(NotAtime(RELATIME))),
    ("rnostrictatime", Below(NotAtime(STRICTATIME))),
    ("rnosuid", Below(Set(NOSUID))),
    ("rnosymfollow", Below(Set(NOSYMFOLLOW))),
    ("ro", Here(Set(RDONLY))),
    ("rprivate", Propagate(Private, Tree)),
    ("rrelatime", Below(Atime(RELATIME))),
    ("rro", Below(Set(RDONLY))),
    ("rrw", Below(Clear(RDONLY))),
    ("rshared", Propagate(Shared, Tree)),
    ("rslave", Propagate(Slave, Tree)),
    ("rstrictatime", Below(Atime(STRICTATIME))),
    ("rsuid", Below(Clear(NOSUID))),
    ("rsymfollow", Below(Clear(NOSYMFOLLOW))),
    ("rsync", Super("sync")),
    ("runbindable", Propagate(Unbindable, Tree)),
    ("rw", Here(Clear(RDONLY))),
    ("shared", Propagate(Shared, One)),
    ("silent", Super("silent")),
    ("slave", Propagate(Slave, One)),
    ("src-nofollow", Source(SourceLink::Bind)),
    ("strictatime", Here(Atime(STRICTATIME))),
    ("suid", Here(Clear(NOSUID))),
    ("symfollow", Here(Clear(NOSYMFOLLOW))),
    ("sync", Super("sync")),
    ("tmpcopyup", CopyUp),
    ("unbindable", Propagate(Unbindable, One)),
];

/// The words that are known, sorted: `mountOptions` of `features`.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|(name, _)| *name)
}

/// The propagation type that a word stands for.
pub(super) fn propagation(word: &str) -> Option<Propagation> {
    match effect(word)? {
        Propagate(kind, reach) => Some(Propagation { kind, recursive: reach == Tree }),
        _ => None,
    }
}

/// What a list of options asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wishes<'a> {
    /// A bind, and whether the mounts below come along.
    pub(super) bind: Option<bool>,
    /// An id translation, and whether the mounts below get it too.
    pub(super) idmap: Option<bool>,
    /// Own maps of that translation, as crun takes them: `uids=…;gids=…`.
    pub(super) maps: Option<&'a str>,
    pub(super) remount: bool,
    pub(super) copy_up: bool,
    pub(super) links: Links,
    pub(super) attributes: Attributes,
    pub(super) recursive: Attributes,
    pub(super) propagation: Vec<Propagation>,
    pub(super) flags: Vec<&'static str>,
    /// What is for the file system.
    pub(super) data: Vec<&'a str>,
}

/// Reads a mount's options; a later one wins over an earlier one.
pub(super) fn parse<'a>(options: impl Iterator<Item = &'a str>) -> Wishes<'a> {
    let mut wishes = Wishes::default();
    for option in options {
        match effect(option) {
            Some(effect) => wishes.grant(effect),
            None => wishes.take(option),
        }
    }
    wishes
}

fn effect(word: &str) -> Option<Effect> {
    let row = OPTIONS.binary_search_by(|(name, _)| (*name).cmp(word)).ok()?;
    OPTIONS.get(row).map(|(_, effect)| *effect)
}

impl<'a> Wishes<'a> {
    fn grant(&mut self, effect: Effect) {
        match effect {
            Here(change) => self.attributes.apply(change),
            Below(change) => self.recursive.apply(change),
            Super(flag) if !self.flags.contains(&flag) => self.flags.push(flag),
            Super(_) | Nothing => {}
            NotSuper(flag) => self.flags.retain(|known| *known != flag),
            Bind(reach) => self.bind = Some(reach == Tree || self.bind == Some(true)),
            Propagate(kind, reach) => {
                self.propagation.push(Propagation { kind, recursive: reach == Tree });
            }
            IdMap(reach) => self.idmap = Some(reach == Tree),
            Remount => self.remount = true,
            CopyUp => self.copy_up = true,
            Source(link) => self.links.source = link,
            CoverLink => self.links.target = TargetLink::Cover,
        }
    }

    /// Keeps an option with a value of its own.
    fn take(&mut self, option: &'a str) {
        let maps = ["idmap=", "ridmap="].iter().find_map(|key| option.strip_prefix(key));
        match maps {
            Some(maps) => {
                self.idmap = Some(option.starts_with('r'));
                self.maps = Some(maps);
            }
            None => self.data.extend(split(option)),
        }
    }
}

impl Attributes {
    /// What the words say of a bind mount's copy as a whole: a flag that none of them names is off,
    /// whatever the source has, and the words for access times are one setting. Without a word the
    /// copy is as the source is.
    pub(super) fn of_a_copy(self) -> Attributes {
        const FLAGS: u64 = RDONLY | NOSUID | NODEV | NOEXEC;
        let Attributes { set, mut clear } = self.of_a_locked_copy();
        if self == Attributes::default() {
            return self;
        }
        clear |= FLAGS & !set;
        if set & NODIRATIME != 0 {
            clear |= ATIME;
        } else if clear & ATIME != 0 {
            clear |= NODIRATIME;
        }
        Attributes { set, clear }
    }

    /// The same of a copy whose flags the kernel locks: nosymfollow is none of these.
    pub(super) fn of_a_locked_copy(self) -> Attributes {
        match self == Attributes::default() {
            true => self,
            false => Attributes { clear: self.clear | NOSYMFOLLOW & !self.set, ..self },
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Set(bit) => (self.set, self.clear) = (self.set | bit, self.clear & !bit),
            Clear(bit) => (self.set, self.clear) = (self.set & !bit, self.clear | bit),
            Atime(mode) => (self.set, self.clear) = (self.set & !ATIME | mode, self.clear | ATIME),
            // Nothing but `relatime` is left when one of the other modes is declined; to decline
            // `relatime` itself only takes back that it was asked for.
            NotAtime(RELATIME) if self.set & ATIME == RELATIME => self.clear &= !ATIME,
            NotAtime(mode) if self.set & ATIME == mode => {
                (self.set, self.clear) = (self.set & !ATIME, self.clear | ATIME);
            }
            NotAtime(RELATIME) => {}
            NotAtime(_) => self.clear |= ATIME,
        }
    }
}

/// The parts of an option that holds several: commas divide, but not in quotes (SELinux contexts)
/// and not after a backslash (paths of overlayfs).
fn split(option: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = option.split(move |character| {
        let divides = character == ',' && !quoted && !escaped;
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        divides
    });
    parts.filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(options: &[&str]) -> (u64, u64) {
        let wishes = parse(options.iter().copied());
        (wishes.attributes.set, wishes.attributes.clear)
    }

    #[test]
    fn the_table_is_sorted_and_each_word_stands_once() {
        let words: Vec<&str> = names().collect();
        assert!(words.is_sorted_by(|a, b| a < b));
        // 18 recursive attributes, 8 propagation types, the rest for the mount itself.
        assert_eq!(OPTIONS.iter().filter(|row| matches!(row.1, Below(_))).count(), 18);
        assert_eq!(OPTIONS.iter().filter(|row| matches!(row.1, Propagate(..))).count(), 8);
        assert!(words.iter().all(|word| effect(word).is_some()));
    }

    #[test]
    fn the_later_word_wins() {
        let cases: [(&[&str], (u64, u64)); 12] = [
            (&[], (0, 0)),
            (&["ro"], (RDONLY, 0)),
            (&["ro", "rw"], (0, RDONLY)),
            (&["rw", "ro"], (RDONLY, 0)),
            (&["nosuid", "nodev", "noexec"], (NOSUID | NODEV | NOEXEC, 0)),
            (&["noatime"], (NOATIME, ATIME)),
            (&["noatime", "strictatime"], (STRICTATIME, ATIME)),
            (&["noatime", "relatime"], (RELATIME, ATIME)),
            (&["noatime", "atime"], (RELATIME, ATIME)),
            (&["strictatime", "atime"], (STRICTATIME, ATIME)),
            (&["relatime", "norelatime"], (0, 0)),
            (&["nodiratime", "noatime", "diratime"], (NOATIME, ATIME | NODIRATIME)),
        ];
        for (options, expected) in cases {
            assert_eq!(attributes(options), expected, "{options:?}");
        }
    }

    #[test]
    fn a_copys_nosymfollow_ends_with_the_first_word_even_where_flags_are_locked() {
        let copies = |options: &[&str]| {
            let wishes = parse(options.iter().copied()).attributes;
            [wishes.of_a_copy().clear, wishes.of_a_locked_copy().clear]
        };
        assert_eq!(copies(&[]), [0, 0]);
        let all = RDONLY | NOSUID | NODEV | NOEXEC | NOSYMFOLLOW;
        assert_eq!(copies(&["dev"]), [all, NODEV | NOSYMFOLLOW]);
        assert_eq!(copies(&["nosymfollow"]), [all & !NOSYMFOLLOW, 0]);
    }

    #[test]
    fn the_access_time_is_set_and_cleared_as_a_whole() {
        let recursive = parse(["rnoatime", "rro"].into_iter()).recursive;
        assert_eq!((recursive.set, recursive.clear), (NOATIME | RDONLY, ATIME));
        let recursive = parse(["rrelatime"].into_iter()).recursive;
        assert_eq!((recursive.set, recursive.clear), (0, ATIME));
    }

    #[test]
    fn what_is_not_known_is_for_the_file_system() {
        let wishes = parse(
            ["mode=755,size=1k", "", r#"context="a:b:c0,c1",x"#, r"lowerdir=/a\,b:/c"].into_iter(),
        );
        let expected = ["mode=755", "size=1k", r#"context="a:b:c0,c1""#, "x", r"lowerdir=/a\,b:/c"];
        assert_eq!(wishes.data, expected);
    }

    #[test]
    fn flags_of_the_superblock_are_kept_by_name() {
        let wishes = parse(["sync", "dirsync", "sync", "mand", "async", "defaults"].into_iter());
        assert_eq!(wishes.flags, ["dirsync", "mand"]);
    }
}
