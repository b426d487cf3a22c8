//! A lane is measured only if its containers are what the configuration asks for.
use crate::Bench;
use crate::bundle::Config;
use std::time::Duration;

/// Looks around inside a container; each test has the exit status that names it. 42: all is well.
const LOOK: &str = r#"
opens() { (true >> "$1") 2>/dev/null; }
[ $$ = 1 ] || exit 11
grep -q "^CapBnd:.*$BOUNDING$" /proc/self/status || exit 12
grep -q "^CapEff:.*$BOUNDING$" /proc/self/status || exit 13
grep -q "^NoNewPrivs:.$NO_NEW_PRIVS$" /proc/self/status || exit 14
grep -q "^Seccomp:.$SECCOMP$" /proc/self/status || exit 15
[ "$(hostname)" = $HOSTNAME ] || exit 16
[ -c /dev/null ] && [ -c /dev/tty ] && [ -c /dev/urandom ] && [ -L /dev/ptmx ] || exit 17
[ $(grep -c -E ' /(proc|dev|dev/pts|dev/shm|dev/mqueue|sys) ' /proc/mounts) = 6 ] || exit 18
grep -q ' /sys/fs/cgroup' /proc/mounts || exit 19
! opens /proc/sys/kernel/hostname && ! opens /proc/sysrq-trigger || exit 20
[ ! -s /proc/keys ] && [ -z "$(cat /proc/timer_list)" ] || exit 21
[ $(( $(cat /sys/class/net/lo/flags) & 1 )) = 1 ] || exit 22
[ "$READONLY" != 1 ] || ! opens /etc/hosts || exit 23
[ "$READONLY" != 1 ] || [ $(ulimit -n) = 1024 ] || exit 24
[ -z "$MEMORY" ] || grep -q "^$MEMORY$" /sys/fs/cgroup/memory/memory.limit_in_bytes \
    /sys/fs/cgroup/memory.max 2>/dev/null || exit 25
[ -z "$MEMORY" ] || grep -q '^0.2147483647$' /proc/sys/net/ipv4/ping_group_range || exit 26
[ -z "$MEMORY" ] || grep -q ' /etc/hosts ' /proc/mounts || exit 27
exit 42
"#;

/// The program, with what the configuration says.
pub fn script(config: Config) -> String {
    let expected = match config {
        Config::Plain => {
            "BOUNDING=20000420 NO_NEW_PRIVS=1 SECCOMP=0 HOSTNAME=runc READONLY=1 MEMORY="
        }
        Config::Docker => {
            "BOUNDING=a80425fb NO_NEW_PRIVS=0 SECCOMP=2 HOSTNAME=0123456789ab READONLY= \
             MEMORY=268435456"
        }
    };
    format!("{}{LOOK}", expected.replace(' ', "\n"))
}

impl Bench {
    /// Runs the look around in every lane; what fails is told and not measured.
    pub fn prove(&mut self) {
        for config in Config::ALL {
            for lane in 0..self.lanes.len() {
                let id = self.next_id(lane);
                let argv = self.lanes[lane].proof_argv(&self.bundles, config, &id);
                let outcome = self.lanes[lane].execute(argv, Duration::ZERO);
                let why = match outcome {
                    Err(status) if status.starts_with("status 42:") => continue,
                    Err(status) => status,
                    Ok(_) => "status 0 where the program's is 42".to_owned(),
                };
                self.lanes[lane].clean_up(&id);
                let why = format!("a container is not what it should be: {why}");
                self.report.refuse(self.lanes[lane].name, config, why);
            }
        }
    }
}
