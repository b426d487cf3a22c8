//! `dok info`: what there is, and what the machine offers.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::json;

use super::flags::text;
use super::listing::of_one;
use super::{Globals, complain, format_flag, human, print};
use crate::error::Result;
use crate::service::info::{Info, VERSION};

pub(super) fn definition() -> Command {
    Command::new("info").about("Display system-wide information").arg(format_flag().short('f'))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let info = globals.engine()?.info()?;
    if let Some(format) = text(matches, "format").filter(|format| !format.is_empty()) {
        let mut told = serde_json::to_value(&info)?;
        told["ClientInfo"] = json!({"Version": VERSION, "Debug": false});
        print(&of_one(&told, &format)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&words(&info))?;
    for warning in &info.warnings {
        complain(warning);
    }
    Ok(ExitCode::SUCCESS)
}

fn words(info: &Info) -> String {
    let mut lines = vec![
        "Client:".to_owned(),
        format!(" Version:    {VERSION}"),
        String::new(),
        "Server:".to_owned(),
    ];
    let mut tell = |depth: usize, name: &str, value: &dyn std::fmt::Display| {
        lines.push(format!("{:depth$}{name}: {value}", "").trim_end().to_owned());
    };
    tell(1, "Containers", &info.containers);
    tell(2, "Running", &info.containers_running);
    tell(2, "Paused", &info.containers_paused);
    tell(2, "Stopped", &info.containers_stopped);
    tell(1, "Images", &info.images);
    tell(1, "Server Version", &info.server_version);
    tell(1, "Storage Driver", &info.driver);
    for [name, value] in &info.driver_status {
        tell(2, name, value);
    }
    tell(1, "Logging Driver", &info.logging_driver);
    tell(1, "Cgroup Driver", &info.cgroup_driver);
    tell(1, "Cgroup Version", &info.cgroup_version);
    tell(1, "Plugins", &"");
    tell(2, "Volume", &info.plugins.volume.join(" "));
    tell(2, "Network", &info.plugins.network.join(" "));
    tell(2, "Log", &info.plugins.log.join(" "));
    let runtimes: Vec<&str> = info.runtimes.keys().map(String::as_str).collect();
    tell(1, "Runtimes", &runtimes.join(" "));
    tell(1, "Default Runtime", &info.default_runtime);
    tell(1, "Init Binary", &info.init_binary);
    tell(1, "Security Options", &"");
    tell(2, "seccomp", &"");
    tell(3, "Profile", &"builtin");
    tell(1, "Kernel Version", &info.kernel_version);
    tell(1, "Operating System", &info.operating_system);
    tell(1, "OSType", &info.os_type);
    tell(1, "Architecture", &info.architecture);
    tell(1, "CPUs", &info.cpus);
    tell(1, "Total Memory", &human::memory(info.mem_total));
    tell(1, "Name", &info.name);
    tell(1, "Docker Root Dir", &info.docker_root_dir);
    tell(1, "Experimental", &info.experimental_build);
    list(
        &mut lines,
        "Insecure Registries",
        [
            &info.registry_config.insecure_registries[..],
            &info.registry_config.insecure_networks[..],
        ]
        .concat(),
    );
    list(&mut lines, "Registry Mirrors", info.registry_config.mirrors.clone());
    lines.push(format!(" Live Restore Enabled: {}", info.live_restore_enabled));
    lines.join("\n") + "\n"
}

fn list(lines: &mut Vec<String>, name: &str, values: Vec<String>) {
    if !values.is_empty() {
        lines.push(format!(" {name}:"));
        lines.extend(values.into_iter().map(|value| format!("  {value}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_found_under_dockers_heads() {
        let mut info = Info { containers: 3, kernel_version: "6.1".into(), ..Info::default() };
        info.registry_config.mirrors.push("https://mirror".into());
        let text = words(&info);
        for line in [" Containers: 3", "  Running: 0", " Kernel Version: 6.1", "  https://mirror"] {
            assert!(text.lines().any(|own| own == line), "{line}: {text}");
        }
        assert!(!text.contains("Insecure Registries"), "{text}");
        let told = serde_json::to_value(&info).unwrap();
        assert_eq!((&told["NCPU"], &told["OSType"]), (&0.into(), &"".into()));
    }
}
