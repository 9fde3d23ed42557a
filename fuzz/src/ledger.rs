//! Sequences of ledger commands, some of them twice, late or about nothing, with commits, outages and crashes between them: the tray's
//! book against a model that adds up, and the store behind it against both (R65, R69, R91).

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tollgate::base::{DecisionId, Moment, Money, ReservationId};
use tollgate::ledger::{
    Account, AccountPeriod, Amount, Answer, Balance, BudgetLine, CallRecord, Command, EndCause, Expire,
    Extend, Limit, PeriodKey, PeriodKind, Release, Reply, Reserve, Settle, Strictness,
};
use tollgate::store::{BalanceFilter, Memory, Reports, Store, StoreError, Tray, WriterEvent, WriterHandle};

/// Few, so that most have a past.
const CALLS: u64 = 12;
/// Beyond that nothing new is found, and each input takes longer.
const STEPS_MAX: usize = 200;

pub fn run(bytes: &[u8]) {
    let mut choices = Unstructured::new(bytes);
    let mut office = Office::open();
    for _ in 0..STEPS_MAX {
        if choices.is_empty() || office.step(&mut choices).is_err() {
            break;
        }
        office.check();
    }
    office.close();
}

/// The tray, the store that its journal goes to, and the model.
struct Office {
    tray: Tray,
    queue: Receiver<Vec<Command>>,
    store: Memory,
    is_down: bool,
    now: Moment,
    utc: DateTime<Utc>,
    model: Model,
}

impl Office {
    fn open() -> Office {
        let utc: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().expect("an instant");
        let (sender, queue) = mpsc::channel();
        let tray = Tray::new(WriterHandle::to(sender), Default::default(), utc.date_naive());
        let (store, model) = (Memory::default(), Model::default());
        Office { tray, queue, store, is_down: false, now: Moment::START, utc, model }
    }

    fn step(&mut self, choices: &mut Unstructured<'_>) -> Result<()> {
        match choices.int_in_range(0..=15u8)? {
            0..=10 => {
                let command = self.command(choices)?;
                self.put(&command);
                if choices.ratio(1, 4)? {
                    self.put(&command);
                }
            }
            11 | 12 => {
                let span = Duration::from_millis(choices.int_in_range(0..=2_500u64)?);
                self.now = self.now + span;
                self.utc += TimeDelta::from_std(span).expect("a short span");
                self.tray.advance(self.now);
            }
            13 => self.commit(),
            14 => self.turn(),
            _ => self.crash(),
        }
        Ok(())
    }

    fn command(&self, choices: &mut Unstructured<'_>) -> Result<Command> {
        let number = choices.int_in_range(1..=CALLS)?;
        let (id, at, record) = (ReservationId::from_u64(number), self.utc, || row(number, self.utc));
        let closing = |cost: Money| {
            let mut record = row(number, self.utc);
            (record.end, record.end_cause, record.cost) =
                (Some(self.utc), Some(EndCause::CallerHungUp), cost);
            Some(record)
        };
        Ok(match choices.int_in_range(0..=8u8)? {
            0..=2 => Command::Reserve(Reserve {
                id,
                decision: DecisionId::from_u64(number),
                amount: amount(choices)?,
                budgets: budgets(choices)?.into(),
                at,
                record: record(),
            }),
            3 | 4 => Command::Extend(Extend {
                id,
                charged: if choices.ratio(1, 3)? { amount(choices)? } else { Amount::ZERO },
                total: amount(choices)?,
                budgets: budgets(choices)?.into(),
                anew: choices.ratio(1, 4)?,
                at,
            }),
            5 => Command::Answer(Answer { id, at, record: record(), state: None }),
            6 => {
                let amount = amount(choices)?;
                Command::Settle(Settle { id, amount, at, record: closing(amount.money) })
            }
            7 => Command::Release(Release { id, at, record: closing(Money::ZERO) }),
            _ => Command::Expire(Expire { id, at, record: closing(Money::ZERO) }),
        })
    }

    fn put(&mut self, command: &Command) {
        let was_open = self.model.is_open(command);
        // What the book decides at once; whoever hung up hears of it when it is written.
        let decided = matches!(command, Command::Settle(_)).then(|| self.tray.book().clone().apply(command));
        self.tray.put(self.now, command.clone());
        let is_silent = self.take_replies(Some((command, was_open)));
        if let Some(reply) = decided.filter(|_| is_silent) {
            self.model.hear(command, was_open, &reply);
        }
    }

    /// What is said, and whether it may be said.
    fn take_replies(&mut self, mut of: Option<(&Command, bool)>) -> bool {
        while let Some(reply) = self.tray.next_reply() {
            let held = of.take().filter(|(command, _)| command.reservation() == reply.reservation());
            match held {
                Some((command, was_open)) => self.model.hear(command, was_open, &reply),
                None => assert!(
                    matches!(
                        reply,
                        Reply::Answered { .. }
                            | Reply::Settled { .. }
                            | Reply::Unavailable { .. }
                            | Reply::Closed { .. }
                            | Reply::Unknown { .. }
                    ),
                    "said late: {reply:?}"
                ),
            }
        }
        // An Answer or a Settle that waits for its commit says nothing yet; nothing else is silent.
        let may_wait = |command: &Command| matches!(command, Command::Answer(_) | Command::Settle(_));
        assert!(of.is_none_or(|(command, _)| may_wait(command)), "no reply to {of:?}");
        of.is_some()
    }

    /// The writing thread does all that it was given.
    fn commit(&mut self) {
        if self.is_down {
            return;
        }
        let given: Vec<Command> = self.queue.try_iter().flatten().collect();
        let mut replies = Vec::new();
        self.store.apply(&given, &mut replies).expect("memory does not fail");
        for (command, reply) in given.iter().zip(&replies) {
            self.model.is_written(command, reply);
        }
        self.tray.hear(self.now, WriterEvent::Replied(replies));
        self.tray
            .hear(self.now, WriterEvent::Committed { count: given.len(), through: 0, took: Duration::ZERO });
        self.take_replies(None);
    }

    /// The store goes down, or comes back.
    fn turn(&mut self) {
        self.is_down = !self.is_down;
        let event = match self.is_down {
            true => WriterEvent::Down { error: StoreError::Replaced },
            false => WriterEvent::Up,
        };
        self.tray.hear(self.now, event);
        if self.is_down {
            return;
        }
        self.commit();
    }

    /// kill -9, and a start with what was written (R91).
    fn crash(&mut self) {
        let (sender, queue) = mpsc::channel();
        let today = self.utc.date_naive();
        let book = self.store.standing(today).expect("memory does not fail");
        (self.queue, self.is_down) = (queue, false);
        self.tray = Tray::new(WriterHandle::to(sender), book, today);
        self.model.take_up(&self.tray);
    }

    fn check(&self) {
        let balances = self.tray.book().balances();
        self.model.agrees(&balances);
        within_limits(&balances);
        within_limits(&self.store.book().balances());
    }

    /// When all is written, the store holds what the tray's book holds.
    fn close(mut self) {
        if self.is_down {
            self.turn();
        }
        self.tray.close_page(self.now);
        self.commit();
        self.check();
        let balances = self.store.balances(&BalanceFilter::default()).expect("memory does not fail");
        let used = |balances: Vec<(AccountPeriod, Balance)>| -> BTreeMap<AccountPeriod, Balance> {
            balances.into_iter().filter(|(_, balance)| !balance.is_zero()).collect()
        };
        assert_eq!(used(balances), used(self.tray.book().balances()), "the store holds something else");
        let open = |entries: Vec<(ReservationId, tollgate::ledger::Entry)>| -> Vec<(ReservationId, Amount)> {
            entries.into_iter().map(|(id, entry)| (id, entry.held())).collect()
        };
        assert_eq!(open(self.store.book().open_entries()), open(self.tray.book().open_entries()));
    }
}

/// What each call has paid and holds, and where; no more than can be added up on paper.
#[derive(Default)]
struct Model {
    calls: BTreeMap<ReservationId, Call>,
    settled: BTreeMap<AccountPeriod, Amount>,
}

struct Call {
    held: Amount,
    settled: Amount,
    places: Vec<AccountPeriod>,
    is_open: bool,
    charged: Option<Amount>,
}

impl Model {
    fn is_open(&self, command: &Command) -> bool {
        command.reservation().and_then(|id| self.calls.get(&id)).is_some_and(|call| call.is_open)
    }

    fn used(&self, place: &AccountPeriod) -> Amount {
        let held = self.calls.values().filter(|call| call.is_open && call.places.contains(place));
        held.fold(self.settled.get(place).copied().unwrap_or_default(), |sum, call| sum + call.held)
    }

    fn hear(&mut self, command: &Command, was_open: bool, reply: &Reply) {
        match (command, reply) {
            (Command::Reserve(reserve), Reply::Reserved(reservation)) => {
                self.reserved(reserve, was_open, reservation.covered())
            }
            (Command::Reserve(reserve), Reply::Refused { exhausted, .. }) => {
                let line = &reserve.budgets[exhausted.index];
                let wanted = self.used(&line.place()) + reserve.amount;
                assert!(!line.limit().covers(wanted) && !was_open, "refused with room: {line:?}");
            }
            (Command::Extend(extend), Reply::Extended(reservation)) => {
                self.extended(extend, reservation.covered())
            }
            (Command::Extend(_), Reply::ExtendRefused { .. }) => assert!(was_open),
            (Command::Settle(settle), Reply::Settled { id, charged, written_off, duplicate }) => {
                assert_eq!(*duplicate, !was_open);
                self.ended(*id, *charged, *duplicate);
                let call = &self.calls[id];
                assert!(
                    *duplicate || *charged + *written_off == settle.amount.max(call.settled),
                    "{reply:?} of {settle:?}"
                );
            }
            (Command::Release(_) | Command::Expire(_), Reply::Released { id, charged, duplicate }) => {
                assert_eq!(*duplicate, !was_open);
                self.ended(*id, *charged, *duplicate);
            }
            (_, Reply::Closed { id, .. }) => assert!(self.calls.contains_key(id) && !was_open),
            (_, Reply::Unknown { id }) => assert!(!self.calls.contains_key(id)),
            (Command::Reserve(_) | Command::Extend(_) | Command::Answer(_), Reply::Unavailable { .. }) => {}
            (command, reply) => panic!("{command:?} got {reply:?}"),
        }
    }

    fn reserved(&mut self, reserve: &Reserve, was_open: bool, covered: Amount) {
        if was_open {
            let call = &self.calls[&reserve.id];
            return assert_eq!(covered, call.held + call.settled, "a repeat gives something else");
        }
        assert!(!self.calls.contains_key(&reserve.id), "what has ended is reserved once more");
        assert_eq!(covered, reserve.amount);
        let places = places(&reserve.budgets);
        let call = Call { held: covered, settled: Amount::ZERO, places, is_open: true, charged: None };
        self.calls.insert(reserve.id, call);
    }

    fn extended(&mut self, extend: &Extend, covered: Amount) {
        let call = self.calls.get_mut(&extend.id).expect("only what was reserved is extended");
        let wanted = extend.total.max(call.settled + extend.charged.beyond(call.settled).min(call.held));
        assert!(
            call.is_open && (extend.anew || wanted.beyond(covered).is_zero()),
            "{covered} for {extend:?}"
        );
        let new = places(&extend.budgets);
        let same = new.iter().all(|place| call.places.contains(place)) && new.len() == call.places.len();
        let before = call.held + call.settled;
        if same && !extend.anew {
            assert!(before.beyond(covered).is_zero(), "a renewal takes something away");
        }
        let settling = extend.charged.beyond(call.settled).min(call.held);
        for place in &call.places {
            *self.settled.entry(place.clone()).or_default() += settling;
        }
        call.settled += settling;
        call.held = covered - call.settled;
        call.places = new;
    }

    fn ended(&mut self, id: ReservationId, charged: Amount, duplicate: bool) {
        let call = self.calls.get_mut(&id).expect("only what was reserved ends");
        if duplicate {
            return assert_eq!(call.charged, Some(charged), "the second time costs something else");
        }
        for place in &call.places {
            *self.settled.entry(place.clone()).or_default() += charged - call.settled;
        }
        (call.is_open, call.charged, call.settled) = (false, Some(charged), charged);
    }

    /// The store comes to what was said, if it was said.
    fn is_written(&self, command: &Command, reply: &Reply) {
        let Some(call) = command.reservation().and_then(|id| self.calls.get(&id)) else { return };
        if let (
            Some(said),
            Reply::Settled { charged, duplicate: false, .. }
            | Reply::Released { charged, duplicate: false, .. },
        ) = (call.charged, reply)
        {
            assert_eq!(*charged, said, "the store charges something else for {command:?}");
        }
        let is_refused =
            matches!(reply, Reply::Refused { .. } | Reply::ExtendRefused { .. } | Reply::Unavailable { .. });
        assert!(!is_refused, "the store has no room for what was promised: {command:?}, {reply:?}");
    }

    /// What is left after a kill is what stands in the store.
    fn take_up(&mut self, tray: &Tray) {
        let book = tray.book();
        self.calls.clear();
        for number in 1..=CALLS {
            let id = ReservationId::from_u64(number);
            let Some(entry) = book.entry(id) else { continue };
            let call = Call {
                held: entry.held(),
                settled: entry.settled,
                places: places(&entry.lines),
                is_open: entry.is_open(),
                charged: entry.resolution().map(|_| entry.settled),
            };
            self.calls.insert(id, call);
        }
        self.settled = book.balances().into_iter().map(|(place, balance)| (place, balance.settled)).collect();
    }

    fn agrees(&self, balances: &[(AccountPeriod, Balance)]) {
        for (place, balance) in balances {
            assert_eq!(balance.used(), self.used(place), "{} {}", place.account, place.period);
            assert_eq!(
                balance.settled,
                self.settled.get(place).copied().unwrap_or_default(),
                "{}",
                place.account
            );
        }
        for place in self.calls.values().flat_map(|call| &call.places) {
            let known = balances.iter().any(|(known, _)| known == place);
            assert!(known || self.used(place).is_zero(), "{} is forgotten", place.account);
        }
    }
}

/// The budgets of a small company. Its limits do not change, so every balance can be held against them at every instant.
fn company() -> Vec<BudgetLine> {
    let person = |name: &str| Account::Person(name.into());
    let period = |kind, start: &str| PeriodKey { kind, start: start.parse::<NaiveDate>().expect("a date") };
    let paid = |text: &str| Limit::Money(Money::parse(text).expect("an amount"));
    let (today, tomorrow) = (period(PeriodKind::Day, "2026-11-23"), period(PeriodKind::Day, "2026-11-24"));
    let month = period(PeriodKind::Month, "2026-11-01");
    vec![
        BudgetLine::hard(person("alice"), today, paid("7.50")),
        BudgetLine::hard(person("alice"), today, Limit::Seconds(900)),
        BudgetLine::hard(person("bob"), today, paid("4")),
        BudgetLine::hard(person("alice"), tomorrow, paid("7.50")),
        BudgetLine::hard(person("bob"), tomorrow, paid("4")),
        BudgetLine::hard(Account::Department("sales".into()), month, paid("12.25")),
        BudgetLine::soft(Account::Company, month, paid("2")),
    ]
}

/// Every budget of some of the company's accounts: whoever is charged there is held to all its limits.
fn budgets(choices: &mut Unstructured<'_>) -> Result<Vec<BudgetLine>> {
    let (all, chosen) = (company(), choices.arbitrary::<u8>()?);
    let is_chosen = |place: &BudgetLine| {
        all.iter()
            .enumerate()
            .any(|(index, line)| chosen & (1 << index) != 0 && line.shares_place_with(place))
    };
    Ok(all.iter().filter(|line| is_chosen(line)).cloned().collect())
}

fn places(lines: &[BudgetLine]) -> Vec<AccountPeriod> {
    let mut places: Vec<AccountPeriod> = lines.iter().map(BudgetLine::place).collect();
    places.sort();
    places.dedup();
    places
}

fn amount(choices: &mut Unstructured<'_>) -> Result<Amount> {
    let micros = match choices.int_in_range(0..=7u8)? {
        0 => 0,
        1 => 1 << 50,
        2 => 7_500_000,
        _ => i64::from(choices.arbitrary::<u16>()?) * 100,
    };
    let seconds = match choices.int_in_range(0..=7u8)? {
        0 => 1 << 40,
        _ => choices.arbitrary::<u8>()?.into(),
    };
    Ok(Amount::new(Money::from_micros(micros), seconds))
}

fn row(number: u64, at: DateTime<Utc>) -> Box<CallRecord> {
    let mut record = CallRecord::new(DecisionId::from_u64(number), "0049301234", at);
    record.reservation = Some(ReservationId::from_u64(number));
    record.person = Some("alice".into());
    Box::new(record)
}

/// R65.
fn within_limits(balances: &[(AccountPeriod, Balance)]) {
    for line in company().iter().filter(|line| line.strictness() == Strictness::Hard) {
        let place = line.place();
        for (_, balance) in balances.iter().filter(|(other, _)| *other == place) {
            assert!(
                line.limit().covers(balance.used()),
                "{} {}: {} of {}",
                line.account,
                line.period(),
                balance.used(),
                line.limit()
            );
        }
    }
}
