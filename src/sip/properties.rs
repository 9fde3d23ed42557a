//! Properties that hold for every message, drawn by proptest: reading changes nothing, editing changes what it says, nothing panics.

use bytes::Bytes;
use proptest::prelude::*;

use super::digest::{Challenge, Credentials};
use super::*;

/// Header lines that a message may carry besides the five it must, in spellings that readers stumble over.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z][A-Za-z0-9-]{0,12}"
            .prop_flat_map(|name| ("[ -\u{7e}\u{430}-\u{44f}]{0,40}", Just(name)))
            .prop_filter("a header of its own name", |(_, name)| Name::of(name.as_bytes()) == Name::Other)
            .prop_map(|(value, name)| format!("{name}: {}", value.replace('\\', "/"))),
        Just("Route: <sip:one.example;lr>, \"a, b\" <sip:two.example;lr>".to_owned()),
        Just("record-route:<sip:r1.example;lr>,\r\n\t<sip:r2.example;lr>;x=\"1,2\"".to_owned()),
        Just("m: <sip:a@10.0.0.7>;expires=60".to_owned()),
        Just("P-Asserted-Identity: \"A\" <sip:+4930123456@h>, <tel:+4930123456>".to_owned()),
        Just("X-Folded:\r\n one\r\n  two".to_owned()),
        Just("SUBJECT : ".to_owned()),
    ]
}

prop_compose! {
    fn message()(
        mut lines in prop::collection::vec(line(), 0..12),
        order in any::<u64>(),
        body in prop::collection::vec(any::<u8>(), 0..60),
        request in any::<bool>(),
    ) -> Vec<u8> {
        let start = if request { "INVITE sip:+4930123456@gate.example;user=phone SIP/2.0" } else { "SIP/2.0 183 Session Progress" };
        let mut random = crate::base::Random::from_number(order);
        let needed = [
            "v : SIP/2.0/UDP 10.0.0.7 ;rport; branch=z9hG4bKa ,SIP/2.0/TCP two.example;branch=z9hG4bKb",
            "From: \"A \\\" , B\" <sip:alice@example.com>;x=\"y\";tag=a1",
            "t:sip:bob@example.com ;tag = b2",
            "CALL-ID: 1@10.0.0.7",
            "CSeq: 00007\r\n INVITE",
            &format!("l: {}", body.len()),
        ];
        for line in needed {
            let at = random.below(lines.len() as u64 + 1) as usize;
            lines.insert(at, line.to_owned());
        }
        let mut bytes = format!("{start}\r\n{}\r\n\r\n", lines.join("\r\n")).into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    }
}

fn read(bytes: &[u8]) -> Message {
    Message::parse(Bytes::copy_from_slice(bytes), Framing::Stream).expect("drawn to be well formed")
}

proptest! {
    #[test]
    fn an_unedited_message_leaves_as_it_came(bytes in message()) {
        let message = read(&bytes);
        prop_assert_eq!(Draft::of(&message).into_bytes(), &bytes[..]);
        prop_assert_eq!((message.cseq(), message.from_tag(), message.to_tag()), (7, Some(&b"a1"[..]), Some(&b"b2"[..])));
        prop_assert_eq!(message.branch(), Some("z9hG4bKa"));
    }

    #[test]
    fn pushing_and_dropping_a_via_are_inverse(bytes in message()) {
        let message = read(&bytes);
        let pushed = Draft::of(&message).push_via("SIP/2.0/UDP gate;branch=z9hG4bKg").into_bytes();
        let pushed = Message::parse(pushed, Framing::Stream).expect("still well formed");
        prop_assert_eq!(pushed.top_via().host(), "gate");
        prop_assert_eq!(Draft::of(&pushed).drop_top_via().into_bytes(), &bytes[..]);
    }

    #[test]
    fn dropping_a_name_drops_it_and_nothing_else(bytes in message()) {
        let message = read(&bytes);
        let left = Draft::of(&message).drop_all(Name::PAssertedIdentity).into_bytes();
        let left = Message::parse(left, Framing::Stream).expect("still well formed");
        prop_assert_eq!(left.count(Name::PAssertedIdentity), 0);
        prop_assert_eq!(left.routes().count(), message.routes().count());
        prop_assert_eq!(left.count(Name::Other), message.count(Name::Other));
        prop_assert_eq!(left.body(), message.body());
    }

    #[test]
    fn routes_leave_from_the_front(bytes in message(), count in 0usize..6) {
        let message = read(&bytes);
        let mut draft = Draft::of(&message);
        (0..count).for_each(|_| { draft.drop_first(Name::Route); });
        let left = Message::parse(draft.into_bytes(), Framing::Stream).expect("still well formed");
        let expected: Vec<&str> = message.routes().skip(count).map(|route| route.uri).collect();
        prop_assert_eq!(left.routes().map(|route| route.uri).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_cut_stream_gives_the_same_frames(one in message(), other in message(), step in 1usize..200) {
        let stream = [&one[..], b"\r\n\r\n", &other].concat();
        let mut framer = Framer::new();
        let mut frames = Vec::new();
        for chunk in stream.chunks(step) {
            framer.push(chunk);
            frames.extend(framer.by_ref().map(|frame| frame.expect("well formed")));
        }
        prop_assert_eq!(frames, vec![Frame::Message(one.into()), Frame::Ping, Frame::Message(other.into())]);
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut framer = Framer::new();
        framer.push(&bytes);
        framer.for_each(drop);
        prop_assert!(Message::parse(bytes.into(), Framing::Datagram).is_err());
    }

    #[test]
    fn arbitrary_text_never_breaks_a_small_reader(text in "\\PC{0,60}", tail in "[<>\"\\\\;:,@%=/?\\[\\]a-f0-9 ]{0,40}") {
        for text in [&text, &tail, &format!("sip:{tail}"), &format!("\"{text}\" <sip:{tail}>;{tail}"), &format!("Digest {tail}={text}")] {
            let _ = (Uri::parse(text), percent_decode(text), NameAddr::parse(text.as_bytes()), Via::parse(text.as_bytes()));
            let _ = (Credentials::parse(text), Challenge::parse(text), Method::of(text.as_bytes()), Name::of(text.as_bytes()));
        }
    }

    #[test]
    fn what_a_uri_says_is_all_in_it(user in "[a-z0-9;?/+=,]{1,12}", host in "[a-z0-9]{1,8}\\.example", port in 1u16.., lr in any::<bool>()) {
        let text = format!("sip:{user}@{host}:{port}{}", if lr { ";lr" } else { "" });
        let uri = Uri::parse(&text).expect("a legal URI");
        prop_assert_eq!((uri.user, uri.host, uri.port, uri.is_loose()), (Some(user.as_str()), host.as_str(), Some(port), lr));
        prop_assert!(uri.is_same_as(&uri));
    }

    #[test]
    fn decoding_undoes_escaping(user in "[ -~&&[^%]]{0,20}") {
        let escaped: String = user.bytes().map(|byte| format!("%{byte:02x}")).collect();
        prop_assert_eq!(percent_decode(&escaped).expect("plain ASCII"), user);
    }
}
