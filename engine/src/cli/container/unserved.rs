//! Flags of `run` and `create` that say nothing here, or that cannot be served.

use clap::{Arg, ArgMatches};

use crate::cli::refused::{self, Refused, Takes};
use crate::error::Result;

const UNSERVED: &[Refused] = &[
    one("cpu-count", "N", &["0"], "it is of Windows: use --cpus"),
    one("cpu-percent", "N", &["0"], "it is of Windows: use --cpus"),
    one("gpus", "REQUEST", &[], "could not select device driver \"\" with capabilities: [[gpu]]"),
    one("io-maxbandwidth", "BYTES", &["0"], "it is of Windows: use --device-read-bps"),
    one("io-maxiops", "N", &["0"], "it is of Windows: use --device-read-iops"),
    one("isolation", "TECHNOLOGY", &["", "default"], "Linux has no other than the default"),
    one("kernel-memory", "BYTES", &["0"], "kernels count it with the memory: use --memory"),
    many("link-local-ip", "ADDRESS", "a container has addresses of its networks' subnets alone"),
    many("storage-opt", "NAME=VALUE", "the files of a container are not limited in size"),
    one(
        "volume-driver",
        "DRIVER",
        &["", "local"],
        "there is no driver of volumes other than local",
    ),
    Refused {
        flag: "use-api-socket",
        takes: Takes::Nothing,
        reason: "the API has no socket that a container could be given",
    },
];

const fn one(
    flag: &'static str,
    kind: &'static str,
    nothing: &'static [&'static str],
    reason: &'static str,
) -> Refused {
    Refused { flag, takes: Takes::One(kind, nothing), reason }
}

const fn many(flag: &'static str, kind: &'static str, reason: &'static str) -> Refused {
    Refused { flag, takes: Takes::Many(kind), reason }
}

pub(super) fn args() -> Vec<Arg> {
    refused::args(UNSERVED).chain([refused::content_trust()]).collect()
}

/// Refuses what cannot be served.
pub(super) fn check(matches: &ArgMatches) -> Result<()> {
    refused::check(matches, UNSERVED)?;
    refused::check_content_trust(matches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::container::with_flags;

    #[test]
    fn what_asks_for_nothing_passes_and_all_else_is_refused_with_a_reason() {
        let read = |words: &[&str]| {
            let line = ["run"].iter().chain(words).chain(&["image"]);
            check(&with_flags(clap::Command::new("run")).get_matches_from(line))
        };
        for well in [
            &[][..],
            &["--isolation", "default"],
            &["--volume-driver=local"],
            &["--disable-content-trust"],
            &["--kernel-memory", "0"],
        ] {
            read(well).unwrap();
        }
        for (wrong, reason) in [
            (&["--isolation", "hyperv"][..], "--isolation hyperv: Linux has no other"),
            (&["--storage-opt", "size=1g"], "--storage-opt size=1g: the files"),
            (&["--gpus", "all"], "could not select device driver"),
            (&["--disable-content-trust=false"], "not verified"),
            (&["--use-api-socket"], "--use-api-socket: the API has no socket"),
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(reason), "{wrong:?}: {error}");
        }
    }
}
