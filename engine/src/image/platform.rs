//! Which machine an image is for, and which of several images fits best.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `os/architecture[/variant]`, in the words of Go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`.
    #[serde(default)]
    pub os: String,
    /// `amd64`, `arm64`, …
    #[serde(default)]
    pub architecture: String,
    /// `v7` of `arm`, `v8` of `arm64`, …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

impl Platform {
    /// The machine that this program was built for.
    pub fn own() -> Platform {
        let (architecture, variant) = normal(std::env::consts::ARCH, "");
        Platform { os: "linux".into(), architecture, variant }
    }

    /// The machine that this program runs on, with what its processor can do.
    pub fn host() -> Platform {
        Platform { variant: level().to_owned(), ..Platform::own() }
    }

    /// Whether programs for `other` run here: also those for the narrower machine that a processor
    /// of 64 bits has in it.
    pub fn runs(&self, other: &Platform) -> bool {
        let narrower = match self.architecture.as_str() {
            "amd64" => "386",
            "arm64" => "arm",
            _ => "",
        };
        let is_narrower = normal(&other.architecture, &other.variant).0 == narrower;
        self.fit(other).is_some() || (self.os == other.os && is_narrower)
    }

    /// The platform that is asked for, where an image made for `other` does not serve it.
    pub fn unmet<'a>(asked: Option<&'a Platform>, other: &Platform) -> Option<&'a Platform> {
        asked.filter(|asked| asked.fit(other).is_none())
    }

    /// How well an image made for `other` serves who asks for this platform: the higher the
    /// better, nothing where it does not run.
    pub fn fit(&self, other: &Platform) -> Option<u8> {
        let (architecture, variant) = normal(&other.architecture, &other.variant);
        if other.os != self.os || architecture != self.architecture {
            return None;
        }
        let level = |text: &str| text.trim_start_matches('v').parse::<u8>().ok();
        match (level(&self.variant), level(&variant)) {
            (asked, made) if asked == made => Some(u8::MAX),
            (None, Some(made)) => Some(u8::MAX - 1 - made.min(100)),
            (Some(_), None) => Some(1),
            (Some(asked), Some(made)) if made < asked => Some(made + 1),
            _ => None,
        }
    }
}

/// What the processor can do, as a variant of its architecture.
#[cfg(target_arch = "x86_64")]
fn level() -> &'static str {
    use std::arch::is_x86_feature_detected as has;
    let second = has!("sse3") && has!("ssse3") && has!("sse4.1") && has!("sse4.2");
    let second = second && has!("popcnt") && has!("cmpxchg16b");
    let third = has!("avx") && has!("avx2") && has!("bmi1") && has!("bmi2");
    let third = third && has!("f16c") && has!("fma") && has!("lzcnt") && has!("movbe");
    let fourth = has!("avx512f") && has!("avx512bw") && has!("avx512cd");
    let fourth = fourth && has!("avx512dq") && has!("avx512vl");
    match (second, third, fourth) {
        (true, true, true) => "v4",
        (true, true, false) => "v3",
        (true, false, _) => "v2",
        (false, ..) => "",
    }
}

/// As above.
#[cfg(not(target_arch = "x86_64"))]
fn level() -> &'static str {
    if cfg!(target_arch = "aarch64") { "v8" } else { "" }
}

/// The systems of Go, by which one word is known to be one.
const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

/// The architectures of Go, likewise.
const ARCHITECTURES: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "arm64",
    "arm64be",
    "armbe",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// The usual names of an architecture and of its variant.
fn normal(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = match (architecture, variant) {
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", other) => ("amd64", other),
        ("aarch64" | "arm64", "8" | "v8") => ("arm64", ""),
        ("aarch64", other) => ("arm64", other),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "") => ("arm", "v7"),
        ("x86" | "i386" | "i686", _) => ("386", ""),
        ("powerpc64", other) => ("ppc64le", other),
        (architecture, variant) => (architecture, variant),
    };
    (architecture.to_owned(), variant.to_owned())
}

/// The usual name of a system.
fn system(os: &str) -> &str {
    if os == "macos" { "darwin" } else { os }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Platform, String> {
        let lower = text.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        let is_word = |part: &&str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
            !part.is_empty() && part.bytes().all(known)
        };
        if let Some(wrong) = parts.iter().find(|part| !is_word(part)) {
            return Err(format!(
                "{wrong:?} is an invalid component of {text:?}: platform specifier component must \
                 match \"^[A-Za-z0-9_.-]+$\": invalid argument"
            ));
        }
        let (os, architecture, variant) = match parts[..] {
            [os] if SYSTEMS.contains(&system(os)) => (os, std::env::consts::ARCH, ""),
            [architecture] => ("linux", architecture, ""),
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] => (os, architecture, variant),
            _ => {
                let words = "cannot parse platform specifier: invalid argument";
                return Err(format!("{text:?}: {words}"));
            }
        };
        let os = system(os).to_owned();
        let (architecture, variant) = normal(architecture, variant);
        if parts.len() == 1 && !ARCHITECTURES.contains(&architecture.as_str()) {
            let words = "unknown operating system or architecture: invalid argument";
            return Err(format!("{text:?}: {words}"));
        }
        Ok(Platform { os, architecture, variant })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_variant_that_runs_is_the_best() {
        let fit = |asked: &str, made: &str| {
            let (asked, made): (Platform, Platform) =
                (asked.parse().unwrap(), made.parse().unwrap());
            asked.fit(&made)
        };
        assert_eq!(fit("linux/amd64", "linux/x86_64"), Some(u8::MAX));
        assert_eq!(fit("linux/arm64/v8", "linux/arm64"), Some(u8::MAX));
        assert_eq!(fit("linux/amd64", "linux/arm64"), None);
        assert_eq!(fit("linux/amd64", "windows/amd64"), None);
        assert!(fit("linux/arm/v7", "linux/arm/v6") > fit("linux/arm/v7", "linux/arm/v5"));
        assert_eq!(fit("linux/arm/v6", "linux/arm/v7"), None);
        assert!(fit("linux/amd64", "linux/amd64") > fit("linux/amd64", "linux/amd64/v2"));
    }

    #[test]
    fn a_platform_has_at_most_three_words() {
        for wrong in ["", "/", "linux/", "a/b/c/d", "linux/am d64"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
        assert_eq!("linux/arm64/v8".parse::<Platform>().unwrap().to_string(), "linux/arm64");
    }

    #[test]
    fn one_word_is_a_system_or_an_architecture() {
        let own = Platform::own().architecture;
        for (text, expected) in [
            ("linux", format!("linux/{own}")),
            ("Windows", format!("windows/{own}")),
            ("macos", format!("darwin/{own}")),
            ("aarch64", "linux/arm64".into()),
            ("armel", "linux/arm/v6".into()),
            ("bogus/bogus", "bogus/bogus".into()),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), expected);
        }
        let words = "\"Bogus\": unknown operating system or architecture: invalid argument";
        assert_eq!("Bogus".parse::<Platform>().unwrap_err(), words);
        let words = "\"a/b/c/d\": cannot parse platform specifier: invalid argument";
        assert_eq!("a/b/c/d".parse::<Platform>().unwrap_err(), words);
    }

    #[test]
    fn a_machine_runs_what_is_for_it_or_for_less() {
        let machine = Platform { variant: "v3".into(), .."amd64".parse().unwrap() };
        for (image, runs) in [
            ("linux/amd64", true),
            ("linux/amd64/v2", true),
            ("linux/amd64/v3", true),
            ("linux/amd64/v4", false),
            ("linux/386", true),
            ("linux/arm64", false),
            ("windows/386", false),
        ] {
            assert_eq!(machine.runs(&image.parse().unwrap()), runs, "{image}");
        }
        assert_eq!(Platform::host().architecture, Platform::own().architecture);
        assert!(Platform::host().runs(&Platform::own()));
    }
}
