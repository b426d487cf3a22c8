//! One registry, and what is said to it.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use ureq::http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use ureq::http::{Method, Request, Response, StatusCode};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, SendBody};

use super::address::{form, join, origin, parameters};
use super::broken::broken;
use super::certificates::Certificates;
use super::names::Names;
use super::{Credential, Settings};
use crate::error::{Context, Kind, Result, refuse};
use crate::image::Reference;
use crate::image::reference::DEFAULT_REGISTRY;

/// How long it may take to be reached.
const CONNECT: Duration = Duration::from_secs(15);
/// The most bytes of an answer that is no blob.
pub(super) const ANSWER_LIMIT: u64 = 4 << 20;
/// The most redirections in a row.
const REDIRECTIONS: usize = 5;

/// What is going to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Fetching.
    Pull,
    /// Sending.
    Push,
}

/// A connection to one repository of one registry.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    /// `https://registry-1.docker.io`.
    base: String,
    /// The repository in that registry.
    pub(super) repository: String,
    scopes: Vec<String>,
    credential: Option<Credential>,
    /// The value of `Authorization`, once the registry asked for it.
    shown: Mutex<Option<String>>,
    insecure: bool,
}

/// A request that can be said twice.
pub(super) struct Said<'a> {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a [u8],
}

impl Said<'_> {
    pub(super) fn get(url: String) -> Said<'static> {
        Said { method: Method::GET, url, headers: Vec::new(), body: b"" }
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Client {
    /// A client of the registry of a reference, or of a mirror of it (a URL).
    ///
    /// # Errors
    /// Where the registry cannot be reached or is none.
    pub fn open(
        reference: &Reference,
        mirror: Option<&str>,
        access: Access,
        settings: &Settings,
        credential: Option<Credential>,
    ) -> Result<Client> {
        let registry = match reference.registry.as_str() {
            DEFAULT_REGISTRY => "registry-1.docker.io",
            other => other,
        };
        let insecure = settings.is_insecure(registry)
            || mirror.is_some_and(|mirror| mirror.starts_with("http://"));
        let right = if access == Access::Pull { "pull" } else { "pull,push" };
        // Without a repository only who we are is of interest.
        let repository = Some(&reference.repository).filter(|name| !name.is_empty());
        let scopes = repository.iter().map(|name| format!("repository:{name}:{right}"));
        let mut client = Client {
            agent: agent(registry, insecure && mirror.is_none(), settings)?,
            base: mirror
                .map_or(format!("https://{registry}"), |m| m.trim_end_matches('/').to_owned()),
            repository: reference.repository.clone(),
            scopes: scopes.collect(),
            credential,
            shown: Mutex::new(None),
            insecure,
        };
        client.greet(mirror.is_none().then_some(registry))?;
        Ok(client)
    }

    /// Lets the token be good for reading another repository too.
    pub fn also_read(&mut self, repository: &str) {
        self.scopes.push(format!("repository:{repository}:pull"));
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Finds out whether it is a registry, over HTTP where that may be, and what it wants to see.
    fn greet(&mut self, registry: Option<&str>) -> Result<()> {
        let url = |base: &str| format!("{base}/v2/");
        let first = self.say_once(&Said::get(url(&self.base)));
        let answer = match (first, registry) {
            (Err(_), Some(registry)) if self.insecure => {
                self.base = format!("http://{registry}");
                let second = self.say_once(&Said::get(url(&self.base)));
                // Both go to the same port: whoever is not there is not there twice.
                second?
            }
            (answer, _) => answer?,
        };
        match answer.status() {
            StatusCode::OK => Ok(()),
            StatusCode::UNAUTHORIZED => self.answer_challenge(&answer),
            status => anyhow::bail!("{} is no registry: it answers {status} to /v2/", self.base),
        }
    }

    /// Whether the registry takes what we show: for `login`.
    ///
    /// # Errors
    /// Where it does not.
    pub fn check(&self) -> Result<()> {
        let answer = self.say(&Said::get(format!("{}/v2/", self.base)))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let doing =
            format!("login attempt to {}/v2/ failed with status: {}", self.base, answer.status());
        Err(refused(answer, &doing))
    }

    pub(super) fn url(&self, rest: &str) -> String {
        format!("{}/v2/{}/{rest}", self.base, self.repository)
    }

    /// An address that the registry gave, whole; it must be the registry's own.
    pub(super) fn own_url(&self, answer: &Response<Body>) -> Result<String> {
        let place = header(answer, LOCATION.as_str()).context("the registry says not where to")?;
        let url = join(&self.base, &place)?;
        anyhow::ensure!(
            origin(&url) == origin(&self.base),
            "the registry sends uploads to {url}, which is another server"
        );
        Ok(url)
    }

    /// Says something, shows who we are where it is asked for, and follows to where it is sent:
    /// there without showing it, unless it is the same server.
    pub(super) fn say(&self, said: &Said<'_>) -> Result<Response<Body>> {
        let mut answer = self.say_once(said)?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.answer_challenge(&answer)?;
            answer = self.say_once(said)?;
        }
        let mut url = said.url.clone();
        for _ in 0..REDIRECTIONS {
            if !answer.status().is_redirection() || said.method != Method::GET {
                return Ok(answer);
            }
            let place = header(&answer, LOCATION.as_str()).context("redirected to nowhere")?;
            let next = join(&url, &place)?;
            let worse = url.starts_with("https:") && !next.starts_with("https:");
            anyhow::ensure!(!worse, "{url} sends us to {next}, without encryption");
            let headers = said.headers.clone();
            let again = Said { method: Method::GET, url: next.clone(), headers, body: b"" };
            answer = self.say_once(&again)?;
            url = next;
        }
        anyhow::bail!("{} sends us around in circles", said.url)
    }

    fn say_once(&self, said: &Said<'_>) -> Result<Response<Body>> {
        let request = self.request(&said.method, &said.url, &said.headers);
        let saying = || format!("{} \"{}\"", verb(&said.method), said.url);
        let answer = match said.body.is_empty() && said.method == Method::GET {
            true => self.agent.run(request.body(()).with_context(saying)?),
            false => self.agent.run(request.body(said.body).with_context(saying)?),
        };
        answer.map_err(|error| broken(error, &said.url)).with_context(saying)
    }

    /// Sends a body of a known length, once.
    pub(super) fn stream(
        &self,
        method: &Method,
        url: &str,
        length: u64,
        body: &mut dyn Read,
    ) -> Result<Response<Body>> {
        let headers = [
            ("Content-Length", length.to_string()),
            ("Content-Type", "application/octet-stream".to_owned()),
        ];
        let request = self.request(method, url, &headers);
        let saying = || format!("{} \"{url}\"", verb(method));
        let request = request.body(SendBody::from_reader(body)).with_context(saying)?;
        self.agent.run(request).map_err(|error| broken(error, url)).with_context(saying)
    }

    fn request(
        &self,
        method: &Method,
        url: &str,
        headers: &[(&'static str, String)],
    ) -> ureq::http::request::Builder {
        let mut request = Request::builder().method(method.clone()).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        match shown.as_ref().filter(|_| origin(url) == origin(&self.base)) {
            Some(shown) => request.header(AUTHORIZATION, shown),
            None => request,
        }
    }

    /// Gets ready what the registry wants to see.
    fn answer_challenge(&self, answer: &Response<Body>) -> Result<()> {
        let challenge = header(answer, WWW_AUTHENTICATE.as_str()).unwrap_or_default();
        let (scheme, rest) = challenge.split_once(' ').unwrap_or((&challenge, ""));
        let shown = match (scheme.to_ascii_lowercase().as_str(), &self.credential) {
            ("bearer", _) => Some(format!("Bearer {}", self.token(&parameters(rest))?)),
            ("basic", Some(Credential::Password { user, password })) => Some(basic(user, password)),
            _ => None,
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    /// A token from where the registry says that they are given out.
    fn token(&self, parameters: &[(String, String)]) -> Result<String> {
        let find = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let realm =
            find("realm").context("the registry asks for a token and says not from where")?;
        let safe = realm.starts_with("https://") || self.insecure && realm.starts_with("http://");
        anyhow::ensure!(safe, "the registry asks for a token from {realm:?}, without encryption");
        let mut fields: Vec<(&str, &str)> = vec![];
        fields.extend(find("service").map(|service| ("service", service)));
        fields.extend(self.scopes.iter().map(|scope| ("scope", scope.as_str())));
        let asking = || format!("ask {realm} for a token");
        let answer = match &self.credential {
            Some(Credential::Token(token)) => {
                let more = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
                fields.extend(more.into_iter().chain([("client_id", "dok")]));
                let form = form(&fields);
                let request = Request::post(realm)
                    .header("Content-Type", "application/x-www-form-urlencoded");
                self.agent.run(request.body(form).with_context(asking)?)
            }
            other => {
                let mark = if realm.contains('?') { '&' } else { '?' };
                let mut request = Request::get(format!("{realm}{mark}{}", form(&fields)));
                if let Some(Credential::Password { user, password }) = other {
                    request = request.header(AUTHORIZATION, basic(user, password));
                }
                self.agent.run(request.body(()).with_context(asking)?)
            }
        };
        let answer = answer.map_err(|error| broken(error, realm)).with_context(asking)?;
        if !answer.status().is_success() {
            return Err(refused(answer, &asking()));
        }
        let token: Token =
            serde_json::from_slice(&whole(answer, ANSWER_LIMIT)?).with_context(asking)?;
        let token = if token.token.is_empty() { token.access_token } else { token.token };
        anyhow::ensure!(!token.is_empty(), "{}: the answer has none", asking());
        Ok(token)
    }
}

pub(super) fn agent(registry: &str, any_certificate: bool, settings: &Settings) -> Result<Agent> {
    let patience = settings.patience();
    let certificates = Certificates::of(registry, &settings.registry_certificates)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(certificates.roots)
        .client_cert(certificates.own)
        .disable_verification(any_certificate)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("dok/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_connect(Some(CONNECT.min(patience)))
        .timeout_recv_response(Some(patience * 2))
        .timeout_per_read(Some(patience))
        .timeout_per_write(Some(patience))
        .tls_config(tls)
        .build();
    Ok(Agent::with_parts(config, DefaultConnector::new(), Names))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// `Get`, as Docker writes it in front of an address.
fn verb(method: &Method) -> String {
    let text = method.as_str();
    text[..1].to_owned() + &text[1..].to_ascii_lowercase()
}

pub(super) fn header(answer: &Response<Body>, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// A whole answer of at most so many bytes.
pub(super) fn whole(answer: Response<Body>, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = answer.into_body().into_reader().take(limit + 1);
    reader.read_to_end(&mut bytes).context("read the registry's answer")?;
    anyhow::ensure!(
        bytes.len() as u64 <= limit,
        "the registry's answer is longer than {limit} bytes"
    );
    Ok(bytes)
}

/// What a registry refused, in its own words.
pub(super) fn refused(answer: Response<Body>, doing: &str) -> anyhow::Error {
    let status = answer.status();
    let bytes = whole(answer, 64 << 10).unwrap_or_default();
    let said = serde_json::from_slice::<Errors>(&bytes).map(|said| said.errors).unwrap_or_default();
    let said: Vec<String> = said
        .iter()
        .map(|e| format!("{}: {}", e.code.to_ascii_lowercase().replace('_', " "), e.message))
        .collect();
    let said = if said.is_empty() { status.to_string() } else { said.join(", ") };
    let kind = match status {
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Denied,
        _ => Kind::Invalid,
    };
    refuse(kind, if doing.is_empty() { said } else { format!("{doing}: {said}") })
}
