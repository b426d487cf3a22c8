//! What clients want of a program: that it reads what they write, that its terminal has another
//! size; and what they want of the monitor, which is told.

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::termios::{Winsize, tcsetwinsize};

use super::super::wire::{Frame, Kind};
use super::{Order, Relay};

impl Relay {
    pub(super) fn write_input(&mut self) {
        let Some(fd) = &self.program.input else { return };
        match rustix::io::write(fd, &self.waiting_input) {
            Ok(written) => drop(self.waiting_input.drain(..written)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => {
                self.program.input = None;
                self.waiting_input.clear();
            }
        }
        self.end_input();
    }

    fn end_input(&mut self) {
        if self.input_ended && self.waiting_input.is_empty() && !self.program.terminal {
            self.program.input = None;
        }
    }

    pub(super) fn serve_client(&mut self, number: usize, flags: PollFlags) {
        let Some(client) = self.clients.get_mut(number) else { return };
        if flags.contains(PollFlags::OUT) {
            client.flush();
        }
        if flags.contains(PollFlags::IN) {
            let writes = client.writes();
            let frames = client.receive();
            let writes = writes || client.writes();
            for frame in frames {
                self.obey(&frame, writes);
            }
        } else if flags.intersects(PollFlags::HUP | PollFlags::ERR) {
            client.hung_up();
        }
    }

    fn obey(&mut self, frame: &Frame, writes: bool) {
        match frame.kind {
            Kind::Stdin if writes && self.program.input.is_some() => {
                self.waiting_input.extend_from_slice(&frame.payload);
                self.write_input();
            }
            Kind::StdinEnd if writes && self.program.stdin_once => {
                self.input_ended = true;
                self.end_input();
            }
            Kind::Resize => self.resize(frame.size()),
            Kind::NoRestart => self.say(Order::NoRestart, &[]),
            Kind::Names => self.say(Order::Names, &[]),
            _ => {}
        }
    }

    fn resize(&self, size: Option<(u16, u16)>) {
        if let (true, Some((ws_row, ws_col)), Some(terminal)) =
            (self.program.terminal, size, &self.program.outputs[0])
        {
            let size = Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
            // A terminal whose program has just ended has no size to change.
            let _ = tcsetwinsize(terminal, size);
        }
    }
}
