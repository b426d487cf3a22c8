//! Flags of Docker's that say nothing here, or that cannot be served: where they ask for something,
//! the reason is told.

use clap::{Arg, ArgMatches};

use super::flags::{is_set, switch, texts, value, values};
use crate::error::{Kind, Result, refuse};

/// A flag that is known to be refused.
pub(super) struct Refused {
    /// Without its dashes.
    pub(super) flag: &'static str,
    pub(super) takes: Takes,
    /// Why.
    pub(super) reason: &'static str,
}

/// What a flag is followed by.
pub(super) enum Takes {
    /// Nothing: it is there or not.
    Nothing,
    /// A value of this kind, and those of them that ask for nothing.
    One(&'static str, &'static [&'static str]),
    /// Values of this kind, in as many flags.
    Many(&'static str),
}

/// The flags, as the help tells of them.
pub(super) fn args(rows: &'static [Refused]) -> impl Iterator<Item = Arg> {
    rows.iter().map(|row| {
        let arg = match row.takes {
            Takes::Nothing => switch(row.flag, ""),
            Takes::One(kind, _) => value(row.flag, kind, ""),
            Takes::Many(kind) => values(row.flag, kind, ""),
        };
        arg.help(format!("Refused: {}", row.reason))
    })
}

/// Refuses what cannot be served.
pub(super) fn check(matches: &ArgMatches, rows: &[Refused]) -> Result<()> {
    for Refused { flag, takes, reason } in rows {
        let asked = match takes {
            Takes::Nothing => is_set(matches, flag).then(String::new),
            Takes::Many(_) => texts(matches, flag).into_iter().next(),
            Takes::One(_, nothing) => {
                texts(matches, flag).into_iter().find(|said| !nothing.contains(&said.as_str()))
            }
        };
        if let Some(said) = asked {
            let said = if said.is_empty() { said } else { format!(" {said}") };
            return Err(refuse(Kind::Usage, format!("--{flag}{said}: {reason}")));
        }
    }
    Ok(())
}

/// `--disable-content-trust`, which is so unless somebody says that it is not.
pub(super) fn content_trust() -> Arg {
    switch("disable-content-trust", "Skip image verification: there is none").default_value("true")
}

/// Refuses a verification that would not take place.
pub(super) fn check_content_trust(matches: &ArgMatches) -> Result<()> {
    if is_set(matches, "disable-content-trust") {
        return Ok(());
    }
    let words = "--disable-content-trust=false: signatures of images are not verified";
    Err(refuse(Kind::Usage, words))
}
