//! A hierarchical timing wheel (Varghese and Lauck, 1987): many deadlines, constant-time insert, no cost while idle.
//! Nothing here reads a clock; the owner says what time it is, and skips the keys it no longer cares about.

use super::Moment;

/// Microseconds in one tick. Four milliseconds divide T1, T2 and T4 of SIP, so the protocol's timers fire without
/// rounding, and wake-ups of a busy gate stay below 250 a second.
const TICK_MICROS: u64 = 4_000;
/// Bits of a tick that one level sorts by: 64 slots, so that one word says which of them are occupied.
const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
/// Nine levels of six bits hold every tick a `Moment` can express (52 bits): no deadline is too far away.
const LEVELS: usize = 9;
/// An empty wheel keeps room for so many entries at most.
const KEPT: usize = 1_024;
/// Ends a list of entries.
const NONE: u32 = u32::MAX;

/// Deadlines and what they are for. An entry fires at the first tick that is not before its deadline: never early, and at
/// most 4 ms late. Entries cannot be taken back; the owner remembers what is cancelled and ignores the key when it comes.
///
/// Keys of one tick come in an order that is reproducible, but is not the order of their deadlines.
#[derive(Clone, Debug)]
pub struct Wheel<K> {
    /// Every entry whose tick is not after this one has been moved to `ready`.
    current: u64,
    levels: [Level; LEVELS],
    /// Bit n is set while level n holds an entry.
    occupied: u16,
    ready: List,
    entries: Vec<Entry<K>>,
    /// Entries out of use, linked like a slot.
    vacant: u32,
    count: usize,
}

#[derive(Clone, Debug)]
struct Entry<K> {
    tick: u64,
    key: K,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

/// All slots of a level lie ahead of the wheel's current tick, so the lowest bit is the earliest slot.
#[derive(Clone, Debug)]
struct Level {
    occupied: u64,
    slots: [List; SLOTS],
    /// The earliest tick in each occupied slot. Slots are only emptied whole, so it never has to be searched for.
    earliest: [u64; SLOTS],
}

impl<K: Copy> Wheel<K> {
    pub fn new() -> Wheel<K> {
        let level = Level { occupied: 0, slots: [List::EMPTY; SLOTS], earliest: [0; SLOTS] };
        Wheel {
            current: 0,
            levels: std::array::from_fn(|_| level.clone()),
            occupied: 0,
            ready: List::EMPTY,
            entries: Vec::new(),
            vacant: NONE,
            count: 0,
        }
    }

    /// Entries waiting, the forgotten ones too.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Sets an alarm. A deadline that has passed is due at the next `pop_due`.
    pub fn insert(&mut self, deadline: Moment, key: K) {
        let entry = Entry { tick: deadline.as_micros().div_ceil(TICK_MICROS), key, next: NONE };
        let index = if self.vacant == NONE {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        } else {
            let index = self.vacant;
            self.vacant = self.entries[index as usize].next;
            self.entries[index as usize] = entry;
            index
        };
        self.count += 1;
        self.place(index);
    }

    /// The moment at which `pop_due` will next return a key: not sooner, and not later. Sleeping until then and calling
    /// `pop_due` always makes progress, so a loop built on this never spins and never wakes for nothing but cancelled keys.
    pub fn next_deadline(&self) -> Option<Moment> {
        let tick = if self.ready.head != NONE {
            self.entries[self.ready.head as usize].tick
        } else {
            let (level, slot) = self.earliest()?;
            self.levels[level].earliest[slot]
        };
        Some(Moment::from_micros(tick.saturating_mul(TICK_MICROS)))
    }

    /// One key whose deadline is not after `now`; call until `None`. Time must not run backwards between calls: an earlier
    /// `now` gets what was due at the latest one.
    pub fn pop_due(&mut self, now: Moment) -> Option<K> {
        let today = now.as_micros() / TICK_MICROS;
        while self.ready.head == NONE {
            let Some((level, slot)) =
                self.earliest().filter(|&(level, slot)| self.start_of(level, slot) <= today)
            else {
                self.current = self.current.max(today);
                return None;
            };
            self.current = self.start_of(level, slot);
            self.spill(level, slot);
        }
        let index = self.ready.head;
        let entry = &mut self.entries[index as usize];
        self.ready.head = std::mem::replace(&mut entry.next, self.vacant);
        self.vacant = index;
        self.count -= 1;
        let key = entry.key;
        if self.count == 0 && self.entries.len() > KEPT {
            // What a rush has left.
            (self.entries, self.vacant) = (Vec::new(), NONE);
        }
        Some(key)
    }

    /// The slot that holds the earliest entry: levels hold ever later times, and so do slots within a level.
    fn earliest(&self) -> Option<(usize, usize)> {
        if self.occupied == 0 {
            return None;
        }
        let level = self.occupied.trailing_zeros() as usize;
        Some((level, self.levels[level].occupied.trailing_zeros() as usize))
    }

    /// The first tick that a slot stands for.
    fn start_of(&self, level: usize, slot: usize) -> u64 {
        let shift = LEVEL_BITS * level as u32;
        let above = self.current >> shift >> LEVEL_BITS << LEVEL_BITS;
        (above | slot as u64) << shift
    }

    /// Empties a slot whose time has come: into `ready`, or into the finer levels below.
    fn spill(&mut self, level: usize, slot: usize) {
        let wheel = &mut self.levels[level];
        wheel.occupied &= !(1 << slot);
        if wheel.occupied == 0 {
            self.occupied &= !(1 << level);
        }
        let mut index = std::mem::replace(&mut wheel.slots[slot], List::EMPTY).head;
        while index != NONE {
            let next = std::mem::replace(&mut self.entries[index as usize].next, NONE);
            self.place(index);
            index = next;
        }
    }

    /// The highest six bits in which a tick differs from the current one name its level; within it, those bits are its slot.
    fn place(&mut self, index: u32) {
        let tick = self.entries[index as usize].tick;
        if tick <= self.current {
            self.ready.append(index, &mut self.entries);
            return;
        }
        let highest = (tick ^ self.current).ilog2();
        let level = (highest / LEVEL_BITS) as usize;
        let slot = (tick >> (LEVEL_BITS * level as u32)) as usize % SLOTS;
        let wheel = &mut self.levels[level];
        let before = if wheel.occupied & (1 << slot) == 0 { u64::MAX } else { wheel.earliest[slot] };
        wheel.earliest[slot] = tick.min(before);
        wheel.occupied |= 1 << slot;
        self.occupied |= 1 << level;
        wheel.slots[slot].append(index, &mut self.entries);
    }
}

impl<K: Copy> Default for Wheel<K> {
    fn default() -> Wheel<K> {
        Wheel::new()
    }
}

impl List {
    const EMPTY: List = List { head: NONE, tail: NONE };

    fn append<K>(&mut self, index: u32, entries: &mut [Entry<K>]) {
        if self.head == NONE {
            self.head = index;
        } else {
            entries[self.tail as usize].next = index;
        }
        self.tail = index;
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;
    use std::time::Duration;

    use super::*;
    use crate::base::Random;

    fn at(millis: u64) -> Moment {
        Moment::from_micros(millis * 1_000)
    }

    fn drain(wheel: &mut Wheel<u32>, now: Moment) -> Vec<u32> {
        std::iter::from_fn(|| wheel.pop_due(now)).collect()
    }

    #[test]
    fn an_alarm_is_never_early_and_at_most_a_tick_late() {
        for (deadline, fires) in [
            (0, 0),
            (1, 4_000),
            (4_000, 4_000),
            (500_000, 500_000),
            (500_001, 504_000),
            (32_000_000, 32_000_000),
        ] {
            let mut wheel = Wheel::new();
            wheel.insert(Moment::from_micros(deadline), 7);
            assert_eq!(wheel.next_deadline(), Some(Moment::from_micros(fires)));
            if fires > 0 {
                assert_eq!(wheel.pop_due(Moment::from_micros(fires - 1)), None, "{deadline} came early");
            }
            assert_eq!(wheel.pop_due(Moment::from_micros(fires)), Some(7));
            assert!(wheel.is_empty() && wheel.next_deadline().is_none());
        }
    }

    #[test]
    fn a_deadline_in_the_past_is_due_at_once() {
        let mut wheel = Wheel::new();
        assert_eq!(wheel.pop_due(at(10_000)), None);
        wheel.insert(at(3), 1);
        assert!(wheel.next_deadline().is_some_and(|deadline| deadline <= at(10_000)));
        assert_eq!(drain(&mut wheel, at(10_000)), [1]);
    }

    #[test]
    fn a_year_is_not_too_far_and_nor_is_the_end_of_time() {
        let mut wheel = Wheel::new();
        let year = Duration::from_secs(365 * 86_400);
        wheel.insert(at(0) + year, 1);
        wheel.insert(Moment::from_micros(u64::MAX), 2);
        assert_eq!(drain(&mut wheel, at(0) + year - Duration::from_millis(1)), [0u32; 0]);
        assert_eq!(drain(&mut wheel, at(0) + year), [1]);
        assert_eq!(wheel.len(), 1);
    }

    #[test]
    fn entries_are_used_again() {
        let mut wheel = Wheel::new();
        for round in 0..1_000 {
            wheel.insert(at(round * 8), 0);
            assert_eq!(wheel.pop_due(at(round * 8)), Some(0));
        }
        assert_eq!(wheel.entries.len(), 1);
    }

    /// The wheel beside a heap that knows the exact answer, under random inserts and jumps of the clock.
    #[test]
    fn the_wheel_agrees_with_a_heap() {
        for seed in 0..60 {
            let mut random = Random::from_number(seed);
            let mut wheel = Wheel::new();
            let mut heap = BinaryHeap::new();
            let mut now = random.below(10_000_000_000);
            let _ = wheel.pop_due(Moment::from_micros(now));
            for key in 0..2_000_u32 {
                let reach = [1, 10_000, 600_000, 40_000_000, 90_000_000_000][random.below(5) as usize];
                if random.one_in(3) {
                    let deadline = now.saturating_sub(5_000) + random.below(reach);
                    wheel.insert(Moment::from_micros(deadline), key);
                    heap.push(Reverse((deadline.div_ceil(TICK_MICROS) * TICK_MICROS, key)));
                    continue;
                }
                assert_next(&wheel, &heap, now, seed);
                // Half of the time sleep exactly as long as the wheel says, as the loop of `app` does.
                now = match wheel.next_deadline() {
                    Some(deadline) if random.one_in(2) => now.max(deadline.as_micros()),
                    Some(_) | None => now + random.below(reach),
                };
                let mut expected = Vec::new();
                while let Some(&Reverse((fires, key))) =
                    heap.peek().filter(|Reverse((fires, _))| *fires <= now)
                {
                    expected.push((fires, key));
                    heap.pop();
                }
                let mut popped = drain(&mut wheel, Moment::from_micros(now));
                popped.sort_unstable();
                let mut keys: Vec<u32> = expected.iter().map(|(_, key)| *key).collect();
                keys.sort_unstable();
                assert_eq!(popped, keys, "seed {seed} at {now}");
                assert_eq!(wheel.len(), heap.len());
            }
        }
    }

    fn assert_next(wheel: &Wheel<u32>, heap: &BinaryHeap<Reverse<(u64, u32)>>, now: u64, seed: u64) {
        let expected = heap.peek().map(|Reverse((fires, _))| *fires);
        let told = wheel.next_deadline().map(Moment::as_micros);
        // What is overdue is told as some moment that has passed; everything else to the microsecond.
        match (told, expected) {
            (Some(told), Some(expected)) if expected <= now => assert!(told <= now, "seed {seed}"),
            (told, expected) => assert_eq!(told, expected, "seed {seed} at {now}"),
        }
    }
}
