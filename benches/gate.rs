//! The pure gate and its parts, in memory: `cargo bench --bench gate`. Times are of this machine; allocations are of the code.

#[allow(dead_code, reason = "shared with the count of allocations, which uses the rest")]
mod house;

use bytes::Bytes;
use chrono::{TimeZone, Utc};
use divan::{AllocProfiler, Bencher, black_box};
use house::{House, Size, Step, words};
use tollgate::base::number::Dialled;
use tollgate::base::{PersonId, SiteId};
use tollgate::policy::{Attempt, By, Caller, Target, decide};
use tollgate::proxy::{Forwarding, forward_request};
use tollgate::sip::{Framing, Message, Paper};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// Calls before the measured ones: more than 32 seconds of them, so that as many transactions end as begin.
const WARM_UP: usize = 4_000;

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_invite(bencher: Bencher<'_, '_>) {
    let bytes = words::invite(1, words::CONTACT);
    bencher.bench(|| Message::parse(black_box(bytes.clone()), Framing::Datagram).expect("a sound message"));
}

#[divan::bench]
fn parse_bye(bencher: Bencher<'_, '_>) {
    let bytes = words::in_dialog(1, "BYE", 2);
    bencher.bench(|| Message::parse(black_box(bytes.clone()), Framing::Datagram).expect("a sound message"));
}

#[divan::bench]
fn forward_invite(bencher: Bencher<'_, '_>) {
    let source = house::caller_flow().remote;
    let bytes: Bytes = words::invite(1, words::CONTACT);
    let invite = Message::parse(bytes, Framing::Datagram).expect("a sound message").arrived_from(source);
    let forwarding = Forwarding {
        request_uri: "sip:+493012345678@10.1.0.1:5060",
        via: "SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bK0000000000000000000000000000000000;rport",
        record_route: Some("<sip:10.9.0.1:5060;lr;tg=0C7NKX2P0QGW4>"),
        routes: &[],
        asserted: Some("<sip:+49309000001@house.example>"),
        privacy: false,
        to: None,
        from: None,
        cseq: invite.cseq(),
        rack: None,
        proofs: &[],
    };
    let mut paper = Paper::default();
    bencher.bench_local(|| forward_request(black_box(&invite), &forwarding, &mut paper));
}

#[divan::bench]
fn decide_for_a_contact(bencher: Bencher<'_, '_>) {
    let policy = house::company::policy(Size::USUAL);
    let attempt = Attempt {
        caller: Caller::Person(PersonId(1)),
        site: SiteId(0),
        target: Target::Dialled(Dialled::sip(words::CONTACT)),
        by: By::Dial,
        other_party_outside: false,
        caller_number: None,
        at: Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).single().expect("an instant"),
    };
    bencher.bench(|| decide(black_box(&policy), black_box(&attempt)));
}

/// INVITE, reservation, 180, 200, ACK, BYE, 200, settlement.
#[divan::bench(sample_count = 200, sample_size = 50)]
fn whole_call(bencher: Bencher<'_, '_>) {
    let mut house = warm();
    bencher.bench_local(|| house.whole_call());
}

#[divan::bench(sample_count = 200, sample_size = 50)]
fn refused_call(bencher: Bencher<'_, '_>) {
    let mut house = warm();
    bencher.bench_local(|| house.refused_call());
}

/// The words of a whole call, which the two benches above include.
#[divan::bench(sample_count = 200, sample_size = 50)]
fn words_of_a_call(bencher: Bencher<'_, '_>) {
    let mut house = warm();
    house.next_call();
    house.receive(Step::Invite.from(), house.words(Step::Invite));
    house.answers().into_iter().for_each(|reply| house.hear(reply));
    house.take_sent();
    bencher.bench_local(|| Step::ALL.map(|step| black_box(house.words(step))));
}

fn warm() -> House {
    let mut house = House::new(Size::USUAL);
    (0..WARM_UP).for_each(|_| house.whole_call());
    house
}
