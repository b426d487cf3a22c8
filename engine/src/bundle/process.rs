//! The process: its program, environment, rights and limits.

use serde_json::{Value, json};

use super::Facts;
use super::defaults::Security;
use crate::error::{Kind, Result, refuse};
use crate::model::{Container, items};

/// Where programs are looked for when the image does not say.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `process` of the configuration.
///
/// # Errors
/// No program, or an option that makes no sense.
pub fn process(container: &Container, facts: &Facts, capabilities: &[&str]) -> Result<Value> {
    let (config, host) = (&container.config, &container.host_config);
    let mut args = container.command_line();
    if args.is_empty() {
        return Err(refuse(Kind::Invalid, "no command specified"));
    }
    if let Some(init) = &facts.init {
        args.splice(0..0, [init.clone(), "--".to_owned()]);
    }
    let security = Security::read(items(&host.security_opt))?;
    let cwd = if config.working_dir.is_empty() { "/" } else { &config.working_dir };
    let mut process = json!({
        "terminal": config.tty,
        "user": {"uid": facts.identity.uid, "gid": facts.identity.gid,
                 "additionalGids": facts.identity.groups},
        "args": args,
        "env": environment(container, &facts.variables),
        "cwd": cwd,
        "capabilities": sets(capabilities, facts.identity.uid == 0),
        "noNewPrivileges": security.no_new_privileges,
        "rlimits": limits(container),
    });
    if host.oom_score_adj != 0 {
        process["oomScoreAdj"] = host.oom_score_adj.into();
    }
    if let Some(profile) = security.apparmor {
        process["apparmorProfile"] = profile.into();
    }
    let [height, width] = host.console_size;
    if config.tty && height > 0 && width > 0 {
        process["consoleSize"] = json!({"height": height, "width": width});
    }
    Ok(process)
}

/// Only root holds them at once; another user's program can get them by a file that has them. What
/// is inheritable stays empty: it would pass through a file of anyone's.
fn sets(capabilities: &[&str], root: bool) -> Value {
    let held = if root { capabilities } else { &[] };
    json!({"bounding": capabilities, "effective": held, "permitted": held})
}

/// The defaults, and what was said over them. A name without a value takes the variable away.
fn environment(container: &Container, told: &[String]) -> Vec<String> {
    let config = &container.config;
    let mut all = vec![PATH.to_owned(), format!("HOSTNAME={}", container.hostname())];
    if config.tty {
        all.push("TERM=xterm".to_owned());
    }
    merge_variables(&mut all, told);
    merge_variables(&mut all, items(&config.env));
    all
}

/// Lays variables over others, by name.
pub fn merge_variables(all: &mut Vec<String>, over: &[String]) {
    fn name(variable: &str) -> &str {
        variable.split('=').next().unwrap_or(variable)
    }
    for variable in over {
        let place = all.iter().position(|known| name(known) == name(variable));
        match (place, variable.contains('=')) {
            (Some(at), true) => all[at].clone_from(variable),
            (None, true) => all.push(variable.clone()),
            (Some(at), false) => drop(all.remove(at)),
            (None, false) => {}
        }
    }
}

fn limits(container: &Container) -> Vec<Value> {
    let bound = |number: i64| u64::try_from(number).unwrap_or(u64::MAX);
    let limit = |limit: &crate::model::Ulimit| {
        json!({"type": format!("RLIMIT_{}", limit.name.to_ascii_uppercase()),
               "hard": bound(limit.hard), "soft": bound(limit.soft)})
    };
    items(&container.host_config.ulimits).iter().map(limit).collect()
}
