//! Health checks.

use std::time::Duration;

use onggi_engine::model::{Health, State};

use super::patience::until;
use super::setting::Dok;

/// The health of a container, once it is as it is to be.
fn health_when(dok: &Dok, name: &str, is_so: impl Fn(&Health) -> bool) -> Health {
    until("the health is told", || state(dok, name).health.filter(&is_so))
}

fn state(dok: &Dok, name: &str) -> State {
    let store = dok.store();
    store.state(&store.container(name).unwrap().id).unwrap()
}

#[test]
fn a_program_is_well_or_not_as_its_check_says() {
    let Some(dok) = Dok::new() else { return };
    let check = "test -e /tmp/well && echo fine || { echo alas; exit 3; }";
    let words = ["run", "-d", "--name", "web", "--network=none", "--health-cmd", check];
    let times = ["--health-interval=50ms", "--health-retries=2", "busybox", "sleep", "86400"];
    dok.ok(&[&words[..], &times].concat());
    let ill = health_when(&dok, "web", |health| health.status == "unhealthy");
    assert!(ill.failing_streak >= 2);
    assert_eq!((ill.log[0].exit_code, &*ill.log[0].output), (3, "alas\n"));
    dok.ok(&["exec", "web", "sh", "-c", "echo > /tmp/well"]);
    let well = health_when(&dok, "web", |health| health.status == "healthy");
    assert_eq!((well.failing_streak, &*well.log.last().unwrap().output), (0, "fine\n"));
    health_when(&dok, "web", |health| health.log.len() == 5);
    dok.ok(&["pause", "web"]);
    let before = state(&dok, "web").health;
    std::thread::sleep(Duration::from_millis(300));
    let after = state(&dok, "web").health.unwrap();
    let made = after.log.iter().filter(|probe| !before.as_ref().unwrap().log.contains(probe));
    assert!(made.count() <= 1, "one that was under way may end; none begins");
    dok.ok(&["unpause", "web"]);
    dok.ok(&["stop", "-t", "0", "web"]);
    assert_eq!(state(&dok, "web").health.unwrap().status, "unhealthy");
}

#[test]
fn a_check_that_takes_too_long_or_cannot_be_run_has_failed() {
    let Some(dok) = Dok::new() else { return };
    let words = ["run", "-d", "--name", "slow", "--network=none", "--health-cmd", "sleep 86400"];
    let times = ["--health-interval=50ms", "--health-timeout=200ms", "busybox", "sleep", "86400"];
    dok.ok(&[&words[..], &times].concat());
    let late = health_when(&dok, "slow", |health| !health.log.is_empty());
    let words = (late.log[0].exit_code, &*late.log[0].output);
    assert_eq!(words, (-1, "Health check exceeded timeout (200ms)"));

    let from = ["--health-interval=50ms", "--no-healthcheck", "busybox", "true"];
    let refused = dok.dok(&[&["run", "--network=none"], &from[..]].concat());
    assert!(refused.err.contains("--no-healthcheck conflicts"), "{refused:?}");
    let words = ["run", "-d", "--name", "bare", "--network=none", "--no-healthcheck"];
    dok.ok(&[&words[..], &["busybox", "sleep", "86400"]].concat());
    assert_eq!(state(&dok, "bare").health, None);
}

#[test]
fn what_a_check_said_is_told_after_another_start_and_cut_where_it_is_long() {
    let Some(dok) = Dok::new() else { return };
    let check = "test -e /known && sleep 86400; echo > /known; seq 3000";
    let words = ["run", "-d", "--name", "web", "--network=none", "--health-cmd", check];
    dok.ok(&[&words[..], &["--health-interval=50ms", "busybox", "sleep", "86400"]].concat());
    let first = health_when(&dok, "web", |health| !health.log.is_empty()).log;
    assert!(first[0].output.starts_with("1\n2\n") && first[0].output.ends_with("..."));
    assert_eq!(first[0].output.len(), 4096 + "...".len());
    dok.ok(&["stop", "-t", "0", "web"]);
    let before = state(&dok, "web").health.unwrap().log;
    dok.ok(&["start", "web"]);
    let health = state(&dok, "web").health.unwrap();
    assert_eq!((&*health.status, health.failing_streak), ("starting", 0));
    assert_eq!((&health.log, &health.log[0]), (&before, &first[0]));
}
