//! `proxies` in the client's configuration: the variables by which programs find a proxy.

use super::Globals;
use crate::model::Config;

/// What the configuration calls a proxy, and its variable.
const PROXIES: [(&str, &str); 5] = [
    ("httpProxy", "HTTP_PROXY"),
    ("httpsProxy", "HTTPS_PROXY"),
    ("ftpProxy", "FTP_PROXY"),
    ("noProxy", "NO_PROXY"),
    ("allProxy", "ALL_PROXY"),
];

/// Gives a container the variables that nobody gave it, in both spellings.
pub(super) fn add(globals: &Globals, container: &mut Config) {
    let configuration = globals.client_configuration();
    let proxies = &configuration["proxies"]["default"];
    for (name, variable) in PROXIES {
        let Some(proxy) = proxies[name].as_str().filter(|proxy| !proxy.is_empty()) else {
            continue;
        };
        for variable in [variable.to_owned(), variable.to_lowercase()] {
            let all = container.env.get_or_insert_default();
            if all.iter().all(|own| own.split('=').next() != Some(&variable)) {
                all.push(format!("{variable}={proxy}"));
            }
        }
    }
}
