//! `dok info`: what there is, and what the machine offers.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::json;

use super::flags::text;
use super::listing::of_one;
use super::{Globals, complain, format_flag, human, print};
use crate::error::Result;
use crate::image::platform::Platform;
use crate::service::info::{Info, VERSION};

pub(super) fn definition() -> Command {
    Command::new("info").about("Display system-wide information").arg(format_flag().short('f'))
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let info = globals.engine()?.info()?;
    if let Some(format) = text(matches, "format").filter(|format| !format.is_empty()) {
        let mut told = serde_json::to_value(&info)?;
        told["ClientInfo"] = json!({
            "Version": VERSION, "Debug": false, "Os": "linux", "Arch": Platform::own().architecture,
            "Context": "default", "Plugins": [], "Warnings": null,
        });
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
    let mut lines = Lines(format!("Client:\n Version:    {VERSION}\n\nServer:\n"));
    lines.tell(1, "Containers", &info.containers);
    lines.tell(2, "Running", &info.containers_running);
    lines.tell(2, "Paused", &info.containers_paused);
    lines.tell(2, "Stopped", &info.containers_stopped);
    lines.tell(1, "Images", &info.images);
    lines.tell(1, "Server Version", &info.server_version);
    lines.tell(1, "Storage Driver", &info.driver);
    for [name, value] in &info.driver_status {
        lines.tell(2, name, value);
    }
    lines.tell(1, "Logging Driver", &info.logging_driver);
    lines.tell(1, "Cgroup Driver", &info.cgroup_driver);
    lines.tell(1, "Cgroup Version", &info.cgroup_version);
    lines.tell(1, "Plugins", &"");
    lines.tell(2, "Volume", &info.plugins.volume.join(" "));
    lines.tell(2, "Network", &info.plugins.network.join(" "));
    lines.tell(2, "Log", &info.plugins.log.join(" "));
    lines.tell(1, "Swarm", &info.swarm.local_node_state);
    let runtimes: Vec<&str> = info.runtimes.keys().map(String::as_str).collect();
    lines.tell(1, "Runtimes", &runtimes.join(" "));
    lines.tell(1, "Default Runtime", &info.default_runtime);
    lines.tell(1, "Init Binary", &info.init_binary);
    lines.tell(1, "Security Options", &"");
    lines.say(2, "seccomp");
    lines.tell(3, "Profile", &"builtin");
    lines.tell(1, "Kernel Version", &info.kernel_version);
    lines.tell(1, "Operating System", &info.operating_system);
    lines.tell(1, "OSType", &info.os_type);
    lines.tell(1, "Architecture", &info.architecture);
    lines.tell(1, "CPUs", &info.cpus);
    lines.tell(1, "Total Memory", &human::memory(info.mem_total));
    lines.tell(1, "Name", &info.name);
    lines.tell(1, "ID", &info.id);
    lines.tell(1, "Docker Root Dir", &info.docker_root_dir);
    lines.tell(1, "Debug Mode", &info.debug);
    for (name, proxy) in [
        ("HTTP Proxy", &info.http_proxy),
        ("HTTPS Proxy", &info.https_proxy),
        ("No Proxy", &info.no_proxy),
    ] {
        if !proxy.is_empty() {
            lines.tell(1, name, proxy);
        }
    }
    lines.tell(1, "Experimental", &info.experimental_build);
    let insecure = &info.registry_config.insecure_registries;
    lines.list(
        "Insecure Registries",
        insecure.iter().chain(&info.registry_config.insecure_networks),
    );
    lines.list("Registry Mirrors", info.registry_config.mirrors.iter());
    lines.tell(1, "Live Restore Enabled", &info.live_restore_enabled);
    lines.0
}

/// Text that grows line by line.
struct Lines(String);

impl Lines {
    fn say(&mut self, depth: usize, text: &str) {
        self.0 += format!("{:depth$}{text}", "").trim_end();
        self.0.push('\n');
    }

    fn tell(&mut self, depth: usize, name: &str, value: &dyn std::fmt::Display) {
        self.say(depth, &format!("{name}: {value}"));
    }

    /// Nothing, where there are no values.
    fn list<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a String>) {
        let mut values = values.peekable();
        if values.peek().is_some() {
            self.tell(1, name, &"");
        }
        values.for_each(|value| self.say(2, value));
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
