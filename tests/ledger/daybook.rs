//! The daybook: what is answered stands there until it is posted, in pieces, and no crash, tear, or other writer takes any of it away.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tollgate::base::Random;
use tollgate::ledger::{Answer, BudgetLine, Command, Settle};
use tollgate::store::{
    BalanceFilter, RecordFilter, Reports, Sqlite, SqliteReader, SqliteSettings, Store, StoreError, Tended,
    audit,
};

use super::chance::any_command;
use super::crash::{disk_image, open_entries};
use super::words::*;

/// What the tables hold, and what is open, is what the book says.
fn assert_same(store: &Sqlite, path: &Path, book: &Subject, when: &str) {
    assert_eq!(store.book().open_entries(), open_entries(book), "{when}");
    let reader = SqliteReader::open(path).expect("a reader");
    assert_eq!(reader.balances(&BalanceFilter::default()).expect("balances"), book.balances(), "{when}");
    let all = RecordFilter::default();
    assert_eq!(reader.records(&all).expect("records"), book.records(&all), "{when}");
    assert_eq!(audit(path).expect("a readable file"), [], "{when}");
}

#[test]
fn what_a_crash_finds_only_in_the_daybook_is_posted_at_the_next_start() {
    let settings = SqliteSettings { post_after: Duration::from_secs(3600), ..SqliteSettings::default() };
    for seed in 200..206 {
        let mut random = Random::from_number(seed);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.sqlite");
        let mut store = Sqlite::open(&path, settings.clone()).expect("a new store");
        let (mut book, mut replies) = (Subject::memory(), Vec::new());
        for step in 0..60 {
            let batch: Vec<_> = (0..=random.below(4)).map(|_| any_command(&mut random)).collect();
            store.apply(&batch, &mut replies).expect("a working store");
            assert_eq!(replies, book.batch(&batch), "seed {seed}, step {step}");
            if random.one_in(9) {
                store.probe().expect("a working store");
                assert_eq!(audit(&path).expect("a readable file"), [], "an idle moment posts");
            }
            if !random.one_in(6) {
                continue;
            }
            let image = disk_image(&path);
            let path = image.path().join("ledger.sqlite");
            assert_eq!(
                audit(&path).expect("a readable file"),
                [],
                "the tables agree, though they are behind"
            );
            let revived = Sqlite::open(&path, settings.clone()).expect("a sound image");
            assert_same(&revived, &path, &book, &format!("seed {seed}, step {step}"));
        }
    }
}

/// Pieces of postings between the batches, and a crash between any two steps.
#[test]
fn a_crash_in_the_middle_of_a_posting_loses_and_doubles_nothing() {
    let settings = SqliteSettings { post_after: Duration::from_millis(1), ..SqliteSettings::default() };
    let mut in_the_middle = 0;
    for seed in 300..306 {
        let mut random = Random::from_number(seed);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.sqlite");
        let mut store = Sqlite::open(&path, settings.clone()).expect("a new store");
        let (mut book, mut replies) = (Subject::memory(), Vec::new());
        for step in 0..80 {
            let when = format!("seed {seed}, step {step}");
            let batch: Vec<_> = (0..=random.below(60)).map(|_| any_command(&mut random)).collect();
            store.apply(&batch, &mut replies).expect("a working store");
            assert_eq!(replies, book.batch(&batch), "{when}");
            let tended = (0..random.below(4)).map(|_| store.tend().expect("a working store")).last();
            assert_eq!(audit(&path).expect("a readable file"), [], "{when}: the tables are of one moment");
            if !random.one_in(8) {
                continue;
            }
            in_the_middle += u32::from(tended.is_some_and(|tended| tended != Tended::Done));
            let image = disk_image(&path);
            let path = image.path().join("ledger.sqlite");
            let mut revived = Sqlite::open(&path, settings.clone()).expect("a sound image");
            assert_same(&revived, &path, &book, &when);
            let again: Vec<_> = (0..=random.below(60)).map(|_| any_command(&mut random)).collect();
            revived.apply(&again, &mut replies).expect("a working store");
            drop(revived);
            assert_eq!(audit(&path).expect("a readable file"), [], "{when}: it goes on from there");
        }
    }
    assert!(in_the_middle > 5, "{in_the_middle} crashes came in the middle of a posting");
}

#[test]
fn a_daybook_torn_anywhere_is_read_up_to_the_last_whole_batch() {
    let settings = SqliteSettings { post_after: Duration::from_secs(3600), ..SqliteSettings::default() };
    let mut random = Random::from_number(13);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, settings.clone()).expect("a new store");
    let daybook = folder.path().join("ledger.sqlite-daybook-a");
    // After each batch: how long the daybook is, and who holds what.
    let mut steps = vec![(0, store.book().open_entries())];
    for call in 1..=20 {
        store.apply(&[reserve(call, "0.10", &[alice("9")])], &mut Vec::new()).expect("a working store");
        steps.push((fs::metadata(&daybook).expect("a daybook").len(), store.book().open_entries()));
    }
    let length = steps.last().expect("steps").0;
    for is_cut in [true, false] {
        for _ in 0..40 {
            let image = disk_image(&path);
            let (torn, at) = (image.path().join("ledger.sqlite-daybook-a"), random.below(length));
            let mut bytes = fs::read(&torn).expect("the daybook");
            if is_cut {
                bytes.truncate(at as usize);
            } else {
                bytes[at as usize] ^= 1 << random.below(8);
            }
            fs::write(&torn, bytes).expect("a torn daybook");
            let image_path = image.path().join("ledger.sqlite");
            let revived = Sqlite::open(&image_path, settings.clone()).expect("a sound image");
            let whole = steps.iter().take_while(|(end, _)| *end <= at).last().expect("the first step");
            assert_eq!(revived.book().open_entries(), whole.1, "torn at {at}");
            assert_eq!(audit(&image_path).expect("a readable file"), []);
        }
    }
}

/// A balance of a day that is over is dropped from memory when it is in the tables, and not while its last change waits.
#[test]
fn a_late_end_of_a_call_of_days_ago_is_posted_whole() {
    let settings = SqliteSettings { post_after: Duration::from_millis(1), ..SqliteSettings::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, settings).expect("a new store");
    let mut replies = Vec::new();
    let late = |number, money| match settle(number, money) {
        Command::Settle(settle) => Command::Settle(Settle { at: at(4 * 86_400 + number as i64), ..settle }),
        other => other,
    };
    let lines = [BudgetLine::hard(person("alice"), day("2026-11-23"), paid("100000"))];
    let calls: Vec<_> = (1..=100).map(|call| reserve(call, "1.00", &lines)).collect();
    store.apply(&calls, &mut replies).expect("a working store");
    let ends: Vec<_> = (1..=99).map(|call| late(call, "0.50")).collect();
    store.apply(&ends, &mut replies).expect("a working store");
    assert_eq!(store.tend().expect("a working store"), Tended::More, "the posting is under way");
    store.apply(&[late(100, "0.50")], &mut replies).expect("a working store");
    while store.tend().expect("a working store") != Tended::Done {}
    drop(store);
    assert_eq!(audit(&path).expect("a readable file"), []);
    let balances = SqliteReader::open(&path).expect("a reader").balances(&BalanceFilter::default());
    assert_eq!(balances.expect("balances")[0].1.settled.money, money("50.00"));
}

/// A ledger begun anew beside the daybook of the one that was taken away.
#[test]
fn the_daybook_of_another_ledger_is_left_out() {
    let settings = SqliteSettings { post_after: Duration::from_secs(3600), ..SqliteSettings::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, settings.clone()).expect("a new store");
    store.apply(&[reserve(1, "1.00", &[alice("9")])], &mut Vec::new()).expect("a working store");
    let image = disk_image(&path);
    for suffix in ["", "-wal"] {
        fs::remove_file(image.path().join(format!("ledger.sqlite{suffix}"))).expect("removed");
    }
    let anew = Sqlite::open(&image.path().join("ledger.sqlite"), settings).expect("a new store");
    assert_eq!(anew.book().open_entries(), []);
}

#[test]
fn a_daybook_taken_away_takes_no_more_and_is_not_lost() {
    let settings = SqliteSettings { post_after: Duration::from_secs(3600), ..SqliteSettings::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, settings).expect("a new store");
    let mut replies = Vec::new();
    store.apply(&[reserve(1, "1.00", &[alice("3")])], &mut replies).expect("a working store");
    for name in ["ledger.sqlite-daybook-a", "ledger.sqlite-daybook-b"] {
        fs::remove_file(folder.path().join(name)).expect("removed");
    }
    assert!(store.apply(&[reserve(2, "1.00", &[alice("3")])], &mut replies).is_err());
    assert_eq!(replies, []);
    store.recover().expect("the ledger is there");
    assert_eq!(audit(&path).expect("a readable file"), []);
    store.apply(&[settle(1, "0.50")], &mut replies).expect("a working store");
    assert_eq!(replies, [settled(1, "0.50")]);
}

#[test]
fn the_later_of_two_writers_has_what_the_earlier_one_has_answered() {
    let settings = SqliteSettings { post_after: Duration::from_secs(3600), ..SqliteSettings::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut first = Sqlite::open(&path, settings.clone()).expect("a new store");
    let mut replies = Vec::new();
    first.apply(&[reserve(1, "1.00", &[alice("3")])], &mut replies).expect("a working store");
    let mut second = Sqlite::open(&path, settings.clone()).expect("the same store");
    assert!(first.apply(&[reserve(2, "1.00", &[alice("3")])], &mut replies).is_err());
    assert!(matches!(first.recover(), Err(StoreError::TakenOver)));
    second.apply(&[reserve(3, "1.00", &[alice("3")])], &mut replies).expect("a working store");
    drop(first);
    drop(second);
    let third = Sqlite::open(&path, settings).expect("the same store");
    assert_eq!(third.book().open_entries().into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [id(1), id(3)]);
    assert_eq!(audit(&path).expect("a readable file"), []);
}

#[test]
fn a_call_in_progress_outlives_a_crash_in_the_daybook() {
    let settings = SqliteSettings { post_after: Duration::from_secs(3600), ..SqliteSettings::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, settings.clone()).expect("a new store");
    let mut replies = Vec::new();
    let told = |call, state: &str| match answer(call) {
        Command::Answer(answer) => Command::Answer(Answer { state: Some(state.into()), ..answer }),
        other => other,
    };
    let batch = [reserve(1, "1.00", &[alice("9")]), answer(1), reserve(2, "1.00", &[alice("9")])];
    store.apply(&batch, &mut replies).expect("a working store");
    store.apply(&[told(2, r#"{"a":"b\nc"}"#)], &mut replies).expect("a working store");
    assert!(SqliteReader::open(&path).expect("a reader").open_reservations().expect("some").is_empty());
    let image = disk_image(&path);
    let path = image.path().join("ledger.sqlite");
    drop(Sqlite::open(&path, settings).expect("a sound image"));
    let left = SqliteReader::open(&path).expect("a reader").open_reservations().expect("reservations");
    let states: Vec<_> = left.iter().map(|left| left.state.as_deref()).collect();
    assert_eq!(states, [None, Some(r#"{"a":"b\nc"}"#)]);
}

#[test]
fn a_posting_that_fails_takes_nothing_of_the_daybook_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let small = SqliteSettings { page_count_max: Some(60), ..SqliteSettings::posting_behind() };
    let mut store = Sqlite::open(&path, small).expect("a small store");
    let (mut replies, mut granted) = (Vec::new(), 0);
    let lines = [BudgetLine::hard(person("alice"), day("2026-11-23"), paid("100000"))];
    loop {
        store.apply(&[reserve(granted + 1, "1.00", &lines)], &mut replies).expect("the daybook has room");
        granted += 1;
        assert!(granted < 10_000, "sixty pages are soon full");
        let mut tended = store.tend();
        while matches!(tended, Ok(Tended::More | Tended::Behind)) {
            tended = store.tend();
        }
        if tended.is_err() {
            break;
        }
    }
    assert!(granted > 10);
    drop(store);
    let store = Sqlite::open(&path, SqliteSettings::default()).expect("the same store on a larger disk");
    assert_eq!(store.book().open_entries().len() as u64, granted);
    assert_eq!(audit(&path).expect("a readable file"), []);
}
