//! Other firewalls on the machine. Docker's and ufw's drop whatever is to be forwarded and not
//! theirs (the chain FORWARD of the table filter, as iptables has them), and no verdict of ours
//! changes that. So our bridges are let through there, by rules that bear our name. What may pass
//! is still decided in our own table: there, a drop is final.

use std::io;

use rustix::io::Errno;

use super::expression::{Sense, Verdict, Way, by_device, verdict};
use super::{Message, Nest, Table, attribute, is};
use crate::network::netlink::{CREATE, DUMP};

const NEW_RULE: u16 = 6;
const GET_CHAIN: u16 = 4;
const GET_RULE: u16 = 7;
const DELETE_RULE: u16 = 8;

/// IPv4 and IPv6 have a table each.
const FAMILIES: [u8; 2] = [2, 10];

impl Table {
    /// Lets a bridge's packets through where another firewall drops them.
    pub(in crate::network) fn admit(&self, bridge: &str) -> io::Result<()> {
        for family in FAMILIES {
            if self.drops(family)? && self.admissions(family, bridge)?.is_empty() {
                let rules = [Way::In, Way::Out].map(|way| {
                    let parts: Vec<Nest> = by_device(way, Sense::Is, bridge)
                        .into_iter()
                        .chain([verdict(Verdict::Accept)])
                        .collect();
                    let list = parts.iter().fold(Nest::new(), |list, part| list.with_nest(1, part));
                    in_forward(family, NEW_RULE, CREATE)
                        .with_nest(4, &list)
                        .with(7, &comment(bridge))
                });
                self.commit(rules.into())?;
            }
        }
        Ok(())
    }

    /// Removes what [`Table::admit`] added.
    pub(in crate::network) fn dismiss(&self, bridge: &str) -> io::Result<()> {
        for family in FAMILIES {
            let rules = self.admissions(family, bridge)?;
            let message = |handle: &Vec<u8>| in_forward(family, DELETE_RULE, 0).with(3, handle);
            self.commit(rules.iter().map(message).collect())?;
        }
        Ok(())
    }

    /// Whether there is such a chain, which drops what none of its rules lets through.
    fn drops(&self, family: u8) -> io::Result<bool> {
        const POLICY: u16 = 5;
        const DROP: [u8; 4] = [0; 4];
        let asked = request(family, GET_CHAIN, 0).with_text(1, "filter").with_text(3, "FORWARD");
        match self.0.ask(asked.acknowledged()) {
            Ok(answers) => {
                let policy = answers.iter().find_map(|(_, body)| attribute(body.get(4..)?, POLICY));
                Ok(policy == Some(&DROP))
            }
            Err(error) if is(&error, Errno::NOENT) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The handles of our rules for a bridge in that chain.
    fn admissions(&self, family: u8, bridge: &str) -> io::Result<Vec<Vec<u8>>> {
        const HANDLE: u16 = 3;
        const USER_DATA: u16 = 7;
        let answers = match self.0.ask(in_forward(family, GET_RULE, DUMP)) {
            Ok(answers) => answers,
            Err(error) if is(&error, Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let own = comment(bridge);
        let handle = |body: &[u8]| {
            let rule = body.get(4..)?;
            let ours = attribute(rule, USER_DATA)? == own;
            ours.then(|| attribute(rule, HANDLE).map(<[u8]>::to_vec))?
        };
        Ok(answers.iter().filter_map(|(_, body)| handle(body)).collect())
    }
}

fn request(family: u8, kind: u16, flags: u16) -> Message {
    const SUBSYSTEM: u16 = 10 << 8;
    Message::bare(SUBSYSTEM | kind, flags, &[family, 0, 0, 0])
}

fn in_forward(family: u8, kind: u16, flags: u16) -> Message {
    request(family, kind, flags).with_text(1, "filter").with_text(2, "FORWARD")
}

/// A comment as nft keeps it with a rule: kind, length, text and a zero byte.
fn comment(bridge: &str) -> Vec<u8> {
    let text = format!("dok: {bridge}\0");
    [&[0, text.len() as u8], text.as_bytes()].concat()
}
