//! The resolver of a container in a user's network: a process of its own beside the monitor, since
//! it reads what the container writes. It is `dok names`, its two sockets are its standard input
//! and output, and it ends with the monitor.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Stdio;

use super::companion::{self, Companion};
use super::sandbox;
use crate::error::{Context, Result};
use crate::model::{Container, items};
use crate::network::dns::{self, Sockets, Zone};
use crate::network::{files, namespace};
use crate::store::Store;

/// The word that makes dok a resolver.
pub const WORD: &str = "names";

/// Starts the resolver, where the container is in a network that has names.
pub(super) fn start(store: &Store, container: &Container) -> Result<Option<Companion>> {
    let networks = store.networks();
    let mut named = false;
    for place in networks.endpoints_of(&container.id)? {
        named |= !networks.find(&place.network)?.is_predefined();
    }
    if !named {
        return Ok(None);
    }
    let (udp, tcp) = dns::open(&namespace::pin(store, &container.id))?.into_files();
    let mut command = companion::command(WORD);
    command.arg(store.root()).arg(store.run()).arg(&container.id);
    let host = &container.host_config;
    let servers = items(&host.dns).iter().filter_map(|text| text.parse().ok()).collect::<Vec<_>>();
    let wanted = files::Wanted { servers: &servers, ..files::Wanted::default() };
    let upstream = files::upstream(&files::of_the_machine(), &wanted);
    command.args(upstream.iter().map(ToString::to_string));
    command.stdin(udp).stdout(tcp).stderr(Stdio::null());
    Companion::start(command).map(Some)
}

/// The resolver, from its words on the command line to the monitor's end.
///
/// # Errors
/// What kept it from answering.
pub fn main(words: &[PathBuf]) -> Result<()> {
    let [monitor, root, run, container, upstream @ ..] = words else {
        anyhow::bail!("names is started by dok itself");
    };
    companion::end_with(monitor)?;
    let own = |stream: std::os::fd::BorrowedFd<'_>| stream.try_clone_to_owned();
    let udp = own(io::stdin().as_fd()).context("take the socket for datagrams")?;
    let tcp = own(io::stdout().as_fd()).context("take the socket for connections")?;
    let zone = Zone {
        networks: Store::open(root.clone(), run.clone())?.networks(),
        container: container.display().to_string(),
        upstream: upstream.iter().filter_map(|at| at.to_str()?.parse().ok()).collect(),
    };
    sandbox::enter(sandbox::Task::Companion)?;
    dns::serve(&Sockets::from_files(udp, tcp), &zone)
}
