//! One battery for the book and every store, then chance, crashes and a store that fails.

#[path = "ledger/battery.rs"]
mod battery;
#[path = "ledger/chance.rs"]
mod chance;
#[path = "ledger/crash.rs"]
mod crash;
#[path = "ledger/daybook.rs"]
mod daybook;
#[path = "ledger/notes.rs"]
mod notes;
#[path = "ledger/remembered.rs"]
mod remembered;
#[path = "ledger/renewal.rs"]
mod renewal;
#[path = "ledger/tray.rs"]
mod tray;
#[path = "ledger/words.rs"]
mod words;
#[path = "ledger/writer.rs"]
mod writer;
