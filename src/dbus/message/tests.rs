use super::*;

fn call() -> Call<'static> {
    Call {
        destination: "a.b",
        path: "/o",
        interface: "i.f",
        member: "M",
        arguments: vec![Value::text("x"), Value::Bool(true), Value::Array("t".into(), vec![])],
    }
}

/// Written down by hand from the specification.
#[test]
fn a_call_is_marshalled_as_the_specification_says() {
    let mut expected = b"l\x01\0\x01\x10\0\0\0\x07\0\0\0\x4a\0\0\0".to_vec();
    expected.extend(b"\x01\x01o\0\x02\0\0\0/o\0\0\0\0\0\0");
    expected.extend(b"\x06\x01s\0\x03\0\0\0a.b\0\0\0\0\0");
    expected.extend(b"\x02\x01s\0\x03\0\0\0i.f\0\0\0\0\0");
    expected.extend(b"\x03\x01s\0\x01\0\0\0M\0\0\0\0\0\0\0");
    expected.extend(b"\x08\x01g\0\x04sbat\0\0\0\0\0\0\0");
    // The body: a text, a number at a multiple of four, and no items of eight bytes.
    expected.extend(b"\x01\0\0\0x\0\0\0\x01\0\0\0\0\0\0\0");
    assert_eq!(call().encode(7), expected);
}

/// A message of another kind with fields and a body.
fn message(kind: Kind, fields: Vec<(u8, Value)>, body: &[Value]) -> Vec<u8> {
    let mut marshalled = Vec::new();
    body.iter().for_each(|value| value.put(&mut marshalled));
    let mut fields: Vec<Value> =
        fields.into_iter().map(|(number, value)| field(number, value)).collect();
    if !body.is_empty() {
        fields.push(field(SIGNATURE, Value::Signature(signature_of(body))));
    }
    let mut bytes = vec![LITTLE_ENDIAN, kind as u8, 1, VERSION];
    Value::Uint32(marshalled.len() as u32).put(&mut bytes);
    Value::Uint32(1).put(&mut bytes);
    Value::Array("(yv)".into(), fields).put(&mut bytes);
    align(&mut bytes, 8);
    bytes.extend(marshalled);
    bytes
}

fn job_removed() -> Vec<u8> {
    let body = [
        Value::Uint32(5),
        Value::Path("/job/5".into()),
        Value::text("a.scope"),
        Value::text("done"),
    ];
    message(Kind::Signal, vec![(MEMBER, Value::text("JobRemoved"))], &body)
}

#[test]
fn a_signal_is_read_with_its_values() {
    let bytes = job_removed();
    let (signal, length) = Message::decode(&bytes).unwrap().unwrap();
    assert_eq!((signal.kind, signal.member.as_str()), (Kind::Signal, "JobRemoved"));
    assert_eq!(signal.body[3], Value::text("done"));
    assert_eq!(length, bytes.len());
}

#[test]
fn an_answer_names_what_it_answers() {
    let fields = vec![(REPLY_SERIAL, Value::Uint32(9)), (ERROR_NAME, Value::text("a.Error"))];
    let bytes = message(Kind::Error, fields, &[Value::text("no")]);
    let (error, _) = Message::decode(&bytes).unwrap().unwrap();
    assert_eq!((error.answers, error.error.as_str()), (9, "a.Error"));
}

#[test]
fn a_part_of_a_message_is_not_yet_one() {
    let bytes = job_removed();
    for end in 0..bytes.len() {
        assert_eq!(Message::decode(&bytes[..end]), Ok(None), "{end}");
    }
}

#[test]
fn the_values_after_one_that_is_made_of_others_are_passed_over() {
    let body = [Value::text("x"), Value::bytes(b"y"), Value::text("z")];
    let bytes = message(Kind::Signal, Vec::new(), &body);
    let (message, _) = Message::decode(&bytes).unwrap().unwrap();
    assert_eq!(message.body, [Value::text("x")]);
}

/// Whatever byte is changed, and to whatever: an error, another message, or the wait for more; no
/// panic and no large piece of memory.
#[test]
fn nonsense_is_an_error() {
    let sound = job_removed();
    for at in 0..sound.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            let _ = Message::decode(&bytes);
        }
    }
    for (at, byte, words) in [
        (0, b'B', "byte order"),
        (1, 9, "message type"),
        (3, 2, "protocol version"),
        (7, 0xff, "length of the body"),
        (15, 0xff, "length of the header"),
    ] {
        let mut bytes = sound.clone();
        bytes[at] = byte;
        let error = Message::decode(&bytes).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
