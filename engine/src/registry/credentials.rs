//! Who we are, by the file that Docker's client keeps: `config.json` in `$DOCKER_CONFIG` or
//! `~/.docker`, with its helper programs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Context, Kind, Result, refuse};
use crate::image::reference::DEFAULT_REGISTRY;
use crate::store::durable;

/// The name of the default registry in the file.
pub const DEFAULT_SERVER: &str = "https://index.docker.io/v1/";
/// What a helper answers as the user's name, where the secret is a token.
const TOKEN_USER: &str = "<token>";

/// How we show who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token that is changed for others.
    Token(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential")
    }
}

/// The file.
#[derive(Debug, Clone)]
pub struct Credentials {
    file: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    auths: BTreeMap<String, Auth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creds_store: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    cred_helpers: BTreeMap<String, String>,
    /// What is none of our business and stays.
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct Auth {
    #[serde(skip_serializing_if = "String::is_empty")]
    auth: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    identitytoken: String,
    /// Where somebody wrote the file by hand, in place of `auth`.
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    password: String,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    #[serde(rename = "ServerURL", default)]
    server: String,
    username: String,
    secret: String,
}

/// The key of a registry in the file.
pub fn server(registry: &str) -> String {
    match registry {
        DEFAULT_REGISTRY | "index.docker.io" | "registry-1.docker.io" => DEFAULT_SERVER.to_owned(),
        other => other.to_owned(),
    }
}

impl Credentials {
    /// The file in a folder of Docker's client.
    pub fn in_folder(folder: &Path) -> Credentials {
        Credentials { file: folder.join("config.json") }
    }

    /// Where it is.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What we show to a registry; nothing, where we are nobody there.
    ///
    /// # Errors
    /// Where the file makes no sense, or the helper that it names fails.
    pub fn of(&self, registry: &str) -> Result<Option<Credential>> {
        let (config, server): (Config, _) = (self.read()?, server(registry));
        if let Some(helper) = config.helper(&server) {
            let asking = || format!("no credentials for {registry}");
            return helper_get(helper, &server).with_context(asking);
        }
        let same = |key: &str| plain(key) == plain(&server);
        // What an older file says under a URL must not go before what `login` has kept.
        let older = || config.auths.iter().find(|(key, _)| same(key)).map(|(_, auth)| auth);
        let Some(auth) = config.auths.get(&server).or_else(older) else { return Ok(None) };
        if !auth.identitytoken.is_empty() {
            return Ok(Some(Credential::Token(auth.identitytoken.clone())));
        }
        if auth.auth.is_empty() {
            let (user, password) = (auth.username.clone(), auth.password.clone());
            let known = !user.is_empty();
            return Ok(known.then_some(Credential::Password { user, password }));
        }
        let wrong = || format!("{}: auth of {server} is no name and password", self.parsing());
        let text = BASE64_STANDARD.decode(&auth.auth).with_context(wrong)?;
        let text = String::from_utf8(text).with_context(wrong)?;
        let (user, password) = text.split_once(':').with_context(wrong)?;
        let (user, password) = (user.to_owned(), password.trim_end_matches('\0').to_owned());
        Ok(Some(Credential::Password { user, password }))
    }

    /// Keeps what we show to a registry; whether it now stands readable in the file.
    ///
    /// # Errors
    /// Where the helper fails or the file cannot be written.
    pub fn keep(&self, registry: &str, user: &str, password: &str) -> Result<bool> {
        let (mut config, server): (Config, _) = (self.read()?, server(registry));
        if let Some(helper) = config.helper(&server) {
            let (username, secret) = (user.to_owned(), password.to_owned());
            let helped = Helped { server: server.clone(), username, secret };
            run_helper(helper, "store", &serde_json::to_vec(&helped)?)?;
            config.auths.insert(server, Auth::default());
            return self.write(&config).map(|()| false);
        }
        let auth = BASE64_STANDARD.encode(format!("{user}:{password}"));
        config.auths.insert(server, Auth { auth, ..Auth::default() });
        self.write(&config).map(|()| true)
    }

    /// Forgets what we show to a registry; whether there was anything.
    ///
    /// # Errors
    /// Where the helper fails or the file cannot be written.
    pub fn forget(&self, registry: &str) -> Result<bool> {
        let (mut config, server): (Config, _) = (self.read()?, server(registry));
        let known = config.auths.keys().any(|key| plain(key) == plain(&server));
        if let Some(helper) = config.helper(&server) {
            run_helper(helper, "erase", server.as_bytes())?;
        }
        if known {
            config.auths.retain(|key, _| plain(key) != plain(&server));
            self.write(&config)?;
        }
        Ok(known)
    }

    /// What the file says, as far as somebody wants to know; nothing, where it is not there or
    /// empty.
    ///
    /// # Errors
    /// The file cannot be read, or is not JSON.
    pub fn read<T: Default + DeserializeOwned>(&self) -> Result<T> {
        match fs::read(&self.file) {
            Ok(bytes) if bytes.trim_ascii().is_empty() => Ok(T::default()),
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| self.parsing()),
            // Also where there is no folder: nobody has said anything.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(T::default())
            }
            Err(error) => {
                let loading = || format!("Error loading config file: open {}", self.file.display());
                Err(error).with_context(loading)
            }
        }
    }

    /// As Docker's client says what it does.
    fn parsing(&self) -> String {
        format!("Error parsing config file ({})", self.file.display())
    }

    fn write(&self, config: &Config) -> Result<()> {
        let writing = || format!("write {}", self.file.display());
        let mut bytes = Vec::new();
        let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, tabs);
        config.serialize(&mut serializer).with_context(writing)?;
        let folder = self.file.parent().unwrap_or(Path::new("."));
        durable::make_private_folder(folder).with_context(writing)?;
        // A link to the file stays a link.
        let file = fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        durable::replace(&file, &bytes).with_context(writing)
    }
}

impl Config {
    fn helper(&self, server: &str) -> Option<&str> {
        let own = self.cred_helpers.iter().find(|(key, _)| plain(key) == plain(server));
        own.map(|(_, helper)| helper).or(self.creds_store.as_ref()).map(String::as_str)
    }
}

/// The host of a key, which older files wrote as a URL.
fn plain(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

fn helper_get(helper: &str, server: &str) -> Result<Option<Credential>> {
    let answer = match run_helper(helper, "get", server.as_bytes()) {
        Err(error) if error.to_string().contains("credentials not found") => return Ok(None),
        answer => answer?,
    };
    let helped: Helped = serde_json::from_slice(&answer)
        .with_context(|| format!("read the answer of docker-credential-{helper}"))?;
    Ok(Some(match helped.username.as_str() {
        TOKEN_USER => Credential::Token(helped.secret),
        _ => Credential::Password { user: helped.username, password: helped.secret },
    }))
}

fn run_helper(helper: &str, verb: &str, input: &[u8]) -> Result<Vec<u8>> {
    let program = format!("docker-credential-{helper}");
    let wrong = helper.is_empty() || helper.contains('/');
    anyhow::ensure!(!wrong, "{helper:?} is no name of a credential helper");
    let mut command = Command::new(&program);
    command.arg(verb);
    let running = || format!("run {program} {verb}");
    let output = told_to(command, input).with_context(running)?;
    if !output.status.success() {
        // Helpers say on standard output what went wrong.
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        return Err(refuse(Kind::Denied, format!("{program} {verb}: {said}")));
    }
    Ok(output.stdout)
}

/// What a program says that is given some words.
fn told_to(mut command: Command, input: &[u8]) -> io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input) {
            // It knows its answer without hearing what is asked.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written?,
        }
    }
    child.wait_with_output()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_what_is_no_folder_nobody_has_said_anything() {
        let file = std::env::temp_dir().join(format!("dok-no-folder-{}", std::process::id()));
        fs::write(&file, "").unwrap();
        assert_eq!(Credentials::in_folder(&file).of("h:1").unwrap(), None);
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_helper_need_not_hear_what_is_asked() {
        let mut command = Command::new("echo");
        command.arg("an answer");
        let more_than_a_pipe_holds = vec![b' '; 1 << 20];
        let said = told_to(command, &more_than_a_pipe_holds).unwrap();
        assert_eq!(said.stdout, b"an answer\n");
    }

    #[test]
    fn what_is_kept_is_found_and_forgotten_and_the_rest_stays() {
        let folder = std::env::temp_dir().join(format!("dok-credentials-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let credentials = Credentials::in_folder(&folder);
        assert_eq!(credentials.of("h:1").unwrap(), None);
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            credentials.file(),
            r#"{"detachKeys":"ctrl-x","auths":{"https://h:1/v2/":{"auth":"dTpw"}}}"#,
        )
        .unwrap();
        let own = |user: &str, password: &str| Credential::Password {
            user: user.into(),
            password: password.into(),
        };
        assert_eq!(credentials.of("h:1").unwrap(), Some(own("u", "p")));
        assert_eq!(credentials.of("h:2").unwrap(), None);
        assert!(credentials.keep("h:1", "u", "new").unwrap());
        assert_eq!(credentials.of("h:1").unwrap(), Some(own("u", "new")), "not the older URL's");
        assert!(credentials.keep(DEFAULT_REGISTRY, "me", "a:b").unwrap());
        assert_eq!(credentials.of(DEFAULT_REGISTRY).unwrap(), Some(own("me", "a:b")));
        let text = fs::read_to_string(credentials.file()).unwrap();
        assert!(text.contains("detachKeys") && text.contains(DEFAULT_SERVER), "{text}");
        assert!(credentials.forget("h:1").unwrap() && !credentials.forget("h:1").unwrap());
        fs::write(credentials.file(), r#"{"credHelpers":{"h:1":"none-such"}}"#).unwrap();
        assert!(credentials.of("h:1").is_err(), "a helper that is missing says nothing");
        assert_eq!(credentials.of("h:2").unwrap(), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
