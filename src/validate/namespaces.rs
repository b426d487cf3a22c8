//! Rules for namespaces and for what needs one.

use super::{Found, Subject};
use crate::spec::IdMapping;

/// The kernel's limit for lines of a map (user_namespaces(7)).
const MOST_LINES: usize = 340;

pub(super) fn hostname_needs_a_uts_namespace(subject: &Subject<'_>, found: &mut Found) {
    if !subject.spec.hostname.is_empty() && subject.namespace("uts").is_none() {
        found.add("hostname", "unable to set hostname without a private UTS namespace");
    }
}

pub(super) fn domainname_needs_a_uts_namespace(subject: &Subject<'_>, found: &mut Found) {
    if !subject.spec.domainname.is_empty() && subject.namespace("uts").is_none() {
        found.add("domainname", "unable to set domainname without a private UTS namespace");
    }
}

pub(super) fn restricted_paths_need_a_mount_namespace(subject: &Subject<'_>, found: &mut Found) {
    let linux = &subject.spec.linux;
    let restricted = !linux.masked_paths.is_empty() || !linux.readonly_paths.is_empty();
    if restricted && subject.namespace("mount").is_none() {
        let words = "unable to restrict sys entries without a private MNT namespace";
        found.add("linux.maskedPaths", words);
    }
}

pub(super) fn each_kind_is_there_once(subject: &Subject<'_>, found: &mut Found) {
    let namespaces = &subject.spec.linux.namespaces;
    for (index, namespace) in namespaces.iter().enumerate() {
        if namespaces[..index].iter().any(|earlier| earlier.kind == namespace.kind) {
            let words = format!("malformed spec file: duplicated ns {:?}", namespace.kind);
            found.add(format!("linux.namespaces[{index}]"), words);
        }
    }
}

pub(super) fn paths_are_absolute(subject: &Subject<'_>, found: &mut Found) {
    for (index, namespace) in subject.spec.linux.namespaces.iter().enumerate() {
        if !namespace.path.is_empty() && !namespace.path.starts_with('/') {
            let words = format!("{:?} is not absolute", namespace.path);
            found.add(format!("linux.namespaces[{index}].path"), words);
        }
    }
}

pub(super) fn maps_and_user_namespace_go_together(subject: &Subject<'_>, found: &mut Found) {
    let linux = &subject.spec.linux;
    let field = "linux.uidMappings";
    let (uids, gids) = (linux.uid_mappings.is_empty(), linux.gid_mappings.is_empty());
    match subject.namespace("user") {
        None if !uids || !gids => {
            let words =
                "user namespace mappings specified, but user namespace isn't enabled in the config";
            found.add(field, words);
        }
        // A path beside maps is fine as long as both say the same, which is seen at joining.
        Some("") if uids != gids => found.add(field, "uid and gid mappings must both be there"),
        _ => {}
    }
}

pub(super) fn maps_are_sound(subject: &Subject<'_>, found: &mut Found) {
    let linux = &subject.spec.linux;
    let maps =
        [("linux.uidMappings", &linux.uid_mappings), ("linux.gidMappings", &linux.gid_mappings)];
    for (field, map) in maps {
        if map.len() > MOST_LINES {
            found.add(field, format!("{} lines are more than {MOST_LINES}", map.len()));
        }
        for (index, line) in map.iter().enumerate() {
            if !line.is_sound() {
                let words = format!("size {} is zero or goes beyond the last id", line.size);
                found.add(format!("{field}[{index}]"), words);
            }
        }
    }
}

impl IdMapping {
    /// Whether an id inside has one outside.
    pub(super) fn maps(&self, inside: u32) -> bool {
        inside.checked_sub(self.container_id).is_some_and(|offset| offset < self.size)
    }

    fn is_sound(&self) -> bool {
        let ends = [self.container_id.checked_add(self.size), self.host_id.checked_add(self.size)];
        self.size != 0 && ends.iter().all(Option::is_some)
    }
}

pub(super) fn offsets_need_a_new_time_namespace(subject: &Subject<'_>, found: &mut Found) {
    let offsets = &subject.spec.linux.time_offsets;
    if offsets.is_empty() {
        return;
    }
    let field = "linux.timeOffsets";
    let words = match subject.namespace("time") {
        Some("") => "",
        Some(_) => {
            "time namespace enabled, but both namespace path and time offsets specified -- you may \
             only provide one"
        }
        None => "time namespace offsets specified, but time namespace isn't enabled in the config",
    };
    if !words.is_empty() {
        found.add(field, words);
    }
    for (clock, offset) in offsets.iter() {
        if !matches!(clock.as_str(), "monotonic" | "boottime") {
            found.add(field, format!("there is no clock {clock:?}"));
        }
        if offset.nanosecs >= 1_000_000_000 {
            found.add(field, format!("{} nanoseconds are a second or more", offset.nanosecs));
        }
    }
}

pub(super) fn net_devices_can_move(subject: &Subject<'_>, found: &mut Found) {
    let devices = &subject.spec.linux.net_devices;
    if devices.is_empty() {
        return;
    }
    let field = "linux.netDevices";
    if subject.namespace("network").is_none() {
        found.add(field, "unable to move network devices without a private NET namespace");
    }
    if subject.host.euid != 0 {
        found.add(field, "network devices are not supported for rootless containers");
    }
    let mut inside: Vec<&str> = Vec::new();
    for (outside, device) in devices.iter() {
        let name = if device.name.is_empty() { outside } else { &device.name };
        for name in [outside, name] {
            if !is_interface_name(name) {
                found.add(field, format!("invalid network device name {name:?}"));
            }
        }
        if inside.contains(&name.as_str()) {
            found.add(field, format!("two devices are called {name:?} inside"));
        }
        inside.push(name);
    }
}

/// What the kernel takes as the name of a network device (`dev_valid_name`).
fn is_interface_name(name: &str) -> bool {
    let bad = |byte: u8| matches!(byte, b'/' | b':' | 0 | b' ' | 0x09..=0x0d);
    matches!(name.len(), 1..=15) && !matches!(name, "." | "..") && !name.bytes().any(bad)
}
