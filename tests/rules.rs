//! The rules of the product as case tables that an office manager could read.

#[path = "rules/classes.rs"]
mod classes;
#[path = "rules/decide.rs"]
mod decide;
#[path = "rules/hearsay.rs"]
mod hearsay;
#[path = "rules/house.rs"]
mod house;
#[path = "rules/money.rs"]
mod money;
#[path = "rules/number.rs"]
mod number;
#[path = "rules/periods.rs"]
mod periods;
#[path = "rules/problems.rs"]
mod problems;
#[path = "rules/sentences.rs"]
mod sentences;
#[path = "rules/tariff.rs"]
mod tariff;
