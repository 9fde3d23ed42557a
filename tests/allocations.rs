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
    (Step::Invite, 9),
    (Step::Ringing, 5),
    // Two of them write down what the next run must know of the call.
    (Step::Answer, 5),
    (Step::Ack, 0),
    // One is its closing row, and one for who waits until that is written.
    (Step::Bye, 2),
    (Step::ByeAnswer, 0),
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

/// A sheet of paper takes some thirty answers that are kept.
const MOST_FOR_A_HUNDRED: u64 = 10;

#[test]
fn what_is_said_within_a_call_allocates_a_sheet_of_paper_now_and_then() {
    let mut house = House::new(Size::USUAL);
    (0..WARM_UP).for_each(|_| house.whole_call());
    house.lasting_call();
    let mut say = |number: u32| {
        let info = house.info(number);
        let mut count = allocation_counter::measure(|| house.receive(Step::Bye.from(), info)).count_total;
        assert!(house.take_sent() > 0, "the INFO goes on to the trunk");
        let answer = house.words(Step::ByeAnswer);
        count += allocation_counter::measure(|| house.receive(Step::ByeAnswer.from(), answer)).count_total;
        assert!(house.take_sent() > 0, "its answer comes back");
        count
    };
    let count: u64 = (2..52).map(&mut say).sum();
    assert!(count <= MOST_FOR_A_HUNDRED, "{count} allocations for a hundred messages");
}
