//! What comes over a network, and what says how to get there.

use std::fs;

use onggi_engine::monitor::wire::{Decoder, frame, read};
use onggi_engine::network::attributes;
use onggi_engine::network::dns::message::{
    A, Answer, NOT_IMPLEMENTED, answer, question, refusal, reverse,
};
use onggi_engine::registry::address::{form, join, origin, parameters};
use onggi_engine::registry::{Credential, Credentials};

use crate::scratch;

/// The challenge of a registry that asks who we are, and the address that it sends us to.
pub(crate) fn challenge(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let found = parameters(&text);
    let values = found.iter().flat_map(|(name, value)| [("name", &**name), ("value", &**value)]);
    let form = form(&values.collect::<Vec<_>>());
    assert!(form.is_ascii(), "{form}");
    let base = "https://registry.example:5000/v2/x";
    if let Ok(url) = join(base, &text) {
        let whole = text.starts_with("http://") || text.starts_with("https://");
        assert!(whole || origin(&url) == origin(base) || origin(&url).is_none(), "{url}");
    }
}

/// ~/.docker/config.json. What is kept is found again, and gone once it is forgotten.
pub(crate) fn credentials(input: &[u8]) {
    // Helpers are programs: none is run here.
    if [&b"credsStore"[..], b"credHelpers", b"\\u"].iter().any(|word| contains(input, word)) {
        return;
    }
    let credentials = Credentials::in_folder(&scratch::folder("credentials"));
    fs::write(credentials.file(), input).expect("a file");
    let _ = credentials.of("docker.io");
    let _ = credentials.of("registry.example");
    if credentials.keep("registry.example", "me", "pass:word").is_ok() {
        let kept = credentials.of("registry.example").expect("readable");
        let own = Credential::Password { user: "me".into(), password: "pass:word".into() };
        assert_eq!(kept, Some(own));
        assert!(credentials.forget("registry.example").expect("forgotten"));
        assert_eq!(credentials.of("registry.example").expect("readable"), None);
    }
}

fn contains(input: &[u8], word: &[u8]) -> bool {
    input.windows(word.len()).any(|window| window == word)
}

/// A question for the resolver of a container: its answer has the question in it.
pub(crate) fn dns(input: &[u8]) {
    if let Some(refused) = refusal(input, NOT_IMPLEMENTED) {
        assert!(refused.len() <= input.len() && refused[..2] == input[..2]);
        assert_eq!(question(&refused), None);
    }
    let Some(asked) = question(input) else { return };
    let name = "a".repeat(70) + ".b.";
    let answers = [Answer::Address([10, 0, 0, 2].into()), Answer::Name(name)];
    for answers in [&answers[..], &answers[..1], &[]] {
        let mut told = answer(input, &asked, answers);
        // With the mark of an answer taken off, it asks the same.
        told[2] &= 0x7f;
        let again = question(&told).expect("the question");
        assert_eq!((&again.name, again.kind), (&asked.name, asked.kind));
    }
    if asked.kind == A {
        let _ = reverse(&asked.name);
    }
}

/// The attributes of an answer of the kernel's.
pub(crate) fn netlink(input: &[u8]) {
    let found = attributes(input);
    assert!(found.iter().map(|(_, value)| 4 + value.len()).sum::<usize>() <= input.len());
    for (_, value) in found {
        let _ = attributes(value);
    }
}

/// What a client says to a monitor: the same frames, in one piece and byte by byte.
pub(crate) fn frames(input: &[u8]) {
    let all = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut decoder, mut found) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.push(piece);
            loop {
                match decoder.take() {
                    Ok(Some(frame)) => found.push(frame),
                    Ok(None) => break,
                    Err(_) => return found,
                }
            }
        }
        found
    };
    let found = all(&mut [input].into_iter());
    assert_eq!(all(&mut input.chunks(1)), found);
    let mut stream = input;
    for one in found {
        let _ = (one.exit_code(), one.words(), one.size());
        assert_eq!(read(&mut stream).expect("a frame"), Some(one.clone()));
        assert_eq!(read(&mut &frame(one.kind, &one.payload)[..]).expect("a frame"), Some(one));
    }
}
