//! What the starter leaves to the monitor before anything is said: descriptors, as messages of one
//! byte each. The byte says whether another such message follows.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::error::{Context, Result};

/// What fits into one message: unix(7) allows 253.
const MOST: usize = 128;

/// The byte of the last message.
const LAST: u8 = 0;
/// The byte of every other.
const MORE: u8 = 1;

/// Leaves descriptors to whoever reads the other end first, and words for after them, which are
/// there as soon as the last descriptor is.
pub(super) fn leave(stream: &UnixStream, files: &[OwnedFd], words: &[u8]) -> Result<()> {
    let mut rest: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
    loop {
        let after = rest.split_off(rest.len().min(MOST));
        let (byte, words) = if after.is_empty() { ([LAST], words) } else { ([MORE], &[][..]) };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !rest.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&rest));
        }
        let parts = [IoSlice::new(&byte), IoSlice::new(words)];
        sendmsg(stream, &parts, &mut control, SendFlags::NOSIGNAL)
            .context("leave sockets to the monitor")?;
        if after.is_empty() {
            return Ok(());
        }
        rest = after;
    }
}

/// Takes what was left.
pub(super) fn take(stream: &UnixStream) -> Result<Vec<OwnedFd>> {
    let mut files = Vec::new();
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [LAST];
        let mut parts = [IoSliceMut::new(&mut byte)];
        let got = recvmsg(stream, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
            .context("take the sockets that were left to us")?;
        anyhow::ensure!(got.bytes == 1, "whoever starts the monitor has gone");
        files.extend(received(&mut control));
        if byte == [LAST] {
            return Ok(files);
        }
    }
}

/// The descriptors that came with a message.
pub(super) fn received(control: &mut RecvAncillaryBuffer<'_>) -> impl Iterator<Item = OwnedFd> {
    let files = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    files.flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_arrive_however_many_and_what_follows_is_left_alone() {
        use std::io::Read;
        for count in [0, 1, MOST, MOST + 1] {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let files: Vec<_> =
                (0..count).map(|_| ours.as_fd().try_clone_to_owned().unwrap()).collect();
            leave(&ours, &files, b"hello").unwrap();
            assert_eq!(take(&theirs).unwrap().len(), count);
            let mut word = [0; 5];
            theirs.read_exact(&mut word).unwrap();
            assert_eq!(&word, b"hello");
        }
    }
}
