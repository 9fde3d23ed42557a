//! kill -9: what is on the disk at any moment is a ledger that opens, knows every answered command, and passes the audit.

use std::fs::{self, OpenOptions};
use std::path::Path;

use tempfile::TempDir;
use tollgate::base::Random;
use tollgate::ledger::{BudgetLine, Reply};
use tollgate::store::{
    BalanceFilter, Reports, Sqlite, SqliteReader, SqliteSettings, Store, StoreError, audit,
};

use super::chance::{any_command, assert_within_limits};
use super::words::*;

/// The files as the disk has them now, in a folder of their own: what a machine finds that lost its power.
pub fn disk_image(path: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for suffix in ["", "-wal", "-daybook-a", "-daybook-b"] {
        let name = format!("ledger.sqlite{suffix}");
        let file = path.with_file_name(&name);
        if file.exists() {
            fs::copy(file, folder.path().join(&name)).expect("a copy");
        }
    }
    folder
}

#[test]
fn after_a_crash_everything_that_was_answered_is_there() {
    for seed in 100..106 {
        let mut random = Random::from_number(seed);
        let (mut book, mut store) = (Subject::memory(), Subject::sqlite());
        for step in 0..60 {
            let batch: Vec<_> = (0..=random.below(4)).map(|_| any_command(&mut random)).collect();
            assert_eq!(store.batch(&batch), book.batch(&batch));
            if !random.one_in(6) {
                continue;
            }
            let image = disk_image(&store.path().expect("a file"));
            let path = image.path().join("ledger.sqlite");
            let revived = Sqlite::open(&path, SqliteSettings::default()).expect("a sound image");
            assert_eq!(revived.book().open_entries(), open_entries(&book), "seed {seed}, step {step}");
            let reader = SqliteReader::open(&path).expect("a reader");
            assert_eq!(reader.balances(&BalanceFilter::default()).expect("balances"), book.balances());
            assert_eq!(audit(&path).expect("a readable file"), []);
        }
    }
}

pub fn open_entries(subject: &Subject) -> Vec<(tollgate::base::ReservationId, tollgate::ledger::Entry)> {
    match subject {
        Subject::Memory(store) => store.book().open_entries(),
        Subject::Sqlite { store, .. } => store.book().open_entries(),
    }
}

#[test]
fn a_commit_torn_anywhere_is_a_commit_that_never_was() {
    let mut random = Random::from_number(12);
    let mut store = Subject::sqlite();
    for _ in 0..40 {
        store.batch(&[any_command(&mut random), any_command(&mut random)]);
    }
    let path = store.path().expect("a file");
    let log_length = fs::metadata(path.with_file_name("ledger.sqlite-wal")).expect("a log").len();
    for _ in 0..40 {
        let image = disk_image(&path);
        let log = image.path().join("ledger.sqlite-wal");
        let torn = OpenOptions::new().write(true).open(&log).expect("the log");
        torn.set_len(random.below(log_length)).expect("a shorter log");
        let image_path = image.path().join("ledger.sqlite");
        drop(Sqlite::open(&image_path, SqliteSettings::default()).expect("a sound image"));
        assert_eq!(audit(&image_path).expect("a readable file"), []);
        let reader = SqliteReader::open(&image_path).expect("a reader");
        assert_within_limits(&reader.balances(&BalanceFilter::default()).expect("balances"));
    }
}

#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let settings = SqliteSettings { page_count_max: Some(40), ..SqliteSettings::default() };
    let mut store = Sqlite::open(&path, settings).expect("a small store");
    let mut replies = Vec::new();
    let lines = [BudgetLine::hard(person("alice"), day("2026-11-23"), paid("100000"))];
    let mut granted = Vec::new();
    let error =
        (1..10_000).find_map(|call| match store.apply(&[reserve(call, "1.00", &lines)], &mut replies) {
            Ok(()) => {
                granted.push(call);
                None
            }
            Err(error) => Some(error),
        });
    let error = error.expect("forty pages are soon full");
    assert_eq!(error.why(), tollgate::ledger::Unavailable::Full);
    assert_eq!(replies, []);
    assert!(granted.len() > 10);
    // The book has forgotten the call that did not fit, as the file has.
    assert_eq!(store.book().open_entries().len(), granted.len());
    assert_eq!(audit(&path).expect("a readable file"), []);
    // A larger disk, and it goes on.
    drop(store);
    let mut store = Sqlite::open(&path, SqliteSettings::default()).expect("the same store");
    store
        .apply(&[settle(granted[0], "0.50"), reserve(20_000, "1.00", &lines)], &mut replies)
        .expect("room again");
    assert_eq!(replies[0], settled(granted[0], "0.50"));
}

#[test]
fn a_file_taken_away_takes_no_more_commits() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, SqliteSettings::default()).expect("a new store");
    let mut replies = Vec::new();
    store.apply(&[reserve(1, "1.00", &[alice("3")])], &mut replies).expect("a working store");
    store.probe().expect("a working store");

    let names = ["ledger.sqlite", "ledger.sqlite-wal"];
    let elsewhere = tempfile::tempdir().expect("a folder");
    for name in names {
        fs::rename(folder.path().join(name), elsewhere.path().join(name)).expect("moved");
    }
    assert!(store.probe().is_err());
    assert!(store.apply(&[reserve(2, "1.00", &[alice("3")])], &mut replies).is_err());
    // An empty file in its place would give everyone their money anew, so it is not made.
    let why = store.recover().map_err(|error| error.why());
    assert_eq!(why, Err(tollgate::ledger::Unavailable::FileGone));
    assert!(!path.exists());

    for name in names {
        fs::rename(elsewhere.path().join(name), folder.path().join(name)).expect("moved back");
    }
    store.recover().expect("the file is back");
    store
        .apply(&[reserve(1, "1.00", &[alice("3")]), settle(1, "0.50")], &mut replies)
        .expect("a working store");
    assert_eq!(replies[1], settled(1, "0.50"));
}

#[test]
fn another_file_in_its_place_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, SqliteSettings::default()).expect("a new store");
    let mut replies = Vec::new();
    store.apply(&[reserve(1, "1.00", &[alice("3")])], &mut replies).expect("a working store");
    let copy = folder.path().join("copy.sqlite");
    fs::copy(&path, &copy).expect("a copy");
    fs::rename(&copy, &path).expect("another file in its place");
    assert!(matches!(store.probe(), Err(StoreError::Replaced)));
}

#[test]
fn the_later_of_two_writers_keeps_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut first = Sqlite::open(&path, SqliteSettings::default()).expect("a new store");
    let mut replies = Vec::new();
    first.apply(&[reserve(1, "1.00", &[alice("3")])], &mut replies).expect("a working store");
    let mut second = Sqlite::open(&path, SqliteSettings::default()).expect("the same store");
    let late = first.apply(&[reserve(2, "1.00", &[alice("3")])], &mut replies);
    assert!(matches!(late, Err(StoreError::TakenOver)));
    assert!(matches!(first.recover(), Err(StoreError::TakenOver)));
    second
        .apply(&[settle(1, "1.00"), reserve(2, "2.00", &[alice("3")])], &mut replies)
        .expect("a working store");
    assert!(matches!(&replies[..], [Reply::Settled { .. }, Reply::Reserved(_)]));
}

#[test]
fn foreign_and_newer_files_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let foreign = folder.path().join("foreign.sqlite");
    let other = rusqlite::Connection::open(&foreign).expect("a database");
    other.execute_batch("CREATE TABLE song (title TEXT)").expect("a table");
    assert!(matches!(Sqlite::open(&foreign, SqliteSettings::default()), Err(StoreError::Foreign)));

    let newer = folder.path().join("newer.sqlite");
    drop(Sqlite::open(&newer, SqliteSettings::default()).expect("a new store"));
    let other = rusqlite::Connection::open(&newer).expect("a database");
    other.pragma_update(None, "user_version", 99).expect("a later version");
    assert!(matches!(
        Sqlite::open(&newer, SqliteSettings::default()),
        Err(StoreError::TooNew { found: 99, .. })
    ));
}

#[test]
fn the_auditor_finds_a_changed_balance_and_the_journal_cannot_be_changed() {
    let mut store = Subject::sqlite();
    store.batch(&[reserve(1, "1.00", &[alice("3")]), settle(1, "0.75")]);
    let other = rusqlite::Connection::open(store.path().expect("a file")).expect("a database");
    assert!(other.execute("UPDATE journal SET money = 0", []).is_err());
    assert!(other.execute("DELETE FROM journal", []).is_err());
    other.execute("UPDATE balance SET settled_money = 1", []).expect("a forged balance");
    assert_eq!(store.differences().len(), 1);
    other.execute("UPDATE call_record SET cost = 1", []).expect("a forged record");
    assert_eq!(store.differences().len(), 2);
    other.execute("DELETE FROM call_record", []).expect("a lost record");
    assert_eq!(store.differences().len(), 2);
}
