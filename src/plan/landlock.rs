//! A Landlock domain for the container's processes, by the annotation `org.onggi.landlock`: a JSON
//! object. The specification has no field for it yet.

use serde::{Deserialize, Serialize};

use super::text::text;
use super::types::ContainerPath;
use crate::error::{Error, Result};
use crate::spec::Spec;

/// What the annotation is called.
const KEY: &str = "org.onggi.landlock";

/// What a process and its children may do (landlock(7)); nothing leaves a kind of thing alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Landlock {
    /// Files below these paths, and no others.
    pub paths: Option<Vec<(ContainerPath, PathAccess)>>,
    /// TCP ports that may be bound.
    pub bind: Option<Vec<u16>>,
    /// TCP ports that may be connected to.
    pub connect: Option<Vec<u16>>,
    /// `LANDLOCK_SCOPE_*`: what does not reach processes outside.
    pub scoped: u64,
}

/// What may be done to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathAccess {
    /// Reading, listing, executing.
    Read,
    /// All that files can be used for.
    All,
}

/// The annotation's words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    read_only: Option<Vec<String>>,
    read_write: Option<Vec<String>>,
    bind_tcp: Option<Vec<u16>>,
    connect_tcp: Option<Vec<u16>>,
    #[serde(default)]
    scoped: Vec<String>,
}

/// `LANDLOCK_SCOPE_*` (linux/landlock.h)
const SCOPES: [(&str, u64); 2] = [("abstractUnixSocket", 1), ("signal", 2)];

/// The domain that the annotation asks for.
///
/// # Errors
/// What is no such object, and one that restricts nothing.
pub(super) fn landlock(spec: &Spec<'_>) -> Result<Option<Landlock>> {
    let Some(words) = spec.annotation(KEY) else { return Ok(None) };
    let wrong = |problem: String| Error::new(format!("annotations: {KEY}: {problem}"));
    let asked: Asked = serde_json::from_str(words).map_err(|error| wrong(error.to_string()))?;
    let mut domain =
        Landlock { bind: asked.bind_tcp, connect: asked.connect_tcp, ..Landlock::default() };
    for (list, access) in [(asked.read_only, PathAccess::Read), (asked.read_write, PathAccess::All)]
    {
        for path in list.iter().flatten() {
            if !path.starts_with('/') {
                return Err(wrong(format!("{path:?} is not an absolute path")));
            }
            let path = ContainerPath::new(&text(KEY, path)?);
            domain.paths.get_or_insert_default().push((path, access));
        }
        if list.is_some() {
            domain.paths.get_or_insert_default();
        }
    }
    for word in &asked.scoped {
        let row = SCOPES.iter().find(|(name, _)| name == word);
        let bit = row.ok_or_else(|| wrong(format!("scoped: {word:?} is not known")))?;
        domain.scoped |= bit.1;
    }
    match domain == Landlock::default() {
        true => Err(wrong("restricts nothing".into())),
        false => Ok(Some(domain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(words: &str) -> Result<Option<Landlock>> {
        let mut spec = Spec::default();
        spec.annotations.0.push((KEY.into(), words.into()));
        landlock(&spec)
    }

    #[test]
    fn each_word_restricts_something() {
        let path = |path| ContainerPath::new(path);
        let domain = planned(
            r#"{"readOnly": ["/"], "readWrite": ["/tmp"], "bindTcp": [], "connectTcp": [443],
                "scoped": ["signal", "abstractUnixSocket"]}"#,
        );
        let expected = Landlock {
            paths: Some(vec![(path("/"), PathAccess::Read), (path("/tmp"), PathAccess::All)]),
            bind: Some(Vec::new()),
            connect: Some(vec![443]),
            scoped: 3,
        };
        assert_eq!(domain.unwrap(), Some(expected));
        let nothing_at_all = planned(r#"{"readOnly": []}"#).unwrap().unwrap();
        assert_eq!(nothing_at_all.paths, Some(Vec::new()));
        assert_eq!(landlock(&Spec::default()).unwrap(), None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (words, told) in [
            ("{}", "restricts nothing"),
            ("", "EOF"),
            (r#"{"readonly": []}"#, "unknown field `readonly`"),
            (r#"{"readOnly": ["tmp"]}"#, "\"tmp\" is not an absolute path"),
            (r#"{"bindTcp": [65536]}"#, "65536"),
            (r#"{"scoped": ["all"]}"#, "scoped: \"all\" is not known"),
        ] {
            let error = planned(words).unwrap_err().to_string();
            assert!(error.starts_with("annotations: org.onggi.landlock: "), "{error}");
            assert!(error.contains(told), "{error}");
        }
    }
}
