//! What CRIU is asked to do, as `criu_opts` of its rpc.proto says it.

use std::os::fd::RawFd;

use super::wire::Message;
use crate::error::{Code, Error, Result};

/// Something that CRIU does or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// The processes go on after a dump.
    LeaveRunning,
    /// Connections of unix sockets to the outside are dumped, and restored unconnected.
    ExtUnixSk,
    /// Established TCP connections are kept.
    TcpEstablished,
    /// Established TCP connections come back closed.
    TcpClose,
    /// TCP connections that are not accepted yet are left out.
    TcpSkipInFlight,
    /// The session and its terminal are those of a shell outside.
    ShellJob,
    /// File locks are kept.
    FileLocks,
    /// Files that were removed while open get a name again.
    LinkRemap,
    /// Pages that a later image has are freed in the earlier one.
    AutoDedup,
    /// Memory comes later, when it is touched.
    LazyPages,
    /// Changes of memory are tracked from now on, for the next dump.
    TrackMemory,
    /// A device that is gone is replaced by another of the same number.
    EvasiveDevices,
    /// The restored process is a sibling of CRIU, and so a child of who runs it.
    Sibling,
}

impl Switch {
    /// The field's number in `criu_opts`.
    fn field(self) -> u64 {
        match self {
            Switch::LeaveRunning => 3,
            Switch::ExtUnixSk => 4,
            Switch::TcpEstablished => 5,
            Switch::EvasiveDevices => 6,
            Switch::ShellJob => 7,
            Switch::FileLocks => 8,
            Switch::TrackMemory => 15,
            Switch::AutoDedup => 16,
            Switch::LinkRemap => 18,
            Switch::Sibling => 26,
            Switch::TcpSkipInFlight => 46,
            Switch::LazyPages => 48,
            Switch::TcpClose => 52,
        }
    }
}

/// What is done with the cgroups that the processes are in (`--manage-cgroups-mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CgroupsMode {
    /// Nothing.
    Ignore = 0,
    /// Groups that are missing are made with their values.
    Soft = 3,
    /// All get their values.
    Full = 4,
    /// None may be there before.
    Strict = 5,
    /// As CRIU's configuration says, otherwise soft.
    #[default]
    Default = 6,
}

impl CgroupsMode {
    /// # Errors
    /// Which words there are.
    pub fn from_name(name: &str) -> Result<CgroupsMode> {
        match name {
            "ignore" => Ok(CgroupsMode::Ignore),
            "soft" => Ok(CgroupsMode::Soft),
            "full" => Ok(CgroupsMode::Full),
            "strict" => Ok(CgroupsMode::Strict),
            _ => Err(Error::new(format!(
                "invalid --manage-cgroups-mode {name:?}: expected soft, full, strict or ignore"
            ))),
        }
    }
}

/// How connections are kept quiet meanwhile (`--network-lock`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkLock {
    /// By iptables(8).
    Iptables = 1,
    /// By nftables.
    Nftables = 2,
    /// Not at all.
    Skip = 3,
}

impl NetworkLock {
    /// # Errors
    /// Which words there are.
    pub fn from_name(name: &str) -> Result<NetworkLock> {
        match name {
            "iptables" => Ok(NetworkLock::Iptables),
            "nftables" => Ok(NetworkLock::Nftables),
            "skip" => Ok(NetworkLock::Skip),
            _ => Err(Error::new(format!(
                "invalid --network-lock {name:?}: expected iptables, nftables or skip"
            ))),
        }
    }
}

/// Where pages are sent to, or asked for (`--page-server`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageServer {
    /// An address or a host's name.
    pub address: String,
    /// The TCP port.
    pub port: u16,
}

impl PageServer {
    /// Reads `ADDRESS:PORT`, an address of IPv6 in brackets.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<PageServer> {
        let read = || {
            let (address, port) = text.rsplit_once(':')?;
            let inner = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let address = inner.or((!address.contains(':')).then_some(address))?;
            let port = port.parse().ok().filter(|port| *port != 0)?;
            (!address.is_empty()).then(|| PageServer { address: address.to_owned(), port })
        };
        read().ok_or_else(|| {
            Error::new(format!("invalid --page-server {text:?}: expected ADDRESS:PORT"))
        })
    }
}

/// A version of CRIU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 4 in 4.2.1
    pub major: i64,
    /// 2 in 4.2.1
    pub minor: i64,
    /// 1 in 4.2.1
    pub sublevel: i64,
}

impl Version {
    /// External pid namespaces, the freezer of cgroup v2 and the word that pages are ready.
    pub const LEAST: Version = Version { major: 3, minor: 15, sublevel: 0 };
    const LSM: Version = Version { major: 3, minor: 16, sublevel: 0 };
    const JOIN: Version = Version { major: 3, minor: 16, sublevel: 1 };
    const NETWORK_LOCK: Version = Version { major: 3, minor: 17, sublevel: 0 };
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.sublevel == 0 { Ok(()) } else { write!(f, ".{}", self.sublevel) }
    }
}

/// `criu_opts`. Descriptors are by their numbers, and CRIU gets them as part of its place.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The directory of the images.
    pub images: RawFd,
    /// The directory of the log, if it is another one.
    pub work: Option<RawFd>,
    /// The log's name.
    pub log: &'static str,
    /// The container's root file system on the host.
    pub root: String,
    /// The first process, for a dump.
    pub pid: Option<i32>,
    /// What is on.
    pub switches: Vec<Switch>,
    /// What is done with cgroups.
    pub cgroups: CgroupsMode,
    /// Where the processes go in each hierarchy: its controllers, the group.
    pub cgroup_roots: Vec<(String, String)>,
    /// The group by whose freezer the processes are stopped, an absolute path.
    pub freezer: Option<String>,
    /// Mounts that come from outside: mount point and name for a dump, name and source after it.
    pub mounts: Vec<(String, String)>,
    /// Other things that stay outside, in CRIU's notation.
    pub external: Vec<String>,
    /// Descriptors that stand for what stayed outside.
    pub inherit: Vec<(String, RawFd)>,
    /// Namespaces to join: kind, path.
    pub join: Vec<(String, String)>,
    /// `CLONE_NEW*` of namespaces that are made without their content.
    pub empty_namespaces: u64,
    /// Where pages are sent to.
    pub page_server: Option<PageServer>,
    /// The images before these, relative to them.
    pub parent: Option<String>,
    /// `TYPE:NAME` of the label or profile that the processes get instead of theirs.
    pub lsm_profile: Option<String>,
    /// The SELinux context that mounts get instead of theirs.
    pub lsm_mount_context: Option<String>,
    /// How connections are kept quiet.
    pub network_lock: Option<NetworkLock>,
    /// A file of options that win over these.
    pub config: Option<String>,
}

/// Everything that it logs.
const LOG_LEVEL: i64 = 4;

impl Options {
    /// # Errors
    /// What this version of CRIU would pass over in silence.
    pub(super) fn check(&self, version: Version) -> Result<()> {
        let rows = [
            (true, "checkpoint and restore", Version::LEAST),
            (self.lsm_profile.is_some(), "--lsm-profile", Version::LSM),
            (self.lsm_mount_context.is_some(), "--lsm-mount-context", Version::LSM),
            (!self.join.is_empty(), "joining namespaces", Version::JOIN),
            (self.network_lock.is_some(), "--network-lock", Version::NETWORK_LOCK),
        ];
        match rows.into_iter().find(|(asked, _, least)| *asked && version < *least) {
            None => Ok(()),
            Some((_, what, least)) => Err(Error::of(
                Code::NotSupported,
                format!("{what} takes criu {least} or newer, and this is {version}"),
            )),
        }
    }

    pub(super) fn message(&self) -> Message {
        let mut to = Message::default();
        to.number(1, self.images.into());
        to.number(9, LOG_LEVEL);
        to.text(10, self.log);
        to.truth(12, true); // notify_scripts
        to.text(13, &self.root);
        to.truth(24, true); // manage_cgroups, for the mode to count
        to.number(34, self.cgroups as i64);
        to.truth(50, true); // orphan_pts_master
        for switch in &self.switches {
            to.truth(switch.field(), true);
        }
        if let Some(pid) = self.pid {
            to.number(2, pid.into());
        }
        if let Some(work) = self.work {
            to.number(17, work.into());
        }
        if self.empty_namespaces != 0 {
            to.number(38, self.empty_namespaces.cast_signed());
        }
        if let Some(lock) = self.network_lock {
            to.number(64, lock as i64);
        }
        self.add_texts(&mut to);
        self.add_lists(&mut to);
        to
    }

    fn add_texts(&self, to: &mut Message) {
        let texts = [
            (14, &self.parent),
            (44, &self.freezer),
            (51, &self.config),
            (53, &self.lsm_profile),
            (63, &self.lsm_mount_context),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                to.text(field, text);
            }
        }
        self.external.iter().for_each(|text| to.text(37, text));
    }

    fn add_lists(&self, to: &mut Message) {
        if let Some(server) = &self.page_server {
            let mut inner = Message::default();
            inner.text(1, &server.address);
            inner.number(2, server.port.into());
            to.message(11, &inner);
        }
        for (field, pairs) in [(23, &self.mounts), (25, &self.cgroup_roots), (39, &self.join)] {
            for (first, second) in pairs {
                let mut inner = Message::default();
                inner.text(1, first);
                inner.text(2, second);
                to.message(field, &inner);
            }
        }
        for (key, fd) in &self.inherit {
            let mut inner = Message::default();
            inner.text(1, key);
            inner.number(2, (*fd).into());
            to.message(27, &inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::fields;
    use super::*;

    #[test]
    fn a_page_server_is_an_address_and_a_port() {
        let server = |address: &str, port| PageServer { address: address.into(), port };
        for (text, expected) in [
            ("10.0.0.1:99", server("10.0.0.1", 99)),
            ("host:1", server("host", 1)),
            ("[::1]:65535", server("::1", 65535)),
        ] {
            assert_eq!(PageServer::parse(text).unwrap(), expected);
        }
        for text in ["", "host", ":1", "host:", "host:0", "host:65536", "::1:5", "[]:1", "h:x"] {
            assert!(PageServer::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_an_old_criu_does_not_know_is_refused() {
        let version = |minor, sublevel| Version { major: 3, minor, sublevel };
        let plain = Options::default();
        assert!(plain.check(version(14, 9)).is_err());
        assert!(plain.check(version(15, 0)).is_ok());
        let lock = Options { network_lock: Some(NetworkLock::Skip), ..Options::default() };
        assert!(lock.check(version(16, 1)).is_err());
        assert!(lock.check(Version { major: 4, minor: 0, sublevel: 0 }).is_ok());
    }

    #[test]
    fn every_option_has_its_field() {
        let options = Options {
            images: 5,
            log: "dump.log",
            root: "/r".into(),
            pid: Some(9),
            switches: vec![Switch::TcpClose],
            mounts: vec![("/a".into(), "/b".into())],
            inherit: vec![("pipe:[1]".into(), 1)],
            lsm_mount_context: Some("c".into()),
            ..Options::default()
        };
        let bytes = options.message().into_bytes();
        let read: Vec<_> = fields(&bytes).map(|field| field.unwrap()).collect();
        let numbers: Vec<u64> = read.iter().map(|(field, _)| *field).collect();
        assert_eq!(numbers, [1, 9, 10, 12, 13, 24, 34, 50, 52, 2, 63, 23, 27]);
        let (_, mount) = read[11];
        let parts: Vec<String> =
            fields(mount.bytes()).map(|field| field.unwrap().1.text()).collect();
        assert_eq!(parts, ["/a", "/b"]);
    }
}
