//! How far something is: bars on a terminal, else a line for each step as Docker writes it.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::warning::warn;
use super::{complain, print};
use crate::progress::{Event, Kind};

/// Who shows it.
pub(super) enum Shown {
    /// Nobody.
    Not,
    /// A line for each step.
    Lines(Where),
    /// A bar for each part.
    Bars(Bars),
}

/// Where it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// Beside answers.
    Stdout,
    /// Beside complaints: standard output is a program's.
    Stderr,
}

/// The bars, by part.
pub(super) struct Bars {
    all: MultiProgress,
    parts: Mutex<HashMap<String, ProgressBar>>,
}

impl Shown {
    pub(super) fn new(quiet: bool) -> Shown {
        Shown::at(Where::Stdout, quiet)
    }

    pub(super) fn at(place: Where, quiet: bool) -> Shown {
        let (terminal, target) = match place {
            Where::Stdout => (std::io::stdout().is_terminal(), ProgressDrawTarget::stdout()),
            Where::Stderr => (std::io::stderr().is_terminal(), ProgressDrawTarget::stderr()),
        };
        match (quiet, terminal) {
            (true, _) => Shown::Not,
            (false, false) => Shown::Lines(place),
            (false, true) => Shown::Bars(Bars {
                all: MultiProgress::with_draw_target(target),
                parts: Mutex::default(),
            }),
        }
    }

    pub(super) fn show(&self, event: &Event) {
        match self {
            _ if event.kind == Kind::Warning => warn(&event.status),
            Shown::Not => {}
            Shown::Bars(bars) => bars.show(event),
            Shown::Lines(_) if event.done.is_some() => {}
            Shown::Lines(place) => {
                let id = event.id.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
                let line = format!("{id}{}", event.status);
                match place {
                    // A pipe that was closed does not stop what is being done.
                    Where::Stdout => drop(print(&format!("{line}\n"))),
                    Where::Stderr => complain(&line),
                }
            }
        }
    }
}

impl Bars {
    fn show(&self, event: &Event) {
        let Some(id) = &event.id else {
            // As above.
            let _ = self.all.println(&event.status);
            return;
        };
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = parts.entry(id.clone()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new(0));
            bar.set_prefix(id.clone());
            bar
        });
        let (template, ends) = match event.done {
            Some(_) => ("{prefix}: {msg} [{bar:50}] {bytes}/{total_bytes}", false),
            None => ("{prefix}: {msg}", is_end(&event.status)),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(event.status.clone());
        if let Some((done, total)) = event.done {
            bar.set_length(total);
            bar.set_position(done);
        }
        if ends {
            bar.abandon();
        } else {
            bar.tick();
        }
    }
}

/// Nothing comes after it.
fn is_end(status: &str) -> bool {
    let ends =
        ["Pull complete", "Already exists", "Pushed", "Layer already exists", "Mounted from"];
    ends.iter().any(|end| status.starts_with(end))
}
