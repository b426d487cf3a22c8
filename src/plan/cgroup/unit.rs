//! A cgroup that systemd makes: the scope that `cgroupsPath` names as `SLICE:PREFIX:NAME`, and its
//! properties (systemd.scope(5), systemd.resource-control(5)).

mod annotations;
mod device_allow;
mod properties;

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use annotations::PROPERTIES_OF_LIMITS;
pub use properties::properties;

use super::{Place, groups};
use crate::dbus::Value;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::plan::text::text as checked;
use crate::plan::types::Cgroup;
use crate::spec::Spec;

/// A scope that is to be made around init.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unit {
    /// Which one.
    pub id: UnitId,
    /// What systemd is told of it besides its processes, each once.
    pub properties: Vec<Property>,
}

/// What names a unit, also for a later command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitId {
    /// With its `.scope`.
    pub name: String,
    /// Who has it.
    pub manager: Manager,
    /// The groups below the scope that processes are in, each inside the one before: none, one
    /// (`run.oci.systemd.subgroup`), or two (`run.oci.delegate-cgroup`). A cgroup namespace has the
    /// first as its root.
    pub below: Vec<String>,
}

/// Which systemd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// The machine's init.
    System,
    /// The user's (`user@UID.service`).
    User,
}

/// A property of a unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Property {
    /// The name it has on D-Bus.
    pub name: Cow<'static, str>,
    /// What it is set to.
    pub value: Value,
    /// What it means that systemd does not take it.
    pub need: Need,
}

/// What it means that systemd does not take a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// There is no container.
    Must,
    /// Nothing: an older systemd does not have it, and what it says is written to the group too.
    IfKnown,
}

impl Property {
    fn must(name: impl Into<Cow<'static, str>>, value: Value) -> Property {
        Property { name: name.into(), value, need: Need::Must }
    }

    fn if_known(name: &'static str, value: Value) -> Property {
        Property { name: name.into(), value, need: Need::IfKnown }
    }
}

/// Later ones replace earlier ones of the same name.
fn put(properties: &mut Vec<Property>, property: Property) {
    properties.retain(|known| known.name != property.name);
    properties.push(property);
}

/// Plans the scope of container `id` and its limits; annotations may set the `allowed` properties.
///
/// # Errors
/// A `cgroupsPath` that names no unit, an annotation that sets what a container may not, and what
/// [`plan::cgroup`](crate::plan::cgroup) refuses.
pub fn cgroup_of_systemd(
    spec: &Spec<'_>,
    host: &Host,
    id: &str,
    allowed: &[&str],
) -> Result<Cgroup> {
    let manager = match host.euid != 0 || host.in_user_namespace {
        true => Manager::User,
        false => Manager::System,
    };
    if manager == Manager::User && !host.cgroups.is_unified() {
        let words = "the systemd cgroup driver without root's rights needs cgroup v2";
        return Err(Error::new(words));
    }
    let place = UnitPlace::parse(&spec.linux.cgroups_path, id, manager)?;
    let mut plan = super::cgroup(spec, host, id)?;
    let mut path = above(host, manager);
    path.extend(expand(&place.slice)?);
    path.push(&place.name);
    plan.groups = groups(&host.cgroups, &Place::Absolute(path));
    plan.optional = false;
    let mut told = told(&mut plan, host, id, place.slice);
    for property in annotations::properties(spec, allowed)? {
        put(&mut told, property);
    }
    let below = annotations::groups(spec, host)?;
    let unit_id = UnitId { name: place.name, manager, below };
    plan.unit = Some(Unit { id: unit_id, properties: told });
    Ok(plan)
}

/// What systemd is told, the most particular last: who makes containers knows better than their
/// limits, and these better than we.
fn told(plan: &mut Cgroup, host: &Host, id: &str, slice: String) -> Vec<Property> {
    let mut told = vec![
        Property::must("Description", Value::text(format!("onggi container {id}"))),
        Property::must("Slice", Value::text(slice)),
        Property::must("Delegate", Value::Bool(true)),
        Property::must("DefaultDependencies", Value::Bool(false)),
        // Since systemd 236: who fails leaves no unit behind either.
        Property::if_known("CollectMode", Value::text("inactive-or-failed")),
    ];
    let io = if host.cgroups.is_unified() { "IOAccounting" } else { "BlockIOAccounting" };
    for name in ["CPUAccounting", "MemoryAccounting", io, "TasksAccounting"] {
        told.push(Property::must(name, Value::Bool(true)));
    }
    if let Some(rules) = plan.devices.as_ref().filter(|_| !host.cgroups.is_unified()) {
        told.extend(device_allow::properties(rules));
    }
    for property in properties(&mut plan.writes) {
        put(&mut told, property);
    }
    told
}

/// What `cgroupsPath` says.
struct UnitPlace {
    slice: String,
    name: String,
}

/// The kernel's limit for a name, and systemd's.
const LONGEST_NAME: usize = 255;

impl UnitPlace {
    fn parse(text: &str, id: &str, manager: Manager) -> Result<UnitPlace> {
        let refuse = |words: &str| Err(Error::new(format!("linux.cgroupsPath: {text:?}: {words}")));
        let text = &checked("linux.cgroupsPath", text)?;
        let parts: Vec<&str> = match text.as_str() {
            "" => vec!["", "onggi", id],
            text => text.split(':').collect(),
        };
        let [slice, prefix, name] = parts[..] else {
            return refuse("expected cgroupsPath to be of format \"slice:prefix:name\"");
        };
        if name.is_empty() {
            return refuse("the name is missing");
        }
        if name.ends_with(".slice") {
            return refuse("a slice has no processes; the name of a scope is expected");
        }
        let slice = match (slice, manager) {
            ("", Manager::System) => "system.slice",
            ("", Manager::User) => "user.slice",
            ("-", _) => "-.slice",
            (slice, _) => slice,
        };
        let name = match prefix {
            "" => escape(name) + ".scope",
            prefix => format!("{}-{}.scope", escape(prefix), escape(name)),
        };
        match name.len() > LONGEST_NAME {
            true => refuse("the unit's name is longer than 255 bytes"),
            false => Ok(UnitPlace { slice: slice.to_owned(), name }),
        }
    }
}

/// What a unit's name cannot hold is written as `\x2b`, as systemd-escape(1) does.
fn escape(text: &str) -> String {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b":_.-@\\".contains(&byte);
    let one =
        |byte: u8| if may(byte) { (byte as char).to_string() } else { format!("\\x{byte:02x}") };
    text.bytes().map(one).collect()
}

/// The directories of a slice: `a-b.slice` is below `a.slice`.
fn expand(slice: &str) -> Result<Vec<String>> {
    let invalid = || Error::new(format!("linux.cgroupsPath: {slice:?} is no name of a slice"));
    let stem = slice.strip_suffix(".slice").ok_or_else(invalid)?;
    if stem == "-" {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = stem.split('-').collect();
    if slice.len() > LONGEST_NAME || slice.contains('/') || parts.iter().any(|part| part.is_empty())
    {
        return Err(invalid());
    }
    Ok((1..=parts.len()).map(|count| parts[..count].join("-") + ".slice").collect())
}

/// The group below which the manager has its own: that of the user's manager, where the runtime is
/// inside of it, is seen in the runtime's own path.
fn above(host: &Host, manager: Manager) -> PathBuf {
    let Manager::User = manager else { return PathBuf::new() };
    let is_service = |part: &Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        name.starts_with("user@") && name.ends_with(".service")
    };
    let own = host.cgroups.unified.as_ref().map_or(Path::new("/"), |unified| &unified.own);
    let count = own.components().position(|part| is_service(&part)).map_or(0, |at| at + 1);
    match count {
        0 => format!("user.slice/user-{0}.slice/user@{0}.service", host.euid).into(),
        count => own.components().take(count).skip(1).collect(),
    }
}

#[cfg(test)]
mod tests;
