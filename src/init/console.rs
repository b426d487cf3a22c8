//! The terminal: made inside, handed to the runtime, never found by a path that could be swapped.

use std::io::stdin;
use std::os::fd::AsFd;

use super::{Init, mounts};
use crate::error::{Doing, Result};
use crate::launch::FromInit;
use crate::plan::Terminal;
use crate::sys::fd::{replace, set_owner};
use crate::sys::mount::{Reach, copy_tree, either_way};
use crate::sys::pty;
use crate::weakness;

/// The pty comes from the container's own devpts.
pub(super) fn open(init: &mut Init<'_>) -> Result<()> {
    let Terminal::New { size } = init.process.terminal else { return Ok(()) };
    let root = init.root()?;
    let ptmx = root
        .open_file("/dev/pts/ptmx", libc::O_RDWR | libc::O_NOCTTY)
        .doing(|| "open /dev/pts/ptmx".into())?;
    pty::verify_multiplexer(ptmx.as_fd()).doing(|| "check /dev/pts/ptmx".into())?;
    let terminal = pty::open_peer(ptmx.as_fd()).doing(|| "open the terminal".into())?;
    if let Some(size) = size {
        pty::set_size(ptmx.as_fd(), size).doing(|| "set the terminal's size".into())?;
    }
    set_owner(terminal.as_fd(), init.process.user.uid, u32::MAX)
        .doing(|| "give the terminal to the user".into())?;
    pty::make_controlling(terminal.as_fd()).doing(|| "make it the controlling terminal".into())?;
    let handed = init.channel.ask_with(&FromInit::Terminal, &[ptmx.as_fd()]);
    handed.doing(|| "hand it over".into())?;
    for number in 0..3 {
        replace(terminal.as_fd(), number).doing(|| "connect stdio".into())?;
    }
    Ok(())
}

/// /dev/console is the same terminal, by a mount of the descriptor itself, and onto that name: a
/// link there could put the terminal over any file of the container (CVE-2025-52565).
pub(super) fn show(init: &mut Init<'_>) -> Result<()> {
    if init.process.terminal == Terminal::None {
        return Ok(());
    }
    let root = init.root()?;
    let target = match weakness::leaves_out("the console itself") {
        true => root.make_file("/dev/console", 0o666),
        false => mounts::uncovered(root, "/dev/console", false),
    };
    let target = target.doing(|| "make /dev/console".into())?;
    let root = init.root()?;
    either_way(|| copy_tree(stdin().as_fd(), "", Reach::One)?.attach(root, target.as_fd()))
        .map(drop)
        .doing(|| "bind /dev/console".into())
}
