//! The review as people read it, chapter by chapter, and as machines do.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::{Value, json};

use super::cast::player;
use super::review::{Review, Reviewed, Sums};
use super::story::{Chapter, Verdict};
use crate::app::paint::Paint;

const HEADER: [&str; 8] = ["", "who", "may call", "dials", "over", "verdict", "the phone shows", "price"];
const PRICE: usize = 7;

/// How the page is printed.
#[derive(Clone, Copy)]
pub struct Page<'p> {
    pub paint: Paint,
    pub colour: bool,
    pub currency: &'p str,
}

/// Every chapter as a table and a line per call, and the sums.
pub fn as_text(review: &Review, page: Page<'_>) -> String {
    let mut text = String::new();
    let widths = widths(review);
    for chapter in Chapter::ALL {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{}\n", page.paint.bold(chapter.title()));
        let calls = || review.calls.iter().enumerate().filter(move |(_, call)| call.call.chapter == chapter);
        let _ = writeln!(text, "{}\n", table(calls(), &widths, page).trim_fmt());
        for (index, call) in calls() {
            let _ = writeln!(text, "  {:>2}  {}", index + 1, call.call.words);
            for fault in &call.faults {
                let _ = writeln!(text, "      {}", page.paint.bad(&format!("but {fault}")));
            }
        }
        text.push('\n');
    }
    text.push_str(&closing(review, page));
    text
}

fn table<'r>(
    calls: impl Iterator<Item = (usize, &'r Reviewed)>,
    widths: &[u16; HEADER.len()],
    page: Page<'_>,
) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(
        HEADER.map(|name| if page.colour { Cell::new(name).fg(Color::DarkGrey) } else { Cell::new(name) }),
    );
    for (index, call) in calls {
        let colour = colour(call);
        let mut cells = cells(index, call).map(Cell::new);
        if page.colour {
            cells[5] = cells[5].clone().fg(colour);
        }
        table.add_row(cells);
    }
    // Where the whole width is there, the columns of all chapters stand below each other.
    let total: u16 = widths.iter().map(|width| width + 2).sum();
    let fits = table.width().is_none_or(|width| total <= width);
    for (column, width) in table.column_iter_mut().zip(widths) {
        if fits {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + 2)));
        }
    }
    for column in [0, PRICE] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn colour(call: &Reviewed) -> Color {
    match call.call.must.verdict {
        _ if !call.faults.is_empty() => Color::Red,
        Verdict::Permitted => Color::Green,
        Verdict::Refused(_) | Verdict::TurnedAway => Color::Yellow,
    }
}

fn cells(index: usize, call: &Reviewed) -> [String; HEADER.len()] {
    let caller = player(call.call.who);
    [
        (index + 1).to_string(),
        caller.name.to_owned(),
        caller.may_call.to_owned(),
        dialled(call),
        caller.transport.as_str().to_owned(),
        call.verdict().to_owned(),
        shown(call),
        format!("{:.4}", call.price().to_decimal()),
    ]
}

/// As dialled, without the company's own domain.
fn dialled(call: &Reviewed) -> String {
    call.call.dials.replace("@kettle.example", "")
}

fn shown(call: &Reviewed) -> String {
    match call.outcome.status {
        0 => "nothing".to_owned(),
        status => match call.outcome.aside.as_deref().or(call.outcome.reason()) {
            Some(reason) => format!("{status} {}, then {reason}", call.outcome.phrase),
            None => format!("{status} {}", call.outcome.phrase),
        },
    }
}

fn widths(review: &Review) -> [u16; HEADER.len()] {
    let mut widths = HEADER.map(|name| name.chars().count());
    for (index, call) in review.calls.iter().enumerate() {
        for (width, cell) in widths.iter_mut().zip(cells(index, call)) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths.map(|width| u16::try_from(width).unwrap_or(u16::MAX))
}

fn closing(review: &Review, page: Page<'_>) -> String {
    let Sums { permitted, refused, turned_away, prices, settled, reserved, heard } = review.sums;
    let currency = page.currency;
    let mut text = format!(
        "{} calls in {}.{} s: {permitted} permitted, {refused} refused, {turned_away} turned away.\n\
         {heard} calls reached a trunk that answers{}.\n\
         They cost {prices} {currency}; the ledger has settled {settled} {currency} and holds {reserved} {currency} reserved.\n",
        review.calls.len(),
        review.took.as_secs(),
        review.took.subsec_millis() / 100,
        if review.is_right() { ", none of those that were refused" } else { "" },
    );
    for fault in &review.faults {
        let _ = writeln!(text, "{}", page.paint.bad(fault));
    }
    let otherwise: Vec<String> = review
        .calls
        .iter()
        .enumerate()
        .filter(|(_, call)| !call.faults.is_empty())
        .map(|(index, _)| (index + 1).to_string())
        .collect();
    let _ = match (review.is_right(), otherwise.as_slice()) {
        (true, _) => writeln!(text, "{}", page.paint.good("Every call went as it should.")),
        (false, []) => writeln!(text, "{}", page.paint.bad("Not everything went as it should.")),
        (false, some) => {
            let sentence = format!("Otherwise than they should went the calls {}.", some.join(", "));
            writeln!(text, "{}", page.paint.bad(&sentence))
        }
    };
    text
}

/// One document with every call, what came of it and what is wrong with it.
pub fn as_json(review: &Review, currency: &str) -> Value {
    let calls: Vec<Value> =
        review.calls.iter().enumerate().map(|(index, call)| call_as_json(index, call)).collect();
    let sums = &review.sums;
    json!({
        "right": review.is_right(),
        "faults": review.faults,
        "calls": calls,
        "currency": currency,
        "sums": {
            "permitted": sums.permitted,
            "refused": sums.refused,
            "turned_away": sums.turned_away,
            "prices": sums.prices,
            "settled": sums.settled,
            "reserved": sums.reserved,
            "reached_a_trunk": sums.heard,
        },
        "took_ms": u64::try_from(review.took.as_millis()).unwrap_or(u64::MAX),
    })
}

fn call_as_json(index: usize, call: &Reviewed) -> Value {
    let caller = player(call.call.who);
    let record = call.record.as_ref();
    json!({
        "number": index + 1,
        "chapter": call.call.chapter.title(),
        "who": caller.name,
        "may_call": caller.may_call,
        "dials": call.call.dials,
        "over": caller.transport.as_str(),
        "verdict": call.verdict(),
        "status": call.outcome.status,
        "phrase": call.outcome.phrase,
        "aside": call.outcome.aside,
        "rang": call.outcome.rang,
        "talked_ms": u64::try_from(call.outcome.talked.as_millis()).unwrap_or(u64::MAX),
        "decision": call.outcome.decision,
        "price": call.price(),
        "billed_seconds": record.map_or(0, |record| record.billed_seconds),
        "trunk": record.and_then(|record| record.trunk.as_deref()),
        "person": record.and_then(|record| record.person.as_deref()),
        "end": record.and_then(|record| record.end_cause).map(crate::ledger::EndCause::code),
        "words": call.call.words,
        "faults": call.faults,
    })
}
