//! The commands, as they are typed.

use std::process::{Command, Output};

use onggi_engine::model::{Container as Definition, State, Status};
use onggi_engine::store::durable::Durability;

use crate::host::{Host, ask_tcp, inside, on_a_host, serve_tcp};
use crate::patience::PATIENCE;

fn dok(host: &Host, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dok"))
        .args(
            [host.store.root(), host.store.run()]
                .iter()
                .zip(["--root", "--run-root"])
                .flat_map(|(path, flag)| [flag.to_owned(), path.display().to_string()]),
        )
        .args(words.split(' ').filter(|word| !word.is_empty()))
        .output()
        .expect("dok")
}

/// What a command that succeeds prints.
fn told(host: &Host, words: &str) -> String {
    let output = dok(host, words);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "dok {words}: {error}");
    String::from_utf8(output.stdout).expect("text")
}

/// What a command that is refused complains of.
fn refused(host: &Host, words: &str) -> String {
    let output = dok(host, words);
    assert_eq!(output.status.code(), Some(1), "dok {words}: {output:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn networks_are_made_shown_and_removed_as_by_docker() {
    on_a_host(|host| {
        let id = told(host, "network create n1");
        let subnet = "--subnet 10.9.0.0/24 --gateway 10.9.0.1 --label a=b --internal";
        told(host, &format!("network create {subnet} -o com.docker.network.bridge.name=brx n2"));
        let list = told(host, "network ls --format {{.Name}}|{{.Driver}}|{{.Scope}}");
        let expected = "bridge|bridge|local\nhost|host|local\nn1|bridge|local\nn2|bridge|local\n\
                        none|null|local\n";
        assert_eq!(list, expected);
        let table = told(host, "network ls -f name=n1");
        let row = format!("{}   n1        bridge    local\n", &id[..12]);
        assert_eq!(table, format!("NETWORK ID     NAME      DRIVER    SCOPE\n{row}"));
        for (pattern, names) in [("n1", "n1\n"), ("^n", "n1\nn2\nnone\n"), ("^n1$", "n1\n")] {
            let words = format!("network ls -q --format {{{{.Name}}}} -f name={pattern}");
            assert_eq!(told(host, &words), names, "{pattern}");
        }
        let shown = told(host, "network inspect n1");
        let created = told(host, "network inspect -f {{.Created}} n1");
        let expected = EXPECTED.replace("ID", id.trim()).replace("CREATED", created.trim());
        assert_eq!(shown, expected);
        let template =
            "{{range.IPAM.Config}}{{.Subnet}},{{.Gateway}}{{end}}{{.Internal}}{{.Labels.a}}";
        let shown = told(host, &format!("network inspect -f {template} n2"));
        assert_eq!(shown, "10.9.0.0/24,10.9.0.1trueb\n");
        assert_eq!(told(host, "network rm n1"), "n1\n");
        assert_eq!(told(host, "network prune -f"), "Deleted Networks:\nn2\n\n");
        assert_eq!(told(host, "network prune -f"), "");
        let (links, _, rules) = host.traces();
        assert_eq!((links.as_str(), rules.as_str()), ("", ""));
    });
}

const EXPECTED: &str = r#"[
    {
        "Name": "n1",
        "Id": "ID",
        "Created": "CREATED",
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv4": true,
        "EnableIPv6": false,
        "IPAM": {
            "Driver": "default",
            "Options": {},
            "Config": [
                {
                    "Subnet": "172.18.0.0/16",
                    "Gateway": "172.18.0.1"
                }
            ]
        },
        "Internal": false,
        "Attachable": false,
        "Ingress": false,
        "ConfigFrom": {
            "Network": ""
        },
        "ConfigOnly": false,
        "Containers": {},
        "Options": {},
        "Labels": {}
    }
]
"#;

#[test]
fn what_makes_no_network_is_refused_in_dockers_words() {
    on_a_host(|host| {
        told(host, "network create n1");
        let subnet = "--subnet 10.9.0.0/24 -o com.docker.network.bridge.name=brx";
        told(host, &format!("network create {subnet} n2"));
        for (words, complaint) in [
            ("network create n1", "network with name n1 already exists"),
            ("network create host", "operation is not permitted on predefined host network"),
            ("network rm bridge", "bridge is a pre-defined network and cannot be removed"),
            ("network rm nothing", "network nothing not found"),
            ("network inspect nothing", "network nothing not found"),
            ("network create -d weave x", "plugin \"weave\" not found"),
            (
                "network create --subnet 10.9.0.128/25 x",
                "invalid pool request: Pool overlaps with other one on this address space",
            ),
            (
                "network create --subnet 10.8.0.1/24 x",
                "invalid subnet 10.8.0.1/24: it should be 10.8.0.0/24",
            ),
            ("network create --subnet 10.8 x", "invalid subnet 10.8: invalid CIDR block notation"),
            (
                "network create --ip-range 10.8 x",
                "invalid ip-range 10.8: invalid CIDR block notation",
            ),
            ("network create --gateway 10.8 x", "invalid gateway 10.8: invalid address"),
            ("network create --aux-address a=b x", "invalid auxiliary address a: invalid address"),
            (
                "network create --subnet 10.8.0.0/24 --gateway 10.7.0.1 x",
                "no matching subnet for gateway 10.7.0.1",
            ),
            (
                "network create --subnet 10.8.0.0/24 --gateway 10.8.0.0 x",
                "failed to allocate gateway (10.8.0.0): Address already in use",
            ),
            (
                "network create --subnet 10.8.0.0/24 --gateway 10.8.0.255 x",
                "failed to allocate gateway (10.8.0.255): Address already in use",
            ),
            (
                "network create --subnet 10.8.0.0/24 --aux-address a=10.8.0.1 x",
                "failed to allocate secondary ip address (a:10.8.0.1): Address already in use",
            ),
            (
                "network create --ipv6 --subnet fd00:8::/64 --gateway fd00:8:: x",
                "failed to allocate gateway (fd00:8::): Address already in use",
            ),
            (
                "network create -o com.docker.network.bridge.name=brx x",
                "network device brx is there already",
            ),
        ] {
            assert_eq!(refused(host, words), format!("Error response from daemon: {complaint}\n"));
        }
    });
}

#[test]
fn options_of_a_network_are_served_kept_or_refused() {
    on_a_host(|host| {
        let option = "com.docker.network.driver.mtu";
        let complaint = refused(host, &format!("network create -o {option}=abc x"));
        assert!(
            complaint.contains("(strconv.Atoi: parsing \"abc\": invalid syntax)"),
            "{complaint}"
        );
        let complaint = refused(host, &format!("network create -o {option}=4294967296 x"));
        assert!(complaint.contains("invalid MTU number: 4294967296"), "{complaint}");
        let other = "org.example.note=b com.docker.network.container_iface_prefix=lan";
        told(host, &format!("network create -o {} n3", other.replace(' ', " -o ")));
        let shown = told(host, "network inspect -f {{json.Options}} n3");
        assert!(shown.contains("\"org.example.note\":\"b\""), "{shown}");
        assert_eq!(host.attach(&host.container("web"), "n3", &[]).endpoint.interface, "lan0");
        drop(onggi_engine::network::release(&host.store, "web").expect("to leave"));
    });
}

#[test]
fn a_container_is_connected_and_disconnected_while_it_runs() {
    on_a_host(|host| {
        told(host, "network create front");
        told(host, "network create --subnet 10.9.0.0/24 back");
        let id = "c".repeat(64);
        let definition =
            Definition { id: id.clone(), name: "web".to_owned(), ..Definition::default() };
        host.store.add_container(&definition).expect("a container");
        let _monitor = host.store.become_monitor(&id).expect("to be its monitor");
        let state = State { status: Status::Running, ..State::default() };
        host.store.write_state(&id, &state, Durability::Passing).expect("a state");
        let (web, other) = (host.container(&id), host.container("other"));
        host.attach(&web, "front", &[]);
        host.attach(&other, "back", &[]);
        serve_tcp(&web, "0.0.0.0:80");

        assert_eq!(told(host, "network connect --ip 10.9.0.5 --alias shop back web"), "");
        let seen = inside(&other.namespace, || ask_tcp("10.9.0.5:80", PATIENCE));
        assert!(seen.is_some(), "connected");
        let members = "{{range.Containers}}{{.Name}}={{.IPv4Address}},{{end}}";
        let members = format!("network inspect -f {members} back");
        assert!(told(host, &members).contains("web=10.9.0.5/24,"), "{}", told(host, &members));
        let refusal = refused(host, "network rm back");
        assert!(refusal.contains("network back has active endpoints (name:\""), "{refusal}");
        let again = refused(host, "network connect back web");
        assert!(again.contains("endpoint with name web already exists in network back"), "{again}");
        told(host, "network create side");
        let elsewhere = refused(host, "network connect --ip 10.1.1.1 side web");
        assert!(elsewhere.ends_with("no configured subnet contains IP address 10.1.1.1\n"));

        told(host, "network disconnect back web");
        assert_eq!(told(host, &members), "other=10.9.0.2/24,\n");
        let gone = refused(host, "network disconnect back web");
        let words = format!("container {id} is not connected to network back\n");
        assert!(gone.ends_with(&words), "{gone}");
        let kept = host.store.container("web").expect("the container").networking_config;
        assert_eq!(kept.endpoints_config, Some([].into()));
    });
}
