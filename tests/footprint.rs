//! What a call in progress and a registered phone keep in memory: that may fall, and never rise unnoticed. Counted once the transactions
//! are over, with the book of the ledger beside the gate.

#[path = "../benches/house/mod.rs"]
#[allow(dead_code, reason = "shared with the benches, which use the rest")]
mod house;

use std::time::Duration;

use house::{House, Size};

/// As many calls and phones: just over half of what their tables then have room for, so that what is kept free counts in full.
const COUNT: u64 = 15_000;

/// The most bytes each may keep.
const CALL_MOST: u64 = 1_785;
const PHONE_MOST: u64 = 540;

#[test]
fn a_call_in_progress_keeps_no_more_than_it_did() {
    let mut house = House::new(Size { contacts: 1, ..Size::USUAL });
    // All of them are placed within the time for which a transaction is remembered, and none comes to its end.
    house.between_calls = Duration::from_millis(1);
    let place = || {
        (0..COUNT).for_each(|_| house.lasting_call());
        house.wait_for_transactions();
    };
    let bytes = allocation_counter::measure(place).bytes_current;
    assert_eq!(house.calls_in_progress() as u64, COUNT, "every call goes on");
    let each = bytes as u64 / COUNT;
    assert!(each <= CALL_MOST, "{each} bytes for a call, {CALL_MOST} are allowed");
}

#[test]
fn a_registered_phone_keeps_no_more_than_it_did() {
    let mut house = House::new(Size { people: COUNT, contacts: 1, ..Size::USUAL });
    let register = || {
        (0..COUNT).for_each(|person| house.register(person));
        house.wait_for_transactions();
    };
    let each = allocation_counter::measure(register).bytes_current as u64 / COUNT;
    assert!(each <= PHONE_MOST, "{each} bytes for a phone, {PHONE_MOST} are allowed");
}
