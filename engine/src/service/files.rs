//! The files that dok writes for a container: its hosts, its name, its name servers.

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;

use crate::bundle::OuterMount;
use crate::error::{Context, Result};
use crate::model::{Container, items};
use crate::store::Store;

/// Where a name server of the host's own loopback is not reached from inside.
const PUBLIC: &str = "nameserver 1.1.1.1\nnameserver 8.8.8.8\n";

/// Writes the files; where they are mounted.
pub(super) fn write(
    store: &Store,
    container: &Container,
    addresses: &[IpAddr],
) -> Result<Vec<OuterMount>> {
    let folder = store.container_folder(&container.id);
    let files = [
        ("resolv.conf", resolv_conf(container)),
        ("hostname", format!("{}\n", container.hostname())),
        ("hosts", hosts(container, addresses)),
    ];
    let mut mounts = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        let destination = format!("/etc/{name}");
        let source = path.display().to_string();
        let options = ["rbind", "rprivate"].map(str::to_owned).to_vec();
        mounts.push(OuterMount { kind: "bind", source, destination, options });
    }
    Ok(mounts)
}

fn hosts(container: &Container, addresses: &[IpAddr]) -> String {
    if container.host_config.network_mode == "host" {
        let own = fs::read_to_string("/etc/hosts").unwrap_or_default();
        return own + &extra_hosts(container);
    }
    let local = "127.0.0.1\tlocalhost\n\
                 ::1\tlocalhost ip6-localhost ip6-loopback\n\
                 fe00::\tip6-localnet\n\
                 ff00::\tip6-mcastprefix\n\
                 ff02::1\tip6-allnodes\n\
                 ff02::2\tip6-allrouters\n";
    let mut text = local.to_owned() + &extra_hosts(container);
    for address in addresses {
        // Writing into a string does not fail.
        let _ = writeln!(text, "{address}\t{}", container.hostname());
    }
    text
}

/// `NAME:ADDRESS` or `NAME=ADDRESS` becomes a line.
fn extra_hosts(container: &Container) -> String {
    let mut text = String::new();
    for extra in items(&container.host_config.extra_hosts) {
        if let Some((name, address)) = extra.split_once(['=', ':']) {
            let address = address.trim_start_matches('[').trim_end_matches(']');
            // Writing into a string does not fail.
            let _ = writeln!(text, "{address}\t{name}");
        }
    }
    text
}

fn resolv_conf(container: &Container) -> String {
    let host = &container.host_config;
    let own = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let (servers, search) = (items(&host.dns), items(&host.dns_search));
    let options = items(&host.dns_options);
    let reached = |line: &&str| host.network_mode == "host" || !line.starts_with("nameserver 127.");
    let kept = |word: &str, replaced: bool| {
        let lines = own.lines().filter(|line| !replaced && line.starts_with(word));
        lines.filter(reached).map(|line| format!("{line}\n")).collect::<String>()
    };
    let mut text = match servers {
        [] => kept("nameserver", false),
        servers => servers.iter().map(|server| format!("nameserver {server}\n")).collect(),
    };
    if text.is_empty() {
        text.push_str(PUBLIC);
    }
    text += &kept("search", !search.is_empty());
    text += &kept("options", !options.is_empty());
    // `--dns-search .` takes the host's away and gives nothing.
    if !search.is_empty() && search != ["."] {
        text += &format!("search {}\n", search.join(" "));
    }
    if !options.is_empty() {
        text += &format!("options {}\n", options.join(" "));
    }
    text
}
