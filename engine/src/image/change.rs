//! Instructions of a Dockerfile that change an image's configuration alone, as `import` and
//! `commit` take them.

use std::collections::BTreeMap;

use super::config::{Config, Empty, Healthcheck};
use crate::error::{Context, Kind, Result, refuse};
use crate::time::parse_duration;

/// Applies one instruction.
///
/// # Errors
/// Where it is none of those that change the configuration alone, or makes no sense.
pub fn apply(config: &mut Config, instruction: &str) -> Result<()> {
    let (word, rest) =
        instruction.trim().split_once([' ', '\t']).unwrap_or((instruction.trim(), ""));
    let rest = rest.trim();
    let word = word.to_ascii_uppercase();
    if rest.is_empty() && word != "CMD" && word != "ENTRYPOINT" {
        return Err(refuse(Kind::Invalid, format!("{word} requires at least one argument")));
    }
    match word.as_str() {
        "CMD" => config.cmd = Some(command(rest, config.shell.as_deref())),
        "ENTRYPOINT" => config.entrypoint = Some(command(rest, config.shell.as_deref())),
        "ENV" => set_environment(config, &pairs(rest)?),
        "LABEL" => config.labels.get_or_insert_default().extend(pairs(rest)?),
        "EXPOSE" => {
            for port in words(rest)? {
                expose(config.exposed_ports.get_or_insert_default(), &port)?;
            }
        }
        "VOLUME" => {
            let paths = json(rest).map_or_else(|| words(rest), Ok)?;
            let volumes = config.volumes.get_or_insert_default();
            volumes.extend(paths.into_iter().map(|path| (path, Empty {})));
        }
        "USER" => config.user = rest.to_owned(),
        "WORKDIR" => config.working_dir = below(&config.working_dir, rest),
        "STOPSIGNAL" => config.stop_signal = Some(rest.to_owned()),
        "ONBUILD" => config.on_build.get_or_insert_default().push(rest.to_owned()),
        "SHELL" => {
            let shell =
                json(rest).with_context(|| format!("SHELL requires a JSON array: {rest}"))?;
            config.shell = Some(shell);
        }
        "HEALTHCHECK" => config.healthcheck = Some(healthcheck(rest, config.shell.as_deref())?),
        _ => {
            let words = format!("{word} is not a valid change command");
            return Err(refuse(Kind::Invalid, words));
        }
    }
    Ok(())
}

fn json(text: &str) -> Option<Vec<String>> {
    text.starts_with('[').then(|| serde_json::from_str(text).ok()).flatten()
}

/// A list in JSON is the command; any other text is for the shell.
fn command(text: &str, shell: Option<&[String]>) -> Vec<String> {
    json(text).unwrap_or_else(|| {
        let usual = || vec!["/bin/sh".to_owned(), "-c".to_owned()];
        let mut command = shell.map_or_else(usual, <[String]>::to_vec);
        command.push(text.to_owned());
        command
    })
}

/// Words between blanks, with quotes and backslashes.
fn words(text: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(refuse(Kind::Invalid, format!("a quote is not closed: {text}")));
    }
    words.extend(word);
    Ok(words)
}

/// `NAME=VALUE …`, or the older `NAME VALUE`.
fn pairs(text: &str) -> Result<Vec<(String, String)>> {
    let words = words(text)?;
    if let Some(first) = words.first()
        && !first.contains('=')
    {
        let (name, value) = text
            .split_once([' ', '\t'])
            .with_context(|| format!("{text:?} has no value: expected NAME=VALUE"))?;
        return Ok(vec![(name.to_owned(), value.trim().to_owned())]);
    }
    let pair = |word: String| {
        let (name, value) =
            word.split_once('=').with_context(|| format!("{word:?} is not NAME=VALUE"))?;
        anyhow::ensure!(!name.is_empty(), "{word:?} has no name");
        Ok((name.to_owned(), value.to_owned()))
    };
    words.into_iter().map(pair).collect()
}

fn set_environment(config: &mut Config, pairs: &[(String, String)]) {
    let environment = config.env.get_or_insert_default();
    for (name, value) in pairs {
        let text = format!("{name}={value}");
        let same = |have: &&mut String| have.split('=').next() == Some(name.as_str());
        match environment.iter_mut().find(same) {
            Some(have) => *have = text,
            None => environment.push(text),
        }
    }
}

fn expose(ports: &mut BTreeMap<String, Empty>, text: &str) -> Result<()> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let wrong = || format!("invalid containerPort: {text}");
    let port = |text: &str| text.parse::<u16>().ok();
    let (first, last) = port(first).zip(port(last)).with_context(wrong)?;
    let known = matches!(protocol, "tcp" | "udp" | "sctp");
    anyhow::ensure!(known && first <= last, wrong());
    ports.extend((first..=last).map(|port| (format!("{port}/{protocol}"), Empty {})));
    Ok(())
}

/// A relative folder is below the one before.
fn below(before: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    format!("{}/{path}", if before == "/" { "" } else { before.trim_end_matches('/') })
}

fn healthcheck(text: &str, shell: Option<&[String]>) -> Result<Healthcheck> {
    let mut check = Healthcheck::default();
    let mut rest = text;
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, after) = flag.split_once([' ', '\t']).unwrap_or((flag, ""));
        let (name, value) =
            flag.split_once('=').with_context(|| format!("--{flag} has no value"))?;
        let nanos = || -> Result<i64> {
            let wrong = |words| refuse(Kind::Invalid, format!("--{name}: {words}"));
            parse_duration(value).map_err(wrong)
        };
        match name {
            "interval" => check.interval = nanos()?,
            "timeout" => check.timeout = nanos()?,
            "start-period" => check.start_period = nanos()?,
            "start-interval" => check.start_interval = nanos()?,
            "retries" => {
                check.retries = value.parse().with_context(|| format!("--retries={value}"))?;
            }
            _ => {
                return Err(refuse(
                    Kind::Invalid,
                    format!("unknown flag of HEALTHCHECK: --{name}"),
                ));
            }
        }
        rest = after.trim_start();
    }
    let (word, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    check.test = Some(match word.to_ascii_uppercase().as_str() {
        "NONE" => vec!["NONE".to_owned()],
        "CMD" => match json(rest.trim()) {
            Some(list) => [vec!["CMD".to_owned()], list].concat(),
            None if shell.is_some() => {
                [vec!["CMD".to_owned()], command(rest.trim(), shell)].concat()
            }
            None => vec!["CMD-SHELL".to_owned(), rest.trim().to_owned()],
        },
        other => {
            let words = format!("unknown type {other:?} in HEALTHCHECK (try CMD)");
            return Err(refuse(Kind::Invalid, words));
        }
    });
    Ok(check)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(instructions: &[&str]) -> Config {
        let mut config = Config::default();
        for instruction in instructions {
            apply(&mut config, instruction).unwrap();
        }
        config
    }

    #[test]
    fn instructions_change_the_configuration() {
        let config = changed(&[
            r#"CMD ["/bin/sh"]"#,
            "entrypoint run me",
            r#"ENV A=1 B="two words" A=3"#,
            "ENV OLD style of it",
            "EXPOSE 80 53/udp 90-91",
            "LABEL a=b",
            "VOLUME /data /more",
            "WORKDIR /srv",
            "WORKDIR www",
            "USER 1:2",
            "HEALTHCHECK --interval=5s --retries=3 CMD true",
        ]);
        let list = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(config.cmd, list(&["/bin/sh"]));
        assert_eq!(config.entrypoint, list(&["/bin/sh", "-c", "run me"]));
        assert_eq!(config.env, list(&["A=3", "B=two words", "OLD=style of it"]));
        let ports: Vec<String> = config.exposed_ports.unwrap().into_keys().collect();
        assert_eq!(ports, ["53/udp", "80/tcp", "90/tcp", "91/tcp"]);
        assert_eq!(config.working_dir, "/srv/www");
        let check = config.healthcheck.unwrap();
        assert_eq!((check.interval, check.retries), (5_000_000_000, 3));
        assert_eq!(check.test, list(&["CMD-SHELL", "true"]));
    }

    #[test]
    fn what_needs_a_build_or_makes_no_sense_is_refused() {
        for wrong in [
            "RUN x",
            "COPY a b",
            "ENV",
            "ENV A",
            "EXPOSE x",
            "EXPOSE 9-1",
            "LABEL \"a=b",
            "FROM x",
            "",
        ] {
            assert!(apply(&mut Config::default(), wrong).is_err(), "{wrong}");
        }
    }
}
