//! Least cost: what each trunk charges for a number, where calls shall take the cheapest. What the caller pays is the tariff's.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::base::{Money, PhoneNumber};
use crate::ledger::TariffBook;
use crate::proxy::TargetQueue;

/// Trunks are compared by what a call of this length costs: connect fees and increments count as they do in an ordinary call.
const COMPARED_SECONDS: u64 = 180;

/// The price lists of the trunks, by name; empty where calls go by priority.
#[derive(Debug, Default)]
pub struct Costs {
    lists: HashMap<Arc<str>, TariffBook>,
}

impl Costs {
    pub fn new(lists: HashMap<Arc<str>, TariffBook>) -> Costs {
        Costs { lists }
    }

    /// The cheapest first; at one cost, and where no list has a price, the order stays as priority and weight have made it. A trunk
    /// without a price for the number comes after those that have one.
    pub(super) fn sorted(
        &self,
        mut queue: TargetQueue,
        number: PhoneNumber,
        at: DateTime<Utc>,
    ) -> TargetQueue {
        if !self.lists.is_empty() {
            let cost = |trunk: Option<&Arc<str>>| trunk.and_then(|trunk| self.cost(trunk, number, at));
            queue.make_contiguous().sort_by_cached_key(|step| {
                let cost = cost(step.first().and_then(|target| target.trunk.as_ref()));
                (cost.is_none(), cost)
            });
        }
        queue
    }

    fn cost(&self, trunk: &Arc<str>, number: PhoneNumber, at: DateTime<Utc>) -> Option<Money> {
        Some(self.lists.get(trunk)?.price(&number, at)?.cost(COMPARED_SECONDS))
    }
}
