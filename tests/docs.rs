//! What the documents name exists: tests, scenarios, files, links, metrics, deviations.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const STATES: [&str; 5] = ["done", "built", "otherwise", "not needed", "not yet"];

/// Folders and files whose names in ARCHITECTURE.md are meant as paths from the root.
const ROOTS: [&str; 8] =
    ["src/", "tests/", "config/", "sipp-scenarios/", "benches/", "docs/", ".ci/", "README.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// The documents that people read, by their path from the root.
fn documents() -> Vec<PathBuf> {
    let kept = fs::read_dir(root().join("docs")).expect("docs/ exists").flatten();
    let kept = kept.map(|entry| PathBuf::from("docs").join(entry.file_name()));
    let mut all: Vec<PathBuf> =
        kept.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    all.extend(
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "sipp-scenarios/README.md"].map(PathBuf::from),
    );
    all
}

/// What stands between backquotes, fenced blocks left out.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// All Rust files under a folder or at a file.
fn sources(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a readable folder").flatten();
        entries.for_each(|entry| sources(&entry.path(), found));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(fs::read_to_string(path).expect("a readable file"));
    }
}

/// The names of the functions that are marked as tests.
fn tests_of(binary: &str) -> BTreeSet<String> {
    let mut files = Vec::new();
    if binary == "lib" {
        sources(&root().join("src"), &mut files);
    } else {
        sources(&root().join("tests").join(format!("{binary}.rs")), &mut files);
        let folder = root().join("tests").join(binary);
        if folder.exists() {
            sources(&folder, &mut files);
        }
    }
    files.iter().flat_map(|text| marked(text)).collect()
}

fn marked(text: &str) -> Vec<String> {
    let after = text.split("#[test]").skip(1).chain(text.split("#[tokio::test").skip(1));
    let name = |rest: &str| {
        let (_, name) = rest.split_once("fn ")?;
        Some(name.split(['(', '<']).next()?.trim().to_owned())
    };
    after.filter_map(name).collect()
}

/// `binary::name` or `scenarios/NN-name`; `None` for any other quotation.
fn is_test(word: &str) -> Option<bool> {
    if let Some(folder) = word.strip_prefix("scenarios/") {
        return Some(root().join("sipp-scenarios").join(folder).join("scenario.toml").exists());
    }
    let (binary, name) = word.split_once("::")?;
    let plain = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let is_binary = binary == "lib" || root().join("tests").join(format!("{binary}.rs")).exists();
    (is_binary && plain(name) && name != "name").then(|| tests_of(binary).contains(name))
}

#[test]
fn every_named_test_exists() {
    let text = read("docs/rfc-coverage.md") + &read("docs/threats.md");
    let named: BTreeSet<&str> = quoted(&text).into_iter().collect();
    let (mut count, mut missing) = (0, Vec::new());
    for word in named {
        match is_test(word) {
            Some(true) => count += 1,
            Some(false) => missing.push(word),
            None => {}
        }
    }
    assert!(missing.is_empty(), "no such test: {missing:#?}");
    assert!(count > 80, "only {count} tests are named");
}

/// A row of a table with those that continue it: the cells, the last one joined.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---")) {
        let cells: Vec<String> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        match rows.last_mut() {
            Some(row) if cells[0].is_empty() => {
                let rest = cells.last().cloned().unwrap_or_default();
                row.last_mut().expect("a row has cells").push_str(&format!(" {rest}"));
            }
            _ => rows.push(cells),
        }
    }
    rows
}

#[test]
fn every_row_has_a_state_and_whatever_is_done_names_its_test() {
    let text = read("docs/rfc-coverage.md");
    let (_, tables) = text.split_once("## RFC 3261").expect("the tables begin there");
    let mut faults = Vec::new();
    for row in rows(tables) {
        let state = &row[row.len() - 2];
        let proof = &row[row.len() - 1];
        if row[0] == "section" || row[0] == "RFC" {
            continue;
        }
        if !STATES.contains(&state.as_str()) {
            faults.push(format!("{}: {state:?} is no state", row[0]));
        }
        if state == "done" && !quoted(proof).into_iter().any(|word| is_test(word) == Some(true)) {
            faults.push(format!("{}: done, and no test is named", row[0]));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Test binaries that attack the built gate over sockets.
const ON_THE_WIRE: [&str; 8] =
    ["torture::", "wire::", "siege::", "tls::", "faults::", "routes::", "neighbours::", "scenarios/"];

/// Those of them that work on the reader alone, without a gate.
const IN_PROCESS: [&str; 2] =
    ["torture::no_message_costs_more_than_a_few_passes", "torture::changed_messages_never_break_the_reader"];

#[test]
fn every_attack_meets_the_built_gate_in_a_test() {
    let text = read("docs/threats.md");
    let attacks: Vec<Vec<String>> =
        rows(&text).into_iter().filter(|row| row.len() == 4 && row[0] != "attack").collect();
    let is_shown = |row: &&Vec<String>| quoted(&row[3]).into_iter().any(|word| is_test(word) == Some(true));
    let untested: Vec<&Vec<String>> = attacks.iter().filter(|row| !is_shown(row)).collect();
    assert!(untested.is_empty(), "attacks without a test: {untested:#?}");
    let is_told = |row: &&Vec<String>| {
        let is_on_the_wire = |word: &&str| ON_THE_WIRE.iter().any(|binary| word.starts_with(binary));
        let mut wire = quoted(&row[3]).into_iter().filter(is_on_the_wire);
        wire.any(|word| !IN_PROCESS.contains(&word))
    };
    let simulated: Vec<&Vec<String>> = attacks.iter().filter(|row| !is_told(row)).collect();
    assert!(simulated.is_empty(), "attacks that never met the built gate: {simulated:#?}");
    assert!(attacks.len() >= 200, "only {} attacks", attacks.len());
}

#[test]
fn every_deviation_that_is_named_is_listed() {
    let text = read("docs/rfc-coverage.md");
    let listed = |number: &str| {
        text.contains(&format!("\n- **D{number}. ")) || text.contains(&format!("\n- **D{number}**"))
    };
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let numbers = words.filter_map(|word| word.strip_prefix('D'));
    let numbers = numbers.filter(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let missing: BTreeSet<&str> = numbers.filter(|number| !listed(number)).collect();
    assert!(missing.is_empty(), "not in the list: {missing:?}");
}

#[test]
fn every_link_leads_to_a_file() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = read(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = document.parent().unwrap_or(Path::new(""));
            let there = file.is_empty() || root().join(folder).join(file).exists();
            let own = !file.is_empty() || text.lines().any(|line| is_heading(line, anchor));
            if !there || !own {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn is_heading(line: &str, anchor: &str) -> bool {
    line.starts_with('#') && line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-") == anchor
}

#[test]
fn every_metric_that_is_named_is_counted() {
    let names = read("src/telemetry/names.rs");
    let mut missing = Vec::new();
    for document in documents() {
        let text = read(&document);
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_./".contains(letter)));
        let metrics = words.filter(|word| word.starts_with("tollgate_") && !word.contains(['.', '/']));
        missing.extend(
            metrics
                .filter(|word| !names.contains(&format!("\"{word}\"")))
                .map(|word| format!("{}: {word}", document.display())),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_file_of_the_house_exists() {
    let text = read("ARCHITECTURE.md");
    let named = quoted(&text).into_iter().map(|word| word.split(' ').next().unwrap_or_default());
    let files: BTreeSet<&str> =
        named.filter(|word| ROOTS.iter().any(|start| word.starts_with(start))).collect();
    let missing: Vec<&&str> = files.iter().filter(|file| !root().join(file).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(files.len() > 80, "only {} files are named", files.len());
}

/// A new room or a new stage of a call is told about.
#[test]
fn every_room_and_every_stage_has_its_place() {
    let text = read("ARCHITECTURE.md");
    let names = |folder: &str| {
        let entries = fs::read_dir(root().join(folder)).expect("a readable folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let rooms =
        names("src").into_iter().filter(|name| !name.ends_with(".rs")).map(|name| format!("`src/{name}/"));
    let stages = names("src/gate").into_iter().map(|name| format!("`src/gate/{name}`"));
    let binaries =
        names("tests").into_iter().filter(|name| name.ends_with(".rs")).map(|name| format!("`tests/{name}`"));
    let missing: Vec<String> =
        rooms.chain(stages).chain(binaries).filter(|name| !text.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md says nothing of {missing:?}");
}
