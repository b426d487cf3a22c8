//! A disk without room: containers go on, and their ends are told.

use std::path::Path;
use std::process::Command;

use onggi_engine::model::Status;

use super::patience::until;
use super::setting::Dok;

const NONE: &str = "--network=none";

/// Writes until there is no room, for the container and for what is known of it.
const FILL: &str = "cat < /dev/zero > /full 2> /dev/null";

/// A dok whose store is a small disk of its own.
struct Small(Dok);

impl Small {
    fn new() -> Option<Small> {
        let dok = Dok::new()?;
        let (root, aside) = (dok.root(), dok.root().with_file_name("aside"));
        std::fs::rename(&root, &aside).unwrap();
        std::fs::create_dir(&root).unwrap();
        let run = |program: &str, words: &[&str], last: &Path| {
            assert!(Command::new(program).args(words).arg(last).status().unwrap().success());
        };
        run("mount", &["-t", "tmpfs", "-o", "size=32m", "tmpfs"], &root);
        run("cp", &["-a", &format!("{}/.", aside.display())], &root);
        std::fs::remove_dir_all(aside).unwrap();
        Some(Small(dok))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let dok = &self.0;
        for id in dok.store().container_ids().unwrap_or_default() {
            dok.dok(&["rm", "-f", "-v", &id]);
        }
        // What else is wrong is told by the inner one.
        let _ = Command::new("umount").arg("-l").arg(dok.root()).status();
    }
}

#[test]
fn who_fills_the_disk_has_his_exit_code_and_is_restarted() {
    let Some(small) = Small::new() else { return };
    let dok = &small.0;
    let script = format!("{FILL}; exit 3");
    let words = ["run", "--name", "fills", NONE, "busybox", "sh", "-c", &script];
    assert_eq!(dok.dok(&words).code, Some(3));
    let id = dok.store().container("fills").unwrap().id;
    let state = dok.store().state(&id).unwrap();
    assert_eq!((state.status, state.exit_code), (Status::Exited, 3), "{state:?}");
    dok.ok(&["rm", "fills"]);
    let words = ["run", "-d", "--name", "again", "--restart", "always", NONE, "busybox"];
    let id = dok.ok(&[&words[..], &["sh", "-c", &script]].concat());
    until("it runs again", || {
        (dok.store().state(id.trim()).unwrap().restart_count > 1).then_some(())
    });
}

#[test]
fn a_container_on_a_full_disk_keeps_its_monitor_and_a_log_that_can_be_read() {
    let Some(small) = Small::new() else { return };
    let dok = &small.0;
    let script = format!(
        "echo first; {FILL}; seq 5000; \
         until test -e /tmp/go; do sleep 0.05; done; busybox rm /full; echo last; sleep 86400"
    );
    let words = ["run", "-d", "--name", "full", "--health-cmd", "true", "--tmpfs", "/tmp"];
    let more = ["--health-interval", "100ms", NONE, "busybox", "sh", "-c", &script];
    let id = dok.ok(&[&words[..], &more].concat());
    let rest = || {
        let text = std::fs::read_to_string(dok.store().log_file(id.trim())).unwrap_or_default();
        (!text.is_empty() && !text.ends_with('\n')).then_some(())
    };
    until("an entry is cut", rest);
    // Checks go on.
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(dok.store().has_monitor(id.trim()));
    dok.ok(&["exec", "full", "sh", "-c", "echo > /tmp/go"]);
    let logs = until("there is room again", || {
        Some(dok.ok(&["logs", "full"])).filter(|logs| logs.ends_with("last\n"))
    });
    assert!(logs.starts_with("first\n1\n"), "{logs}");
}
