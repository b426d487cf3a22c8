//! Flags that were typed become a request.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use clap::ArgMatches;

use super::{health, mount, networks, ports, unserved};
use crate::cli::flags::{bytes, is_set, text, texts};
use crate::error::{Context, Kind, Result, refuse};
use crate::image::platform::Platform;
use crate::model::{
    Config, Device, Empty, HostConfig, LogConfig, RestartPolicy, ThrottleDevice, Ulimit,
    WeightDevice,
};
use crate::service::create::CreateRequest;

/// The request that the flags make. `detached` is of `run`.
///
/// # Errors
/// A flag whose value makes no sense.
pub(in crate::cli) fn request(matches: &ArgMatches, detached: bool) -> Result<CreateRequest> {
    Ok(CreateRequest {
        name: text(matches, "name"),
        platform: matches.get_one::<Platform>("platform").cloned(),
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
        labels: Some(labels(matches)?),
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
        return Err(refuse(Kind::Invalid, words));
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
            return Err(refuse(
                Kind::Invalid,
                format!("invalid argument {word:?} for \"-a, --attach\" flag: {words}"),
            ));
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
            Err(refuse(Kind::Invalid, words))
        }
        None => Ok(said),
    }
}

fn host_config(matches: &ArgMatches) -> Result<HostConfig> {
    unserved::check(matches)?;
    let policy = restart_policy(&text(matches, "restart").unwrap_or_default())?;
    if is_set(matches, "rm") && !matches!(policy.name.as_str(), "" | "no") {
        let words = "conflicting options: cannot specify both --restart and --rm";
        return Err(refuse(Kind::Invalid, words));
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
        volumes_from: many("volumes-from"),
        annotations: optional(pairs(&texts(matches, "annotation"))),
        cap_add: many("cap-add"),
        cap_drop: many("cap-drop"),
        cgroupns_mode: one("cgroupns"),
        dns: many("dns"),
        dns_options: many("dns-option"),
        dns_search: many("dns-search"),
        extra_hosts: many("add-host"),
        group_add: many("group-add"),
        ipc_mode: one("ipc"),
        oom_score_adj: number(matches, "oom-score-adj")?.unwrap_or_default(),
        pid_mode: one("pid"),
        privileged: is_set(matches, "privileged"),
        readonly_rootfs: is_set(matches, "read-only"),
        security_opt: list(security(&texts(matches, "security-opt"))?),
        tmpfs: optional(tmpfs(&texts(matches, "tmpfs"))),
        uts_mode: one("uts"),
        userns_mode: one("userns"),
        sysctls: optional(pairs(&texts(matches, "sysctl"))),
        cgroup_parent: one("cgroup-parent"),
        device_cgroup_rules: many("device-cgroup-rule"),
        devices: list(each(&texts(matches, "device"), device)?),
        memory_swappiness: swappiness,
        oom_kill_disable: Some(is_set(matches, "oom-kill-disable")),
        pids_limit: number(matches, "pids-limit")?,
        mounts: list(each(&texts(matches, "mount"), mount::mount)?),
        ulimits: list(each(&texts(matches, "ulimit"), ulimit)?),
        init: is_set(matches, "init").then_some(true),
        links: many("link"),
        runtime: one("runtime"),
        ..HostConfig::default()
    };
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
    host.blkio_weight_device = list(each(&texts(matches, "blkio-weight-device"), weight_device)?);
    for (name, field) in [
        ("device-read-bps", &mut host.blkio_device_read_bps),
        ("device-write-bps", &mut host.blkio_device_write_bps),
        ("device-read-iops", &mut host.blkio_device_read_iops),
        ("device-write-iops", &mut host.blkio_device_write_iops),
    ] {
        *field = list(each(&texts(matches, name), |word| throttle(name, word))?);
    }
    Ok(())
}

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
    let number = word.parse();
    number.map(Some).map_err(|_| {
        let words = format!("invalid argument {word:?} for \"--{name}\" flag: expected a number");
        refuse(Kind::Invalid, words)
    })
}

/// `NAME=VALUE`; a name alone has an empty value.
fn pairs(words: &[String]) -> BTreeMap<String, String> {
    let pair = |word: &String| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        (name.to_owned(), value.to_owned())
    };
    words.iter().map(pair).collect()
}

/// Variables of files, then of flags. A name alone takes our own value, where there is one.
pub(in crate::cli) fn environment(matches: &ArgMatches) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for file in texts(matches, "env-file") {
        words.extend(lines(&file)?);
    }
    words.extend(texts(matches, "env"));
    let mut variables = Vec::new();
    for word in words {
        if word.is_empty() || word.starts_with('=') {
            let words = format!(
                "invalid argument {word:?} for \"-e, --env\" flag: invalid environment variable: \
                 {word}"
            );
            return Err(refuse(Kind::Invalid, words));
        }
        match std::env::var(&word) {
            Ok(value) if !word.contains('=') => variables.push(format!("{word}={value}")),
            // A name alone takes the variable away.
            _ => variables.push(word),
        }
    }
    Ok(variables)
}

fn labels(matches: &ArgMatches) -> Result<BTreeMap<String, String>> {
    let mut words = Vec::new();
    for file in texts(matches, "label-file") {
        words.extend(lines(&file)?);
    }
    words.extend(texts(matches, "label"));
    Ok(pairs(&words))
}

/// The lines of a file that say something.
fn lines(file: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
    let lines = text.lines().map(str::trim_start);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

/// `-v` with a source; one that begins with a dot is below our folder.
fn binds(matches: &ArgMatches) -> Result<Vec<String>> {
    let words = texts(matches, "volume").into_iter().filter(|word| word.contains(':'));
    let mut binds: Vec<String> = words
        .map(|word| match word.split_once(':') {
            Some((source, rest)) if source.starts_with('.') => {
                let source = std::path::absolute(Path::new(source))
                    .with_context(|| format!("find the folder {source}"))?;
                Ok(format!("{}:{rest}", source.display()))
            }
            _ => Ok(word),
        })
        .collect::<Result<_>>()?;
    // The same thing twice is no contradiction.
    let mut seen = BTreeSet::new();
    binds.retain(|bind| seen.insert(bind.clone()));
    Ok(binds)
}

/// A profile is read here: the service does not read files of the one who asks.
fn security(words: &[String]) -> Result<Vec<String>> {
    let read = |word: &String| match word.strip_prefix("seccomp=") {
        Some(file) if file != "unconfined" => {
            let text = fs::read_to_string(file)
                .with_context(|| format!("opening seccomp profile ({file}) failed"))?;
            Ok(format!("seccomp={text}"))
        }
        _ => Ok(word.clone()),
    };
    words.iter().map(read).collect()
}

fn tmpfs(words: &[String]) -> BTreeMap<String, String> {
    let pair = |word: &String| {
        let (path, options) = word.split_once(':').unwrap_or((word, ""));
        (path.to_owned(), options.to_owned())
    };
    words.iter().map(pair).collect()
}

/// `NAME[:COUNT]`.
pub(in crate::cli) fn restart_policy(word: &str) -> Result<RestartPolicy> {
    let (name, count) = word.split_once(':').unwrap_or((word, "0"));
    let count = count.parse().map_err(|_| {
        let words = format!(
            "invalid restart policy format: maximum retry count must be an integer: {word:?}"
        );
        refuse(Kind::Invalid, words)
    })?;
    Ok(RestartPolicy { name: name.to_owned(), maximum_retry_count: count })
}

/// `SOURCE[:TARGET][:rwm]`.
fn device(word: &str) -> Result<Device> {
    let mut parts = word.split(':');
    let source = parts.next().unwrap_or_default().to_owned();
    let (second, third) = (parts.next(), parts.next());
    let is_access = |text: &str| !text.is_empty() && text.chars().all(|c| "rwm".contains(c));
    let (target, access) = match (second, third) {
        (Some(access), None) if is_access(access) => (None, Some(access)),
        (target, access) => (target, access),
    };
    let wrong =
        |what: &str| refuse(Kind::Invalid, format!("bad format for --device {word}: {what}"));
    let target = target.unwrap_or(&source).to_owned();
    if let Some(path) = [&source, &target].into_iter().find(|path| !path.starts_with('/')) {
        return Err(wrong(&format!("{path} is not an absolute path")));
    }
    if let Some(access) = access.filter(|access| !is_access(access)) {
        return Err(wrong(&format!("{access} is none of the letters rwm")));
    }
    Ok(Device {
        path_in_container: target,
        path_on_host: source,
        cgroup_permissions: access.unwrap_or("rwm").to_owned(),
    })
}

fn ulimit(word: &str) -> Result<Ulimit> {
    let wrong = || refuse(Kind::Invalid, format!("invalid ulimit argument: {word}"));
    let (name, limits) = word.split_once('=').ok_or_else(wrong)?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let limit = |text: &str| match text {
        "unlimited" => Ok(-1),
        text => text.parse::<i64>().map_err(|_| wrong()),
    };
    let limit = Ulimit { name: name.to_owned(), hard: limit(hard)?, soft: limit(soft)? };
    if limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard) {
        let words = format!("ulimit soft limit must be less than or equal to hard limit: {word}");
        return Err(refuse(Kind::Invalid, words));
    }
    Ok(limit)
}

fn nano_cpus(word: &str) -> Result<i64> {
    let cpus = word.parse::<f64>().ok().filter(|cpus| (0.0..1e6).contains(cpus));
    let wrong = || format!("invalid argument {word:?} for \"--cpus\" flag: expected a number");
    let cpus = cpus.ok_or_else(|| refuse(Kind::Invalid, wrong()))?;
    #[expect(clippy::cast_possible_truncation, reason = "below 1e15, as was just seen")]
    Ok((cpus * 1e9).round() as i64)
}

fn weight_device(word: &str) -> Result<WeightDevice> {
    let read = word.rsplit_once(':').and_then(|(path, weight)| {
        Some(WeightDevice { path: path.to_owned(), weight: weight.parse().ok()? })
    });
    read.ok_or_else(|| refuse(Kind::Invalid, format!("bad format: {word}")))
}

fn throttle(flag: &str, word: &str) -> Result<ThrottleDevice> {
    let (path, rate) = word
        .rsplit_once(':')
        .ok_or_else(|| refuse(Kind::Invalid, format!("bad format: {word}")))?;
    let rate = u64::try_from(bytes(flag, rate)?).unwrap_or_default();
    Ok(ThrottleDevice { path: path.to_owned(), rate })
}
