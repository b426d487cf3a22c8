//! What annotations of crun's say about the filter.

use super::{Arch, Filter, Instruction, Listener, MOST_INSTRUCTIONS, compile, flags, notifies};
use super::{syscalls, wrong};
use crate::error::{Error, Result};
use crate::spec::{Seccomp, Spec};

/// A whole filter in base64, in the place of the profile.
const RAW: &str = "run.oci.seccomp_bpf_data";
/// The socket that gets the listener, where the profile has no `listenerPath`.
const RECEIVER: &str = "run.oci.seccomp.receiver";
/// A name of a system call that is not known is an error.
const STRICT: &str = "run.oci.seccomp_fail_unknown_syscall";

/// The filter that a spec asks for. `receiver` is the socket for the listener that the environment
/// names, which counts last.
///
/// # Errors
/// As [`compile`]; an annotation that has no meaning.
pub fn filter(spec: &Spec<'_>, receiver: Option<&str>, native: Arch) -> Result<Option<Filter>> {
    let profile = spec.linux.seccomp.as_ref();
    let receiver = spec.annotation(RECEIVER).or(receiver);
    if let Some(data) = spec.annotation(RAW) {
        return raw(data, profile, receiver).map(Some);
    }
    let Some(profile) = profile else { return Ok(None) };
    if spec.annotation(STRICT).is_some_and(|value| value != "0") {
        all_are_known(profile)?;
    }
    match receiver.filter(|_| profile.listener_path.is_empty() && notifies(profile)) {
        None => compile(profile, native).map(Some),
        Some(path) => {
            let mut profile = profile.clone();
            profile.listener_path = absolute(path)?.to_owned().into();
            compile(&profile, native).map(Some)
        }
    }
}

fn all_are_known(profile: &Seccomp<'_>) -> Result<()> {
    for (index, rule) in profile.syscalls.iter().enumerate() {
        let unknown = rule.names.iter().find(|name| syscalls::find(name).is_none());
        if let Some(name) = unknown {
            let problem = format!("unknown system call {:?}", name.as_str());
            return Err(wrong(&format!("syscalls[{index}].names"), problem));
        }
    }
    Ok(())
}

fn absolute(path: &str) -> Result<&str> {
    match path.starts_with('/') {
        true => Ok(path),
        false => Err(Error::new(format!("{RECEIVER}: {path:?} is not an absolute path"))),
    }
}

/// A filter as it is loaded. It has a listener if anybody names a socket for it.
fn raw(data: &str, profile: Option<&Seccomp<'_>>, receiver: Option<&str>) -> Result<Filter> {
    let refuse = |words: &str| Error::new(format!("annotations: {RAW}: {words}"));
    let bytes = decode(data).ok_or_else(|| refuse("is not base64"))?;
    let (instructions, rest) = bytes.as_chunks::<8>();
    if instructions.is_empty() || !rest.is_empty() || instructions.len() > MOST_INSTRUCTIONS {
        return Err(refuse("is not 1 to 4096 instructions of 8 bytes"));
    }
    let named =
        profile.map(|profile| profile.listener_path.as_str()).filter(|path| !path.is_empty());
    let listener = match named.or(receiver) {
        None => None,
        Some(path) => {
            let metadata = profile.map(|profile| profile.listener_metadata.to_string());
            let path = absolute(path)?.to_owned();
            Some(Listener { path, metadata: metadata.unwrap_or_default() })
        }
    };
    let mut warnings = Vec::new();
    let flags = match profile {
        Some(profile) => flags(profile, listener.is_some(), &mut warnings)?,
        None => flags(&Seccomp::default(), listener.is_some(), &mut warnings)?,
    };
    let program = instructions.iter().map(instruction).collect();
    Ok(Filter { program, flags, listener, warnings })
}

/// `struct sock_filter` in this machine's order of bytes.
fn instruction(bytes: &[u8; 8]) -> Instruction {
    let [a, b, jt, jf, c, d, e, f] = *bytes;
    let (code, k) = (u16::from_ne_bytes([a, b]), u32::from_ne_bytes([c, d, e, f]));
    Instruction { code, jt, jf, k }
}

/// RFC 4648, with line feeds passed over as base64(1) writes them.
fn decode(text: &str) -> Option<Vec<u8>> {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = text.trim_end().trim_end_matches('=');
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::with_capacity(text.len() / 4 * 3));
    for sign in text.bytes().filter(|sign| !sign.is_ascii_whitespace()) {
        let value = SIGNS.iter().position(|known| *known == sign)?;
        (bits, held) = (bits << 6 | value as u32, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    // A single sign is no byte.
    (held < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(annotations: &[(&str, &str)], seccomp: &str, env: Option<&str>) -> Result<Filter> {
        let config = format!(r#"{{"linux": {{"seccomp": {seccomp}}}}}"#);
        let mut spec = Spec::read(config.as_bytes()).unwrap();
        spec.annotations.0 =
            annotations.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        filter(&spec, env, Arch::X86_64).map(Option::unwrap)
    }

    /// `BPF_RET`, allow.
    const ALLOW: &str = "BgAAAAAA/38=";
    const NOTIFIES: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}"#;

    #[test]
    fn base64_is_decoded_strictly() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zm8", Some(b"fo")),
            ("Zm9v\nYmFy\n", Some(b"foobar")),
            ("Z", None),
            ("Zm-v", None),
        ] {
            assert_eq!(decode(text).as_deref(), bytes, "{text}");
        }
    }

    #[test]
    fn a_raw_filter_takes_the_profiles_place() {
        let filter = asked(&[(RAW, ALLOW)], r#"{"defaultAction": "SCMP_ACT_KILL"}"#, None).unwrap();
        let allow = Instruction { code: 6, jt: 0, jf: 0, k: 0x7fff_0000 };
        assert_eq!((filter.program, filter.listener), (vec![allow], None));
        assert!(asked(&[(RAW, ALLOW)], "null", None).is_ok());
        for data in ["", "!", "BgAA"] {
            let error = asked(&[(RAW, data)], "null", None).unwrap_err().to_string();
            assert!(error.starts_with("annotations: run.oci.seccomp_bpf_data: is not"), "{error}");
        }
    }

    #[test]
    fn the_receiver_is_that_of_the_profile_the_annotation_the_environment() {
        let path = |filter: Result<Filter>| filter.unwrap().listener.unwrap().path;
        let annotation = [(RECEIVER, "/annotation")];
        assert_eq!(path(asked(&annotation, NOTIFIES, Some("/env"))), "/annotation");
        assert_eq!(path(asked(&[], NOTIFIES, Some("/env"))), "/env");
        let own = NOTIFIES.replacen('{', r#"{"listenerPath": "/own", "#, 1);
        assert_eq!(path(asked(&annotation, &own, None)), "/own");
        let raw = [(RAW, ALLOW), (RECEIVER, "/annotation")];
        assert_eq!(path(asked(&raw, "null", None)), "/annotation");
        assert!(asked(&[], NOTIFIES, Some("env")).is_err());
        let quiet = asked(&annotation, r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#, None).unwrap();
        assert_eq!((quiet.listener, quiet.warnings), (None, Vec::new()));
    }

    #[test]
    fn an_unknown_call_is_an_error_on_request() {
        let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir", "no_such"], "action": "SCMP_ACT_ERRNO"}]}"#;
        assert!(
            asked(&[], profile, None).is_ok() && asked(&[(STRICT, "0")], profile, None).is_ok()
        );
        let error = asked(&[(STRICT, "1")], profile, None).unwrap_err().to_string();
        assert_eq!(error, "linux.seccomp.syscalls[0].names: unknown system call \"no_such\"");
    }
}
