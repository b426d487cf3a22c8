//! Containers that go into networks and out of them.

use super::networks::on_a_host;
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
