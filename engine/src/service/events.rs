//! What happened, and what happens.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::Engine;
use super::filters::{Filters, check_names, fit_labels};
use crate::error::Result;
use crate::model::{Event, Subject};
use crate::store::{Begin, Events};
use crate::time::Time;

/// Which events are meant: the query of `GET /events`.
#[derive(Debug, Clone, Default)]
pub struct EventRequest {
    /// From when on; without both times, from now on.
    pub since: Option<Time>,
    /// Up to when; without it there is no end.
    pub until: Option<Time>,
    /// What has to fit.
    pub filters: Filters,
}

const FILTERS: &[&str] =
    &["container", "event", "image", "label", "network", "scope", "type", "volume"];

/// Events that are waited for. Its descriptor is ready to be read when one may have come.
#[derive(Debug)]
pub struct Following {
    request: EventRequest,
    events: Events,
}

impl AsFd for Following {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

impl Engine {
    /// The events that are meant.
    ///
    /// # Errors
    /// There is no such filter; the log cannot be read.
    pub fn events(&self, request: EventRequest) -> Result<Following> {
        check_names(&request.filters, FILTERS)?;
        let is_past = request.since.is_some() || request.until.is_some();
        let begin = if is_past { Begin::WithThePast } else { Begin::Now };
        Ok(Following { request, events: self.store.events(begin)? })
    }
}

impl Following {
    /// The events that have come, without waiting.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn take(&mut self) -> Result<Vec<Event>> {
        let mut found = self.events.take()?;
        found.retain(|event| self.request.means(event));
        Ok(found)
    }

    /// Waits until events may have come; `false` when no more can.
    ///
    /// # Errors
    /// Of `poll(2)`.
    pub fn wait(&self) -> Result<bool> {
        let longest = self.request.until.map(|until| until.since(Time::now()));
        if longest.is_some_and(|longest| longest.is_zero()) {
            return Ok(false);
        }
        // What was written in the last moment is still to be taken.
        self.events.wait(longest.map(|longest| longest.min(Duration::from_secs(3600))))?;
        Ok(true)
    }
}

impl EventRequest {
    fn means(&self, event: &Event) -> bool {
        self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time <= until)
            && self.filters.iter().all(|(name, values)| fits(event, name, values, &self.filters))
    }
}

fn fits(event: &Event, filter: &str, values: &[String], filters: &Filters) -> bool {
    let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
    let attribute = |name: &str| event.attributes.get(name).map_or("", String::as_str);
    let begins = |text: &str, start: &str| !start.is_empty() && text.starts_with(start);
    let is_or_was_in = |subject: Subject| {
        event.subject == subject
            && any(&|value| begins(&event.id, value) || attribute("name") == value)
    };
    match filter {
        "container" => {
            is_or_was_in(Subject::Container) || any(&|value| begins(attribute("container"), value))
        }
        // `exec_start` means `exec_start: sh` too, and `health_status` any of it.
        "event" => any(&|value| {
            let rest = event.action.strip_prefix(value);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        }),
        "image" => {
            let bare = |name: &str| name.split_once(':').map_or(name, |(bare, _)| bare).to_owned();
            is_or_was_in(Subject::Image)
                || any(&|value| {
                    let own = attribute("image");
                    !own.is_empty() && (own == value || bare(own) == value)
                })
                || (event.subject == Subject::Image
                    && any(&|value| bare(attribute("name")) == value))
        }
        "label" => fit_labels(&event.attributes, filters),
        "network" => is_or_was_in(Subject::Network),
        "scope" => any(&|value| value == "local"),
        "type" => any(&|value| value == event.subject.word()),
        _ => is_or_was_in(Subject::Volume),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Container;

    #[test]
    fn an_event_is_meant_by_its_object_its_action_and_its_time() {
        let mut container = Container { id: "abc".repeat(8), ..Container::default() };
        container.name = "web".into();
        container.config.image = "nginx:1".into();
        container.config.labels = Some([("a".to_owned(), "b".to_owned())].into());
        let exec = Event::of_container(&container, "exec_start: sh");
        let means = |name: &str, value: &str| {
            let filters = [(name.to_owned(), vec![value.to_owned()])].into();
            EventRequest { filters, ..EventRequest::default() }.means(&exec)
        };
        for (name, value, meant) in [
            ("container", "web", true),
            ("container", "abcabc", true),
            ("container", "we", false),
            ("event", "exec_start", true),
            ("event", "exec", false),
            ("image", "nginx", true),
            ("image", "nginx:1", true),
            ("image", "nginx:2", false),
            ("label", "a=b", true),
            ("label", "a=c", false),
            ("type", "container", true),
            ("type", "image", false),
            ("volume", "web", false),
            ("network", "web", false),
        ] {
            assert_eq!(means(name, value), meant, "{name}={value}");
        }
        let later = Time { seconds: exec.time.seconds + 1, nanos: 0 };
        let since = EventRequest { since: Some(later), ..EventRequest::default() };
        let until = EventRequest { until: Some(later), ..EventRequest::default() };
        assert!(!since.means(&exec) && until.means(&exec));
    }
}
