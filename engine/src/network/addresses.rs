//! Which addresses a network and its containers get. Pure: what is taken is told.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4AddrRange, Ipv4Net, Ipv6AddrRange, Ipv6Net};

use crate::error::{Kind, Result, refuse};
use crate::model::network::{Mac, Network, Pool};

/// A network of IPv4 that overlaps nothing that is known: 172.17.0.0/16 to 172.31.0.0/16, then
/// parts of 192.168.0.0/16.
///
/// # Errors
/// A refusal where all are taken.
pub(super) fn free_subnet4(known: &[IpNet]) -> Result<IpNet> {
    let large = (17..=31).map(|second| (Ipv4Addr::new(172, second, 0, 0), 16));
    let small = (0..16).map(|part| (Ipv4Addr::new(192, 168, part * 16, 0), 20));
    large
        .chain(small)
        .filter_map(|(address, prefix)| Ipv4Net::new(address, prefix).ok())
        .map(IpNet::V4)
        .find(|subnet| !known.iter().any(|other| overlap(subnet, other)))
        .ok_or_else(|| {
            let words = "all predefined address pools have been fully subnetted";
            refuse(Kind::Conflict, words)
        })
}

/// A network of IPv6 of one's own (RFC 4193), from 40 random bits.
pub(super) fn own_subnet6(random: [u8; 5]) -> IpNet {
    let [a, b, c, d, e] = random;
    let address = Ipv6Addr::from([0xfd, a, b, c, d, e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    IpNet::V6(Ipv6Net::new_assert(address, 64))
}

/// Whether two networks have an address in common.
pub(super) fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Whether an address is nobody's: the network's own (in IPv6, of all its routers), or the one of
/// all of its members.
pub(super) fn is_nobodys(subnet: &IpNet, address: IpAddr) -> bool {
    address == subnet.network() || (address.is_ipv4() && address == subnet.broadcast())
}

/// Whether an address of a pool is for no container.
fn is_reserved(pool: &Pool, address: IpAddr) -> bool {
    is_nobodys(&pool.subnet, address)
        || pool.gateway == Some(address)
        || pool.taken.values().any(|other| *other == address)
}

/// The lowest address of a pool that nobody has.
pub(super) fn lowest_free(pool: &Pool, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
    let free = |address: &IpAddr| !is_reserved(pool, *address) && !taken.contains(address);
    match pool.range.unwrap_or(pool.subnet) {
        IpNet::V4(net) => {
            Ipv4AddrRange::new(net.network(), net.broadcast()).map(IpAddr::V4).find(free)
        }
        IpNet::V6(net) => {
            Ipv6AddrRange::new(net.network(), net.broadcast()).map(IpAddr::V6).find(free)
        }
    }
}

/// What a container gets of a network, in one family: what it wants, or the lowest that is free.
///
/// # Errors
/// A refusal where what it wants is not of this network or is taken, or nothing is free.
pub(super) fn choose(
    network: &Network,
    pool: &Pool,
    wanted: Option<IpAddr>,
    taken: &BTreeSet<IpAddr>,
) -> Result<IpNet> {
    let address = match wanted {
        Some(address) if !pool.subnet.contains(&address) => {
            let words = format!(
                "invalid endpoint settings: no configured subnet contains IP address {address}"
            );
            return Err(refuse(Kind::Invalid, words));
        }
        Some(address) if taken.contains(&address) || is_reserved(pool, address) => {
            return Err(refuse(Kind::Conflict, "Address already in use"));
        }
        Some(address) => address,
        None => lowest_free(pool, taken).ok_or_else(|| {
            let family = if pool.subnet.addr().is_ipv4() { "IPv4" } else { "IPv6" };
            let words = format!(
                "no available {family} addresses on this network's address pools: {} ({})",
                network.name, network.id
            );
            refuse(Kind::Conflict, words)
        })?,
    };
    Ok(IpNet::new_assert(address, pool.subnet.prefix_len()))
}

/// The hardware address of whoever has this address: whoever has the address next has the same, so
/// that what neighbours remember of it stays true.
pub(super) fn mac_of(address: IpAddr) -> Mac {
    let [a, b, c, d] = match address {
        IpAddr::V4(four) => four.octets(),
        IpAddr::V6(six) => {
            let [.., a, b, c, d] = six.octets();
            [a, b, c, d]
        }
    };
    Mac([0x02, 0x42, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().expect("a network")
    }

    fn pool(subnet: &str, range: Option<&str>, gateway: &str) -> Pool {
        Pool {
            subnet: net(subnet),
            range: range.map(net),
            gateway: Some(gateway.parse().expect("an address")),
            taken: [("router".to_owned(), "10.9.0.2".parse().expect("an address"))].into(),
        }
    }

    #[test]
    fn a_new_network_overlaps_no_route_of_the_host() {
        assert_eq!(free_subnet4(&[]).expect("a subnet"), net("172.17.0.0/16"));
        let known = [net("172.17.3.0/24"), net("172.18.0.0/15")];
        assert_eq!(free_subnet4(&known).expect("a subnet"), net("172.20.0.0/16"));
        let known = [net("172.16.0.0/12"), net("192.168.1.0/24")];
        assert_eq!(free_subnet4(&known).expect("a subnet"), net("192.168.16.0/20"));
        assert!(free_subnet4(&[net("172.16.0.0/12"), net("192.168.0.0/16")]).is_err());
    }

    #[test]
    fn a_container_gets_the_lowest_address_that_nobody_has() {
        let taken = BTreeSet::from(["10.9.0.3".parse().expect("an address")]);
        for (pool, expected) in [
            (pool("10.9.0.0/24", None, "10.9.0.1"), Some("10.9.0.4")),
            (pool("10.9.0.0/24", Some("10.9.0.128/25"), "10.9.0.1"), Some("10.9.0.128")),
            (pool("10.9.0.0/30", None, "10.9.0.1"), None),
            (pool("fd00::/64", None, "fd00::1"), Some("fd00::2")),
        ] {
            let expected = expected.map(|text| text.parse().expect("an address"));
            assert_eq!(lowest_free(&pool, &taken), expected, "{}", pool.subnet);
        }
    }
}
