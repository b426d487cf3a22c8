//! Flags of Docker's that say nothing here, or that cannot be served: where they ask for something,
//! the reason is told.

use clap::{Arg, ArgMatches};

use crate::cli::flags::{is_set, switch, texts, value, values};
use crate::error::{Kind, Result, refuse};

/// A flag, the kind of its value, what may be said because it asks for nothing, and the reason.
type Row = (&'static str, &'static str, &'static [&'static str], &'static str);

const UNSERVED: &[Row] = &[
    ("cpu-count", "N", &["0"], "it is of Windows: use --cpus"),
    ("cpu-percent", "N", &["0"], "it is of Windows: use --cpus"),
    ("gpus", "REQUEST", &[], "could not select device driver \"\" with capabilities: [[gpu]]"),
    ("io-maxbandwidth", "BYTES", &["0"], "it is of Windows: use --device-read-bps"),
    ("io-maxiops", "N", &["0"], "it is of Windows: use --device-read-iops"),
    ("isolation", "TECHNOLOGY", &["", "default"], "Linux has no other than the default"),
    ("kernel-memory", "BYTES", &["0"], "kernels count it with the memory: use --memory"),
    ("link-local-ip", "ADDRESS", &[], "a container has addresses of its networks' subnets alone"),
    ("storage-opt", "NAME=VALUE", &[], "the files of a container are not limited in size"),
    ("volume-driver", "DRIVER", &["", "local"], "there is no driver of volumes other than local"),
];

pub(super) fn args() -> Vec<Arg> {
    let is_list = |flag: &str| matches!(flag, "link-local-ip" | "storage-opt");
    let valued = UNSERVED.iter().map(|(flag, kind, _, reason)| {
        let arg = if is_list(flag) { values(flag, kind, "") } else { value(flag, kind, "") };
        arg.help(format!("Refused: {reason}"))
    });
    let trust = switch("disable-content-trust", "Skip image verification: there is none");
    valued
        .chain([
            trust.default_value("true"),
            switch("use-api-socket", "Refused: the API has no socket for containers"),
        ])
        .collect()
}

/// Refuses what cannot be served.
pub(super) fn check(matches: &ArgMatches) -> Result<()> {
    for (flag, _, nothing, reason) in UNSERVED {
        let said = texts(matches, flag);
        if let Some(said) = said.iter().find(|said| !nothing.contains(&said.as_str())) {
            return Err(refuse(Kind::Usage, format!("--{flag} {said}: {reason}")));
        }
    }
    if is_set(matches, "use-api-socket") {
        let words = "--use-api-socket: the API has no socket that a container could be given";
        return Err(refuse(Kind::Usage, words));
    }
    if !is_set(matches, "disable-content-trust") {
        let words = "--disable-content-trust=false: signatures of images are not verified";
        return Err(refuse(Kind::Usage, words));
    }
    Ok(())
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
            (&["--use-api-socket"], "no socket"),
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(reason), "{wrong:?}: {error}");
        }
    }
}
