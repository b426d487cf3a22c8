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

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Platform, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let word = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        };
        let wrong = || format!("{text:?} is no platform: expected os/architecture[/variant]");
        if !parts.iter().all(word) {
            return Err(wrong());
        }
        let (os, architecture, variant) = match parts[..] {
            ["linux"] => return Ok(Platform::own()),
            [architecture] => ("linux", architecture, ""),
            [os, architecture] => (os, architecture, ""),
            [os, architecture, variant] => (os, architecture, variant),
            _ => return Err(wrong()),
        };
        let (architecture, variant) = normal(architecture, variant);
        Ok(Platform { os: os.to_ascii_lowercase(), architecture, variant })
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
}
