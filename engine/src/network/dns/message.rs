//! Messages of the domain name system (RFC 1035, RFC 3596), as far as a forwarder needs them. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The type of a record with an IPv4 address.
pub const A: u16 = 1;
/// The type of a record with an IPv6 address.
pub const AAAA: u16 = 28;
/// The type of a record with a name.
pub const PTR: u16 = 12;

/// Why there is no answer: nobody could be asked.
pub const SERVER_FAILURE: u8 = 2;
/// Why there is no answer: it is a query of another kind.
pub const NOT_IMPLEMENTED: u8 = 4;

const HEADER: usize = 12;
/// Seconds for which others may remember an answer: not longer than a container's restart.
const TIME_TO_LIVE: u32 = 5;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// In lower case, without the dot at its end.
    pub name: String,
    /// The type of the records that are asked for.
    pub kind: u16,
    /// Where the question ends in the message.
    end: usize,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A record of the type [`A`] or [`AAAA`].
    Address(IpAddr),
    /// A record of the type [`PTR`].
    Name(String),
}

/// Reads a query of one question of the Internet's class; what is none is of no interest.
pub fn question(message: &[u8]) -> Option<Question> {
    const INTERNET: u16 = 1;
    let header = message.first_chunk::<HEADER>()?;
    let is_query = header[2] & 0x80 == 0;
    if !is_query || header[2] & 0x78 != 0 || header[4..6] != [0, 1] {
        return None;
    }
    let mut at = HEADER;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        if length > 63 || at - HEADER > 255 {
            return None;
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let number = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    let (kind, class) = (number(at)?, number(at + 2)?);
    (class == INTERNET).then(|| Question { name: labels.join("."), kind, end: at + 4 })
}

/// The answer to a query. None at all says that there is nothing of this type by that name.
pub fn answer(query: &[u8], question: &Question, answers: &[Answer]) -> Vec<u8> {
    let count = answers.len() as u16;
    let mut message = head(query, 0, count);
    message.extend_from_slice(&query[HEADER..question.end]);
    for answer in answers {
        let (kind, data) = match answer {
            Answer::Address(IpAddr::V4(four)) => (A, four.octets().to_vec()),
            Answer::Address(IpAddr::V6(six)) => (AAAA, six.octets().to_vec()),
            Answer::Name(name) => (PTR, encode(name)),
        };
        // The name is the question's.
        message.extend_from_slice(&[0xc0, HEADER as u8]);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&[0, 1]);
        message.extend_from_slice(&TIME_TO_LIVE.to_be_bytes());
        message.extend_from_slice(&(data.len() as u16).to_be_bytes());
        message.extend_from_slice(&data);
    }
    message
}

/// The answer that there is no answer; a message too short for a header gets none.
pub fn refusal(query: &[u8], reason: u8) -> Option<Vec<u8>> {
    query.first_chunk::<HEADER>()?;
    let mut message = head(query, reason, 0);
    match question(query) {
        Some(question) => message.extend_from_slice(&query[HEADER..question.end]),
        None => message[4..6].copy_from_slice(&[0, 0]),
    }
    Some(message)
}

/// The header of an answer: the query's number and wish for recursion.
fn head(query: &[u8], reason: u8, answers: u16) -> Vec<u8> {
    const ANSWER: u8 = 0x80;
    const RECURSION_WANTED: u8 = 0x01;
    const RECURSION_THERE: u8 = 0x80;
    let flags = [ANSWER | (query[2] & RECURSION_WANTED), RECURSION_THERE | reason];
    let [high, low] = answers.to_be_bytes();
    vec![query[0], query[1], flags[0], flags[1], 0, 1, high, low, 0, 0, 0, 0]
}

fn encode(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        let length = label.len().min(63);
        bytes.push(length as u8);
        bytes.extend_from_slice(&label.as_bytes()[..length]);
    }
    bytes.push(0);
    bytes
}

/// The address that a name for looking up backwards is of.
pub fn reverse(name: &str) -> Option<IpAddr> {
    if let Some(parts) = name.strip_suffix(".in-addr.arpa") {
        let mut octets: Vec<u8> = Vec::new();
        for part in parts.rsplit('.') {
            octets.push(part.parse().ok()?);
        }
        return Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into());
    }
    let parts = name.strip_suffix(".ip6.arpa")?;
    let digits: String = parts.rsplit('.').collect();
    let fits = digits.len() == 32 && parts.len() == 63;
    fits.then(|| u128::from_str_radix(&digits, 16).ok().map(|n| Ipv6Addr::from(n).into()))?
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A query for tests.
    pub(crate) fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut message = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(encode(name));
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
        message
    }

    #[test]
    fn a_question_is_read_and_answered() {
        let query = query("Web.N1", A);
        let question = question(&query).expect("a question");
        assert_eq!((question.name.as_str(), question.kind), ("web.n1", A));
        let answer = answer(&query, &question, &[Answer::Address([10, 0, 0, 2].into())]);
        assert_eq!(&answer[..8], &[7, 9, 0x81, 0x80, 0, 1, 0, 1]);
        assert_eq!(&answer[HEADER..question.end], &query[HEADER..]);
        assert_eq!(&answer[question.end..], &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 2]);
        let none = refusal(&query, SERVER_FAILURE).expect("a refusal");
        assert_eq!(&none[..8], &[7, 9, 0x81, 0x82, 0, 1, 0, 0]);
    }

    #[test]
    fn what_is_no_query_is_none() {
        let good = query("web", A);
        for length in 0..good.len() {
            assert_eq!(question(&good[..length]), None, "{length} bytes");
        }
        let mut answer = good.clone();
        answer[2] |= 0x80;
        assert_eq!(question(&answer), None);
        let mut pointer = good.clone();
        pointer[HEADER] = 0xc0;
        assert_eq!(question(&pointer), None);
    }

    #[test]
    fn addresses_are_read_backwards() {
        let four: IpAddr = [172, 17, 0, 2].into();
        assert_eq!(reverse("2.0.17.172.in-addr.arpa"), Some(four));
        let name = format!("2.{}d.f.ip6.arpa", "0.".repeat(29));
        assert_eq!(reverse(&name), Some("fd00::2".parse().expect("an address")));
        for wrong in ["2.0.17.in-addr.arpa", "x.ip6.arpa", "web", "300.0.17.172.in-addr.arpa"] {
            assert_eq!(reverse(wrong), None, "{wrong}");
        }
    }
}
