//! What is done before the program begins, however late the runtime is.

use std::fs;

use serde_json::json;

use crate::place::{Place, Quiet, Waiting, at, each, install, succeeds, until};

/// The runtime alone can set it, and is stopped before it does.
#[test]
fn a_program_begins_once_its_oom_score_is_set() {
    let busybox = "/bin/busybox";
    if !fs::exists(busybox).unwrap() {
        return eprintln!("skipped: needs a static busybox");
    }
    each(&["exec", "run"], |_, command| {
        let mut place = Place::with("/process/oomScoreAdj", json!(500));
        install(busybox, &place.directory.join("rootfs/busybox"));
        let program = ["/busybox", "sh", "-c", "echo > /begun; exec /busybox sleep 60"];
        let waiting = if command == "exec" {
            succeeds(place.create(&[]).stderr_null(), command);
            let exec = place.command(&[&["exec", &place.name], &program[..]].concat());
            Waiting::start(at(exec, "wait", "spawn the process"), "spawn the process")
        } else {
            place.set("/process/args", json!(program));
            // Without a cgroup to enter it asks for nothing on its way.
            place.set("/linux/resources", json!({}));
            let bundle = place.directory.to_string_lossy();
            let words = ["--cgroup-manager=disabled", "run", "--bundle", &bundle, &place.name];
            Waiting::start(at(place.command(&words), "wait", "save the pid"), "save the pid")
        };
        let begun = place.directory.join("rootfs/begun");
        let stands = until(|| (begun.exists() || waiting.init_sleeps()).then_some(()));
        let has_begun = begun.exists();
        waiting.kill_runtime();
        waiting.end();
        assert!(stands.is_some(), "{command}: it neither begins nor waits");
        assert!(!has_begun, "{command}: it has begun");
        succeeds(place.delete(&["--force"]), command);
        place.left_no_trace(command);
    });
}
