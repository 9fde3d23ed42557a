//! RFC 3261 §17.1.3, a response finds its request: by the branch of the top Via and the method of the CSeq.

use std::collections::HashSet;

use bytes::Bytes;
use tollgate::base::{Moment, Random};
use tollgate::sip::Transport::Udp;
use tollgate::sip::{Flow, Framing, ListenerId, Message, Method};
use tollgate::transaction::{Arrival, Branch, Event, Limits, Timing, Transactions};

use crate::transaction_world::{plays, request_text, response_text};

#[test]
fn a_response_with_the_right_branch_and_the_wrong_method_is_stray() {
    plays(
        Udp,
        "
           0 > user sends BYE
           0   out BYE
          20 > peer answers BYE 200 to INVITE
          20   stray
          40 > peer answers BYE 200 to CANCEL
          40   stray
          60 > peer answers BYE 200
          60   user hears 200 to BYE
        5060   BYE gone
        ",
    );
}

#[test]
fn two_calls_do_not_hear_each_others_answers() {
    plays(
        Udp,
        "
            0 > user sends INVITE as first
            0   out INVITE
            0 > user sends INVITE as second
            0   out INVITE
          100 > peer answers second 486
          100   out ACK
          100   user hears 486 to second
          200 > peer answers first 180
          200   user hears 180 to first
         1000 > peer answers first 200
         1000   user hears 200 to first
        32100   second gone
        33000   first gone
        ",
    );
}

#[test]
fn branches_that_we_did_not_make_are_stray() {
    plays(
        Udp,
        "
        0 > peer answers branch z9hG4bK776asdhds 200
        0   stray
        0 > peer answers branch 1 200
        0   stray
        0 > peer answers branch z9hG4bK000000000000000000000000000000000000000 200
        0   stray
        ",
    );
}

#[test]
fn a_guessed_secret_is_stray_and_leaves_the_call_alone() {
    let mut layer = layer(Limits::default());
    let branch = layer.new_branch(7);
    send(&mut layer, Method::Invite, &branch);
    let mut forged = branch.to_string();
    // The letters after the cookie and the place are the secret.
    let last_of_secret = "z9hG4bK".len() + 2 * 13 - 1;
    let other = if forged.as_bytes()[last_of_secret] == b'0' { "1" } else { "0" };
    forged.replace_range(last_of_secret..=last_of_secret, other);
    assert_eq!(hear(&mut layer, "1 INVITE", &forged, "200"), Arrival::StrayResponse);
    assert!(matches!(hear(&mut layer, "1 INVITE", branch.as_str(), "200"), Arrival::Response { .. }));
}

#[test]
fn a_branch_is_understood_in_another_case_and_carries_its_loop_mark() {
    let mut layer = layer(Limits::default());
    let branch = layer.new_branch(0xFEED);
    send(&mut layer, Method::Options, &branch);
    let shouted = branch.to_string().to_uppercase();
    assert_eq!(Branch::loop_mark_of(&shouted), Some(0xFEED));
    assert!(matches!(hear(&mut layer, "1 OPTIONS", &shouted, "200"), Arrival::Response { .. }));
}

#[test]
fn no_branch_is_given_twice() {
    let mut layer = layer(Limits::default());
    let mut branches = HashSet::new();
    for _ in 0..5_000 {
        branches.insert(layer.new_branch(0).to_string());
        branches.insert(layer.passing_branch(0).to_string());
    }
    assert_eq!(branches.len(), 10_000);
    // Branches without a request are taken back, oldest first: the layer does not grow with them.
    assert!(layer.count().1 <= 1_024, "{:?}", layer.count());
}

#[test]
fn without_room_a_request_is_told_as_not_carried() {
    let mut layer = layer(Limits { servers: 8, clients: 1 });
    let (first, second) = (layer.new_branch(0), layer.new_branch(0));
    send(&mut layer, Method::Invite, &first);
    send(&mut layer, Method::Invite, &second);
    assert!(matches!(layer.next_event(), Some(Event::Send { .. })));
    assert!(matches!(layer.next_event(), Some(Event::TransportFailed { payload: (), .. })));
    assert_eq!(layer.next_event(), None);
}

#[test]
fn a_branch_serves_one_request() {
    let mut layer = layer(Limits::default());
    let branch = layer.new_branch(0);
    send(&mut layer, Method::Options, &branch);
    assert!(matches!(layer.next_event(), Some(Event::Send { .. })));
    send(&mut layer, Method::Options, &branch);
    assert!(matches!(layer.next_event(), Some(Event::TransportFailed { .. })));
}

#[test]
fn section_17_1_1_3_the_ack_of_a_refusal_is_built_from_the_invite_and_the_response() {
    let mut layer = layer(Limits::default());
    let branch = layer.new_branch(0);
    send(&mut layer, Method::Invite, &branch);
    assert!(matches!(layer.next_event(), Some(Event::Send { .. })));
    hear(&mut layer, "1 INVITE", branch.as_str(), "486");
    let Some(Event::Send { bytes, flow, .. }) = layer.next_event() else { panic!("no ACK") };
    assert_eq!(flow, wire());
    let ack = Message::parse(bytes, Framing::Datagram).unwrap();
    assert_eq!((ack.method(), ack.request_uri(), ack.cseq()), (Method::Ack, "sip:bob@192.0.2.1", 1));
    assert_eq!((ack.vias().count(), ack.top_via().branch()), (1, Some(branch.as_str())));
    assert_eq!((ack.from_tag(), ack.to_tag()), (Some(&b"caller"[..]), Some(&b"callee"[..])));
    assert_eq!((ack.call_id(), ack.body()), (&b"c1@gate"[..], &b""[..]));
    assert_eq!(ack.routes().map(|route| route.uri.to_owned()).collect::<Vec<_>>(), ["sip:192.0.2.1;lr"]);
}

fn layer(limits: Limits) -> Transactions<(), ()> {
    Transactions::new(Timing::RFC, Random::from_number(3)).with_limits(limits)
}

fn wire() -> Flow {
    Flow::udp(ListenerId(0), "192.0.2.1:5060".parse().unwrap())
}

fn send(layer: &mut Transactions<(), ()>, method: Method, branch: &Branch) {
    let text = request_text(method.as_str(), "192.0.2.100:5060", branch.as_str(), "c1@gate", 1);
    layer.request(Moment::START, wire(), method, branch, Bytes::from(text), ());
}

fn hear(layer: &mut Transactions<(), ()>, cseq: &str, branch: &str, status: &str) -> Arrival {
    let text = response_text(cseq, branch, status);
    layer.receive(Moment::START, wire(), &Message::parse(text.into(), Framing::Datagram).unwrap())
}
