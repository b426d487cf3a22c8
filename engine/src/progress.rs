//! How far something is that takes its time, for whoever wants to show it.

/// A step, of the whole or of one part of it; or a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The part: a layer's short name.
    pub id: Option<String>,
    /// What is done with it, in Docker's words.
    pub status: String,
    /// Bytes done, and of how many; nothing, where the step says it all.
    pub done: Option<(u64, u64)>,
    /// Whether it is a step.
    pub kind: Kind,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that is done.
    Step,
    /// Something that people should know, however little they want to hear of steps.
    Warning,
}

impl Event {
    /// A word about the whole.
    pub fn whole(status: impl Into<String>) -> Event {
        Event { id: None, status: status.into(), done: None, kind: Kind::Step }
    }

    /// A step of a part.
    pub fn part(id: &str, status: &str) -> Event {
        Event { id: Some(id.to_owned()), ..Event::whole(status) }
    }

    /// How far a part is, in bytes of so many.
    pub fn at(id: &str, status: &str, done: u64, total: u64) -> Event {
        Event { done: Some((done, total)), ..Event::part(id, status) }
    }

    /// A warning.
    pub fn warning(words: String) -> Event {
        Event { kind: Kind::Warning, ..Event::whole(words) }
    }
}

/// Who is told. It may be called from several threads.
pub type Progress<'a> = &'a (dyn Fn(Event) + Sync);
