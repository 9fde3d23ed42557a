//! `tollgate demo`: a real gate, real phones and real trunks on loopback, calls of every kind, and what became of each.

mod calls;
mod cast;
mod company;
pub(super) mod phone;
mod review;
mod stage;
mod story;
mod table;
mod trunk;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Timelike, Utc};
use chrono_tz::Europe::Berlin;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use super::check;
use super::clock::{self, Clock};
use super::gatehouse::{Gatehouse, StartError};
use super::paint::Paint;
use crate::config;
use crate::store::{SqliteReader, StoreError};
use company::Folder;
use phone::LineError;
use review::{Review, Seen, review};
use stage::Stage;
use story::Call;
use table::Page;
use trunk::{TrunkError, Trunks};

/// The demo takes far less. Limits by the day hold only as long as the day does, so it does not begin this close to midnight.
const MIDNIGHT_MARGIN_S: u32 = 45;

/// Why there was nothing to see.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("the demo needs a folder and sockets: {0}")]
    Machine(#[from] io::Error),
    #[error("the operating system gives no random numbers: {0}")]
    Entropy(#[from] getrandom::Error),
    #[error(
        "{0} (the demo needs 127.0.0.1, 127.0.0.2 and 127.0.0.3; on macOS: sudo ifconfig lo0 alias 127.0.0.2)"
    )]
    Trunks(#[from] TrunkError),
    #[error("{0}")]
    Phones(#[from] LineError),
    #[error("the files of the demo's company have {} problems", .0.len())]
    Company(Vec<config::Problem>),
    #[error(transparent)]
    Gate(#[from] StartError),
    #[error("the gate listens on {0} addresses, not on two")]
    Addresses(usize),
    #[error("the ledger cannot be read: {0}")]
    Ledger(#[from] StoreError),
}

/// Status 0 if every call went as it should.
pub(super) fn run(json: bool) -> ExitCode {
    let (review, currency) = match play(json) {
        Ok(played) => played,
        Err(fault) => {
            eprintln!("tollgate: {fault}");
            if let DemoError::Company(problems) = &fault {
                check::complain(problems);
            }
            return ExitCode::FAILURE;
        }
    };
    if json {
        println!("{}", table::as_json(&review, &currency));
    } else {
        let colour =
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let page = Page { paint: Paint::for_stream(&io::stdout()), colour, currency: &currency };
        print!("{}", table::as_text(&review, page));
    }
    if review.is_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The whole play, from the empty folder to the review, with the currency of its prices.
fn play(json: bool) -> Result<(Review, String), DemoError> {
    let clock = Clock::start();
    let folder = Folder::make(&format!("{:016x}", clock::entropy()?.u64()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, wait_for_midnight(clock.now().utc));
    let trunks = tasks.block_on(&runtime, async { Trunks::plug_in() })?;
    let path = company::write(folder.path(), &trunks.places()?, clock.now().utc)?;
    let loaded = config::load(&path).map_err(DemoError::Company)?;
    let (currency, ledger) = (loaded.settings.money.currency.clone(), loaded.settings.store.path.clone());
    let gatehouse = Gatehouse::start(loaded)?;
    let calls: Rc<[Call]> = calls::calls().into();
    let seen = watch(&runtime, &tasks, &clock, &gatehouse, trunks, &calls, json)?;
    // Ends the gate, which writes whatever is under way: only then the ledger is whole.
    drop(gatehouse);
    let review = review(&calls, seen, &SqliteReader::open(&ledger)?)?;
    Ok((review, currency))
}

/// Registers the phones and makes the calls.
fn watch(
    runtime: &Runtime,
    tasks: &LocalSet,
    clock: &Clock,
    gatehouse: &Gatehouse,
    trunks: Trunks,
    calls: &Rc<[Call]>,
    json: bool,
) -> Result<Seen, DemoError> {
    let gate = two(&gatehouse.addresses)?;
    let begin = clock.now().moment;
    tasks.block_on(runtime, async {
        let stage = Rc::new(Stage::set(trunks, gate)?);
        if !json {
            println!(
                "Kettle & Finch, tea merchants: a gate on UDP {} and TCP {}, {} phones, 4 trunks, {} calls.\n",
                gate[0],
                gate[1],
                stage.phone_count(),
                calls.len()
            );
        }
        let faults = stage.register().await;
        let bar = progress(calls.len());
        let advancing = bar.clone();
        let outcomes = stage.play(calls, move || advancing.inc(1)).await;
        bar.finish_and_clear();
        let heard = stage.heard_count();
        Ok(Seen { outcomes, heard, faults, took: clock.now().moment.since(begin) })
    })
}

fn two(addresses: &[SocketAddr]) -> Result<[SocketAddr; 2], DemoError> {
    addresses.try_into().map_err(|_| DemoError::Addresses(addresses.len()))
}

/// On a terminal only; indicatif keeps silent elsewhere by itself.
fn progress(count: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(u64::try_from(count).ok(), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} calls")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

async fn wait_for_midnight(now: DateTime<Utc>) {
    const DAY_S: u32 = 86_400;
    let left = DAY_S - now.with_timezone(&Berlin).num_seconds_from_midnight();
    if left <= MIDNIGHT_MARGIN_S {
        eprintln!(
            "Midnight in Berlin is {left} s away, and limits by the day would begin anew: waiting for it."
        );
        tokio::time::sleep(Duration::from_secs(u64::from(left) + 1)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_caller_is_in_the_cast_and_every_price_is_money() {
        for call in calls::calls() {
            assert!(!cast::player(call.who).name.is_empty());
            let price = crate::base::Money::parse(call.must.price).expect("a price");
            assert!(price.to_string() == call.must.price, "{} prints otherwise", call.must.price);
        }
    }
}
