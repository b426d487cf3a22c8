//! Pure: `--expose` and `--publish`.

use crate::error::{Kind, Result, refuse};
use crate::model::network::HostPort;
use crate::model::{PortBinding, PortMap};
use crate::network::ports::parse;

/// `[[ADDRESS:]HOST:]PORT[/PROTOCOL]` of each word becomes an entry of its port.
pub(super) fn published(words: &[String]) -> Result<PortMap> {
    let mut map = PortMap::new();
    for word in words {
        let parsed = parse(&short(word)?);
        for publish in parsed.map_err(|error| refuse(Kind::Usage, error.to_string()))? {
            let port = format!("{}/{}", publish.container, publish.protocol);
            map.entry(port).or_default().get_or_insert_default().push(PortBinding {
                host_ip: publish.address.map_or_else(String::new, |at| at.to_string()),
                host_port: match publish.host {
                    HostPort::Any => String::new(),
                    HostPort::One(port) => port.to_string(),
                    HostPort::Range(first, last) => format!("{first}-{last}"),
                },
            });
        }
    }
    Ok(map)
}

/// `target=PORT,published=PORT,protocol=NAME` in the short form.
fn short(word: &str) -> Result<String> {
    if !word.contains('=') {
        return Ok(word.to_owned());
    }
    let (mut published, mut target, mut protocol) = ("", "", "tcp");
    for field in word.split(',') {
        match field.split_once('=') {
            Some(("published", value)) => published = value,
            Some(("target", value)) => target = value,
            Some(("protocol", value)) => protocol = value,
            // A single machine has no other.
            Some(("mode", "host")) => {}
            _ => {
                let words = format!(
                    "invalid field {field:?} in --publish {word}: expected \
                                     target, published, protocol, or mode=host"
                );
                return Err(refuse(Kind::Usage, words));
            }
        }
    }
    Ok(match published {
        "" => format!("{target}/{protocol}"),
        published => format!("{published}:{target}/{protocol}"),
    })
}

/// `80`, `80/udp`, `3000-3005/tcp` become single ports: `80/tcp`.
pub(super) fn exposed(word: &str) -> Result<Vec<String>> {
    let wrong = || refuse(Kind::Usage, format!("invalid range format for --expose: {word}"));
    let (range, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
    let (first, last) = (port(first)?, port(last)?);
    if first > last || !matches!(protocol, "tcp" | "udp" | "sctp") {
        return Err(wrong());
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ports_are_read_and_told_as_dockers_api_has_them() {
        let words = ["8080:80", "127.0.0.1:90-95:80", "53/udp"].map(str::to_owned);
        let map = published(&words).unwrap();
        let told = |port: &str| {
            let bindings = map[port].as_ref().unwrap().iter();
            bindings.map(|one| format!("{}:{}", one.host_ip, one.host_port)).collect::<Vec<_>>()
        };
        assert_eq!(told("80/tcp"), [":8080", "127.0.0.1:90-95"]);
        assert_eq!(told("53/udp"), [":"]);
        for wrong in ["80:x", "target=80,colour=red", "published=80", "target=80,mode=ingress"] {
            assert!(published(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
        let words = ["target=80,published=8080", "target=53,protocol=udp,mode=host"];
        let map = published(&words.map(str::to_owned)).unwrap();
        assert_eq!(map["80/tcp"].as_ref().unwrap()[0].host_port, "8080");
        assert!(map.contains_key("53/udp"));
    }

    #[test]
    fn a_range_is_each_of_its_ports() {
        assert_eq!(exposed("80").unwrap(), ["80/tcp"]);
        assert_eq!(exposed("7-8/udp").unwrap(), ["7/udp", "8/udp"]);
        for wrong in ["", "0", "9-8", "80/icmp", "x", "70000"] {
            assert!(exposed(wrong).is_err(), "{wrong}");
        }
    }
}
