//! Pure: what a single word of a flag becomes, or why it cannot be one.

use std::collections::BTreeMap;

use crate::cli::flags::{bytes, invalid};
use crate::error::{Kind, Result, refuse};
use crate::model::{Device, RestartPolicy, ThrottleDevice, Ulimit, WeightDevice};

/// `PATH[:OPTIONS]`.
pub(super) fn tmpfs(word: &str) -> (String, String) {
    let (path, options) = word.split_once(':').unwrap_or((word, ""));
    (path.to_owned(), options.to_owned())
}

/// `NAME=VALUE`; whether the kernel has it for a container alone is known where it is set.
pub(super) fn sysctl(word: &str) -> Result<(String, String)> {
    let named = word.split_once('=').filter(|(name, _)| !name.is_empty());
    let wrong = || invalid("sysctl", word, format_args!("sysctl '{word}' is not allowed"));
    named.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(wrong)
}

/// `NAME:ADDRESS` or `NAME=ADDRESS`, as the first with an address without brackets.
pub(super) fn extra_host(word: &str) -> Result<String> {
    let wrong = |what: String| invalid("add-host", word, what);
    let bad = || wrong(format!("bad format for add-host: {word:?}"));
    let at = word.find(['=', ':']).filter(|at| *at > 0).ok_or_else(bad)?;
    let (name, address) = (&word[..at], &word[at + 1..]);
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(address);
    if address != "host-gateway" && address.parse::<std::net::IpAddr>().is_err() {
        return Err(wrong(format!("invalid IP address in add-host: {address:?}")));
    }
    Ok(format!("{name}:{address}"))
}

/// `NAME[:COUNT]`.
pub(in crate::cli) fn restart_policy(word: &str) -> Result<RestartPolicy> {
    let (name, count) = word.split_once(':').unwrap_or((word, "0"));
    let count = count.parse().map_err(|_| {
        let words = format!(
            "invalid restart policy format: maximum retry count must be an integer: {word:?}"
        );
        refuse(Kind::Usage, words)
    })?;
    Ok(RestartPolicy { name: name.to_owned(), maximum_retry_count: count })
}

/// `SOURCE[:TARGET][:rwm]`.
pub(super) fn device(word: &str) -> Result<Device> {
    let mut parts = word.split(':');
    let source = parts.next().unwrap_or_default().to_owned();
    let (second, third) = (parts.next(), parts.next());
    let is_access = |text: &str| !text.is_empty() && text.chars().all(|c| "rwm".contains(c));
    let (target, access) = match (second, third) {
        (Some(access), None) if is_access(access) => (None, Some(access)),
        (target, access) => (target, access),
    };
    let (target, access) = (target.unwrap_or(&source), access.unwrap_or("rwm"));
    if let Some(path) = [&*source, target].iter().find(|path| !path.starts_with('/')) {
        return Err(refuse(Kind::Usage, format!("{path} is not an absolute path")));
    }
    if !is_access(access) {
        return Err(refuse(Kind::Usage, format!("bad mode specified: {access}")));
    }
    Ok(Device {
        path_in_container: target.to_owned(),
        cgroup_permissions: access.to_owned(),
        path_on_host: source,
    })
}

/// What setrlimit(2) limits.
const ULIMITS: &[&str] = &[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// `NAME=SOFT[:HARD]`.
fn ulimit(word: &str) -> Result<Ulimit> {
    let wrong = |what: String| invalid("ulimit", word, what);
    let bad = || wrong(format!("invalid ulimit argument: {word}"));
    let (name, limits) = word.split_once('=').ok_or_else(bad)?;
    if !ULIMITS.contains(&name) {
        return Err(wrong(format!("invalid ulimit type: {name}")));
    }
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let limit = |text: &str| match text {
        "unlimited" => Ok(-1),
        text => text.parse::<i64>().map_err(|_| bad()),
    };
    let limit = Ulimit { name: name.to_owned(), hard: limit(hard)?, soft: limit(soft)? };
    if limit.hard >= 0 && (limit.soft < 0 || limit.soft > limit.hard) {
        let most = limit.hard;
        let what = "ulimit soft limit must be less than or equal to hard limit";
        return Err(wrong(format!("{what}: {} > {most}", limit.soft)));
    }
    Ok(limit)
}

/// Limits by their names; of two with one name the last counts.
pub(super) fn ulimits(words: &[String]) -> Result<Vec<Ulimit>> {
    let limits = words.iter().map(|word| ulimit(word).map(|limit| (limit.name.clone(), limit)));
    Ok(limits.collect::<Result<BTreeMap<_, _>>>()?.into_values().collect())
}

pub(super) fn nano_cpus(word: &str) -> Result<i64> {
    let cpus = word.parse::<f64>().ok().filter(|cpus| (0.0..1e6).contains(cpus));
    let cpus = cpus.ok_or_else(|| invalid("cpus", word, "expected a number"))?;
    #[expect(clippy::cast_possible_truncation, reason = "below 1e15, as was just seen")]
    Ok((cpus * 1e9).round() as i64)
}

pub(super) fn weight_device(word: &str) -> Result<WeightDevice> {
    let read = word.rsplit_once(':').and_then(|(path, weight)| {
        Some(WeightDevice { path: path.to_owned(), weight: weight.parse().ok()? })
    });
    read.ok_or_else(|| refuse(Kind::Usage, format!("bad format: {word}")))
}

pub(super) fn throttle(flag: &str, word: &str) -> Result<ThrottleDevice> {
    let (path, rate) =
        word.rsplit_once(':').ok_or_else(|| refuse(Kind::Usage, format!("bad format: {word}")))?;
    let rate = u64::try_from(bytes(flag, rate)?).unwrap_or_default();
    Ok(ThrottleDevice { path: path.to_owned(), rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_what_they_mean() {
        assert_eq!(tmpfs("/t:size=1m"), ("/t".into(), "size=1m".into()));
        assert_eq!(sysctl("net.a=1=2").unwrap(), ("net.a".into(), "1=2".into()));
        assert_eq!(extra_host("a.b=[::1]").unwrap(), "a.b:::1");
        assert_eq!(extra_host("a:1.2.3.4").unwrap(), "a:1.2.3.4");
        assert_eq!(extra_host("a:host-gateway").unwrap(), "a:host-gateway");
        let own = device("/dev/a:/dev/b:r").unwrap();
        assert_eq!((&*own.path_in_container, &*own.cgroup_permissions), ("/dev/b", "r"));
        assert_eq!(device("/dev/a:rw").unwrap().path_in_container, "/dev/a");
        assert_eq!(ulimit("core=0:unlimited").unwrap().hard, -1);
        let words = ["nofile=1", "core=0", "nofile=2"].map(str::to_owned);
        let limits = ulimits(&words).unwrap();
        let limits: Vec<_> = limits.iter().map(|limit| (&*limit.name, limit.soft)).collect();
        assert_eq!(limits, [("core", 0), ("nofile", 2)]);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_the_flag() {
        let told = |error: anyhow::Error| format!("{error:#}");
        for (error, words) in [
            (sysctl("foo").map(drop).unwrap_err(), "\"--sysctl\" flag: sysctl 'foo'"),
            (extra_host("foo").map(drop).unwrap_err(), "bad format for add-host: \"foo\""),
            (extra_host("foo:x").map(drop).unwrap_err(), "invalid IP address in add-host: \"x\""),
            (device("foo").map(drop).unwrap_err(), "foo is not an absolute path"),
            (device("/a:/b:q").map(drop).unwrap_err(), "bad mode specified: q"),
            (ulimit("bad=1").map(drop).unwrap_err(), "invalid ulimit type: bad"),
            (ulimit("core=-1:9").map(drop).unwrap_err(), "equal to hard limit: -1 > 9"),
            (nano_cpus("x").map(drop).unwrap_err(), "\"--cpus\" flag"),
            (restart_policy("on-failure:x").map(drop).unwrap_err(), "must be an integer"),
        ] {
            assert!(told(error).contains(words), "{words}");
        }
    }
}
