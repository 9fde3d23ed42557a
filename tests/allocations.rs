//! Allocations for each message of a gated call in steady state: they may fall, and never rise unnoticed. The book of the ledger,
//! which lives on the store's thread, is not counted.

#[path = "../benches/house/mod.rs"]
#[allow(dead_code, reason = "shared with the benches, which use the rest")]
mod house;

use house::{House, Size, Step};

/// Calls before the count begins: tables have grown to their size, and ended calls are forgotten as fast as new ones come.
const WARM_UP: usize = 4_000;

/// The most allocations each message may cost, from its bytes to what leaves because of it.
const MOST: [(Step, u64); 6] = [
    // One of them is for the search, which a call in progress no longer needs.
    (Step::Invite, 17),
    (Step::Ringing, 7),
    // Two of them write down what the next run must know of the call.
    (Step::Answer, 7),
    (Step::Ack, 1),
    // One of them is for who waits until the end is written.
    (Step::Bye, 5),
    (Step::ByeAnswer, 2),
];

#[test]
fn no_message_allocates_more_than_it_did() {
    let mut house = House::new(Size::USUAL);
    (0..WARM_UP).for_each(|_| house.whole_call());
    house.next_call();
    let mut counted = Vec::new();
    for (step, most) in MOST {
        let bytes = house.words(step);
        let mut count = allocation_counter::measure(|| house.receive(step.from(), bytes)).count_total;
        for reply in house.answers() {
            count += allocation_counter::measure(|| house.hear(reply)).count_total;
        }
        house.take_sent();
        counted.push((step, count, most));
    }
    let over: Vec<_> = counted.iter().filter(|(_, count, most)| count > most).collect();
    assert!(over.is_empty(), "allocations, counted and allowed: {counted:?}");
}
