//! A container's monitor is killed; what is said of the container afterwards is true.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::campaign::{Campaign, Random};
use super::traces::processes;

/// Kills the monitors of all containers but the one that is to stay; whether there was one.
fn kill_monitors(campaign: &Campaign, lives: &str) -> bool {
    let monitors = processes(&campaign.folder());
    let mut monitors = monitors.iter().filter(|(_, words)| {
        words.contains(" monitor ") && !words.contains("timeout") && !words.contains(lives)
    });
    let kill =
        |(pid, _): &(i32, String)| kill_process(Pid::from_raw(*pid).unwrap(), Signal::KILL).is_ok();
    monitors.by_ref().map(kill).last().is_some()
}

#[test]
fn a_monitor_that_is_killed_loses_no_container() {
    let Some(mut campaign) = Campaign::new("monitor") else { return };
    if !campaign.is_chosen(&["monitor"]) {
        return;
    }
    let group = format!("--cgroup-parent={}", campaign.groups.0);
    let lives = campaign.dok.ok(&["inspect", "--format", "{{.Id}}", "lives"]);
    campaign.remember();
    let (mut random, mut hit) = (Random(1), 0);
    let points = campaign.points() * 5;
    let mut point = 0;
    // A kill that comes too late hits nobody, and is tried again: on a machine that is busy with
    // other things we may often be too late.
    while point < points || hit <= points / 3 && point < 20 * points {
        point += 1;
        let how = if point % 2 == 0 { &["-p", "8099:80", "-v", "/mine"][..] } else { &["--rm"] };
        let words =
            [&["run", "-d", "--name", "victim", &group], how, &["busybox", "sleep", "0.05"]];
        let mut run = campaign.dok.command(&words.concat());
        run.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut run = run.spawn().unwrap();
        // Until it is there; then a moment of its life, which is some 100 ms long.
        while !processes(&campaign.folder())
            .iter()
            .any(|(_, words)| words.contains(" monitor ") && !words.contains(lives.trim()))
            && run.try_wait().unwrap().is_none()
        {
            std::thread::sleep(Duration::from_micros(200));
        }
        let wait = random.below(150);
        std::thread::sleep(Duration::from_millis(wait));
        hit += u64::from(kill_monitors(&campaign, lives.trim()));
        run.wait().unwrap();
        campaign.after(&format!("monitor killed {wait} ms after its beginning, point {point}"));
    }
    eprintln!("{hit} of {point} monitors were killed in time");
    assert!(hit > points / 3, "{hit} of {point} kills hit a monitor");
}
