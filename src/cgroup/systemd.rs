//! A container's scope, as systemd makes, changes and removes it (org.freedesktop.systemd1(5)).
//!
//! systemd and the bus serve the whole machine, so that little is asked of them, and nothing is
//! waited for twice: connection, greeting and call go out at once, and the end of a job is told by
//! a signal that only we get.

use std::time::Duration;

use crate::dbus::{Address, Call, Connection, Peer, Refusal, Reply, Value};
use crate::error::{Code, Doing, Error, Result};
use crate::plan::{Manager, Need, Property, Unit, UnitId};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// After how long it is looked whether a signal was missed.
const GLANCE: Duration = Duration::from_millis(500);
const PATH: &str = "/org/freedesktop/systemd1";
const SERVICE: &str = "org.freedesktop.systemd1";
const INTERFACE: &str = "org.freedesktop.systemd1.Manager";

/// A connection to a systemd, for one unit.
#[derive(Debug)]
pub(super) struct Systemd {
    bus: Connection,
    unit: UnitId,
}

impl Systemd {
    /// Connects; who answers, and whether, is seen later.
    ///
    /// # Errors
    /// The addresses that were tried.
    pub(super) fn connect(unit: &UnitId) -> Result<Systemd> {
        let mut failed = Err(Error::new(
            "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR tells where the user's bus is",
        ));
        for address in addresses(unit.manager) {
            match Connection::open(&address, PATIENCE) {
                Ok(bus) => return Ok(Systemd { bus, unit: unit.clone() }),
                Err(error) if failed.is_err() => failed = Err(error),
                Err(_) => {}
            }
        }
        failed
    }

    /// Wants to know when a job of the unit ends. The rule keeps other units' signals away.
    ///
    /// # Errors
    /// A connection that broke.
    pub(super) fn watch(&mut self) -> Result<()> {
        let rule = format!(
            "type='signal',sender='{SERVICE}',path='{PATH}',interface='{INTERFACE}',\
             member='JobRemoved',arg2='{}'",
            self.unit.name
        );
        self.bus.watch(rule)
    }

    /// Makes the scope around a process and waits until it is inside.
    ///
    /// # Errors
    /// What systemd refuses; a job that does not end well.
    pub(super) fn start(mut self, unit: &Unit, pid: i32) -> Result<()> {
        let mut properties = unit.properties.clone();
        let processes = Value::Array("u".into(), vec![Value::Uint32(pid as u32)]);
        let mut may_exist = true;
        loop {
            let mut listed = listed(&properties);
            listed.push(named("PIDs", &processes));
            let refused = match self.call(
                "StartTransientUnit",
                vec![
                    Value::text(&self.unit.name),
                    Value::text("fail"),
                    Value::Array("(sv)".into(), listed),
                    Value::Array("(sa(sv))".into(), Vec::new()),
                ],
            )? {
                Reply::Done(job) => {
                    let name = self.unit.name.clone();
                    return self.wait(&job, || is_inside(&name, pid));
                }
                Reply::Refused(refused) => refused,
            };
            match refused.name.as_str() {
                // A unit of that name that failed is there until somebody looks at it.
                "org.freedesktop.systemd1.UnitExists" if may_exist => {
                    may_exist = false;
                    self.forget_failure()?;
                }
                // A scope is there for as long as processes are in it.
                "org.freedesktop.systemd1.UnitExists" => {
                    let words = format!("container's cgroup is not empty: {}", refused.words);
                    return Err(Error::of(Code::InUse, words));
                }
                _ => leave_out(&mut properties, refused)?,
            }
        }
    }

    /// Changes limits for as long as the unit lives.
    ///
    /// # Errors
    /// What systemd refuses.
    pub(super) fn set(mut self, properties: &[Property]) -> Result<()> {
        let mut properties = properties.to_vec();
        while !properties.is_empty() {
            match self.call(
                "SetUnitProperties",
                vec![
                    Value::text(&self.unit.name),
                    Value::Bool(true),
                    Value::Array("(sv)".into(), listed(&properties)),
                ],
            )? {
                Reply::Done(_) => break,
                Reply::Refused(refused) => leave_out(&mut properties, refused)?,
            }
        }
        Ok(())
    }

    /// Moves a process into the unit, or into the group below it at `below`: systemd may where the
    /// user may not, whose processes come from a session of the machine's.
    ///
    /// # Errors
    /// What systemd refuses.
    pub(super) fn attach(mut self, below: &str, pid: i32) -> Result<()> {
        let processes = Value::Array("u".into(), vec![Value::Uint32(pid as u32)]);
        let name = Value::text(&self.unit.name);
        match self.call("AttachProcessesToUnit", vec![name, Value::text(below), processes])? {
            Reply::Done(_) => Ok(()),
            Reply::Refused(refused) => Err(refused.into()),
        }
    }

    /// Ends the unit, whose processes were killed, and waits for that; that it is gone is well.
    ///
    /// # Errors
    /// What systemd refuses; a job that does not end well.
    pub(super) fn stop(mut self, is_gone: impl Fn() -> bool) -> Result<()> {
        self.watch()?;
        let arguments = vec![Value::text(&self.unit.name), Value::text("replace")];
        match self.call("StopUnit", arguments)? {
            Reply::Done(job) => self.wait(&job, is_gone),
            Reply::Refused(refused) if is_missing(&refused) => Ok(()),
            Reply::Refused(refused) => Err(refused.into()),
        }
    }

    fn forget_failure(&mut self) -> Result<()> {
        match self.call("ResetFailedUnit", vec![Value::text(&self.unit.name)])? {
            Reply::Refused(refused) if !is_missing(&refused) => Err(refused.into()),
            _ => Ok(()),
        }
    }

    fn call(&mut self, member: &'static str, arguments: Vec<Value>) -> Result<Reply> {
        let call =
            Call { destination: SERVICE, path: PATH, interface: INTERFACE, member, arguments };
        let serial = self.bus.send(&call)?;
        self.bus.reply(serial).doing(|| member.into())
    }

    /// Waits for the end of the job that a call gave: number, job, unit, result. Of a job that it
    /// carries over a reload systemd tells nobody: so now and then `is_done` looks by itself.
    fn wait(&mut self, job: &[Value], is_done: impl Fn() -> bool) -> Result<()> {
        let [job @ Value::Path(_)] = job else {
            return Err(Error::new("systemd did not say which job it started"));
        };
        let removed = loop {
            let signal = self
                .bus
                .signal_within(GLANCE, "JobRemoved", |body| body.get(1) == Some(job))
                .doing(|| format!("wait for the job of {}", self.unit.name))?;
            match signal {
                Some(removed) => break removed,
                None if is_done() => return Ok(()),
                None => {}
            }
        };
        match removed.get(3) {
            Some(Value::Text(result)) if result == "done" => Ok(()),
            Some(result) => Err(Error::new(format!("the job of {}: {result}", self.unit.name))),
            None => Err(Error::new("systemd did not say how the job ended")),
        }
    }
}

/// Whether a process is in the groups of a unit.
fn is_inside(unit: &str, pid: i32) -> bool {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    groups.lines().any(|line| line.rsplit('/').next() == Some(unit))
}

fn is_missing(refused: &Refusal) -> bool {
    refused.name == "org.freedesktop.systemd1.NoSuchUnit"
}

/// Where that systemd is reached: over the bus, and without one by its own socket.
fn addresses(manager: Manager) -> Vec<Address> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let (named, directory, bus) = match manager {
        Manager::System => {
            (variable("DBUS_SYSTEM_BUS_ADDRESS"), "/run".to_owned(), "dbus/system_bus_socket")
        }
        Manager::User => (variable("DBUS_SESSION_BUS_ADDRESS"), variable("XDG_RUNTIME_DIR"), "bus"),
    };
    let mut addresses = Address::parse_all(&named);
    if !directory.is_empty() {
        addresses.push(Address::path(format!("{directory}/{bus}"), Peer::Bus));
        addresses.push(Address::path(format!("{directory}/systemd/private"), Peer::Service));
    }
    addresses
}

fn listed(properties: &[Property]) -> Vec<Value> {
    properties.iter().map(|property| named(&property.name, &property.value)).collect()
}

fn named(name: &str, value: &Value) -> Value {
    Value::Struct(vec![Value::text(name), Value::Variant(Box::new(value.clone()))])
}

/// Takes out the property that systemd does not know, or not with that value: it says which. Every
/// systemd is asked for all that the newest one knows, so that its version need not be asked for.
fn leave_out(properties: &mut Vec<Property>, refused: Refusal) -> Result<()> {
    let is_word = |char: char| char.is_ascii_alphanumeric();
    let words = || refused.words.split(|char| !is_word(char));
    let dispensable = properties.iter().position(|property| {
        property.need == Need::IfKnown && words().any(|word| word == property.name)
    });
    match dispensable {
        Some(position) => drop(properties.remove(position)),
        None => return Err(refused.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(words: &str) -> Refusal {
        Refusal { name: "a.b".into(), words: words.into() }
    }

    #[test]
    fn only_what_is_not_a_must_is_left_out() {
        let property = |name: &'static str, need| Property {
            name: name.into(),
            value: Value::Bool(true),
            need,
        };
        let known = || vec![property("CPUWeight", Need::IfKnown), property("Slice", Need::Must)];
        let mut properties = known();
        let words = "Value specified in CPUWeight is out of range";
        leave_out(&mut properties, refusal(words)).unwrap();
        assert_eq!(properties, known()[1..]);
        for words in ["Cannot set property Slice", "CPUWeightier", "no"] {
            let error = leave_out(&mut known(), refusal(words)).unwrap_err();
            assert_eq!(error.to_string(), format!("{words} (a.b)"));
        }
    }
}
