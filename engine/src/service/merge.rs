//! Pure: what the image says, where the request says nothing.

use std::collections::BTreeMap;

use crate::model::{Config, items};

/// Completes a request by an image's defaults.
pub(super) fn merge(config: &mut Config, image: &Config) {
    or(&mut config.user, &image.user);
    or(&mut config.working_dir, &image.working_dir);
    or(&mut config.stop_signal, &image.stop_signal);
    if items(&config.entrypoint).is_empty() {
        // A request with its own entry point takes nothing of the image's command.
        if items(&config.cmd).is_empty() {
            config.cmd.clone_from(&image.cmd);
        }
        if config.entrypoint.is_none() {
            config.entrypoint.clone_from(&image.entrypoint);
        }
    }
    if matches!(items(&config.entrypoint), [only] if only.is_empty()) {
        config.entrypoint = None;
    }
    config.env = Some(variables(items(&config.env), items(&image.env)));
    below(&mut config.labels, &image.labels);
    below(&mut config.exposed_ports, &image.exposed_ports);
    below(&mut config.volumes, &image.volumes);
    merge_healthcheck(config, image);
    for (own, other) in [(&mut config.shell, &image.shell), (&mut config.on_build, &None)] {
        if own.is_none() {
            own.clone_from(other);
        }
    }
    if config.stop_timeout.is_none() {
        config.stop_timeout = image.stop_timeout;
    }
}

/// What is asked for, each by its last word, then what the image has more, as in Docker. A name
/// alone stays: it takes away what is set later, too, as the host name.
fn variables(own: &[String], image: &[String]) -> Vec<String> {
    fn name(variable: &str) -> &str {
        variable.split('=').next().unwrap_or(variable)
    }
    let mut all: Vec<String> = Vec::new();
    for variable in own {
        match all.iter_mut().find(|known| name(known) == name(variable)) {
            Some(known) => known.clone_from(variable),
            None => all.push(variable.clone()),
        }
    }
    let is_own = |variable: &&String| own.iter().any(|known| name(known) == name(variable));
    all.extend(image.iter().filter(|variable| !is_own(variable)).cloned());
    all
}

fn or(own: &mut String, other: &str) {
    if own.is_empty() {
        other.clone_into(own);
    }
}

fn below<V: Clone>(own: &mut Option<BTreeMap<String, V>>, other: &Option<BTreeMap<String, V>>) {
    for (name, value) in other.iter().flatten() {
        own.get_or_insert_default().entry(name.clone()).or_insert_with(|| value.clone());
    }
}

fn merge_healthcheck(config: &mut Config, image: &Config) {
    let Some(of_image) = &image.healthcheck else { return };
    let Some(own) = &mut config.healthcheck else {
        config.healthcheck = Some(of_image.clone());
        return;
    };
    if items(&own.test).is_empty() {
        own.test.clone_from(&of_image.test);
    }
    for (own, other) in [
        (&mut own.interval, of_image.interval),
        (&mut own.timeout, of_image.timeout),
        (&mut own.start_period, of_image.start_period),
        (&mut own.start_interval, of_image.start_interval),
        (&mut own.retries, of_image.retries),
    ] {
        if *own == 0 {
            *own = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Option<Vec<String>> {
        Some(list.iter().map(|word| (*word).to_owned()).collect())
    }

    fn merged(entrypoint: Option<Vec<String>>, cmd: Option<Vec<String>>) -> Config {
        let image = Config {
            entrypoint: words(&["serve"]),
            cmd: words(&["--all"]),
            env: words(&["A=1", "B=2"]),
            ..Config::default()
        };
        let env = words(&["B=3", "C=4"]);
        let mut config = Config { entrypoint, cmd, env, ..Config::default() };
        merge(&mut config, &image);
        config
    }

    #[test]
    fn the_command_is_the_images_unless_one_of_its_halves_is_given() {
        let both = |config: Config| (config.entrypoint, config.cmd);
        assert_eq!(both(merged(None, None)), (words(&["serve"]), words(&["--all"])));
        assert_eq!(both(merged(None, words(&["x"]))), (words(&["serve"]), words(&["x"])));
        assert_eq!(both(merged(words(&["sh"]), None)), (words(&["sh"]), None));
        assert_eq!(both(merged(words(&[""]), words(&["x"]))), (None, words(&["x"])));
    }

    #[test]
    fn a_name_alone_stays_to_take_away_what_is_set_later() {
        let image = Config { env: words(&["A=1", "B=2"]), ..Config::default() };
        let mut config = Config { env: words(&["A", "HOSTNAME"]), ..Config::default() };
        merge(&mut config, &image);
        assert_eq!(config.env, words(&["A", "HOSTNAME", "B=2"]));
    }

    #[test]
    fn variables_come_before_the_images_and_the_last_word_counts() {
        assert_eq!(merged(None, None).env, words(&["B=3", "C=4", "A=1"]));
        let image = Config { env: words(&["A=1"]), ..Config::default() };
        let mut config = Config { env: words(&["B=1", "C=2", "B=3"]), ..Config::default() };
        merge(&mut config, &image);
        assert_eq!(config.env, words(&["B=3", "C=2", "A=1"]));
    }
}
