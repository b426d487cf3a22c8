//! How far something is that takes its time, for whoever wants to show it.

/// A step, of the whole or of one part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The part: a layer's short name.
    pub id: Option<String>,
    /// What is done with it, in Docker's words.
    pub status: String,
    /// Bytes done, and of how many; nothing, where the step says it all.
    pub done: Option<(u64, u64)>,
}

impl Event {
    /// A word about the whole.
    pub fn whole(status: impl Into<String>) -> Event {
        Event { id: None, status: status.into(), done: None }
    }

    /// A step of a part.
    pub fn part(id: &str, status: &str) -> Event {
        Event { id: Some(id.to_owned()), status: status.to_owned(), done: None }
    }
}

/// Who is told. It may be called from several threads.
pub type Progress<'a> = &'a (dyn Fn(Event) + Sync);
