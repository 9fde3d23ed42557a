//! What a call costs as the house grows: `cargo bench --bench growth` prints CSV, `benches/plot.py` draws it. Each size is a gate of its
//! own, in memory: calls in progress, registered phones, contacts, prices, people.
#![allow(clippy::disallowed_methods)] // Spans are measured by a real clock.

#[allow(dead_code, reason = "shared with the other benches, which use the rest")]
mod house;

use std::time::{Duration, Instant};

use house::{House, Size, TURN};

/// Groups of whole calls, each long for the clock; their median is taken.
const GROUPS: usize = 41;
const CALLS_IN_GROUP: u32 = 50;

/// One line of the table.
struct Row {
    axis: &'static str,
    size: u64,
    /// Of one whole gated call while the house is as large as that.
    call: Duration,
    /// What one of the things counted keeps in memory, where that can be told.
    bytes_each: Option<f64>,
    /// What one of them costs in a second in which nothing happens to it.
    upkeep: Option<Duration>,
}

fn main() {
    // `cargo test` runs benches too, as debug builds, to see that they run; then one small house of each kind will do.
    let measured = std::env::args().any(|word| word == "--bench");
    let steps = |most: u64| if measured { steps(most) } else { vec![most / 1000] };
    println!("axis,size,call_ns,bytes_each,upkeep_ns_per_second");
    for size in steps(100_000) {
        print(calls_in_progress(size));
    }
    for size in steps(100_000) {
        print(registered_phones(size));
    }
    for contacts in steps(1_000_000) {
        print(larger("contacts", contacts, Size { contacts, ..Size::USUAL }));
    }
    for prices in steps(200_000) {
        print(larger("tariff prefixes", prices, Size { prices, ..Size::USUAL }));
    }
    for people in steps(100_000).into_iter().filter(|people| *people >= Size::USUAL.people) {
        print(larger("people", people, Size { people, ..Size::USUAL }));
    }
}

/// Four sizes, each a tenth of the next.
fn steps(most: u64) -> Vec<u64> {
    [1000, 100, 10, 1].into_iter().map(|part| most / part).collect()
}

fn print(row: Row) {
    let upkeep = row.upkeep.map_or(String::new(), |span| span.as_nanos().to_string());
    let bytes = row.bytes_each.map_or(String::new(), |bytes| format!("{bytes:.0}"));
    println!("{},{},{},{bytes},{upkeep}", row.axis, row.size, row.call.as_nanos());
}

fn calls_in_progress(count: u64) -> Row {
    let mut house = House::new(Size::USUAL);
    // Fast enough that none of them comes to its end meanwhile.
    house.between_calls = Duration::from_micros(100);
    let place = || {
        (0..count).for_each(|_| house.lasting_call());
        house.wait_for_transactions();
    };
    let bytes = allocation_counter::measure(place).bytes_current;
    assert_eq!(house.calls_in_progress() as u64, count, "every call goes on");
    let idle = Duration::from_secs(20);
    let begun = Instant::now();
    (0..idle.as_millis() / TURN.as_millis()).for_each(|_| house.wait(TURN));
    let upkeep = begun.elapsed().div_f64(idle.as_secs_f64() * count as f64);
    Row {
        axis: "calls in progress",
        size: count,
        call: median_call(&mut house),
        bytes_each: Some(bytes as f64 / count as f64),
        upkeep: Some(upkeep),
    }
}

fn registered_phones(count: u64) -> Row {
    let people = count.max(Size::USUAL.people);
    let mut house = House::new(Size { people, ..Size::USUAL });
    let register = || {
        (0..count).for_each(|person| house.register(person));
        house.wait_for_transactions();
    };
    let bytes = allocation_counter::measure(register).bytes_current;
    Row {
        axis: "registered phones",
        size: count,
        call: median_call(&mut house),
        bytes_each: Some(bytes as f64 / count as f64),
        upkeep: None,
    }
}

fn larger(axis: &'static str, size: u64, house: Size) -> Row {
    Row { axis, size, call: median_call(&mut House::new(house)), bytes_each: None, upkeep: None }
}

/// Time hardly passes between these calls, so that what is due for others does not count.
fn median_call(house: &mut House) -> Duration {
    house.between_calls = Duration::from_micros(1);
    let mut group = || {
        let begun = Instant::now();
        (0..CALLS_IN_GROUP).for_each(|_| house.whole_call());
        begun.elapsed() / CALLS_IN_GROUP
    };
    let mut spans: Vec<Duration> = (0..GROUPS).map(|_| group()).collect();
    spans.sort_unstable();
    spans[GROUPS / 2]
}
