use std::io::Write;
use std::os::unix::net::UnixListener;
use std::thread;

use super::*;

const LIMIT: Duration = Duration::from_secs(180);

/// What a connection says to a peer that answers with `bytes`, and what comes of a call.
fn answered(peer: Peer, bytes: &'static [u8]) -> (Vec<u8>, Result<Reply>) {
    let me = format!("{}-{:?}", std::process::id(), thread::current().id());
    let path = std::env::temp_dir().join(format!("onggi-dbus-{me}"));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let other = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        // A connection that is given up before all was read ends by a reset.
        let _ = stream.read_to_end(&mut said);
        said
    });
    let address = Address::path(&path, peer);
    let mut connection = Connection::open(&address, LIMIT).unwrap();
    let result = connection.send(&bus("GetId", Vec::new())).and_then(|call| connection.reply(call));
    drop(connection);
    std::fs::remove_file(&path).unwrap();
    (other.join().unwrap(), result)
}

#[test]
fn the_greeting_does_not_wait_for_its_answer() {
    let (said, result) = answered(Peer::Bus, b"");
    assert!(said.starts_with(b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\nl\x01\0\x01"));
    let words = String::from_utf8_lossy(&said).into_owned();
    assert!(words.contains("Hello") && words.contains("GetId"));
    assert!(result.unwrap_err().to_string().contains("hung up"));
}

#[test]
fn a_service_is_not_told_hello() {
    let (said, _) = answered(Peer::Service, b"");
    assert!(!String::from_utf8_lossy(&said).contains("Hello"));
}

#[test]
fn who_is_not_let_in_is_told() {
    let (_, result) = answered(Peer::Bus, b"DATA\r\nREJECTED EXTERNAL\r\n");
    assert!(result.unwrap_err().to_string().contains("REJECTED EXTERNAL"));
}

#[test]
fn nonsense_after_the_greeting_is_an_error() {
    let (_, result) = answered(Peer::Bus, b"DATA\r\nOK 0123\r\nHTTP/1.1 400 Bad Request");
    assert!(result.unwrap_err().to_string().contains("byte order"));
}

#[test]
fn an_answer_without_an_end_is_given_up() {
    let (_, result) = answered(Peer::Bus, &[b'x'; LONGEST_LINE + 10]);
    assert!(result.unwrap_err().to_string().contains("has no end"));
}

#[test]
fn addresses_are_read_as_the_specification_writes_them() {
    let path = |path: &str| Address::path(path, Peer::Bus);
    for (text, addresses) in [
        ("unix:path=/run/user/1000/bus", vec![path("/run/user/1000/bus")]),
        ("unix:path=/a%20b,guid=00ff", vec![path("/a b")]),
        ("tcp:host=x;unix:path=/a;unix:guid=1", vec![path("/a")]),
        ("unix:path=%zz", vec![]),
        ("unix:path=/a%2", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(Address::parse_all(text), addresses, "{text}");
    }
    let place = StreamAddress::Abstract(b"x".to_vec());
    let address = Address { place, peer: Peer::Bus };
    assert_eq!(Address::parse_all("unix:abstract=x"), [address]);
}
