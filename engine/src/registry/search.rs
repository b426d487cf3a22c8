//! Searching the default registry, or another that has the same way of old.

use serde::Deserialize;
use ureq::http::Request;

use super::Settings;
use super::address::form;
use super::broken::broken;
use super::client::{ANSWER_LIMIT, agent, refused, whole};
use crate::error::{Context, Result};
use crate::image::reference::DEFAULT_REGISTRY;

/// A repository that was found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// How many people like it.
    #[serde(default)]
    pub star_count: u64,
    /// The default registry's own.
    #[serde(default)]
    pub is_official: bool,
}

/// Searches for a word; before a slash it may have a registry.
///
/// # Errors
/// Where the registry cannot be asked.
pub fn search(term: &str, limit: u32, settings: &Settings) -> Result<Vec<Found>> {
    #[derive(Deserialize)]
    struct Answer {
        results: Vec<Found>,
    }
    let named = term.split_once('/').filter(|(first, _)| first.contains(['.', ':']));
    let (registry, word) = match named {
        Some((registry, word)) if registry != DEFAULT_REGISTRY => (registry, word),
        Some((_, word)) => ("index.docker.io", word),
        None => ("index.docker.io", term),
    };
    let insecure = settings.is_insecure(registry);
    let scheme = if insecure { "http" } else { "https" };
    let limit = limit.to_string();
    let query = form(&[("q", word), ("n", limit.as_str())]);
    let url = format!("{scheme}://{registry}/v1/search?{query}");
    let saying = || format!("Get \"{url}\"");
    let request = Request::get(&url).body(()).with_context(saying)?;
    let answer = agent(registry, insecure, settings)?.run(request);
    let answer = answer.map_err(|error| broken(error, &url)).with_context(saying)?;
    if !answer.status().is_success() {
        return Err(refused(answer, &saying()));
    }
    let answer: Answer =
        serde_json::from_slice(&whole(answer, ANSWER_LIMIT)?).with_context(saying)?;
    Ok(answer.results)
}
