//! Flags that were typed become a request.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use clap::ArgMatches;

use super::word::{
    device, extra_host, nano_cpus, restart_policy, sysctl, throttle, tmpfs, ulimits, weight_device,
};
use super::{health, mount, networks, ports, unserved};
use crate::cli::flags::{bytes, invalid, is_set, labels, pairs, text, texts};
use crate::cli::platform;
use crate::error::{Context, Kind, Result, refuse};
use crate::model::{Config, Empty, HostConfig, LogConfig, Mount};
use crate::service::create::CreateRequest;

/// The request that the flags make. `detached` is of `run`.
///
/// # Errors
/// A flag whose value makes no sense.
pub(in crate::cli) fn request(matches: &ArgMatches, detached: bool) -> Result<CreateRequest> {
    Ok(CreateRequest {
        // A variable of a shell may be empty.
        name: text(matches, "name").filter(|name| !name.is_empty()),
        platform: platform::of_container(matches)?,
        config: config(matches, detached)?,
        host_config: host_config(matches)?,
        networking_config: networks::places(matches)?,
    })
}

fn config(matches: &ArgMatches, detached: bool) -> Result<Config> {
    let interactive = is_set(matches, "interactive");
    let attached = attached(&texts(matches, "attach"), detached, interactive)?;
    let published = ports::published(&texts(matches, "publish"))?;
    let mut exposed: BTreeMap<_, _> = published.into_keys().map(|port| (port, Empty {})).collect();
    for word in texts(matches, "expose") {
        exposed.extend(ports::exposed(&word)?.into_iter().map(|port| (port, Empty {})));
    }
    let anonymous = texts(matches, "volume").into_iter().filter(|word| !word.contains(':'));
    let anonymous: BTreeMap<_, _> = anonymous.map(|path| (path, Empty {})).collect();
    Ok(Config {
        hostname: text(matches, "hostname").unwrap_or_default(),
        domainname: text(matches, "domainname").unwrap_or_default(),
        user: text(matches, "user").unwrap_or_default(),
        attach_stdin: attached[0],
        attach_stdout: attached[1],
        attach_stderr: attached[2],
        exposed_ports: (!exposed.is_empty()).then_some(exposed),
        tty: is_set(matches, "tty"),
        open_stdin: interactive,
        stdin_once: interactive && attached[0],
        env: list(environment(matches)?),
        cmd: list(texts(matches, "command")),
        image: text(matches, "image").unwrap_or_default(),
        volumes: (!anonymous.is_empty()).then_some(anonymous),
        working_dir: text(matches, "workdir").unwrap_or_default(),
        entrypoint: text(matches, "entrypoint").map(|program| vec![program]),
        labels: Some(labels_of_all(matches)?),
        stop_signal: text(matches, "stop-signal").unwrap_or_default(),
        stop_timeout: number(matches, "stop-timeout")?,
        healthcheck: health::check(matches)?,
        ..Config::default()
    })
}

/// Which of the three streams the client takes part in.
fn attached(words: &[String], detached: bool, interactive: bool) -> Result<[bool; 3]> {
    if detached && !words.is_empty() {
        let words = "conflicting options: cannot specify both --attach and --detach";
        return Err(refuse(Kind::Usage, words));
    }
    if detached {
        return Ok([false; 3]);
    }
    if words.is_empty() {
        return Ok([interactive, true, true]);
    }
    let mut streams = [false; 3];
    for word in words {
        let at = ["stdin", "stdout", "stderr"].iter().position(|s| *s == word.to_lowercase());
        let Some(at) = at else {
            let words = "valid streams are STDIN, STDOUT and STDERR";
            return Err(invalid("attach", word, words));
        };
        streams[at] = true;
    }
    Ok(streams)
}

fn swappiness(matches: &ArgMatches) -> Result<Option<i64>> {
    let said = number(matches, "memory-swappiness")?;
    match said.filter(|value| !(-1..=100).contains(value)) {
        Some(value) => {
            let words = format!("invalid value: {value}. Valid memory swappiness range is 0-100");
            Err(refuse(Kind::Usage, words))
        }
        None => Ok(said),
    }
}

fn host_config(matches: &ArgMatches) -> Result<HostConfig> {
    unserved::check(matches)?;
    let policy = restart_policy(&text(matches, "restart").unwrap_or_default())?;
    if is_set(matches, "rm") && !matches!(policy.name.as_str(), "" | "no") {
        let words = "conflicting options: cannot specify both --restart and --rm";
        return Err(refuse(Kind::Usage, words));
    }
    let one = |name: &str| text(matches, name).unwrap_or_default();
    let many = |name: &str| list(texts(matches, name));
    let swappiness = swappiness(matches)?;
    let mut host = HostConfig {
        binds: list(binds(matches)?),
        container_id_file: one("cidfile"),
        log_config: LogConfig {
            driver: one("log-driver"),
            config: Some(pairs(&texts(matches, "log-opt"))),
        },
        network_mode: networks::mode(matches)?,
        port_bindings: Some(ports::published(&texts(matches, "publish"))?),
        publish_all_ports: is_set(matches, "publish-all"),
        restart_policy: policy,
        auto_remove: is_set(matches, "rm"),
        volume_driver: one("volume-driver"),
        volumes_from: many("volumes-from"),
        annotations: optional(pairs(&texts(matches, "annotation"))),
        cap_add: many("cap-add"),
        cap_drop: many("cap-drop"),
        cgroupns_mode: one("cgroupns"),
        dns: Some(texts(matches, "dns")),
        dns_options: Some(texts(matches, "dns-option")),
        dns_search: Some(texts(matches, "dns-search")),
        extra_hosts: list(each(&texts(matches, "add-host"), extra_host)?),
        group_add: many("group-add"),
        ipc_mode: one("ipc"),
        oom_score_adj: number(matches, "oom-score-adj")?.unwrap_or_default(),
        pid_mode: one("pid"),
        privileged: is_set(matches, "privileged"),
        readonly_rootfs: is_set(matches, "read-only"),
        tmpfs: optional(texts(matches, "tmpfs").iter().map(|word| tmpfs(word)).collect()),
        uts_mode: one("uts"),
        userns_mode: one("userns"),
        sysctls: optional(each(&texts(matches, "sysctl"), sysctl)?.into_iter().collect()),
        cgroup_parent: one("cgroup-parent"),
        device_cgroup_rules: many("device-cgroup-rule"),
        devices: Some(each(&texts(matches, "device"), device)?),
        memory_swappiness: swappiness,
        oom_kill_disable: Some(is_set(matches, "oom-kill-disable")),
        pids_limit: number(matches, "pids-limit")?,
        mounts: list(mounts(matches)?),
        ulimits: Some(ulimits(&texts(matches, "ulimit"))?),
        init: is_set(matches, "init").then_some(true),
        links: many("link"),
        runtime: one("runtime"),
        ..HostConfig::default()
    };
    security(texts(matches, "security-opt"), &mut host)?;
    read_limits(matches, &mut host)?;
    Ok(host)
}

fn read_limits(matches: &ArgMatches, host: &mut HostConfig) -> Result<()> {
    for (name, field) in [
        ("memory", &mut host.memory),
        ("memory-reservation", &mut host.memory_reservation),
        ("memory-swap", &mut host.memory_swap),
        ("shm-size", &mut host.shm_size),
    ] {
        match text(matches, name).as_deref() {
            Some("-1") if name == "memory-swap" => *field = -1,
            Some(size) => *field = bytes(name, size)?,
            None => {}
        }
    }
    for (name, field) in [
        ("cpu-shares", &mut host.cpu_shares),
        ("cpu-period", &mut host.cpu_period),
        ("cpu-quota", &mut host.cpu_quota),
        ("cpu-rt-period", &mut host.cpu_realtime_period),
        ("cpu-rt-runtime", &mut host.cpu_realtime_runtime),
    ] {
        *field = number(matches, name)?.unwrap_or_default();
    }
    host.nano_cpus = text(matches, "cpus").map(|cpus| nano_cpus(&cpus)).transpose()?.unwrap_or(0);
    host.cpuset_cpus = text(matches, "cpuset-cpus").unwrap_or_default();
    host.cpuset_mems = text(matches, "cpuset-mems").unwrap_or_default();
    let weight = number(matches, "blkio-weight")?.unwrap_or_default();
    host.blkio_weight = u16::try_from(weight).context("read --blkio-weight")?;
    host.blkio_weight_device = Some(each(&texts(matches, "blkio-weight-device"), weight_device)?);
    for (name, field) in [
        ("device-read-bps", &mut host.blkio_device_read_bps),
        ("device-write-bps", &mut host.blkio_device_write_bps),
        ("device-read-iops", &mut host.blkio_device_read_iops),
        ("device-write-iops", &mut host.blkio_device_write_iops),
    ] {
        *field = Some(each(&texts(matches, name), |word| throttle(name, word))?);
    }
    Ok(())
}

/// Of the lists that Docker's client leaves out; others it sends, though they are empty.
fn list<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn optional(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    (!map.is_empty()).then_some(map)
}

fn each<T>(words: &[String], read: impl Fn(&str) -> Result<T>) -> Result<Vec<T>> {
    words.iter().map(|word| read(word)).collect()
}

pub(super) fn number(matches: &ArgMatches, name: &str) -> Result<Option<i64>> {
    let Some(word) = text(matches, name) else { return Ok(None) };
    let number = word.parse().map_err(|_| invalid(name, &word, "expected a number"));
    number.map(Some)
}

/// Variables of files, then of flags. A name alone takes our own value, where there is one; where
/// there is none, a flag takes the variable away, and a file says nothing.
pub(in crate::cli) fn environment(matches: &ArgMatches) -> Result<Vec<String>> {
    let own = |name: &str| std::env::var(name).map(|value| format!("{name}={value}")).ok();
    let mut variables = Vec::new();
    for word in of_files(matches, "env", "env-file")? {
        variables.extend(if word.contains('=') { Some(word) } else { own(&word) });
    }
    for word in texts(matches, "env") {
        if word.is_empty() || word.starts_with('=') {
            let what = format_args!("invalid environment variable: {word}");
            return Err(invalid("env", &word, what));
        }
        let own = if word.contains('=') { None } else { own(&word) };
        variables.push(own.unwrap_or(word));
    }
    Ok(variables)
}

/// Labels of files, then of flags. A name alone is an empty label only where it was typed.
fn labels_of_all(matches: &ArgMatches) -> Result<BTreeMap<String, String>> {
    let mut words = of_files(matches, "label", "label-file")?;
    words.retain(|word| word.contains('='));
    words.extend(texts(matches, "label"));
    labels(&words)
}

/// The lines of the files that a flag names.
fn of_files(matches: &ArgMatches, kind: &str, flag: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for file in texts(matches, flag) {
        words.extend(lines(&file, kind)?);
    }
    Ok(words)
}

/// The lines of a file that say something. A name has no space in it.
fn lines(file: &str, kind: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(file)
        .map_err(|error| refuse(Kind::Usage, format!("read {file}: {error}")))?;
    // Editors of Windows mark a file's encoding at its start.
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let checked = lines.map(|line| {
        let name = line.split('=').next().unwrap_or_default();
        let what = match name {
            "" => format!("no variable name on line '{line}'"),
            name if name.contains([' ', '\t']) => format!("variable '{name}' contains whitespaces"),
            _ => return Ok(line.to_owned()),
        };
        Err(refuse(Kind::Usage, format!("invalid {kind} file ({file}): {what}")))
    });
    checked.collect()
}

/// `-v` with a source; one that begins with a dot is below our folder.
fn binds(matches: &ArgMatches) -> Result<Vec<String>> {
    let words = texts(matches, "volume");
    if words.iter().any(String::is_empty) {
        return Err(refuse(Kind::Usage, "invalid empty volume spec"));
    }
    if let Some(word) = words.iter().find(|word| word.split(':').any(str::is_empty)) {
        let words = format!("invalid spec: {word}: empty section between colons");
        return Err(refuse(Kind::Usage, words));
    }
    let words = words.into_iter().filter(|word| word.contains(':'));
    let mut binds: Vec<String> = words
        .map(|word| match word.split_once(':') {
            Some((source, rest)) => Ok(format!("{}:{rest}", from_here(source)?)),
            None => Ok(word),
        })
        .collect::<Result<_>>()?;
    // The same thing twice is no contradiction.
    let mut seen = BTreeSet::new();
    binds.retain(|bind| seen.insert(bind.clone()));
    Ok(binds)
}

fn mounts(matches: &ArgMatches) -> Result<Vec<Mount>> {
    let mut mounts = each(&texts(matches, "mount"), mount::mount)?;
    for mount in mounts.iter_mut().filter(|mount| mount.kind == "bind") {
        mount.source = from_here(&mount.source)?;
    }
    Ok(mounts)
}

/// A folder that is named by where the one who asks is, by its whole path.
fn from_here(source: &str) -> Result<String> {
    if !source.starts_with('.') {
        return Ok(source.to_owned());
    }
    let whole = std::path::absolute(Path::new(source))
        .with_context(|| format!("find the folder {source}"))?;
    Ok(whole.display().to_string())
}

/// A profile is read here: the service does not read files of the one who asks.
fn security(words: Vec<String>, host: &mut HostConfig) -> Result<()> {
    let read = |word: String| match word.strip_prefix("seccomp=") {
        Some(file) if file != "unconfined" => {
            let text = fs::read_to_string(file)
                .with_context(|| format!("opening seccomp profile ({file}) failed"))?;
            Ok(format!("seccomp={text}"))
        }
        _ => Ok(word),
    };
    // Docker's client says it by the lists, which are shown.
    let is_open = |word: &String| word == "systempaths=unconfined";
    if words.iter().any(is_open) {
        (host.masked_paths, host.readonly_paths) = (Some(Vec::new()), Some(Vec::new()));
    }
    if !words.is_empty() {
        let others = words.into_iter().filter(|word| !is_open(word)).map(read);
        host.security_opt = Some(others.collect::<Result<_>>()?);
    }
    Ok(())
}
