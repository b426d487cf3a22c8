//! One end of the talk: a packet is a message, and a descriptor may come along.

use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message::{FromInit, ToInit};
use crate::error::{Doing, Error, Result};
use crate::sys::{fd, socket};

/// Init's end.
pub type InitEnd = Channel<FromInit, ToInit>;
/// The runtime's end.
pub type RuntimeEnd = Channel<ToInit, FromInit>;

/// An end that sends `S` and receives `R`.
#[derive(Debug)]
pub struct Channel<S, R> {
    socket: OwnedFd,
    talk: PhantomData<(S, R)>,
}

/// Both ends.
pub fn pair() -> Result<(InitEnd, RuntimeEnd)> {
    let (init, runtime) = socket::pair().doing(|| "open a channel to init".into())?;
    Ok((init.into(), runtime.into()))
}

impl<S, R> From<OwnedFd> for Channel<S, R> {
    fn from(socket: OwnedFd) -> Self {
        Channel { socket, talk: PhantomData }
    }
}

impl<S, R> AsFd for Channel<S, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<S: Serialize, R: DeserializeOwned> Channel<S, R> {
    /// Sends a message by a plain write(2), which no filter of a sane profile stops.
    pub fn send(&self, message: &S) -> Result<()> {
        let bytes = serde_json::to_vec(message)?;
        Ok(fd::write_once(self.as_fd(), &bytes)?)
    }

    /// Sends a message and descriptors.
    pub fn send_with(&self, message: &S, fds: &[BorrowedFd<'_>]) -> Result<()> {
        Ok(socket::send(self.as_fd(), &serde_json::to_vec(message)?, fds)?)
    }

    /// The next message; nothing when the other end has hung up.
    pub fn receive(&self) -> Result<Option<(R, Vec<OwnedFd>)>> {
        let (bytes, fds) = socket::receive(self.as_fd())?;
        match bytes.is_empty() {
            true => Ok(None),
            false => Ok(Some((serde_json::from_slice(&bytes)?, fds))),
        }
    }

    /// Sends a message and waits for the answer.
    pub fn ask(&self, message: &S) -> Result<(R, Vec<OwnedFd>)> {
        self.send(message)?;
        self.answer()
    }

    /// Sends a message and descriptors, and waits for the answer.
    pub fn ask_with(&self, message: &S, fds: &[BorrowedFd<'_>]) -> Result<(R, Vec<OwnedFd>)> {
        self.send_with(message, fds)?;
        self.answer()
    }

    fn answer(&self) -> Result<(R, Vec<OwnedFd>)> {
        self.receive()?.ok_or_else(|| Error::new("the runtime has gone away"))
    }
}
