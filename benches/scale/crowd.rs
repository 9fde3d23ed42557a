//! A crowd for the company of the scenarios: so many more people, contacts and prices that size shows. The same size is the same
//! text, byte for byte.

use std::fs::OpenOptions;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// How many are added to those that the company has.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    pub people: u64,
    pub contacts: u64,
    pub prices: u64,
}

/// What is promised of a large company.
pub const LARGE: Crowd = Crowd { people: 10_000, contacts: 1_000_000, prices: 100_000 };

impl Crowd {
    /// Adds to the company's files in this folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn join(self, folder: &Path) -> Result<()> {
        append(&folder.join("people.csv"), self.people, person)?;
        append(&folder.join("tariff.csv"), self.prices, price)?;
        append(&folder.join("contacts.csv"), self.contacts, |at, line| contact(at, self.people, line))
    }

    /// Writes contacts alone, those of another year than `join` writes, into a file of their own.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_contacts(self, path: &Path) -> Result<()> {
        std::fs::write(path, "number,name,owner,site\n030 23125 500,The customer,alice,\n")?;
        append(path, self.contacts, |at, line| contact(at + self.contacts / 2, self.people, line))
    }
}

/// The key of one of the people.
pub fn key(at: u64) -> String {
    format!("p{at:05}")
}

/// The number of a contact, as it is written in the file: the ways in which people write numbers take turns.
pub fn number(at: u64) -> String {
    // A stride without a common factor scatters neighbours over the whole range.
    let scattered = at * 7_654_321 % 10_000_000;
    let (high, low) = (scattered / 10_000, scattered % 10_000);
    match at % 10 {
        0 => format!("+49 30 2{high:03} {low:04}"),
        1 => format!("030 2{scattered:07}"),
        2 => format!("(030) 2{high:03}-{low:04}"),
        3 => format!("004930 2{scattered:07}"),
        4 => format!("0171 {scattered:07}"),
        5 => format!("+49 (0) 172 {high:03} {low:04}"),
        6 => format!("0173-{scattered:07}"),
        7 => format!("+1 212 5{:02}-{low:04}", high % 100),
        8 => format!("+7 495 {high:03}-{:02}-{:02}", low / 100, low % 100),
        _ => format!("0033 1 4{scattered:07}"),
    }
}

fn append(path: &Path, count: u64, line: impl Fn(u64, &mut dyn Write) -> Result<()>) -> Result<()> {
    let mut file = BufWriter::new(OpenOptions::new().append(true).open(path)?);
    (0..count).try_for_each(|at| line(at, &mut file))?;
    file.flush()
}

fn person(at: u64, line: &mut dyn Write) -> Result<()> {
    let role = ["customers_only", "at_home", "everything", "customers_only", "rings_only"][at as usize % 5];
    let department = ["Sales", "Office"][at as usize % 2];
    let (key, high, low) = (key(at), at / 1000, at % 1000);
    writeln!(
        line,
        "{key},Person {at},,+49 30 77{high:03} {low:03},{department},{role},{key},secret of {key},"
    )
}

/// Prefixes of eight digits all over the world, beside the company's own.
fn price(at: u64, line: &mut dyn Write) -> Result<()> {
    let (prefix, cents) = (20_000_001 + at * 701, at % 90 + 10);
    writeln!(line, "{prefix},Destination {at},0.{cents}00,,60,60,2020-01-01")
}

fn contact(at: u64, people: u64, line: &mut dyn Write) -> Result<()> {
    let owner = if at.is_multiple_of(3) && people > 0 { key(at % people) } else { String::new() };
    writeln!(line, "{},Customer {at} and Sons,{owner},", number(at))
}
