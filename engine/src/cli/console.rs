//! Between a person's terminal or pipes and a container: bytes, sizes and signals go in, output
//! and the end come out.

use std::io::{self, Write};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::detach::{Found, Keys};
use crate::error::{Context, Result};
use crate::model::Container;
use crate::service::Engine;
use crate::service::attach::{FrameKind, Session};
use crate::service::signal;

/// How somebody takes part.
pub(super) struct Part {
    /// Whether what is typed goes in.
    pub(super) stdin: bool,
    /// Whether the program has a terminal.
    pub(super) tty: bool,
    /// Whether signals go in.
    pub(super) signals: bool,
    /// What is typed to leave.
    pub(super) keys: Keys,
}

/// How taking part ended.
pub(super) enum Left {
    /// The program ended.
    Ended(i32),
    /// The person left.
    Detached,
    /// The monitor went without a word.
    HangUp,
}

/// All but those that nobody can hold (KILL, STOP), those about our own children, pipes and sockets
/// (CHLD, PIPE, URG), those of a job that is not in the foreground (TTIN, TTOU), and WINCH: that is
/// about our terminal, whose new size goes in.
const PASSED_ON: [Signal; 23] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGUSR1,
    Signal::SIGSEGV,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGSTKFLT,
    Signal::SIGCONT,
    Signal::SIGTSTP,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGPWR,
    Signal::SIGSYS,
];

/// Signals come by descriptor from now on, so that none is lost before the program runs.
pub(super) fn hold_signals(part: &Part) -> Result<SignalFd> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGWINCH);
    if part.signals {
        PASSED_ON.into_iter().for_each(|signal| set.add(signal));
    }
    set.thread_block().context("hold signals")?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .context("hold signals")
}

/// The size of our terminal.
pub(super) fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin())).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}

/// A terminal that passes every key on, until this is dropped.
struct Raw {
    before: Termios,
}

impl Raw {
    fn enter() -> Result<Raw> {
        let before = tcgetattr(io::stdin()).context("read the terminal's settings")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).context("set up the terminal")?;
        Ok(Raw { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that has gone needs no settings.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Takes part until the program ends or the person leaves.
pub(super) fn take_part(
    engine: &Engine,
    container: &Container,
    mut session: Session,
    mut part: Part,
    signals: &SignalFd,
) -> Result<Left> {
    let is_terminal = rustix::termios::isatty(io::stdin());
    let _raw = (part.tty && part.stdin && is_terminal).then(Raw::enter).transpose()?;
    if part.tty {
        send_size(engine, container, &mut session);
    }
    let mut input = part.stdin;
    loop {
        let (told, typed, signalled) = wait(&session, input, signals)?;
        if signalled {
            pass_signals(engine, container, &mut session, signals)?;
        }
        if told && let Some(left) = hear(&mut session)? {
            return Ok(left);
        }
        if typed {
            match type_in(&mut session, &mut part)? {
                Typed::More => {}
                Typed::End => input = false,
                Typed::Detach => {
                    engine.detached(container);
                    return Ok(Left::Detached);
                }
            }
        }
    }
}

fn wait(session: &Session, input: bool, signals: &SignalFd) -> Result<(bool, bool, bool)> {
    let stdin = io::stdin();
    let mut fds = vec![PollFd::new(session, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
    if input {
        fds.push(PollFd::new(&stdin, PollFlags::IN));
    }
    match poll(&mut fds, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error).context("wait for the container"),
    }
    let ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
    Ok((ready(0), ready(2), ready(1)))
}

/// Takes one frame.
fn hear(session: &mut Session) -> Result<Option<Left>> {
    let Some(frame) = session.read().context("hear of the container")? else {
        return Ok(Some(Left::HangUp));
    };
    match frame.kind {
        FrameKind::Stdout => write_all(io::stdout().lock(), &frame.payload)?,
        FrameKind::Stderr => write_all(io::stderr().lock(), &frame.payload)?,
        FrameKind::Ended => return Ok(Some(Left::Ended(frame.exit_code()))),
        _ => {}
    }
    Ok(None)
}

fn write_all(mut out: impl Write, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes).and_then(|()| out.flush()).context("write the container's output")
}

enum Typed {
    More,
    End,
    Detach,
}

fn type_in(session: &mut Session, part: &mut Part) -> Result<Typed> {
    let mut bytes = [0; 16 << 10];
    let length = match rustix::io::read(io::stdin(), &mut bytes) {
        Ok(length) => length,
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return Ok(Typed::More),
        Err(error) => return Err(error).context("read standard input"),
    };
    let sent = if length == 0 {
        session.send(FrameKind::StdinEnd, &[]).map(|()| Typed::End)
    } else if part.tty {
        match part.keys.look(&bytes[..length]) {
            Found::Detach => return Ok(Typed::Detach),
            Found::Pass(passed) => session.send(FrameKind::Stdin, &passed).map(|()| Typed::More),
        }
    } else {
        session.send(FrameKind::Stdin, &bytes[..length]).map(|()| Typed::More)
    };
    match sent {
        // The program has ended; its end is still to be read.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Typed::End),
        sent => sent.context("write to the container"),
    }
}

fn send_size(engine: &Engine, container: &Container, session: &mut Session) {
    if let Some((rows, columns)) = size() {
        engine.resize(container, session, rows, columns);
    }
}

fn pass_signals(
    engine: &Engine,
    container: &Container,
    session: &mut Session,
    signals: &SignalFd,
) -> Result<()> {
    while let Some(taken) = signals.read_signal().context("take a signal")? {
        if i32::try_from(taken.ssi_signo) == Ok(Signal::SIGWINCH as i32) {
            send_size(engine, container, session);
        } else if let Some(signal) = signal::Signal::of(taken.ssi_signo) {
            // One that has ended meanwhile needs no signal.
            let _ = engine.kill(container, signal);
        }
    }
    Ok(())
}
