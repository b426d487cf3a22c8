//! Containers that go into networks and out of them.

use std::process::Command;

use super::networks::{is_free, on_a_host};
use super::patience::until;
use super::setting::Dok;

const IDLE: [&str; 3] = ["busybox", "sleep", "86400"];

/// The names of the networks that a container is in, as they are shown.
fn shown(dok: &Dok, container: &str) -> String {
    let names = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
    dok.ok(&["inspect", "-f", names, container]).trim().to_owned()
}

#[test]
fn a_network_that_a_container_was_disconnected_from_is_not_its_own_any_more() {
    on_a_host(|dok| {
        dok.ok(&[&["create", "--name", "made"], &IDLE[..]].concat());
        assert_eq!(shown(dok, "made"), "bridge");
        dok.ok(&["network", "disconnect", "bridge", "made"]);
        assert_eq!(
            dok.ok(&["inspect", "-f", "{{json .NetworkSettings.Networks}}", "made"]),
            "{}\n"
        );
        let listed = dok.ok(&["ps", "-a", "--format", "{{.Networks}}"]);
        assert_eq!(listed.trim(), "");
        dok.refused(1, &["network", "disconnect", "bridge", "made"], "is not connected to network");
        dok.ok(&["start", "made"]);
        let devices = dok.ok(&["exec", "made", "ip", "-o", "link"]);
        assert!(devices.contains("lo:") && !devices.contains("eth0"), "{devices}");
        dok.ok(&["network", "create", "--subnet", "10.9.0.0/24", "n1"]);
        dok.ok(&["network", "connect", "n1", "made"]);
        assert_eq!(shown(dok, "made"), "n1");
        dok.ok(&["restart", "-t", "0", "made"]);
        assert_eq!(shown(dok, "made"), "n1");
        for mode in ["none", "host"] {
            dok.ok(&[&["create", "--name", mode, "--network", mode], &IDLE[..]].concat());
            assert_eq!(shown(dok, mode), mode);
        }
    });
}

#[test]
fn a_container_without_networks_goes_into_one_once_it_is_out_of_none() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "--subnet", "10.9.0.0/24", "n1"]);
        let alone = ["--network", "none"];
        let again = ["--restart", "always"];
        dok.ok(&[&["create", "--name", "made"], &alone[..], &IDLE].concat());
        dok.ok(&[&["run", "-d", "--name", "runs"], &alone[..], &again, &IDLE].concat());
        for container in ["runs", "made"] {
            let private = "with one of the networks in private (none) mode";
            dok.refused(1, &["network", "connect", "n1", container], private);
            dok.ok(&["network", "disconnect", "none", container]);
            assert_eq!(shown(dok, container), "");
            dok.ok(&["network", "connect", "n1", container]);
            dok.refused(1, &["network", "connect", "none", container], private);
            dok.ok(&["start", container]);
            assert_eq!(shown(dok, container), "n1");
            let asks = || dok.ok(&["exec", container, "ip", "route"]);
            assert!(asks().contains("default via 10.9.0.1"), "{}", asks());
            assert!(dok.ok(&["exec", container, "nslookup", "runs"]).contains("10.9.0."));
        }
        // The policy starts it again, where it was.
        let pid = || dok.ok(&["inspect", "-f", "{{.State.Pid}} {{.State.Status}}", "runs"]);
        let before = pid();
        let first = before.split(' ').next().unwrap();
        assert!(Command::new("kill").args(["-9", first]).status().unwrap().success());
        until("it runs again", || (pid() != before && pid().contains("running")).then_some(()));
        let route = dok.ok(&["exec", "runs", "ip", "route"]);
        assert!(route.contains("default via 10.9.0.1"), "{route}");
        dok.ok(&["network", "disconnect", "n1", "runs"]);
        dok.ok(&["network", "connect", "none", "runs"]);
        dok.ok(&["restart", "-t", "0", "runs"]);
        assert_eq!(shown(dok, "runs"), "none");
        assert!(!dok.ok(&["exec", "runs", "ip", "-o", "link"]).contains("eth0"));
        assert!(!dok.ok(&["system", "check"]).contains("namespace"));
    });
}

#[test]
fn nothing_is_published_in_a_network_without_a_way_out() {
    on_a_host(|dok| {
        dok.ok(&["network", "create", "--internal", "cell"]);
        dok.ok(&["network", "create", "--subnet", "10.9.0.0/24", "n1"]);
        let run = ["run", "-d", "--network", "cell", "-p", "8099:80", "--expose", "81"];
        dok.ok(&[&run[..], &["--name", "inner"], &IDLE].concat());
        let told = |container: &str| {
            let ports = dok.ok(&["inspect", "-f", "{{json .NetworkSettings.Ports}}", container]);
            let filter = format!("name={container}");
            let listed = dok.ok(&["ps", "--filter", &filter, "--format", "{{.Ports}}"]);
            [ports, dok.ok(&["port", container]), listed].map(|text| text.trim().to_owned())
        };
        assert_eq!(told("inner"), ["{}", "", ""]);
        assert!(is_free(8099));
        // Of several networks, the first with a way out leads to them.
        dok.ok(&[&run[..], &["--network", "n1", "--name", "both"], &IDLE].concat());
        assert!(told("both")[1].contains("80/tcp -> 0.0.0.0:8099"), "{:?}", told("both"));
        assert!(told("both")[2].contains("81/tcp"), "{:?}", told("both"));
        assert!(!is_free(8099));
    });
}

#[test]
fn another_network_leads_outside_when_the_one_that_did_is_left() {
    on_a_host(|dok| {
        for (name, subnet) in [("n1", "10.1.0.0/24"), ("n2", "10.2.0.0/24"), ("n3", "10.3.0.0/24")]
        {
            dok.ok(&["network", "create", "--subnet", subnet, name]);
        }
        dok.ok(&["network", "create", "--internal", "cell"]);
        let six = ["--ipv6", "--subnet", "fd00:6::/64", "--subnet", "10.6.0.0/24"];
        dok.ok(&[&["network", "create"], &six[..], &["six"]].concat());
        let among = ["--network", "n3", "--network", "name=n2,gw-priority=-1"];
        let all = [&among[..], &["--network", "cell", "--network", "six"]].concat();
        dok.ok(&[&["run", "-d", "--name", "box"], &all[..], &IDLE].concat());
        dok.ok(&["network", "connect", "n1", "box"]);
        let way = |family: &str| {
            let routes = dok.ok(&["exec", "box", "ip", family, "route"]);
            let mut lines = routes.lines().filter_map(|line| line.strip_prefix("default via "));
            let first = lines.next().map(|line| line.split(' ').next().unwrap().to_owned());
            assert_eq!(lines.next(), None, "{routes}");
            first.unwrap_or_default()
        };
        assert_eq!(way("-4"), "10.3.0.1");
        assert_eq!(way("-6"), "fd00:6::1");
        for (left, four, six) in [
            ("n3", "10.1.0.1", "fd00:6::1"),
            ("n1", "10.6.0.1", "fd00:6::1"),
            ("six", "10.2.0.1", ""),
            ("n2", "", ""),
        ] {
            dok.ok(&["network", "disconnect", left, "box"]);
            assert_eq!((&*way("-4"), &*way("-6")), (four, six), "without {left}");
        }
        // What has no way out does not keep others from being one.
        dok.ok(&["network", "connect", "n1", "box"]);
        assert_eq!(way("-4"), "10.1.0.1");
    });
}
