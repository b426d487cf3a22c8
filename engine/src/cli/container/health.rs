//! Pure: `--health-cmd` and the flags about it.

use clap::ArgMatches;

use super::read::number;
use crate::cli::flags::{invalid, is_set, text};
use crate::error::{Kind, Result, refuse};
use crate::model::Healthcheck;
use crate::time::parse_duration;

/// The check that the flags ask for; none where they say nothing.
pub(super) fn check(matches: &ArgMatches) -> Result<Option<Healthcheck>> {
    let cmd = text(matches, "health-cmd").filter(|cmd| !cmd.is_empty());
    let check = Healthcheck {
        test: cmd.map(|line| vec!["CMD-SHELL".to_owned(), line]),
        interval: duration(matches, "health-interval")?,
        timeout: duration(matches, "health-timeout")?,
        start_period: duration(matches, "health-start-period")?,
        start_interval: duration(matches, "health-start-interval")?,
        retries: number(matches, "health-retries")?.unwrap_or_default(),
    };
    if check.retries < 0 {
        return Err(refuse(Kind::Usage, "--health-retries cannot be negative"));
    }
    if !is_set(matches, "no-healthcheck") {
        return Ok((check != Healthcheck::default()).then_some(check));
    }
    if check != Healthcheck::default() {
        let words = "--no-healthcheck conflicts with --health-* options";
        return Err(refuse(Kind::Usage, words));
    }
    let test = Some(vec!["NONE".to_owned()]);
    Ok(Some(Healthcheck { test, ..Healthcheck::default() }))
}

fn duration(matches: &ArgMatches, name: &str) -> Result<i64> {
    let Some(word) = text(matches, name) else { return Ok(0) };
    parse_duration(&word).map_err(|what| invalid(name, &word, what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::container::with_flags;

    fn read(words: &[&str]) -> Result<Option<Healthcheck>> {
        let line = ["run"].iter().chain(words).chain(&["image"]);
        check(&with_flags(clap::Command::new("run")).get_matches_from(line))
    }

    #[test]
    fn flags_become_a_check_or_say_that_there_is_none() {
        assert_eq!(read(&[]).unwrap(), None);
        let asked = read(&["--health-cmd", "test -e /ok", "--health-interval=1m30s"]).unwrap();
        let asked = asked.unwrap();
        assert_eq!(asked.test.unwrap(), ["CMD-SHELL", "test -e /ok"]);
        assert_eq!(asked.interval, 90_000_000_000);
        let none = read(&["--no-healthcheck"]).unwrap().unwrap();
        assert_eq!(none.test.unwrap(), ["NONE"]);
        for wrong in [
            &["--no-healthcheck", "--health-cmd", "true"][..],
            &["--health-interval", "soon"],
            &["--health-retries", "-1"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
