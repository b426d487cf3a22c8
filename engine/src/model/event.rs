//! Something that happened, in the words of Docker's API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Container;
use super::network::Network;
use crate::time::Time;

/// What it happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A container.
    Container,
    /// An image.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

impl Subject {
    /// Docker's word.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Container => "container",
            Subject::Image => "image",
            Subject::Network => "network",
            Subject::Volume => "volume",
        }
    }
}

/// One event: a line of the log, and of the answer to `GET /events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Event {
    /// What it happened to.
    pub subject: Subject,
    /// What happened: `start`, `exec_create: sh -c date`.
    pub action: String,
    /// The object's id, or its name where it has no id.
    pub id: String,
    /// What else is known.
    pub attributes: BTreeMap<String, String>,
    /// When it was told.
    pub time: Time,
}

impl Event {
    fn new(subject: Subject, action: &str, id: &str) -> Event {
        let (action, id) = (action.to_owned(), id.to_owned());
        Event { subject, action, id, attributes: BTreeMap::new(), time: Time::default() }
    }

    /// To a container: its labels are told, its image and its name.
    #[must_use]
    pub fn of_container(container: &Container, action: &str) -> Event {
        let mut event = Event::new(Subject::Container, action, &container.id);
        event.attributes.extend(container.config.labels.clone().unwrap_or_default());
        event.with("image", &container.config.image).with("name", &container.name)
    }

    /// To an image, by its id or its name.
    #[must_use]
    pub fn of_image(id: &str, action: &str, name: &str) -> Event {
        Event::new(Subject::Image, action, id).with("name", name)
    }

    /// To a network.
    #[must_use]
    pub fn of_network(network: &Network, action: &str) -> Event {
        let event = Event::new(Subject::Network, action, &network.id);
        event.with("name", &network.name).with("type", &network.driver.to_string())
    }

    /// To a volume.
    #[must_use]
    pub fn of_volume(name: &str, action: &str) -> Event {
        Event::new(Subject::Volume, action, name).with("driver", "local")
    }

    /// All that nobody used was taken away: so many bytes.
    #[must_use]
    pub fn of_prune(subject: Subject, bytes: u64) -> Event {
        Event::new(subject, "prune", "").with("reclaimed", &bytes.to_string())
    }

    /// With something else that is known.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Event {
        self.attributes.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// An event as it is written; the first three words are those of old clients.
#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    status: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    from: String,
    #[serde(rename = "Type")]
    subject: Subject,
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: Actor,
    scope: String,
    time: i64,
    #[serde(rename = "timeNano")]
    time_nano: i64,
}

#[derive(Serialize, Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes")]
    attributes: BTreeMap<String, String>,
}

const BILLION: i64 = 1_000_000_000;

impl From<Event> for Wire {
    fn from(event: Event) -> Wire {
        let image = event.attributes.get("image").cloned().unwrap_or_default();
        let (status, id, from) = match event.subject {
            Subject::Container => (event.action.clone(), event.id.clone(), image),
            Subject::Image => (event.action.clone(), event.id.clone(), String::new()),
            Subject::Network | Subject::Volume => Default::default(),
        };
        let Time { seconds, nanos } = event.time;
        let actor = Actor { id: event.id, attributes: event.attributes };
        let time_nano = seconds.saturating_mul(BILLION).saturating_add(nanos.into());
        Wire {
            status,
            id,
            from,
            subject: event.subject,
            action: event.action,
            actor,
            scope: "local".into(),
            time: seconds,
            time_nano,
        }
    }
}

impl From<Wire> for Event {
    fn from(wire: Wire) -> Event {
        let nanos = u32::try_from(wire.time_nano.rem_euclid(BILLION)).unwrap_or_default();
        Event {
            subject: wire.subject,
            action: wire.action,
            id: wire.actor.id,
            attributes: wire.actor.attributes,
            time: Time { seconds: wire.time_nano.div_euclid(BILLION), nanos },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_words_that_docker_was_heard_to_say() {
        let said = concat!(
            r#"{"status":"die","id":"2b49","from":"busybox","Type":"container","Action":"die","#,
            r#""Actor":{"ID":"2b49","Attributes":{"execDuration":"0","exitCode":"0","#,
            r#""image":"busybox","name":"peaceful_benz"}},"scope":"local","#,
            r#""time":1795225218,"timeNano":1795225218972002947}"#
        );
        let event: Event = serde_json::from_str(said).unwrap();
        assert_eq!((event.subject, &*event.action), (Subject::Container, "die"));
        assert_eq!(event.time.to_string(), "2026-11-21T01:40:18.972002947Z");
        assert_eq!(serde_json::to_string(&event).unwrap(), said);
        let volume = serde_json::to_string(&Event::of_volume("data", "create")).unwrap();
        assert!(volume.starts_with(r#"{"Type":"volume","Action":"create","Actor":{"ID":"data""#));
    }
}
