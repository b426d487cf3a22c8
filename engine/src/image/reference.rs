//! The names of images: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`.
//!
//! What is typed is made whole (`nginx` is `docker.io/library/nginx:latest`) and shown again in its
//! short form, which is called familiar.

use std::fmt;
use std::str::FromStr;

use super::Digest;

/// Where names without a registry are looked up.
pub const DEFAULT_REGISTRY: &str = "docker.io";
/// The repositories of the default registry that need no first part.
const OFFICIAL: &str = "library/";
/// What a name without tag and digest means.
pub const DEFAULT_TAG: &str = "latest";

/// A name of an image, whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// `docker.io`, `localhost:5000`, …
    pub registry: String,
    /// `library/nginx`, `project/name`, …
    pub repository: String,
    /// What follows the colon, where it was given.
    pub tag: Option<String>,
    /// What follows the `@`, where it was given.
    pub digest: Option<Digest>,
}

/// Why a text is no reference, in Docker's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoReference(String);

impl fmt::Display for NoReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoReference {}

impl FromStr for Reference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Reference, NoReference> {
        let wrong = |words: &str| NoReference(words.to_owned());
        let format = || wrong("invalid reference format");
        if text.len() == 64
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            return Err(NoReference(format!(
                "invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
            )));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|_| format())?)),
            None => (text, None),
        };
        // A colon before the last slash is that of a registry's port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(format());
        }
        let (registry, repository) = split_registry(name);
        if repository.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(wrong(&format!(
                "invalid reference format: repository name ({repository}) must be lowercase"
            )));
        }
        if !is_registry(&registry) || !repository.split('/').all(is_component) {
            return Err(format());
        }
        if registry.len() + 1 + repository.len() > 255 {
            return Err(wrong("repository name must not be more than 255 characters"));
        }
        Ok(Reference { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

/// The registry and the repository of a name, whole.
fn split_registry(name: &str) -> (String, String) {
    let (registry, repository) = match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.chars().any(|c| c.is_ascii_uppercase()) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_REGISTRY, name),
    };
    let registry = if registry == "index.docker.io" { DEFAULT_REGISTRY } else { registry };
    let official = registry == DEFAULT_REGISTRY && !repository.contains('/');
    let repository =
        if official { format!("{OFFICIAL}{repository}") } else { repository.to_owned() };
    (registry.to_owned(), repository)
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let first = tag.bytes().next().is_some_and(word);
    first && tag.len() <= 128 && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

/// Lower-case words with `.`, `_`, `__` or dashes between them.
fn is_component(component: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = |b: Option<u8>| b.is_some_and(word);
    let separators = component.split(|c: char| c.is_ascii() && word(c as u8));
    ends(component.bytes().next())
        && ends(component.bytes().last())
        && separators.filter(|between| !between.is_empty()).all(|between| {
            matches!(between, "." | "_" | "__") || between.bytes().all(|b| b == b'-')
        })
}

/// A host name or address with an optional port.
fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("ipv6", rest.strip_prefix(':').or(rest.is_empty().then_some("1")))
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, Some("1")),
        },
    };
    let label = |label: &str| {
        let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        ends(label.bytes().next())
            && ends(label.bytes().last())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(label) && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

impl Reference {
    /// The same with the tag `latest` where neither tag nor digest was given.
    #[must_use]
    pub fn or_latest(mut self) -> Reference {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// The repository with its registry, and nothing after it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The name as people write it: without the default registry.
    pub fn familiar_name(&self) -> String {
        if self.registry != DEFAULT_REGISTRY {
            return self.name();
        }
        self.repository.strip_prefix(OFFICIAL).unwrap_or(&self.repository).to_owned()
    }

    /// The whole reference as people write it.
    pub fn familiar(&self) -> String {
        format!("{}{}", self.familiar_name(), self.suffix())
    }

    /// The same repository by a digest, without a tag.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Reference {
        Reference { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// What a registry is asked for: the digest, or else the tag.
    pub fn wanted(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.clone().unwrap_or_else(|| DEFAULT_TAG.to_owned()),
        }
    }

    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self.digest.map(|digest| format!("@{digest}")).unwrap_or_default();
        tag + &digest
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name(), self.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_short_name_is_made_whole_and_short_again() {
        let by_digest = format!("x@{DIGEST}");
        let whole_by_digest = format!("docker.io/library/x@{DIGEST}");
        for (typed, whole, familiar) in [
            ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
            ("nginx:1", "docker.io/library/nginx:1", "nginx:1"),
            ("me/app", "docker.io/me/app:latest", "me/app:latest"),
            ("docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
            ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
            ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
            ("h:5000/x", "h:5000/x:latest", "h:5000/x:latest"),
            ("h:5000/p/n:t", "h:5000/p/n:t", "h:5000/p/n:t"),
            ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
            ("quay.io/a/b/c:v1.2", "quay.io/a/b/c:v1.2", "quay.io/a/b/c:v1.2"),
            ("m/a__b-c.d/e---f", "docker.io/m/a__b-c.d/e---f:latest", "m/a__b-c.d/e---f:latest"),
            (by_digest.as_str(), whole_by_digest.as_str(), by_digest.as_str()),
        ] {
            let reference = typed.parse::<Reference>().unwrap().or_latest();
            assert_eq!(reference.to_string(), whole, "{typed}");
            assert_eq!(reference.familiar(), familiar, "{typed}");
            assert_eq!(whole.parse::<Reference>().unwrap().or_latest(), reference, "{typed}");
        }
    }

    #[test]
    fn what_no_registry_would_take_is_refused() {
        for wrong in [
            "",
            "/",
            ":",
            "a:",
            "a:b:c",
            "a//b",
            "../a",
            "a/../b",
            "a/.b",
            "a_-b",
            "a...b",
            "-a",
            "a-",
            "a b",
            "a@",
            "a@sha256:12",
            "a@md5:00",
            "h:x/a",
            "h:99999/a",
            "é",
            "a:-b",
            "[x]:1/a",
            "/a",
            "a/",
            "http://a/b",
        ] {
            assert!(wrong.parse::<Reference>().is_err(), "{wrong}");
        }
        let long = "a".repeat(300);
        assert!(long.parse::<Reference>().is_err());
        assert!(format!("a:{}", "t".repeat(129)).parse::<Reference>().is_err());
        assert!(DIGEST[7..].parse::<Reference>().is_err());
    }

    #[test]
    fn upper_case_is_told_as_docker_tells_it() {
        let error = "me/App".parse::<Reference>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid reference format: repository name (me/App) must be lowercase"
        );
    }
}
