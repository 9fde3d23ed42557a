//! REGISTER by REGISTER: what is answered, what is bound, where calls would go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;

use super::*;
use crate::base::{Moment, Now};
use crate::sip::{ConnectionId, Flow, Framing, ListenerId, Message, Transport};

struct Desk {
    registrar: Registrar<Arc<str>>,
    now: Now,
    cseq: u32,
    flow: Flow,
}

impl Desk {
    fn new(limits: Limits) -> Desk {
        let utc = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let remote: SocketAddr = ([198, 51, 100, 7], 40_001).into();
        let now = Now::new(Moment::from_micros(1_000_000), utc);
        Desk { registrar: Registrar::new(limits), now, cseq: 0, flow: Flow::udp(ListenerId(0), remote) }
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    /// Sends a REGISTER of Alice with these header lines and the next CSeq.
    fn send(&mut self, headers: &str) -> Registered {
        self.cseq += 1;
        self.send_as("call-1", self.cseq, headers)
    }

    fn send_as(&mut self, call_id: &str, cseq: u32, headers: &str) -> Registered {
        let message = register(call_id, cseq, headers);
        self.registrar.register(self.now, "alice".into(), &message, self.flow)
    }

    fn contacts(&self) -> Vec<&str> {
        self.registrar.bindings("alice", self.now.moment).map(Binding::target).collect()
    }
}

fn register(call_id: &str, cseq: u32, headers: &str) -> Message {
    let text = format!(
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.7;rport;branch=z9hG4bK{cseq}\nMax-Forwards: 70\n\
         From: <sip:alice@example.com>;tag=1\nTo: <sip:alice@example.com>\nCall-ID: {call_id}\nCSeq: {cseq} REGISTER\n{headers}\n"
    );
    Message::parse(Bytes::from(text.replace('\n', "\r\n")), Framing::Datagram).unwrap()
}

fn values<'r>(registered: &'r Registered, name: &str) -> Vec<&'r str> {
    registered.headers.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn a_phone_is_bound_until_its_time_is_over() {
    let mut desk = Desk::new(Limits::default());
    let answer = desk.send("Contact: <sip:alice@10.0.0.7:5060>\nExpires: 120\n");
    assert_eq!(values(&answer, "Contact"), ["<sip:alice@10.0.0.7:5060>;expires=120"]);
    assert_eq!(values(&answer, "Date"), ["Fri, 15 Jan 2027 08:00:00 GMT"]);
    desk.wait(50);
    assert_eq!(values(&desk.send(""), "Contact"), ["<sip:alice@10.0.0.7:5060>;expires=70"]);
    assert_eq!(desk.registrar.next_deadline(), Some(desk.now.moment + Duration::from_secs(70)));
    desk.wait(70);
    assert!(desk.contacts().is_empty(), "over, even before anyone clears it away");
    assert_eq!((desk.registrar.count(), desk.registrar.expire(desk.now.moment)), (1, 1));
    assert_eq!((desk.registrar.count(), desk.registrar.next_deadline()), (0, None));
}

#[test]
fn calls_go_to_the_flow_the_register_came_over() {
    let mut desk = Desk::new(Limits::default());
    desk.send("Contact: <sip:alice@10.0.0.7:5060>\nPath: <sip:edge.example;lr>, <sip:far.example;lr>\nUser-Agent: Phone 1\n");
    let binding = desk.registrar.bindings("alice", desk.now.moment).next().unwrap();
    assert_eq!(binding.flow.remote.port(), 40_001);
    assert_eq!(
        binding.path.iter().map(|path| &**path).collect::<Vec<_>>(),
        ["<sip:edge.example;lr>", "<sip:far.example;lr>"]
    );
    assert_eq!(binding.user_agent.as_deref(), Some("Phone 1"));
}

#[test]
fn rfc_3261_section_10_3_expires_is_taken_per_contact_then_per_request_then_by_default() {
    let mut desk = Desk::new(Limits::default());
    desk.send("Contact: <sip:a@h>;expires=200, <sip:b@h>;q=0.4\nContact: <sip:c@h>;q=0.9;expires=9999999999\nExpires: 300\n");
    let answer = desk.send("Contact: <sip:d@h>;q=0.1\n");
    assert_eq!(
        values(&answer, "Contact"),
        [
            "<sip:a@h>;expires=200",
            "<sip:c@h>;expires=7200;q=0.900",
            "<sip:b@h>;expires=300;q=0.400",
            "<sip:d@h>;expires=3600;q=0.100"
        ]
    );
}

#[test]
fn too_brief_is_refused_and_changes_nothing() {
    let mut desk = Desk::new(Limits::default());
    let answer = desk.send("Contact: <sip:a@h>, <sip:b@h>;expires=59\n");
    assert_eq!((answer.status, values(&answer, "Min-Expires")), (423, vec!["60"]));
    assert!(desk.contacts().is_empty());
    assert_eq!(desk.send("Contact: <sip:a@h>;expires=0\n").status, 200, "zero is a removal, never too brief");
}

#[test]
fn one_or_all_contacts_are_removed() {
    let mut desk = Desk::new(Limits::default());
    desk.send("Contact: <sip:a@h>, <sip:b@h>, <sip:c@h>\n");
    desk.send("Contact: <sip:%62@H>;expires=0\n");
    assert_eq!(desk.contacts().len(), 2, "the same URI in other letters");
    for wrong in ["Contact: *\n", "Contact: *\nExpires: 60\n", "Contact: *\nContact: *\nExpires: 0\n"] {
        assert_eq!(desk.send(wrong).status, 400, "{wrong}");
    }
    assert_eq!(desk.contacts().len(), 2);
    assert_eq!(desk.send("Contact: *\nExpires: 0\n").status, 200);
    assert!(desk.contacts().is_empty());
}

#[test]
fn a_request_overtaken_on_the_way_undoes_nothing() {
    let mut desk = Desk::new(Limits::default());
    assert_eq!(desk.send_as("x", 5, "Contact: <sip:a@h>\n").status, 200);
    for late in [
        "Contact: <sip:a@h>;expires=0\n",
        "Contact: *\nExpires: 0\n",
        "Contact: <sip:new@h>, <sip:a@h>;expires=0\n",
    ] {
        assert_eq!(desk.send_as("x", 5, late).status, 400, "{late}");
        assert_eq!(desk.contacts(), ["sip:a@h"]);
    }
    assert_eq!(desk.send_as("after-a-restart", 1, "Contact: <sip:a@h>;expires=0\n").status, 200);
    assert!(desk.contacts().is_empty());
}

#[test]
fn rfc_4475_contacts() {
    let mut desk = Desk::new(Limits::default());
    // cparam01 and cparam02: inside the brackets or not.
    let answer = desk.send("Contact: sip:+19725552222@gw1.example.net;unknownparam\n");
    assert_eq!(values(&answer, "Contact"), ["<sip:+19725552222@gw1.example.net>;expires=3600"]);
    desk.send("Contact: *\nExpires: 0\n");
    let answer = desk.send("Contact: <sip:+19725552222@gw1.example.net;unknownparam>\n");
    assert_eq!(values(&answer, "Contact"), ["<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600"]);
    desk.send("Contact: *\nExpires: 0\n");
    // regescrt: shown in a fetch, never used.
    let answer = desk.send("Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>\n");
    assert_eq!(
        values(&answer, "Contact"),
        ["<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;expires=3600"]
    );
    assert_eq!(desk.contacts(), ["sip:user@example.com"]);
    desk.send("Contact: *\nExpires: 0\n");
    // escnull: two bindings.
    desk.send("Contact: <sip:%00@host5.example.com>\nContact: <sip:%00%00@host5.example.com>\n");
    assert_eq!(desk.contacts().len(), 2);
}

#[test]
fn contacts_that_would_send_calls_astray_are_refused() {
    let mut desk = Desk::new(Limits::default());
    for contact in [
        "<sip:a@h;maddr=192.0.2.1>",
        "<name:John_Smith>",
        "<tel:+4930123456>",
        "<sip:a@h;method=BYE>",
        "<sip:a@h>;q=7",
        "<sip:a@@h>",
    ] {
        assert_eq!(desk.send(&format!("Contact: {contact}\n")).status, 400, "{contact}");
    }
    assert_eq!(desk.send("Contact: <sip:a@h>\nPath: <tel:1>\n").status, 400);
    let answer = desk.send("Require: path, gruu\n");
    assert_eq!((answer.status, values(&answer, "Unsupported")), (420, vec!["gruu"]));
    assert_eq!(desk.registrar.count(), 0);
}

#[test]
fn rfc_5626_a_phone_is_one_phone_whatever_its_address() {
    let mut desk = Desk::new(Limits::default());
    let contact =
        |address: &str| format!("Contact: <sip:a@{address}>;reg-id=1;+sip.instance=\"<urn:uuid:0001>\"\n");
    let answer = desk.send(&contact("10.0.0.7:5060"));
    assert_eq!(values(&answer, "Require"), ["outbound"]);
    desk.flow.remote.set_port(50_002);
    let answer = desk.send(&contact("10.0.0.7:6060"));
    assert_eq!(
        values(&answer, "Contact"),
        ["<sip:a@10.0.0.7:6060>;expires=3600;+sip.instance=\"<urn:uuid:0001>\";reg-id=1"]
    );
    assert_eq!(desk.registrar.bindings("alice", desk.now.moment).next().unwrap().flow.remote.port(), 50_002);
}

#[test]
fn what_a_lost_connection_carried_is_gone() {
    let mut desk = Desk::new(Limits::default());
    desk.send("Contact: <sip:udp@h>\n");
    desk.flow = Flow { transport: Transport::Tcp, connection: ConnectionId(9), ..desk.flow };
    desk.send("Contact: <sip:tcp@h>;expires=60\n");
    assert_eq!(desk.registrar.connection_lost(ConnectionId::NONE), 0);
    assert_eq!(desk.registrar.connection_lost(ConnectionId(9)), 1);
    assert_eq!(desk.contacts(), ["sip:udp@h"]);
    assert_eq!(desk.registrar.next_deadline(), Some(desk.now.moment + Duration::from_secs(3600)));
}

#[test]
fn beyond_the_limit_the_first_to_end_gives_way() {
    let mut desk = Desk::new(Limits { most_contacts: 2, ..Limits::default() });
    desk.send("Contact: <sip:a@h>;expires=100\n");
    desk.send("Contact: <sip:b@h>;expires=200\n");
    desk.wait(1);
    assert_eq!(desk.send("Contact: <sip:c@h>;expires=300\n").status, 200);
    assert_eq!(desk.contacts(), ["sip:c@h", "sip:b@h"]);
    assert_eq!(desk.send("Contact: <sip:d@h>, <sip:e@h>, <sip:f@h>\n").status, 403);
}

#[test]
fn the_answer_is_a_whole_response() {
    let mut desk = Desk::new(Limits::default());
    let request = register("call-9", 1, "Contact: <sip:a@h>\n").arrived_from(desk.flow.remote);
    let registered = desk.registrar.register(desk.now, "alice".into(), &request, desk.flow);
    let answer = Message::parse(registered.reply(&request, "gate"), Framing::Stream).unwrap();
    assert_eq!((answer.status(), answer.to_tag()), (200, Some(&b"gate"[..])));
    assert_eq!(answer.top_via().rport(), Some(Some(40_001)));
    assert_eq!(answer.contacts().count(), 1);
}

#[test]
fn what_is_written_down_serves_the_next_run() {
    let mut desk = Desk::new(Limits::default());
    desk.send("Contact: <sip:alice@10.0.0.7>;q=0.5;+sip.instance=\"<urn:uuid:1>\";reg-id=1\nSupported: path\nPath: <sip:edge;lr>\nExpires: 600\n");
    desk.send("Contact: <sip:alice@10.0.0.8>\nExpires: 60\n");
    let changed = desk.registrar.take_changed(desk.now);
    assert_eq!(changed.len(), 1);
    assert!(desk.registrar.take_changed(desk.now).is_empty(), "told once");
    let text = serde_json::to_string(&changed[0].1).unwrap();

    let before = desk.now;
    let later = Now::new(Moment::from_micros(7), before.utc + Duration::from_secs(100));
    let mut next = Registrar::<Arc<str>>::new(Limits::default());
    next.restore(later, &changed[0].0, serde_json::from_str(&text).unwrap());
    let restored: Vec<Binding> = next.bindings("alice", later.moment).cloned().collect();
    let first = desk.registrar.bindings("alice", before.moment).find(|binding| binding.reg_id.is_some());
    let expires = later.moment + Duration::from_secs(500);
    let since = Moment::START;
    assert_eq!(restored, [Binding { expires, since, ..first.unwrap().clone() }], "the other one has ended");
    assert!(next.take_changed(later).is_empty(), "nothing is new");
    assert_eq!(next.expire(expires), 1);
    assert_eq!(next.take_changed(later)[0].1, [], "its end is told");
}

#[test]
fn a_phone_behind_a_connection_is_not_written_down() {
    let mut desk = Desk::new(Limits::default());
    desk.flow = Flow { transport: Transport::Tcp, connection: ConnectionId(3), ..desk.flow };
    desk.send("Contact: <sip:alice@10.0.0.7;transport=tcp>\nExpires: 600\n");
    assert_eq!(desk.registrar.take_changed(desk.now), [("alice".into(), Vec::new())]);
}
