//! Two readers, one meaning: a message in plain words says the same to us and to `rsip`.
//!
//! `rsip` 0.4 misreads too much for a list of what it misreads ever to be whole: folded lines, compact names, quotes, blanks beside signs,
//! bytes that are not ASCII. So only what it is known to read soundly is compared.

use std::collections::BTreeSet;

use bytes::Bytes;
use rsip::message::{HasHeaders, HeadersExt};
use rsip::prelude::{ToTypedHeader, UntypedHeader};
use tollgate::sip::{Framing, Message, Uri};

pub fn run(bytes: &[u8]) {
    compares(bytes);
}

/// Whether there was something to compare: a message in plain words that both can read.
pub fn compares(bytes: &[u8]) -> bool {
    let Ok(ours) = Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram) else { return false };
    if !is_plain(ours.bytes()) {
        return false;
    }
    let Some(theirs) = theirs(ours.bytes()) else { return false };
    assert_eq!(our_meaning(&ours), theirs, "{}", String::from_utf8_lossy(bytes));
    true
}

/// What a message says, as far as both readers say it.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    method: String,
    status: u16,
    target: Option<Target>,
    cseq: u32,
    call_id: String,
    from_tag: Option<String>,
    to_tag: Option<String>,
    branch: Option<String>,
    max_forwards: Option<u8>,
    others: Vec<Option<String>>,
    body: Vec<u8>,
}

/// User, host and port of a Request-URI.
type Target = (Option<String>, String, Option<u16>);

fn our_meaning(message: &Message) -> Meaning {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let target = || {
        let uri = Uri::parse(message.request_uri()).expect("what is judged is a URI");
        (uri.user.map(str::to_owned), uri.host.to_owned(), uri.port)
    };
    Meaning {
        method: message.method_text().to_owned(),
        status: message.status(),
        target: message.is_request().then(target),
        cseq: message.cseq(),
        call_id: text(message.call_id()),
        from_tag: message.from_tag().map(text),
        to_tag: message.to_tag().map(text),
        branch: message.branch().map(str::to_owned),
        max_forwards: message.max_forwards(),
        others: OTHERS
            .iter()
            .map(|name| message.header_named(name).map(|value| value.into_owned()))
            .collect(),
        body: message.body().to_vec(),
    }
}

/// None if any part of it is beyond `rsip`.
fn theirs(bytes: &[u8]) -> Option<Meaning> {
    let message = rsip::SipMessage::try_from(bytes).ok()?;
    let cseq = message.cseq_header().ok()?.typed().ok()?;
    let via = message.via_header().ok()?.typed().ok()?;
    let (method, status, target) = match &message {
        rsip::SipMessage::Request(request) => {
            let uri = request.uri();
            let target =
                (uri.user().map(str::to_owned), uri.host().to_string(), uri.port().map(|port| *port.value()));
            (request.method().to_string(), 0, Some(target))
        }
        rsip::SipMessage::Response(response) => {
            (cseq.method.to_string(), response.status_code().code(), None)
        }
    };
    let lines: Vec<String> = message.headers().iter().map(|header| header.to_string()).collect();
    let other = |name: &&str| {
        let mut named = lines.iter().filter_map(|line| line.split_once(": "));
        named.find(|(theirs, _)| theirs.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    Some(Meaning {
        method,
        status,
        target,
        cseq: cseq.seq,
        call_id: message.call_id_header().ok()?.value().to_owned(),
        from_tag: message.from_header().ok()?.tag().ok()?.map(|tag| tag.to_string()),
        to_tag: message.to_header().ok()?.tag().ok()?.map(|tag| tag.to_string()),
        branch: via.branch().map(|branch| branch.to_string()),
        max_forwards: message.max_forwards_header().ok().and_then(|hops| hops.value().trim().parse().ok()),
        others: OTHERS.iter().map(other).collect(),
        body: message.body().clone(),
    })
}

/// What else is compared: the first value of each.
const OTHERS: [&str; 9] =
    ["Contact", "Content-Type", "Event", "Expires", "Require", "Route", "Subject", "Supported", "User-Agent"];

const METHODS: [&str; 14] = [
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "REFER",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
];

/// Headers of which there is one at most.
const SINGLE: [&str; 5] = ["from", "to", "call-id", "cseq", "max-forwards"];

fn is_plain(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let mut lines = head.split("\r\n");
    let mut single = BTreeSet::new();
    is_plain_start(lines.next().unwrap_or_default())
        && lines.all(|line| {
            let Some((name, value)) = line.split_once(": ") else { return false };
            let name = name.to_ascii_lowercase();
            is_plain_header(&name, value) && (!SINGLE.contains(&&*name) || single.insert(name))
        })
}

fn is_plain_start(line: &str) -> bool {
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    match words[..] {
        ["SIP/2.0", status, reason] => is_number(status, 3) && !reason.is_empty() && is_text(reason),
        [method, uri, "SIP/2.0"] => METHODS.contains(&method) && is_plain_uri(uri),
        _ => false,
    }
}

fn is_plain_header(name: &str, value: &str) -> bool {
    let is_name = name.len() > 1 && all(name, "-");
    is_name
        && match name {
            "from" | "to" => is_plain_address(value),
            "via" => is_plain_via(value),
            "call-id" => !value.is_empty() && all(value, "-_.@"),
            "cseq" => value
                .split_once(' ')
                .is_some_and(|(count, method)| is_number(count, 10) && METHODS.contains(&method)),
            "max-forwards" | "content-length" => is_number(value, 5),
            _ => is_text(value),
        }
}

/// `"Name" <sip:user@host>;tag=word`.
fn is_plain_address(value: &str) -> bool {
    let Some((name, rest)) = value.split_once('<') else { return false };
    let Some((uri, params)) = rest.split_once('>') else { return false };
    let name = name.trim_end_matches(' ');
    let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    all(bare, " ") && !bare.starts_with(' ') && is_plain_uri(uri) && are_plain_params(params)
}

fn is_plain_via(value: &str) -> bool {
    let Some((protocol, rest)) = value.split_once(' ') else { return false };
    let at = rest.find(';').unwrap_or(rest.len());
    matches!(protocol, "SIP/2.0/UDP" | "SIP/2.0/TCP" | "SIP/2.0/TLS")
        && is_plain_host(&rest[..at])
        && are_plain_params(&rest[at..])
}

/// `sip:user@host:port`.
fn is_plain_uri(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("sip:").or_else(|| uri.strip_prefix("sips:")) else { return false };
    let (user, host) = rest.split_once('@').unwrap_or(("u", rest));
    !user.is_empty() && all(user, "") && is_plain_host(host)
}

fn is_plain_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "5060"));
    !name.is_empty() && all(name, "-.") && is_number(port, 5)
}

/// `;name=word;name`, none of them twice.
fn are_plain_params(params: &str) -> bool {
    let mut names = BTreeSet::new();
    let mut parts = params.split(';');
    parts.next() == Some("")
        && parts.all(|param| {
            let (name, value) = param.split_once('=').unwrap_or((param, "x"));
            let is_word = |word: &str| !word.is_empty() && all(word, "-_.");
            is_word(name) && is_word(value) && names.insert(name.to_ascii_lowercase())
        })
}

/// Letters, digits, and these.
fn all(text: &str, others: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

fn is_number(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Printable, and no blank at either end.
fn is_text(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim_matches(' ') == text
}
