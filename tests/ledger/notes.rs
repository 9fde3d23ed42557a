//! Notes for the next start: a kill at any instant takes nothing along that was decided, whatever the disk had of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tollgate::base::{Moment, Random};
use tollgate::ledger::{Answer, Balance, Command, Entry, Remember};
use tollgate::store::{
    BalanceFilter, Bookmark, Earlier, LAP_BYTES, LAYOUT, Memory, Notes, Reports, STATEMENT_PATIENCE, Sqlite,
    SqliteReader, SqliteSettings, Store, Tray, Writer, WriterEvent, audit,
};

use super::chance::{any_command, assert_within_limits};
use super::words::*;

/// Longer than any test takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// A ledger, the notes beside it, and the process that will be killed.
struct House {
    home: TempDir,
    tray: Tray,
    events: mpsc::Receiver<WriterEvent>,
    now: Moment,
}

impl House {
    fn open() -> House {
        let home = tempfile::tempdir().expect("a folder");
        let path = ledger(home.path());
        let (notes, earlier) = Notes::begin(home.path(), &path, 7).expect("a folder of its own");
        let mut store = Sqlite::open(&path, settings(earlier)).expect("a new store");
        let book = store.standing(at(0).date_naive()).expect("a store that can be read");
        let (sender, events) = mpsc::channel();
        let writer = Writer::spawn(store, || Moment::START, move |event| drop(sender.send(event)));
        let mut tray = Tray::new(writer.expect("a thread"), book, at(0).date_naive());
        tray.note_in(notes);
        House { home, tray, events, now: Moment::START }
    }

    fn put(&mut self, command: Command) {
        self.tray.put(self.now, command);
        while self.tray.next_reply().is_some() {}
        self.tray.write_notes(self.now).expect("room for notes");
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        self.tray.advance(self.now);
    }

    /// What a kill leaves: the files as they are, in a house of their own, and what was noted there.
    fn killed(&self) -> (TempDir, Earlier) {
        let image = tempfile::tempdir().expect("a folder");
        for suffix in ["", "-wal", "-daybook-a", "-daybook-b"] {
            let name = format!("ledger.sqlite{suffix}");
            fs::copy(self.home.path().join(&name), image.path().join(&name)).expect("a copy");
        }
        // The folder's name comes from the ledger's path: a run that ends at once makes it.
        let (first, _) = Notes::begin(image.path(), &ledger(image.path()), 0).expect("a folder");
        let folder = notes_folder(image.path());
        for entry in fs::read_dir(notes_folder(self.home.path())).expect("notes") {
            let entry = entry.expect("a file");
            let number: u64 = entry.file_name().to_str().expect("a number").parse().expect("a number");
            fs::copy(entry.path(), folder.join((number + 1).to_string())).expect("a copy");
        }
        drop(first);
        let (_, earlier) = Notes::begin(image.path(), &ledger(image.path()), 8).expect("the next run");
        (image, earlier)
    }

    fn end(self) -> TempDir {
        self.tray.stop(self.now, || self.events.try_recv().ok());
        self.home
    }
}

fn ledger(home: &Path) -> PathBuf {
    home.join("ledger.sqlite")
}

fn notes_folder(home: &Path) -> PathBuf {
    let mut folders = fs::read_dir(home).expect("a home").map(|entry| entry.expect("an entry").path());
    folders.find(|path| path.is_dir()).expect("a folder of notes")
}

fn settings(earlier: Earlier) -> SqliteSettings {
    SqliteSettings { noted: Some(earlier), ..SqliteSettings::posting_behind() }
}

/// Everything that earlier runs have noted.
fn left(earlier: &Earlier) -> Vec<Command> {
    earlier.read(Bookmark::default()).expect("notes can be read").0
}

/// What is held, without what the book beside the gate need not know.
fn held(entries: Vec<(tollgate::base::ReservationId, Entry)>) -> Vec<impl PartialEq + std::fmt::Debug> {
    entries.into_iter().map(|(id, entry)| (id, entry.covered(), entry.lines)).collect()
}

#[test]
fn a_kill_at_any_instant_takes_nothing_along() {
    let is_used = |balance: &(_, Balance)| balance.1.used() != amount("0");
    for seed in 400..412 {
        let mut random = Random::from_number(seed);
        let mut house = House::open();
        let mut attempts = Vec::new();
        for step in 0..160 {
            let command = any_command(&mut random);
            if let Command::Record(record) = &command {
                attempts.push(record.decision);
            }
            house.put(command);
            if random.one_in(3) {
                house.wait(Duration::from_millis(random.below(400)));
            }
            if !random.one_in(8) {
                continue;
            }
            let (image, earlier) = house.killed();
            let path = ledger(image.path());
            let mut revived = Sqlite::open(&path, settings(earlier.clone())).expect("a sound image");
            let book = revived.standing(at(0).date_naive()).expect("balances");
            assert_eq!(held(book.open_entries()), held(house.tray.book().open_entries()), "{seed} {step}");
            let used = |balances: Vec<_>| balances.into_iter().filter(is_used).collect::<Vec<_>>();
            let reader = SqliteReader::open(&path).expect("a reader");
            let written = reader.balances(&BalanceFilter::default()).expect("balances");
            assert_within_limits(&written);
            assert_eq!(used(written), used(house.tray.book().balances()), "seed {seed}, step {step}");
            for decision in &attempts {
                assert!(reader.record(*decision).expect("records").is_some(), "seed {seed}, step {step}");
            }
            assert_eq!(audit(&path).expect("a readable file"), [], "seed {seed}, step {step}");
            assert_eq!(left(&earlier), [], "what is written is forgotten");
        }
        let home = house.end();
        assert!(
            fs::read_dir(home.path()).expect("a home").all(|entry| !entry.expect("an entry").path().is_dir())
        );
    }
}

#[test]
fn a_call_that_rang_for_a_moment_and_one_in_progress_are_there_after_a_kill() {
    let mut house = House::open();
    house.put(reserve(1, "1.00", &[alice("9")]));
    house.put(reserve(2, "2.00", &[alice("9")]));
    let Command::Answer(answer) = answer(2) else { unreachable!("it is one") };
    house.put(Command::Answer(Answer { state: Some(r#"{"a":"b\nc"}"#.into()), ..answer }));
    let remembered = Remember { decision: decision(2), at: at(6), state: "moved".into() };
    house.put(Command::Remember(remembered));
    house.put(reserve(3, "1.00", &[alice("9")]));
    house.put(release(3));
    let (image, earlier) = house.killed();
    let path = ledger(image.path());
    drop(Sqlite::open(&path, settings(earlier)).expect("a sound image"));
    let reader = SqliteReader::open(&path).expect("a reader");
    let left = reader.open_reservations().expect("reservations");
    let states: Vec<_> = left.iter().map(|left| (left.id, left.state.as_deref())).collect();
    assert_eq!(states, [(id(1), None), (id(2), Some("moved"))]);
    let ends =
        [1, 2, 3].map(|call| reader.record(decision(call)).expect("records").map(|row| row.end.is_some()));
    assert_eq!(ends, [Some(false), Some(false), Some(true)]);
}

/// Between the commit of what was noted and the end of the notes, and again.
#[test]
fn notes_that_are_written_already_are_written_once() {
    let mut house = House::open();
    house.put(reserve(1, "1.00", &[alice("9")]));
    house.put(answer(1));
    house.put(extend(1, "0.40", "1.50", &[sales("5")]));
    house.put(extend(1, "0.90", "2.00", &[alice("9")]));
    let (image, earlier) = house.killed();
    let path = ledger(image.path());
    let noted = notes_folder(image.path()).join("1");
    let kept = fs::read(&noted).expect("notes");
    let mut balances = Vec::new();
    for _ in 0..3 {
        drop(Sqlite::open(&path, settings(earlier.clone())).expect("a sound image"));
        let reader = SqliteReader::open(&path).expect("a reader");
        balances.push(reader.balances(&BalanceFilter::default()).expect("balances"));
        assert_eq!(audit(&path).expect("a readable file"), []);
        assert!(!noted.exists());
        fs::write(&noted, &kept).expect("as if the kill had come before they were forgotten");
    }
    assert!(!balances[0].is_empty() && balances[0] == balances[1] && balances[1] == balances[2]);
    // A word that was cut off is not a word.
    fs::write(&noted, &kept[..kept.len() - 3]).expect("room");
    assert_eq!(left(&earlier).len(), 3);
}

#[test]
fn a_full_file_goes_when_all_in_it_is_written() {
    let mut house = House::open();
    house.put(reserve(1, "1.00", &[alice("9")]));
    let count = |house: &House| fs::read_dir(notes_folder(house.home.path())).expect("notes").count();
    let mut call = 10;
    while count(&house) < 2 {
        call += 1;
        house.put(Command::Record(opening(call)));
        assert!(call < 200_000, "{LAP_BYTES} bytes are soon full");
    }
    // All of it is with the writer, also the call that rings.
    while count(&house) > 1 {
        let event = house.events.recv_timeout(PATIENCE).expect("the writer goes on");
        house.tray.hear(house.now, event);
    }
    let (image, earlier) = house.killed();
    assert_eq!(left(&earlier), [], "a new file begins empty");
    let mut revived = Sqlite::open(&ledger(image.path()), settings(earlier)).expect("a sound image");
    assert_eq!(revived.standing(at(0).date_naive()).expect("balances").open_entries().len(), 1);
}

/// In a long outage bare records are dropped, and what was decided before them still waits.
#[test]
fn records_that_are_dropped_take_no_notes_of_money_along() {
    let mut house = House::open();
    house.put(reserve(1, "1.00", &[alice("9")]));
    let count = |house: &House| fs::read_dir(notes_folder(house.home.path())).expect("notes").count();
    for call in 11.. {
        house.put(Command::Record(opening(call)));
        if count(&house) == 2 {
            break;
        }
    }
    house.tray.hear(house.now, WriterEvent::RecordsDropped { count: 1_000_000 });
    assert_eq!(count(&house), 2, "the reservation stands in the first of them alone");
}

#[test]
fn a_folder_that_others_may_write_to_is_not_used() {
    let home = tempfile::tempdir().expect("a folder");
    let (notes, _) = Notes::begin(home.path(), &ledger(home.path()), 7).expect("a folder of its own");
    drop(notes);
    let folder = notes_folder(home.path());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("ours");
    assert!(Notes::begin(home.path(), &ledger(home.path()), 7).is_err());
    fs::remove_dir_all(&folder).expect("ours");
    std::os::unix::fs::symlink("/tmp", &folder).expect("a link in its place");
    assert!(Notes::begin(home.path(), &ledger(home.path()), 7).is_err());
}

#[test]
fn notes_that_cannot_be_written_stop_and_nothing_else_does() {
    let mut store = Memory::default();
    let book = store.standing(at(0).date_naive()).expect("memory does not fail");
    let (sender, events) = mpsc::channel();
    let writer = Writer::spawn(store, || Moment::START, move |event| drop(sender.send(event)));
    let mut tray = Tray::new(writer.expect("a thread"), book, at(0).date_naive());
    let home = tempfile::tempdir().expect("a folder");
    let (notes, _) = Notes::begin(home.path(), &ledger(home.path()), 7).expect("a folder of its own");
    tray.note_in(notes);
    fs::remove_dir_all(notes_folder(home.path())).expect("ours");
    let mut faults = 0;
    for call in 1..100_000 {
        tray.put(Moment::START, Command::Record(opening(call)));
        faults += usize::from(tray.write_notes(Moment::START).is_err());
    }
    assert_eq!(faults, 1, "said once");
    tray.advance(Moment::START + STATEMENT_PATIENCE * 20);
    tray.stop(Moment::START, || events.try_recv().ok());
}

/// Notes are read by the program that wrote them, or by one after it: whoever changes what a command holds raises `LAYOUT`.
#[test]
fn the_layout_of_a_note_has_its_version() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut notes, _) = Notes::begin(home.path(), &ledger(home.path()), 7).expect("a folder of its own");
    let mut moved = closing(7, "1.25");
    moved.tariff =
        Some(tollgate::ledger::TariffMark { prefix: "4930".into(), valid_from: at(0).date_naive() });
    let remember = Remember { decision: decision(7), at: at(6), state: "moved".into() };
    let all = [
        reserve(7, "1.00 60", &[alice("9"), sales("5")]),
        extend(7, "0.10", "2.00 120", &[alice("9")]),
        answer(7),
        settle(7, "1.25"),
        release(7),
        expire(7),
        Command::Record(moved),
        Command::Remember(remember),
    ];
    all.iter().for_each(|command| notes.note(command));
    notes.write().expect("room for notes");
    let bytes = fs::read(notes_folder(home.path()).join("0")).expect("notes");
    let hash: String = Sha256::digest(&bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((LAYOUT, hash.as_str()), (1, "480f6eea66f8d270"), "a new layout wants a new version");
    let (_, earlier) = Notes::begin(home.path(), &ledger(home.path()), 7).expect("the next run");
    assert_eq!(left(&earlier), all);
}
