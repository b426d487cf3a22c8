//! Messages of other programs: the bus, CRIU, init.

use std::fs::{self, File};
use std::os::fd::AsFd;

use onggi::container::pipes_in;
use onggi::criu::{Response, errors_of};
use onggi::dbus::{Address, Message, Value};
use onggi::launch::{FromInit, ToInit};

use crate::scratch;

/// A message of the bus, whole and cut short; the addresses of buses.
pub(crate) fn dbus(input: &[u8]) {
    if let Ok(Some((message, length))) = Message::decode(input) {
        assert!(length <= input.len());
        let again = Message::decode(&input[..length]).expect("a message").expect("all of it");
        // As text: a number that is none is not equal to itself.
        assert_eq!(format!("{again:?}"), format!("{:?}", (message, length)));
        assert!(matches!(Message::decode(&input[..length - 1]), Ok(None) | Err(_)));
    }
    let text = String::from_utf8_lossy(input);
    let _ = Address::parse_all(&text);
}

/// A value of the bus as annotations give it: shown and read again it is the same.
pub(crate) fn values(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(value) = text.parse::<Value>() else { return };
    let shown = value.to_string();
    // No number that is none is equal to itself.
    if !shown.contains("NaN") {
        assert_eq!(shown.parse::<Value>().expect("read again"), value, "{shown}");
    }
}

/// An answer of CRIU's, and its log.
pub(crate) fn criu(input: &[u8]) {
    let _ = Response::read(input);
    let folder = scratch::folder("criu");
    fs::write(folder.join("dump.log"), input).expect("a log");
    let folder = File::open(folder).expect("the folder");
    let told = errors_of(folder.as_fd(), "dump.log");
    assert!(told.len() <= 4 && told.iter().all(|line| line.chars().count() <= 300));
}

/// The descriptors.json of a checkpoint: only pipes by number are taken from it.
pub(crate) fn descriptors(input: &[u8]) {
    let Ok(pipes) = pipes_in(input) else { return };
    for (name, number) in pipes {
        let inner = name.strip_prefix("pipe:[").and_then(|rest| rest.strip_suffix(']'));
        let inner = inner.expect("a pipe");
        assert!(!inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_digit()));
        assert!((0..3).contains(&number));
    }
}

/// What a process that was init, and is now the container's, may have sent.
pub(crate) fn init(input: &[u8]) {
    if let Ok(message) = serde_json::from_slice::<FromInit>(input) {
        let written = serde_json::to_vec(&message).expect("written");
        assert_eq!(serde_json::from_slice::<FromInit>(&written).expect("read again"), message);
        if let FromInit::Failed(failure) = message {
            let _ = failure.into_error().to_string();
        }
    }
    if let Ok(answer) = serde_json::from_slice::<ToInit>(input) {
        let written = serde_json::to_vec(&answer).expect("written");
        assert_eq!(serde_json::from_slice::<ToInit>(&written).expect("read again"), answer);
    }
}
