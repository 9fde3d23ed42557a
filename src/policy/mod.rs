//! May they? Roles, guards, people, contacts, hours, emergency: one pure `decide` over one compiled snapshot (CALLS 1, 2, 4 to 6).
//! Nothing here hears the word SIP, reads a clock or asks a store.

mod again;
mod attempt;
pub mod class;
pub mod class_table;
mod compile;
mod cover;
mod decide;
pub mod document;
mod explain;
mod fraud;
mod hours;
mod problem;
mod reason;
mod rights;
mod sentence;
mod snapshot;

pub use attempt::{
    Amount, Attempt, BudgetLimit, Caller, ConcurrencyLimit, Decision, Destination, Holder, Limits, Origin,
    Permit, Refusal, Target, TrunkChoice,
};
pub use class::{Class, Country, Kind};
pub use compile::{Intake, compile, compile_with};
pub use decide::decide;
pub use document::{By, Document, PeriodKind, Rows};
pub use explain::{Check, Explanation, Remedy, Step, explain};
pub use fraud::{FraudLimits, Signal};
pub use problem::{Fault, Problem, Severity};
pub use reason::{Language, Reason};
pub use rights::{EffectiveRights, HeldGuard, HeldPermit, HeldRole};
pub use snapshot::{Assignment, Department, Person, Policy, Site, Via};
