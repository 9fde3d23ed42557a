//! `tollgate report`: how many calls, how long, for how much, against which limits, and what was refused most.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::ask::{self, AskError};
use super::grid::{Grid, Tone};
use super::paint::Paint;
use super::spending::{self, Ledger, Spending};
use crate::config::Loaded;
use crate::ledger::Account;
use crate::policy::{BudgetLimit, Language, Reason, Refusal};
use crate::store::{Grouping, RecordFilter, Reports, SqliteReader, StoreError, Totals};

/// What is asked.
pub(super) struct Question<'a> {
    pub from: Option<&'a str>,
    pub until: Option<&'a str>,
    /// One table of these instead of the whole report.
    pub by: Option<By>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum By {
    Person,
    Department,
    Class,
    Day,
    Reason,
}

/// Lines of each list in the whole report; one list alone is printed whole.
const LINES: usize = 10;

pub(super) fn run(path: &Path, question: &Question<'_>, json: bool) -> Result<bool, AskError> {
    let loaded = ask::load(path)?;
    let ledger = ask::open(&loaded.settings.store.path)?;
    let zone = loaded.policy.zone();
    let span = Span::of(question, zone)?;
    let report =
        Report { loaded: &loaded, ledger: &ledger, span, zone, paint: Paint::for_stream(&io::stdout()) };
    match (question.by, json) {
        (Some(by), false) => print!("{}{}", report.title(), report.list(by, usize::MAX)?),
        (Some(by), true) => println!("{}", report.list_as_json(by)?),
        (None, false) => print!("{}", report.page()?),
        (None, true) => println!("{}", report.as_json()?),
    }
    Ok(true)
}

/// From a first moment to the first that no longer counts.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Span {
    /// Up to now, and from the first of the last month in it, unless said otherwise.
    fn of(question: &Question<'_>, zone: Tz) -> Result<Span, AskError> {
        let until = question.until.map_or(Ok(ask::now()), |until| ask::end_of_span(until, zone))?;
        let last = (until - chrono::TimeDelta::seconds(1)).with_timezone(&zone).date_naive();
        let first = last.with_day(1).unwrap_or(last).to_string();
        let from = ask::moment(Some(question.from.unwrap_or(&first)), zone)?;
        Ok(Span { from, until })
    }

    fn filter(self) -> RecordFilter {
        RecordFilter { from: Some(self.from), until: Some(self.until), ..RecordFilter::default() }
    }
}

struct Report<'a> {
    loaded: &'a Loaded,
    ledger: &'a SqliteReader,
    span: Span,
    /// The company's: its midnights part the days.
    zone: Tz,
    paint: Paint,
}

impl Report<'_> {
    fn title(&self) -> String {
        let local = |at: DateTime<Utc>| at.with_timezone(&self.zone).format("%Y-%m-%d %H:%M").to_string();
        let (from, until) = (local(self.span.from), local(self.span.until));
        format!("{} ({})\n\n", self.paint.bold(&format!("Calls from {from} to {until}")), self.zone)
    }

    fn page(&self) -> Result<String, StoreError> {
        let mut page = self.title();
        let totals = self.ledger.totals(&self.span.filter())?;
        page.push_str(&self.sums("", vec![(String::new(), totals)]));
        let sections = [
            ("By department", By::Department),
            ("Those who spent most", By::Person),
            ("By class", By::Class),
            ("Refused most", By::Reason),
        ];
        // Writing to a String cannot fail, here and below.
        for (title, by) in sections {
            let _ = write!(page, "\n{}\n{}", self.paint.bold(title), self.list(by, LINES)?);
        }
        let spendings = self.spendings()?;
        let shown = &spendings[..spendings.len().min(2 * LINES)];
        let table = spending::table(shown, &self.loaded.settings.money.currency, self.paint);
        let none = "  no budget is stated\n".to_owned();
        let table = if table.is_empty() { none } else { table };
        let _ = write!(page, "\n{}\n{table}", self.paint.bold("Budgets now"));
        Ok(page)
    }

    fn list(&self, by: By, lines: usize) -> Result<String, StoreError> {
        let mut rows = self.rows(by)?;
        let left = rows.len().saturating_sub(lines);
        rows.truncate(lines);
        let mut text = match by {
            By::Reason => self.refusals(rows),
            By::Person => self.sums("person", rows),
            By::Department => self.sums("department", rows),
            By::Class => self.sums("class", rows),
            By::Day => self.sums("day", rows.into_iter().map(with_weekday).collect()),
        };
        if text.is_empty() {
            text.push_str("  none\n");
        }
        if left > 0 {
            let _ = writeln!(text, "  and {left} more");
        }
        Ok(text)
    }

    /// Days in their order; of the others the dearest first, of refusals the most frequent.
    fn rows(&self, by: By) -> Result<Vec<(String, Totals)>, StoreError> {
        let filter = self.span.filter();
        let grouping = match by {
            By::Person => Grouping::Person,
            By::Department => Grouping::Department,
            By::Class => Grouping::Class,
            By::Reason => Grouping::Reason,
            By::Day => return self.days(&filter),
        };
        let sums = self.ledger.totals_by(&filter, grouping)?.into_iter();
        let known = sums.filter(|(value, _)| grouping != Grouping::Reason || value.is_some());
        let mut rows: Vec<(String, Totals)> =
            known.map(|(value, sum)| (value.unwrap_or_else(|| "(none)".into()), sum)).collect();
        rows.sort_by_key(|(_, sum)| (-sum.cost, std::cmp::Reverse(sum.calls)));
        Ok(rows)
    }

    fn days(&self, filter: &RecordFilter) -> Result<Vec<(String, Totals)>, StoreError> {
        let mut days: BTreeMap<String, Totals> = BTreeMap::new();
        for (start, sum) in self.ledger.totals_by_quarter_hour(filter)? {
            let day = start.with_timezone(&self.zone).date_naive().to_string();
            days.entry(day).or_default().merge(sum);
        }
        Ok(days.into_iter().collect())
    }

    fn sums(&self, heading: &str, rows: Vec<(String, Totals)>) -> String {
        let currency = &self.loaded.settings.money.currency;
        let (spent, off) = (format!(">spent {currency}"), ">written off");
        let some_off = rows.iter().any(|(_, sum)| !sum.written_off.is_zero());
        let mut headings = vec![heading, ">calls", ">refused", ">answered", ">talk", &spent];
        headings.extend(some_off.then_some(off));
        if heading.is_empty() {
            headings.remove(0);
        }
        let mut grid = Grid::new(&headings, self.paint);
        for (name, sum) in rows {
            let counts = [sum.calls, sum.refused, sum.answered].map(|count| count.to_string());
            let name = (!heading.is_empty()).then_some(name);
            let sums = [talk(sum.billed_seconds), sum.cost.to_string()];
            let off = some_off.then(|| sum.written_off.to_string());
            grid.row(name.into_iter().chain(counts).chain(sums).chain(off));
        }
        grid.text()
    }

    fn refusals(&self, rows: Vec<(String, Totals)>) -> String {
        let mut grid = Grid::new(&[">calls", "reason", "the phone says"], self.paint);
        for (code, sum) in rows {
            let words = Reason::from_code(&code).map(|reason| Refusal::of(reason).sentence(Language::En));
            grid.toned_row(Tone::Plain, 0, [sum.calls.to_string(), code, words.unwrap_or_default()]);
        }
        grid.text()
    }

    /// Every budget of the company, its departments and its trunks, and those of people who have spent something: the company first,
    /// then the fullest.
    fn spendings(&self) -> Result<Vec<Spending>, StoreError> {
        let now = ask::now();
        let mut ledger = Ledger::of(Some(self.ledger));
        let mut all: Vec<Spending> = Vec::new();
        let mut seen: Vec<BudgetLimit> = Vec::new();
        for (person, _) in self.loaded.policy.people() {
            let budgets = self.loaded.policy.effective_rights(person, now).budgets;
            let own = |budget: &BudgetLimit| matches!(budget.holder, crate::policy::Holder::Person(_));
            let (own, shared): (Vec<_>, Vec<_>) = budgets.into_iter().partition(own);
            let news: Vec<_> = shared.into_iter().filter(|budget| !seen.contains(budget)).collect();
            all.extend(Spending::of(&news, &mut ledger, now)?);
            seen.extend(news);
            let own = Spending::of(&own, &mut ledger, now)?;
            all.extend(own.into_iter().filter(|spending| !spending.balance.is_zero()));
        }
        for trunk in &self.loaded.settings.trunks {
            let budgets =
                self.loaded.policy.trunk_limits(&trunk.name).map_or(&[][..], |limits| &limits.budgets);
            all.extend(Spending::of(budgets, &mut ledger, now)?);
        }
        let rank = |account: &Account| match account {
            Account::Company => 0,
            Account::Department(_) => 1,
            Account::Trunk(_) => 2,
            Account::Person(_) => 3,
        };
        all.sort_by_key(|spending| (rank(&spending.line.account), std::cmp::Reverse(spending.percent())));
        Ok(all)
    }

    fn as_json(&self) -> Result<Value, StoreError> {
        let mut report = self.frame();
        report["totals"] = totals_as_json(self.ledger.totals(&self.span.filter())?);
        let names = [
            ("by_person", By::Person),
            ("by_department", By::Department),
            ("by_class", By::Class),
            ("by_day", By::Day),
            ("by_reason", By::Reason),
        ];
        for (name, by) in names {
            report[name] = self.rows_as_json(by)?;
        }
        report["budgets"] = self.spendings()?.iter().map(Spending::as_json).collect();
        Ok(report)
    }

    fn list_as_json(&self, by: By) -> Result<Value, StoreError> {
        let mut report = self.frame();
        report["rows"] = self.rows_as_json(by)?;
        Ok(report)
    }

    fn frame(&self) -> Value {
        json!({
            "from": self.span.from.to_rfc3339(),
            "until": self.span.until.to_rfc3339(),
            "zone": self.zone.name(),
            "currency": self.loaded.settings.money.currency,
        })
    }

    fn rows_as_json(&self, by: By) -> Result<Value, StoreError> {
        let row = |(name, sum): (String, Totals)| {
            let mut row = totals_as_json(sum);
            row["name"] = name.into();
            row
        };
        Ok(self.rows(by)?.into_iter().map(row).collect())
    }
}

fn totals_as_json(sum: Totals) -> Value {
    json!({
        "calls": sum.calls,
        "refused": sum.refused,
        "answered": sum.answered,
        "talk_s": sum.billed_seconds,
        "spent": sum.cost.to_string(),
        "written_off": sum.written_off.to_string(),
    })
}

fn with_weekday((day, sum): (String, Totals)) -> (String, Totals) {
    let date = day.parse::<NaiveDate>();
    (date.map(|date| date.format("%Y-%m-%d %a").to_string()).unwrap_or(day), sum)
}

/// `3:05:09`: hours, minutes, seconds.
fn talk(seconds: u64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
