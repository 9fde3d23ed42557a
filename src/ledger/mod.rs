//! Can they pay? Prices, periods, and reservations of money and talk time against budgets (CALLS §7). Pure: no clock, no store, no SIP.

mod account;
mod amount;
mod book;
mod charge;
mod command;
mod fit;
mod pages;
mod period;
mod record;
mod reply;
mod reservation;
mod tariff;
mod threshold;

pub use account::{Account, AccountPeriod, Balance, BudgetLine, Strictness};
pub use amount::{Amount, Limit};
pub use book::{Book, Entry, Standing};
pub use charge::{Price, Rounding, Slice, UNLIMITED};
pub use command::{Answer, BUDGETS_MAX, Command, Expire, Extend, Release, Remember, Reserve, Settle};
pub use period::{Period, PeriodKey, PeriodKind, key_and_end, period};
pub use record::{CallRecord, EndCause, TariffMark};
pub use reply::{Exhausted, Reply, Resolution, Unavailable};
pub use reservation::Reservation;
pub use tariff::{TariffBook, TariffFault, TariffProblem, TariffRow};
pub use threshold::{LEVELS, Mark, Thresholds};
