//! The store that is gone with the process: the book and the records, for tests, demonstrations and simulation.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::base::DecisionId;
use crate::ledger::{AccountPeriod, Balance, Book, CallRecord, Command, Reply};

use super::closing::apply_with_record;
use super::reports::{quarter_hour, start_of_quarter_hour};
use super::{BalanceFilter, Grouping, OpenReservation, RecordFilter, Reports, Store, StoreError, Totals};

/// Keeps everything; for a process that ends within days.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    book: Book,
    records: BTreeMap<DecisionId, CallRecord>,
}

impl Memory {
    pub fn book(&self) -> &Book {
        &self.book
    }
}

impl Store for Memory {
    fn apply(&mut self, batch: &[Command], replies: &mut Vec<Reply>) -> Result<(), StoreError> {
        for command in batch {
            let (reply, record) = apply_with_record(&mut self.book, command);
            if let Some(record) = record {
                self.records.insert(record.decision, record.into_owned());
            }
            replies.push(reply);
        }
        self.book.keep();
        Ok(())
    }

    fn standing(&mut self, _today: NaiveDate) -> Result<Book, StoreError> {
        Ok(self.book.clone())
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Reports for Memory {
    fn balances(&self, filter: &BalanceFilter) -> Result<Vec<(AccountPeriod, Balance)>, StoreError> {
        Ok(self.book.balances().into_iter().filter(|(place, _)| filter.admits(place)).collect())
    }

    fn records(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, StoreError> {
        let mut found: Vec<_> =
            self.records.values().filter(|record| filter.admits(record)).cloned().collect();
        found.sort_by_key(|record| std::cmp::Reverse((record.start, record.decision)));
        found.truncate(filter.count_max.map_or(usize::MAX, |count| count as usize));
        Ok(found)
    }

    fn record(&self, decision: DecisionId) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.records.get(&decision).cloned())
    }

    fn totals(&self, filter: &RecordFilter) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        self.records.values().filter(|record| filter.admits(record)).for_each(|record| totals.add(record));
        Ok(totals)
    }

    fn totals_by(
        &self,
        filter: &RecordFilter,
        by: Grouping,
    ) -> Result<Vec<(Option<String>, Totals)>, StoreError> {
        let mut sums: BTreeMap<Option<String>, Totals> = BTreeMap::new();
        for record in self.records.values().filter(|record| filter.admits(record)) {
            sums.entry(by.value(record).map(str::to_owned)).or_default().add(record);
        }
        Ok(sums.into_iter().collect())
    }

    fn totals_by_quarter_hour(
        &self,
        filter: &RecordFilter,
    ) -> Result<Vec<(DateTime<Utc>, Totals)>, StoreError> {
        let mut sums: BTreeMap<i64, Totals> = BTreeMap::new();
        for record in self.records.values().filter(|record| filter.admits(record)) {
            sums.entry(quarter_hour(record.start)).or_default().add(record);
        }
        Ok(sums.into_iter().map(|(quarter, sum)| (start_of_quarter_hour(quarter), sum)).collect())
    }

    fn open_reservations(&self) -> Result<Vec<OpenReservation>, StoreError> {
        let open = self.book.open_entries().into_iter();
        Ok(open
            .map(|(id, entry)| OpenReservation {
                id,
                record: self.records.get(&entry.decision).cloned(),
                entry,
            })
            .collect())
    }
}
