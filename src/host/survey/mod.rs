//! What this host offers and what will be missing: for people who wonder why something fails, and
//! for programs that decide whether to try. Nothing is changed; the kernel's answers count, not its
//! version.

mod cgroup;
mod kernel;
mod rights;

use serde::Serialize;

/// How much it matters that something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// No container can run without it.
    Required,
    /// Something else cannot be done, or is done another way.
    Useful,
}

/// Something that a host may offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it belongs to: `kernel`, `cgroups`, `rootless`, `security`, `limits`, `programs`.
    pub area: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether it is there.
    pub there: bool,
    /// What was found, where there is more to say than that.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// How much it matters.
    pub need: Need,
    /// What is lost where it is missing.
    pub without: &'static str,
}

impl Fact {
    fn new(area: &'static str, name: &'static str, there: bool, without: &'static str) -> Fact {
        Fact { area, name, there, found: String::new(), need: Need::Useful, without }
    }

    fn saying(mut self, found: impl Into<String>) -> Fact {
        self.found = found.into();
        self
    }

    fn required(mut self) -> Fact {
        self.need = Need::Required;
        self
    }

    /// Whether containers can run as far as this fact goes.
    pub fn is_enough(&self) -> bool {
        self.there || self.need == Need::Useful
    }
}

/// Asks the host for everything.
pub fn survey() -> Vec<Fact> {
    let parts = [kernel::facts(), cgroup::facts(), rights::facts()];
    parts.into_iter().flatten().collect()
}

/// A file of one value, without the line's end; nothing where it cannot be read.
fn value(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim_end().to_owned())
}

/// Where a program is that `PATH`, or the usual directories of one, lead to.
fn program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let directories = path.split(':').chain(usual.split(':')).filter(|dir| dir.starts_with('/'));
    directories.map(|dir| std::path::Path::new(dir).join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_required_and_missing_is_not_enough() {
        let fact = |there| Fact::new("kernel", "x", there, "");
        assert!(fact(true).required().is_enough());
        assert!(!fact(false).required().is_enough());
        assert!(fact(false).is_enough());
    }

    #[test]
    fn every_fact_says_what_is_lost_and_has_a_name_of_its_own() {
        let facts = survey();
        for (number, fact) in facts.iter().enumerate() {
            assert!(!fact.without.is_empty(), "{fact:?}");
            let same = |other: &Fact| (other.area, other.name) == (fact.area, fact.name);
            assert!(!facts[..number].iter().any(same), "{fact:?}");
        }
    }

    #[test]
    fn the_kernel_that_runs_this_knows_pidfds_and_not_a_number_that_is_none() {
        let there = |name: &str| survey().into_iter().find(|fact| fact.name == name).unwrap().there;
        assert!(there("pidfd_open"));
        assert!(!crate::sys::probe::knows(100_000));
    }
}
