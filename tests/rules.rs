//! The rules of the product as case tables that an office manager could read.

#[path = "rules/classes.rs"]
mod classes;
#[path = "rules/number.rs"]
mod number;
