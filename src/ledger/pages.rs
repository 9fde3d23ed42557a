//! The book's memory: balances and reservations, with what they were before the present batch, so that it can be taken back.

use std::collections::hash_map::Entry as Place;
use std::collections::{HashMap, VecDeque};

use chrono::{Days, NaiveDate};

use crate::base::{ReservationId, shrink_after_rush};

use super::{AccountPeriod, Balance, Entry};

/// A period is over everywhere on Earth two days after its last local day: zones lie within 14 hours of UTC.
pub(super) const DAYS_TO_SURE_END: Days = Days::new(2);

/// A value and the batch that last touched it.
#[derive(Clone, Debug)]
struct Slot<T> {
    value: T,
    batch: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Pages {
    balances: HashMap<AccountPeriod, Slot<Balance>, ahash::RandomState>,
    entries: HashMap<ReservationId, Slot<Entry>, ahash::RandomState>,
    /// What this batch touched, once each, as it was before; `None` if it was not there.
    balances_before: Vec<(AccountPeriod, Option<Balance>)>,
    entries_before: Vec<(ReservationId, Option<Entry>)>,
    /// Resolved reservations, oldest first, until they are forgotten.
    resolved: VecDeque<ReservationId>,
    /// Number of the present batch. What is restored belongs to batch 0, which is never the present one.
    batch: u64,
}

impl Default for Pages {
    fn default() -> Pages {
        Pages {
            balances: HashMap::default(),
            entries: HashMap::default(),
            balances_before: Vec::new(),
            entries_before: Vec::new(),
            resolved: VecDeque::new(),
            batch: 1,
        }
    }
}

impl Pages {
    pub(super) fn balance(&self, place: &AccountPeriod) -> Balance {
        self.balances.get(place).map_or(Balance::default(), |slot| slot.value)
    }

    pub(super) fn entry(&self, id: ReservationId) -> Option<&Entry> {
        self.entries.get(&id).map(|slot| &slot.value)
    }

    /// The balance to be changed; what it was is noted once in a batch.
    pub(super) fn balance_mut(&mut self, place: AccountPeriod) -> &mut Balance {
        let batch = self.batch;
        let slot = match self.balances.entry(place) {
            Place::Occupied(occupied) => {
                if occupied.get().batch != batch {
                    self.balances_before.push((occupied.key().clone(), Some(occupied.get().value)));
                }
                occupied.into_mut()
            }
            Place::Vacant(vacant) => {
                self.balances_before.push((vacant.key().clone(), None));
                vacant.insert(Slot { value: Balance::default(), batch })
            }
        };
        slot.batch = batch;
        &mut slot.value
    }

    /// Writes a reservation; what it was is noted once in a batch.
    pub(super) fn put_entry(&mut self, id: ReservationId, entry: Entry) {
        let batch = self.batch;
        let before = self.entries.insert(id, Slot { value: entry, batch });
        match before {
            Some(slot) if slot.batch == batch => {}
            Some(slot) => self.entries_before.push((id, Some(slot.value))),
            None => self.entries_before.push((id, None)),
        }
    }

    pub(super) fn keep(&mut self) {
        let (entries, resolved) = (&self.entries, &mut self.resolved);
        resolved
            .extend(self.entries_before.drain(..).map(|(id, _)| id).filter(|id| is_resolved(entries, *id)));
        self.balances_before.clear();
        self.batch += 1;
    }

    pub(super) fn revert(&mut self) {
        for (place, before) in self.balances_before.drain(..) {
            match before {
                Some(value) => self.balances.insert(place, Slot { value, batch: 0 }),
                None => self.balances.remove(&place),
            };
        }
        for (id, before) in self.entries_before.drain(..) {
            match before {
                Some(value) => self.entries.insert(id, Slot { value, batch: 0 }),
                None => self.entries.remove(&id),
            };
        }
        self.batch += 1;
    }

    pub(super) fn changed_balances(&self) -> impl Iterator<Item = (&AccountPeriod, Balance)> {
        self.balances_before.iter().map(|(place, _)| (place, self.balance(place)))
    }

    pub(super) fn changed_entries(&self) -> impl Iterator<Item = (ReservationId, &Entry, Option<&Entry>)> {
        self.entries_before
            .iter()
            .filter_map(|(id, before)| self.entry(*id).map(|entry| (*id, entry, before.as_ref())))
    }

    pub(super) fn balances(&self) -> Vec<(AccountPeriod, Balance)> {
        let mut all: Vec<_> = self.balances.iter().map(|(place, slot)| (place.clone(), slot.value)).collect();
        all.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        all
    }

    pub(super) fn open_entries(&self) -> Vec<(ReservationId, Entry)> {
        let open = self.entries.iter().filter(|(_, slot)| slot.value.is_open());
        let mut all: Vec<_> = open.map(|(id, slot)| (*id, slot.value.clone())).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    pub(super) fn knows_place(&self, place: &AccountPeriod) -> bool {
        self.balances.contains_key(place)
    }

    pub(super) fn restore_balance(&mut self, place: AccountPeriod, value: Balance) {
        self.balances.insert(place, Slot { value, batch: 0 });
    }

    pub(super) fn restore_entry(&mut self, id: ReservationId, value: Entry) {
        if !value.is_open() {
            self.resolved.push_back(id);
        }
        self.entries.insert(id, Slot { value, batch: 0 });
    }

    pub(super) fn forget_ended_periods(&mut self, today: NaiveDate) {
        let batch = self.batch;
        self.balances.retain(|place, slot| {
            let over = place.period.end_date() + DAYS_TO_SURE_END <= today;
            // What the present batch has touched nobody has written yet.
            !over || !slot.value.reserved.is_zero() || slot.batch == batch
        });
    }

    pub(super) fn forget_resolved(&mut self, count: usize) {
        while self.resolved.len() > count {
            if let Some(id) = self.resolved.pop_front() {
                self.entries.remove(&id);
                shrink_after_rush(&mut self.entries);
            }
        }
    }
}

fn is_resolved(entries: &HashMap<ReservationId, Slot<Entry>, ahash::RandomState>, id: ReservationId) -> bool {
    entries.get(&id).is_some_and(|slot| !slot.value.is_open())
}
