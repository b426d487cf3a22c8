//! The flags that `run` and `create` share.

use clap::{Arg, ArgAction, Command};

use crate::cli::flags::{switch, value, values};

/// Adds the flags, the image and the command.
pub(in crate::cli) fn with_flags(command: Command) -> Command {
    // Its short form is the host name's.
    let help = Arg::new("help").long("help").help("Print help").action(ArgAction::Help);
    command
        .disable_help_flag(true)
        .arg(help)
        .args(program())
        .args(isolation())
        .args(limits())
        .args(block_limits())
        .args(storage())
        .args(network())
        .args(life())
        .args(image())
        .args(health())
        .args(super::unserved::args())
        .arg(Arg::new("image").value_name("IMAGE").required(true))
        .arg(
            Arg::new("command")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true),
        )
}

fn program() -> Vec<Arg> {
    vec![
        values("attach", "STREAM", "Attach to STDIN, STDOUT or STDERR").short('a'),
        switch("interactive", "Keep STDIN open even if not attached").short('i'),
        switch("tty", "Allocate a pseudo-TTY").short('t'),
        values("env", "NAME=VALUE", "Set environment variables").short('e'),
        values("env-file", "FILE", "Read in a file of environment variables"),
        value("entrypoint", "PROGRAM", "Overwrite the default ENTRYPOINT of the image"),
        value("workdir", "DIR", "Working directory inside the container").short('w'),
        value("user", "USER[:GROUP]", "Username or UID").short('u'),
        values("group-add", "GROUP", "Add additional groups to join"),
        value("hostname", "NAME", "Container host name").short('h'),
        value("domainname", "NAME", "Container NIS domain name"),
        values("label", "NAME=VALUE", "Set meta data on a container").short('l'),
        values("label-file", "FILE", "Read in a line delimited file of labels"),
        values("annotation", "NAME=VALUE", "Add an annotation for the runtime"),
    ]
}

fn isolation() -> Vec<Arg> {
    vec![
        switch("privileged", "Give extended privileges to this container"),
        values("cap-add", "CAPABILITY", "Add Linux capabilities"),
        values("cap-drop", "CAPABILITY", "Drop Linux capabilities"),
        values("security-opt", "OPTION", "Security options"),
        value("pid", "MODE", "PID namespace to use"),
        value("ipc", "MODE", "IPC mode to use"),
        value("uts", "MODE", "UTS namespace to use"),
        value("userns", "MODE", "User namespace to use"),
        value("cgroupns", "MODE", "Cgroup namespace to use (host|private)"),
        value("cgroup-parent", "GROUP", "Optional parent cgroup for the container"),
        values("sysctl", "NAME=VALUE", "Sysctl options"),
        values("device", "DEVICE", "Add a host device to the container"),
        values("device-cgroup-rule", "RULE", "Add a rule to the cgroup allowed devices list"),
        switch("read-only", "Mount the container's root filesystem as read only"),
        value("runtime", "NAME", "Runtime to use for this container: the one that all have"),
        switch("init", "Run an init inside that forwards signals and reaps processes"),
    ]
}

fn limits() -> Vec<Arg> {
    vec![
        value("memory", "BYTES", "Memory limit").short('m'),
        value("memory-reservation", "BYTES", "Memory soft limit"),
        value("memory-swap", "BYTES", "Memory and swap together: '-1' for no limit"),
        value("memory-swappiness", "N", "Tune container memory swappiness (0 to 100)"),
        switch("oom-kill-disable", "Disable OOM Killer"),
        value("oom-score-adj", "N", "Tune host's OOM preferences (-1000 to 1000)"),
        value("cpus", "N", "Number of CPUs"),
        value("cpu-shares", "N", "CPU shares (relative weight)").short('c'),
        value("cpu-period", "MICROSECONDS", "Limit CPU CFS period"),
        value("cpu-quota", "MICROSECONDS", "Limit CPU CFS quota"),
        value("cpu-rt-period", "MICROSECONDS", "Limit CPU real-time period"),
        value("cpu-rt-runtime", "MICROSECONDS", "Limit CPU real-time runtime"),
        value("cpuset-cpus", "LIST", "CPUs in which to allow execution (0-3, 0,1)"),
        value("cpuset-mems", "LIST", "MEMs in which to allow execution (0-3, 0,1)"),
        value("pids-limit", "N", "Tune container pids limit (-1 for unlimited)"),
        value("shm-size", "BYTES", "Size of /dev/shm"),
        values("ulimit", "NAME=SOFT[:HARD]", "Ulimit options"),
    ]
}

fn block_limits() -> Vec<Arg> {
    vec![
        value("blkio-weight", "N", "Block IO weight, 10 to 1000, or 0 to disable"),
        values("blkio-weight-device", "DEVICE:N", "Block IO weight of a device"),
        values("device-read-bps", "DEVICE:RATE", "Limit bytes per second read from a device"),
        values("device-write-bps", "DEVICE:RATE", "Limit bytes per second written to a device"),
        values("device-read-iops", "DEVICE:RATE", "Limit reads per second from a device"),
        values("device-write-iops", "DEVICE:RATE", "Limit writes per second to a device"),
    ]
}

fn storage() -> Vec<Arg> {
    vec![
        values("volume", "SOURCE:TARGET", "Bind mount a volume").short('v'),
        values("mount", "KEY=VALUE,…", "Attach a filesystem mount to the container"),
        values("tmpfs", "DIR", "Mount a tmpfs directory"),
        values("volumes-from", "CONTAINER", "Mount volumes from the specified container(s)"),
    ]
}

fn network() -> Vec<Arg> {
    vec![
        values("network", "NETWORK", "Connect a container to a network").alias("net"),
        values("network-alias", "NAME", "Add network-scoped alias for the container")
            .alias("net-alias"),
        value("ip", "ADDRESS", "IPv4 address (e.g., 172.30.100.104)"),
        value("ip6", "ADDRESS", "IPv6 address (e.g., 2001:db8::33)"),
        value("mac-address", "ADDRESS", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
        values("publish", "PORT", "Publish a container's port(s) to the host").short('p'),
        switch("publish-all", "Publish all exposed ports to random ports").short('P'),
        values("dns", "ADDRESS", "Set custom DNS servers"),
        values("dns-option", "OPTION", "Set DNS options").alias("dns-opt"),
        values("dns-search", "DOMAIN", "Set custom DNS search domains"),
        values("add-host", "NAME:ADDRESS", "Add a custom host-to-IP mapping"),
        values("expose", "PORT", "Expose a port or a range of ports"),
        values("link", "CONTAINER[:ALIAS]", "Add link to another container"),
    ]
}

fn health() -> Vec<Arg> {
    vec![
        value("health-cmd", "COMMAND", "Command to run to check health"),
        value("health-interval", "DURATION", "Time between running the check (default 30s)"),
        value("health-timeout", "DURATION", "Maximum time to allow one check to run"),
        value("health-start-period", "DURATION", "Start period before failures are counted"),
        value("health-start-interval", "DURATION", "Time between checks in the start period"),
        value("health-retries", "N", "Consecutive failures needed to report unhealthy"),
        switch("no-healthcheck", "Disable any container-specified HEALTHCHECK"),
    ]
}

fn image() -> Vec<Arg> {
    let pull = value("pull", "WHEN", "Pull image before running (always|missing|never)");
    vec![
        crate::cli::platform::flag(),
        pull.default_value("missing"),
        switch("quiet", "Suppress the pull output").short('q'),
    ]
}

fn life() -> Vec<Arg> {
    vec![
        value("name", "NAME", "Assign a name to the container"),
        value("cidfile", "FILE", "Write the container ID to the file"),
        switch("rm", "Automatically remove the container when it exits"),
        value("restart", "POLICY", "Restart policy to apply when a container exits"),
        value("stop-signal", "SIGNAL", "Signal to stop the container"),
        value("stop-timeout", "SECONDS", "Timeout to stop a container"),
        value("log-driver", "DRIVER", "Logging driver for the container (json-file|local|none)"),
        values("log-opt", "NAME=VALUE", "Log driver options"),
    ]
}
