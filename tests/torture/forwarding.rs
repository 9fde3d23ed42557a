//! Well-formed torture messages survive a forwarding byte for byte, apart from the edits that forwarding makes.

use bytes::Bytes;
use tollgate::sip::{Draft, Framing, Message, Name, percent_decode};

use super::corpus;

fn readable() -> Vec<(String, Message)> {
    let read = |sample: corpus::Sample| {
        let message = Message::parse(sample.bytes, Framing::Datagram).ok()?;
        Some((sample.name, message))
    };
    corpus::samples().into_iter().filter_map(read).collect()
}

fn named(name: &str) -> Option<Message> {
    readable().into_iter().find(|(sample, _)| sample == name).map(|(_, message)| message)
}

#[test]
fn without_edits_the_bytes_are_the_received_ones() {
    for (name, message) in readable() {
        assert_eq!(Draft::of(&message).into_bytes(), message.bytes(), "{name}");
    }
}

#[test]
fn forwarding_changes_its_own_lines_alone() {
    for (name, message) in readable().into_iter().filter(|(_, message)| message.is_request()) {
        let mut draft = Draft::of(&message);
        draft
            .push_via("SIP/2.0/UDP gate.example;branch=z9hG4bKgate")
            .push(Name::RecordRoute, "<sip:gate.example;lr>");
        draft.set(Name::MaxForwards, "67").request_uri("sip:judged@trunk.example");
        let forwarded = draft.into_bytes();
        let undone = undo(&forwarded, &message);
        assert_eq!(&undone, message.bytes(), "{name}");
        let again = Message::parse(forwarded, Framing::Datagram).expect("a forwarded message is well formed");
        assert_eq!(
            (again.call_id(), again.from_tag(), again.to_tag()),
            (message.call_id(), message.from_tag(), message.to_tag())
        );
        assert_eq!((again.cseq(), again.body()), (message.cseq(), message.body()), "{name}");
        assert_eq!(again.vias().count(), message.vias().count() + 1, "{name}");
    }
}

/// Takes the edits out by plain replacement of text, without the code under test.
fn undo(forwarded: &Bytes, original: &Message) -> Vec<u8> {
    let mut bytes = forwarded.to_vec();
    let mut replace = |from: &str, to: &str| {
        let at = bytes
            .windows(from.len())
            .position(|window| window == from.as_bytes())
            .expect("the edit is there");
        bytes.splice(at..at + from.len(), to.bytes());
    };
    replace("Via: SIP/2.0/UDP gate.example;branch=z9hG4bKgate\r\n", "");
    replace("Record-Route: <sip:gate.example;lr>\r\n", "");
    replace("sip:judged@trunk.example", original.request_uri());
    match original.header(Name::MaxForwards) {
        Some(hops) => replace(": 67\r\n", &format!(": {hops}\r\n")),
        None => replace("Max-Forwards: 67\r\n", ""),
    }
    bytes
}

#[test]
fn rfc_4475_3_1_1_1_wsinv_means_what_it_says() {
    let Some(message) = named("wsinv") else { return };
    assert_eq!(message.to_tag(), Some(&b"1918181833n"[..]));
    assert_eq!(message.from().display(), "J Rosenberg \\\"");
    assert_eq!((message.cseq(), message.max_forwards()), (9, Some(68)));
    let vias: Vec<_> = message
        .vias()
        .map(|via| (via.host().to_owned(), via.branch().unwrap_or_default().to_owned()))
        .collect();
    assert_eq!(vias[0], ("192.0.2.2".into(), "390skdjuw".into()));
    assert_eq!(vias[1], ("spindle.example.com".into(), "z9hG4bK9ikj8".into()));
    assert_eq!(vias[2], ("192.168.255.111".into(), "z9hG4bK30239".into()));
    assert_eq!(message.header(Name::Subject).as_deref(), Some(""));
    assert_eq!(message.header_named("unknownheaderwithunusualvalue").as_deref(), Some(";;,,;;,;"));
}

#[test]
fn rfc_4475_3_1_1_2_intmeth_is_not_cut_at_the_quoted_nul() {
    let Some(message) = named("intmeth") else { return };
    assert_eq!(message.to().display(), "BEL:\u{7} NUL:\0 DEL:\u{7f}");
    assert_eq!(message.from_tag(), Some(&b"_token~1'+`*%!-."[..]));
    assert_eq!(message.method_text(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(message.max_forwards(), Some(255));
}

#[test]
fn rfc_4475_3_1_1_3_esc01_is_unescaped_once_and_is_no_sips_uri() {
    let Some(message) = named("esc01") else { return };
    let uri = tollgate::sip::Uri::parse(message.request_uri()).expect("a legal URI");
    assert_eq!(uri.scheme, tollgate::sip::Scheme::Sip);
    assert_eq!(
        percent_decode(uri.user.expect("a user part")).expect("legal escapes"),
        "sips:user@example.com"
    );
    assert_eq!(uri.host, "example.net");
}

#[test]
fn rfc_4475_3_1_1_5_esc02_has_two_contacts_and_no_known_method() {
    let Some(message) = named("esc02") else { return };
    assert_eq!(message.method(), tollgate::sip::Method::Other);
    assert_eq!(message.contacts().count(), 2);
}

#[test]
fn rfc_4475_3_1_1_8_dblreq_ends_with_its_own_request() {
    let Some(message) = named("dblreq") else { return };
    assert!(message.bytes().ends_with(b"Content-Length: 0\r\n\r\n"));
    assert_eq!(message.call_id(), b"dblreq.0ha0isndaksdj99sdfafnl3lk233412");
}

#[test]
fn rfc_4475_3_1_1_7_longreq_has_34_vias() {
    let Some(message) = named("longreq") else { return };
    assert_eq!(message.vias().count(), 34);
    assert_eq!((message.branch(), message.top_via().host()), (None, "sip33.example.com"));
}
