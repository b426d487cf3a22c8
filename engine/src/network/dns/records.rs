//! What a container's resolver knows by itself: the names of those in the same networks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::Errno;

use super::message::{A, AAAA, Answer, PTR, Question, reverse};
use crate::error::{Context, Result};
use crate::model::network::{Endpoint, Network, split_link};
use crate::store::networks::Networks;

/// The names, and whether there is anybody else to ask.
#[derive(Debug, Default)]
pub(super) struct Records {
    addresses: HashMap<String, Vec<IpAddr>>,
    names: HashMap<IpAddr, String>,
    /// A container in internal networks only asks nobody outside (CVE-2024-29018).
    pub(super) has_way_out: bool,
}

impl Records {
    /// What the container's networks hold now.
    pub(super) fn read(networks: &Networks, container: &str) -> Result<Records> {
        let mut records = Records::default();
        for network in networks.all()? {
            let members = networks.endpoints(&network.id)?;
            if let Some(own) = members.iter().find(|member| member.container == container) {
                records.add(&network, &members);
                records.add_links(own, &members);
            }
        }
        Ok(records)
    }

    fn add(&mut self, network: &Network, members: &[Endpoint]) {
        self.has_way_out |= !network.internal;
        for member in members {
            for name in member.names() {
                self.add_name(name, member);
                self.add_name(&format!("{name}.{}", network.name), member);
            }
            let own = format!("{}.{}", member.name, network.name);
            for address in member.addresses() {
                self.names.entry(address.addr()).or_insert_with(|| own.clone());
            }
        }
    }

    /// Names that the container alone has for others.
    fn add_links(&mut self, own: &Endpoint, members: &[Endpoint]) {
        for (name, alias) in own.links.iter().map(|link| split_link(link)) {
            let is_meant = |other: &&Endpoint| {
                other.name == name || (name.len() >= 12 && other.container.starts_with(name))
            };
            members.iter().filter(is_meant).for_each(|other| self.add_name(alias, other));
        }
    }

    fn add_name(&mut self, name: &str, member: &Endpoint) {
        let known = self.addresses.entry(name.to_ascii_lowercase()).or_default();
        for address in member.addresses() {
            if !known.contains(&address.addr()) {
                known.push(address.addr());
            }
        }
    }

    /// What there is to say; `None` is for others to answer. Of several addresses, another is the
    /// first each turn.
    pub(super) fn answer(&self, question: &Question, turn: usize) -> Option<Vec<Answer>> {
        if question.kind == PTR {
            let name = self.names.get(&reverse(&question.name)?)?;
            return Some(vec![Answer::Name(name.clone())]);
        }
        let known = self.addresses.get(&question.name)?;
        let fits = |address: &&IpAddr| match question.kind {
            A => address.is_ipv4(),
            AAAA => address.is_ipv6(),
            _ => false,
        };
        let mut answers: Vec<Answer> =
            known.iter().filter(fits).copied().map(Answer::Address).collect();
        if !answers.is_empty() {
            let first = turn % answers.len();
            answers.rotate_left(first);
        }
        Some(answers)
    }
}

/// Tells when records may have changed.
#[derive(Debug)]
pub(super) struct Watch(OwnedFd);

impl Watch {
    /// Watches all networks: the container may be connected to any of them.
    pub(super) fn start(networks: &Networks) -> Result<Watch> {
        let watch = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).context("watch networks")?;
        let watch = Watch(watch);
        watch.renew(networks)?;
        Ok(watch)
    }

    fn renew(&self, networks: &Networks) -> Result<()> {
        let folder = networks.places();
        let come_and_go = WatchFlags::CREATE | WatchFlags::DELETE;
        add_watch(&self.0, &folder, come_and_go | WatchFlags::ONLYDIR)
            .with_context(|| format!("watch {}", folder.display()))?;
        for network in networks.all()? {
            let folder = folder.join(&network.id);
            let changes = WatchFlags::MOVE | WatchFlags::DELETE | WatchFlags::ONLYDIR;
            match add_watch(&self.0, &folder, changes) {
                // Nobody is in that network.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("watch {}", folder.display()));
                }
            }
        }
        Ok(())
    }

    /// Whether something has changed since the last call.
    pub(super) fn has_news(&self, networks: &Networks) -> Result<bool> {
        let mut buffer = [0; 4096];
        let mut news = false;
        loop {
            match rustix::io::read(&self.0, &mut buffer) {
                Ok(_) => news = true,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error).context("read what changed in networks"),
            }
        }
        if news {
            // There may be a folder that was not there before.
            self.renew(networks)?;
        }
        Ok(news)
    }
}
