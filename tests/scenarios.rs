//! Plays every folder of `sipp-scenarios/` against the real gate with SIPp, and compares the ledger: one named test per folder.
//!
//! By hand: `sipp-scenarios/run`, or `sipp-scenarios/run 04 digest` for those whose names hold these words.
#![allow(clippy::disallowed_methods)] // Real sockets and processes need a real clock.

#[path = "scenarios/gate.rs"]
mod gate;
#[path = "scenarios/ledger.rs"]
mod ledger;
#[path = "scenarios/phone.rs"]
mod phone;
#[path = "scenarios/places.rs"]
mod places;
#[path = "scenarios/story.rs"]
mod story;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;

use gate::Gate;
use phone::Running;
use places::Places;
use story::{Does, Phone, Story};

fn main() -> ExitCode {
    let trials = folders().into_iter().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// `NN-name` folders, in order.
fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios");
    let entries = fs::read_dir(&root).expect("sipp-scenarios/ exists").flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.join("scenario.toml").exists()).collect();
    folders.sort();
    folders
}

fn trial(folder: PathBuf) -> Trial {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Trial::test(name, move || play(&folder).map_err(Failed::from))
}

/// Plays one story in a folder of its own, which stays for inspection if it fails.
fn play(folder: &Path) -> Result<(), String> {
    let story = Story::read(folder)?;
    let scratch = TempDir::with_prefix("tollgate-scenario-").map_err(|fault| fault.to_string())?;
    let company = folder.with_file_name("company");
    let outcome = act(&story, &company, scratch.path());
    outcome.map_err(|fault| {
        let kept = scratch.keep();
        let log = Gate::log_tail(&kept);
        format!(
            "{}\n{fault}\n\nThe gate's log ends:\n{log}\n\nEverything is in {}",
            story.story,
            kept.display()
        )
    })
}

fn act(story: &Story, company: &Path, scratch: &Path) -> Result<(), String> {
    let places = Places::free();
    let gate = Gate::start(scratch, company, &places, &story.t1)?;
    let database = gate.database();
    if story.database_gone {
        lose(&database)?;
    }
    call_all(story, scratch, &places)?;
    gate.stop()?;
    if story.database_gone { Ok(()) } else { ledger::judge(story, &database) }
}

fn call_all(story: &Story, scratch: &Path, places: &Places) -> Result<(), String> {
    let mut answering = Vec::new();
    for phone in &story.phones {
        match phone.does {
            Does::Answers => {
                let folder = scratch.join(&phone.name);
                answering.push(Running::start(story, phone, "", &folder, places)?);
            }
            Does::Calls => call_each(story, phone, scratch, places)?,
        }
    }
    answering.into_iter().try_for_each(Running::finish)
}

fn call_each(story: &Story, phone: &Phone, scratch: &Path, places: &Places) -> Result<(), String> {
    for (index, to) in phone.to.iter().enumerate() {
        let folder = scratch.join(format!("{}-{}", phone.name, index + 1));
        let calling = Running::start(story, phone, to, &folder, places)?;
        calling.finish().map_err(|fault| format!("calling {to}: {fault}"))?;
        if let Some(load) = story.load {
            judge_load(&folder, load)?;
        }
    }
    Ok(())
}

/// On loopback nothing is lost: whatever is sent twice was answered too late. The full load by hand bears none of that; the short
/// one shares its machine with other tests, and bears one call in a hundred.
fn judge_load(folder: &Path, load: story::Load) -> Result<(), String> {
    let borne = if load.is_full() { 0 } else { u64::from(load.call_count() / 100) };
    match Running::retransmissions(folder)? {
        count if count <= borne => Ok(()),
        count => Err(format!("{count} messages had to be sent again")),
    }
}

/// The database's files vanish while the gate runs.
fn lose(database: &Path) -> Result<(), String> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        match fs::remove_file(&path) {
            Err(fault) if suffix.is_empty() => return Err(format!("{}: {fault}", database.display())),
            _ => {}
        }
    }
    Ok(())
}
