//! Asking whether somebody means it.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};

use super::print;
use crate::error::{Context, Result};

/// Whether who types means it: a warning, and their answer. To interrupt is to say no.
pub(super) fn confirm(warning: &str) -> Result<bool> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGINT);
    set.add(Signal::SIGTERM);
    set.thread_block().context("hold signals")?;
    let answered = ask(warning, &set);
    set.thread_unblock().context("let signals go")?;
    answered
}

fn ask(warning: &str, set: &SigSet) -> Result<bool> {
    let signals = SignalFd::with_flags(set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .context("hold signals")?;
    print(&format!("WARNING! {warning}\nAre you sure you want to continue? [y/N] "))?;
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&signals, PollFlags::IN)];
    poll(&mut fds, None).context("wait for an answer")?;
    if !fds[1].revents().is_empty() {
        // Taken, so that it ends nothing once it is let go.
        signals.read_signal().context("take a signal")?;
        print("\n")?;
        return Ok(false);
    }
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
