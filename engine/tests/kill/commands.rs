//! The commands that change something, each killed at its points.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::campaign::{Campaign, Case, Whom};
use super::patience::until;

const NONE: &str = "--network=none";

fn nothing(_: &Campaign) {}

#[test]
fn images_are_whole_or_not_there() {
    let Some(mut campaign) = Campaign::new("images") else { return };
    let file = |name: &str| campaign.folder().join(name).to_str().unwrap().to_owned();
    let (tar, saved, out) = (file("tree.tar"), file("saved.tar"), file("out.tar"));
    let made = Command::new("tar")
        .args(["-C", campaign.folder().to_str().unwrap(), "-cf", &tar, "tree"])
        .status();
    assert!(made.unwrap().success());
    campaign.dok.ok(&["import", &tar, "second:1"]);
    campaign.dok.ok(&["save", "-o", &saved, "second:1"]);
    campaign.dok.ok(&["rmi", "second:1"]);
    let import = |campaign: &Campaign| drop(campaign.dok.ok(&["import", &tar, "second:1"]));
    let untag = |campaign: &Campaign| drop(campaign.dok.dok(&["rmi", "second:1", "third:1"]));
    let load: &[&str] = &["load", "-q", "-i", &saved];
    for (words, whom, before) in [
        (load, Whom::All, &untag as &dyn Fn(&Campaign)),
        (load, Whom::Dok, &untag),
        (&["import", &tar, "second:1"], Whom::All, &untag),
        (&["commit", "kept", "second:1"], Whom::All, &untag),
        (&["tag", "busybox", "second:1"], Whom::Dok, &untag),
        (&["save", "-o", &out, "busybox"], Whom::All, &nothing),
        (&["rmi", "second:1"], Whom::Dok, &import),
        (&["image", "prune", "-af"], Whom::Dok, &import),
    ] {
        campaign.kill(&Case { words, whom, before });
    }
}

/// A registry in the campaign's network namespace, ended when it is dropped.
struct Registry(Child);

impl Registry {
    const HOST: &str = "127.0.0.1:5000";

    /// `None`, with a word about it, where there is none on this machine.
    fn start(campaign: &Campaign) -> Option<Registry> {
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        let settings = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: \
             storage}}}}\nhttp: {{addr: {}}}\n",
            Registry::HOST
        );
        std::fs::write(campaign.folder().join("registry.yml"), settings).unwrap();
        let mut command = Command::new("docker-registry");
        command.args(["serve", "registry.yml"]).current_dir(campaign.folder());
        let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            eprintln!("skipped: there is no docker-registry on this machine");
            return None;
        };
        let registry = Registry(child);
        until("the registry comes up", || TcpStream::connect(Registry::HOST).ok());
        Some(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_is_fetched_is_whole_or_not_there() {
    let Some(mut campaign) = Campaign::new("pull") else { return };
    let Some(_registry) = Registry::start(&campaign) else { return };
    let (pulled, pushed) =
        (format!("{}/pulled:1", Registry::HOST), format!("{}/pushed:1", Registry::HOST));
    let tar = campaign.folder().join("tree.tar").to_str().unwrap().to_owned();
    let made = Command::new("tar")
        .args(["-C", campaign.folder().to_str().unwrap(), "-cf", &tar, "tree/etc", "tree/data"])
        .status();
    assert!(made.unwrap().success());
    let import = |name: &str| {
        let name = name.to_owned();
        let tar = tar.clone();
        move |campaign: &Campaign| drop(campaign.dok.ok(&["import", &tar, &name]))
    };
    import(&pulled)(&campaign);
    campaign.dok.ok(&["push", &pulled]);
    let untag = |campaign: &Campaign| drop(campaign.dok.dok(&["rmi", &pulled]));
    for (words, whom, before) in [
        (&["pull", "-q", &*pulled][..], Whom::All, &untag as &dyn Fn(&Campaign)),
        (&["pull", "-q", &*pulled], Whom::Dok, &untag),
        (&["push", "-q", &*pushed], Whom::All, &import(&pushed)),
    ] {
        campaign.kill(&Case { words, whom, before });
    }
    // What was fetched in spite of all the kills is whole: its blobs are read for it.
    campaign.dok.ok(&["pull", "-q", &pulled]);
    campaign.dok.ok(&["system", "check"]);
}

#[test]
fn containers_run_or_leave_nothing() {
    let Some(mut campaign) = Campaign::new("run") else { return };
    let group = format!("--cgroup-parent={}", campaign.groups.0);
    let all = ["run", "--rm", &group, "-v", "/mine", "-p", "8099:80", "busybox", "true"];
    let (named, plain) =
        (["--name", "victim"], ["run", "-d", &group, NONE, "busybox", "sleep", "1"]);
    let plain = [&plain[..2], &named, &plain[2..]].concat();
    let (all, plain): (&[&str], &[&str]) = (&all, &plain);
    for (words, whom) in
        [(all, Whom::Dok), (all, Whom::All), (plain, Whom::Dok), (plain, Whom::All)]
    {
        campaign.kill(&Case { words, whom, before: &nothing });
    }
    let create = |campaign: &Campaign| {
        let group = format!("--cgroup-parent={}", campaign.groups.0);
        campaign
            .dok
            .ok(&["create", "--name", "victim", &group, "-v", "/mine", "busybox", "sleep", "1"]);
    };
    let run = |campaign: &Campaign| {
        create(campaign);
        campaign.dok.ok(&["start", "victim"]);
    };
    let copied = campaign.folder().join("copied").to_str().unwrap().to_owned();
    let rm: &[&str] = &["rm", "-f", "-v", "victim"];
    for (words, whom, before) in [
        (
            &["create", "-v", "/mine", NONE, "busybox"][..],
            Whom::Dok,
            &nothing as &dyn Fn(&Campaign),
        ),
        (&["start", "victim"], Whom::Dok, &create),
        (&["start", "victim"], Whom::All, &create),
        (&["stop", "-t", "0", "victim"], Whom::All, &run),
        (&["rename", "victim", "renamed"], Whom::Dok, &create),
        (rm, Whom::Dok, &create),
        (rm, Whom::All, &run),
        (&["container", "prune", "-f", "--filter", "label!=keep"], Whom::Dok, &create),
        (&["cp", "victim:/etc/passwd", &copied], Whom::Dok, &create),
        (&["exec", "lives", "true"], Whom::All, &nothing),
    ] {
        campaign.kill(&Case { words, whom, before });
    }
}

#[test]
fn volumes_and_networks_are_whole_or_not_there() {
    let Some(mut campaign) = Campaign::new("volumes") else { return };
    let volume = |campaign: &Campaign| drop(campaign.dok.ok(&["volume", "create", "data"]));
    let network = |campaign: &Campaign| drop(campaign.dok.ok(&["network", "create", "front"]));
    for (words, before) in [
        (&["volume", "create", "data"][..], &nothing as &dyn Fn(&Campaign)),
        (&["volume", "rm", "data"], &volume),
        (&["volume", "prune", "-af"], &volume),
        (&["network", "create", "front"], &nothing),
        (&["network", "rm", "front"], &network),
        (&["system", "prune", "-f", "--filter", "label!=keep"], &network),
    ] {
        campaign.kill(&Case { words, whom: Whom::Dok, before });
    }
}
