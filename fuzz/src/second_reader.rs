//! Two readers, one meaning: whatever message both we and `rsip` read says the same to both, beyond what `rsip` is known to misread.

use bytes::Bytes;
use rsip::message::HeadersExt;
use rsip::prelude::{ToTypedHeader, UntypedHeader};
use tollgate::sip::{Framing, Message, Scheme, Uri};

pub fn run(bytes: &[u8]) {
    let Ok(ours) = Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram) else { return };
    if is_misread(&ours) {
        return;
    }
    let Some(theirs) = theirs(ours.bytes()) else { return };
    assert_eq!(our_meaning(&ours), theirs, "{}", String::from_utf8_lossy(bytes));
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
        body: message.body().clone(),
    })
}

/// What `rsip` 0.4 reads, but wrongly.
fn is_misread(message: &Message) -> bool {
    let bytes: &[u8] = message.bytes();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let (Ok(head), Ok(_)) = (str::from_utf8(&bytes[..end]), str::from_utf8(message.body())) else {
        // It replaces bytes that are not UTF-8.
        return true;
    };
    let params = [message.from_tag(), message.to_tag(), message.branch().map(str::as_bytes)];
    let is_cut =
        |value: &&[u8]| !value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    head.split("\r\n").skip(1).any(is_line_misread)
        || is_uri_misread(message)
        // It cuts a parameter where a letter comes that it does not expect.
        || params.iter().flatten().any(is_cut)
}

const BLANKS: [&str; 6] = [" =", "= ", " ;", "; ", " :", ": "];

fn is_line_misread(line: &str) -> bool {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let name = name.trim();
    let is_address = ["Via", "From", "To"].iter().any(|known| known.eq_ignore_ascii_case(name));
    // Folded lines and compact names are headers of their own to it; of two Vias on a line one is lost; quotes do not quote; a blank
    // beside a sign ends a parameter.
    line.starts_with([' ', '\t'])
        || name.len() == 1
        || (is_address
            && (value.contains(['"', ',', '\\', '\t']) || BLANKS.iter().any(|blank| value.contains(blank))))
}

fn is_uri_misread(message: &Message) -> bool {
    if !message.is_request() {
        return false;
    }
    let Ok(uri) = Uri::parse(message.request_uri()) else { return true };
    // The opaque part of any other scheme is host and port to it; a user with a dot is a host.
    !matches!(uri.scheme, Scheme::Sip | Scheme::Sips)
        || uri.user.is_some_and(|user| !user.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        || uri.headers.is_some()
}
