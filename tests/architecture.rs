//! The shape of the house, as data: who imports whom, how long things get, which words and tools stay out of which rooms.

#[path = "architecture/source.rs"]
mod source;

use source::{Source, lines_with, words_of};

/// Every room with the rooms it may import. The table of DESIGN.md; a room that is not listed does not exist.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("sip", &["base"]),
    ("policy", &["base"]),
    ("ledger", &["base"]),
    ("transaction", &["base", "sip"]),
    ("dialog", &["base", "sip"]),
    ("registrar", &["base", "sip"]),
    ("proxy", &["base", "sip", "transaction"]),
    ("gate", PURE),
    ("config", &["base", "policy", "ledger"]),
    ("net", &["base", "sip"]),
    ("store", &["base", "policy", "ledger"]),
    ("admin", &["base", "policy", "ledger", "config", "store"]),
    ("telemetry", &["base"]),
    ("app", EVERY),
];

/// Rooms that judge: values in, values out.
const PURE: &[&str] =
    &["base", "sip", "policy", "ledger", "transaction", "dialog", "registrar", "proxy", "gate"];

const EVERY: &[&str] = &[
    "base",
    "sip",
    "policy",
    "ledger",
    "transaction",
    "dialog",
    "registrar",
    "proxy",
    "gate",
    "config",
    "net",
    "store",
    "admin",
    "telemetry",
];

/// What a pure room has no use for: time, chance, files and sockets come in as values, and nobody else holds its state.
const IMPURE: &[&str] = &[
    "async",
    "await",
    "tokio",
    "std::net::UdpSocket",
    "UdpSocket",
    "TcpListener",
    "TcpStream",
    "std::fs",
    "std::thread",
    "thread",
    "thread_local!",
    "Mutex",
    "RwLock",
    "dyn",
    "println!",
    "eprintln!",
    "std::env",
    "getrandom",
];

/// Reading a clock is `app/clock.rs`'s alone.
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Utc::now", "Local::now"];
const CLOCK_FILE: &str = "src/app/clock.rs";

/// Money is an integer; a float anywhere near it is a rounding error that waits for its day.
const FLOATLESS: &[&str] = &["src/ledger/", "src/store/", "src/base/"];

/// Words that name nothing.
const EMPTY_WORDS: &[&str] = &[
    "manager",
    "handler",
    "helper",
    "helpers",
    "util",
    "utils",
    "common",
    "misc",
    "impl",
    "service",
    "processor",
    "context",
    "data",
    "info",
];

/// Names whose empty word is a standard's own, with the standard. An entry that nobody uses fails the test.
const STANDARD_NAMES: &[(&str, &str)] = &[
    ("service", "urn:service:sos, RFC 5031 §4.2"),
    ("place_in_context", "phone-context, RFC 3966 §5.1.5"),
    ("ResponseContext", "RFC 3261 §16.7"),
    ("context", "response context, RFC 3261 §16.7"),
];

const SOFT_FILE_LINES: usize = 400;
const HARD_FILE_LINES: usize = 800;
const FUNCTION_LINES: usize = 70;

/// Files over the soft edge. This list only shrinks: an entry that no longer applies fails the test.
const LONG_FILES: &[&str] = &[];

/// Functions over 70 lines, as `path name`. This list only shrinks too.
const LONG_FUNCTIONS: &[&str] = &[
    // One table, three languages, a line or two for each reason.
    "src/policy/sentence.rs pattern",
];

#[test]
fn every_room_is_in_the_table() {
    let unknown = faults(|source| {
        let room = source.room()?;
        let known = ROOMS.iter().any(|(name, _)| *name == room);
        (!known).then(|| format!("`{room}` is no room of DESIGN.md"))
    });
    expect_none(unknown);
}

#[test]
fn rooms_import_downward_only() {
    expect_none(faults(|source| {
        let room = source.room()?;
        let (_, allowed) = ROOMS.iter().find(|(name, _)| *name == room)?;
        let is_room = |name: &str| ROOMS.iter().any(|(room, _)| *room == name);
        let upward: Vec<String> = source
            .imported_rooms()
            .into_iter()
            .filter(|name| is_room(name) && name != room && !allowed.contains(&name.as_str()))
            .collect();
        (!upward.is_empty()).then(|| format!("`{room}` must not import {}", upward.join(", ")))
    }));
}

#[test]
fn the_table_itself_has_no_circle() {
    for (room, allowed) in ROOMS {
        for below in allowed.iter().filter(|below| *below != room) {
            let (_, theirs) = ROOMS.iter().find(|(name, _)| name == below).expect("imports are rooms");
            assert!(!theirs.contains(room), "{room} and {below} import each other");
        }
    }
}

#[test]
fn only_sip_names_rsip() {
    expect_none(words_outside(&["rsip"], |source| source.room() == Some("sip")));
}

#[test]
fn one_file_reads_the_clocks() {
    expect_none(words_outside(CLOCKS, |source| source.path == CLOCK_FILE));
}

#[test]
fn pure_rooms_hold_no_wires_locks_or_tasks() {
    let wired = |source: &Source| !source.room().is_some_and(|room| PURE.contains(&room));
    expect_none(words_outside(IMPURE, wired));
}

#[test]
fn no_floats_near_money() {
    let far = |source: &Source| !FLOATLESS.iter().any(|folder| source.path.starts_with(folder));
    expect_none(words_outside(&["f32", "f64"], far));
}

#[test]
fn nothing_panics_by_shortcut() {
    expect_none(words_outside(&[".unwrap()", "todo!", "unimplemented!", "dbg!"], |_| false));
}

#[test]
fn no_test_is_ignored() {
    expect_none(faults(|source| found(&source.code, &["#[ignore"])));
}

#[test]
fn every_file_opens_with_a_sentence() {
    expect_none(faults(|source| {
        let opening: Vec<&str> = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
        let sentence = opening.join(" ");
        let complete = sentence.len() > "//! .".len() && sentence.trim_end().ends_with(['.', '`', '!', ')']);
        (!complete).then(|| "does not open with one `//!` sentence".to_owned())
    }));
}

#[test]
fn names_say_something() {
    expect_none(faults(|source| {
        let mut empty = source.declared_names();
        empty.push(source.path.trim_end_matches(".rs").replace(['/', '-'], "_"));
        empty.retain(|name| {
            says_nothing(name) && !STANDARD_NAMES.iter().any(|(standard, _)| standard == name)
        });
        (!empty.is_empty()).then(|| format!("empty words in {}", empty.join(", ")))
    }));
}

#[test]
fn excused_names_are_in_use() {
    let names: Vec<String> = Source::all().iter().flat_map(Source::declared_names).collect();
    let unused = STANDARD_NAMES.iter().filter(|(standard, _)| !names.iter().any(|name| name == standard));
    expect_none(unused.map(|(standard, _)| format!("nothing is called {standard} any more")).collect());
}

#[test]
fn files_keep_to_their_length() {
    let sources = Source::all();
    let long: Vec<&Source> = sources.iter().filter(|source| source.line_count() > SOFT_FILE_LINES).collect();
    let mut faults = Vec::new();
    for source in &long {
        let lines = source.line_count();
        if lines > HARD_FILE_LINES {
            faults.push(format!("{}: {lines} lines, {HARD_FILE_LINES} is the end", source.path));
        } else if !LONG_FILES.contains(&source.path.as_str()) {
            faults.push(format!("{}: {lines} lines, split it by stage or by noun", source.path));
        }
    }
    let still = |path: &&str| long.iter().any(|source| source.path == **path);
    faults.extend(LONG_FILES.iter().filter(|path| !still(path)).map(|path| spent(path)));
    expect_none(faults);
}

#[test]
fn functions_keep_to_their_length() {
    let mut long = Vec::new();
    for source in Source::all() {
        for function in source.functions() {
            if function.lines > FUNCTION_LINES {
                long.push((format!("{} {}", source.path, function.name), function.lines));
            }
        }
    }
    let excused = |name: &String| LONG_FUNCTIONS.contains(&name.as_str());
    let mut faults: Vec<String> = long
        .iter()
        .filter(|(name, _)| !excused(name))
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    let still = |entry: &&str| long.iter().any(|(name, _)| name == *entry);
    faults.extend(LONG_FUNCTIONS.iter().filter(|entry| !still(entry)).map(|entry| spent(entry)));
    expect_none(faults);
}

#[test]
fn the_scanner_sees_code_and_only_code() {
    let text = concat!(
        "//! A file.\nuse crate::{base::Money, sip::{Flow, Via}};\n/* crate::gate /* nested */ */\n",
        "fn one<'a>(text: &'a str) -> char {\n    let brace = \"} crate::app \\\" {\"; let c = '{';\n    r#\"fn x() {\"#; c\n}\n",
        "#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n    fn two() { None.unwrap() }\n}\n",
    );
    let source = Source::of("src/policy/sample.rs".to_owned(), text.to_owned());
    assert_eq!(source.room(), Some("policy"));
    assert_eq!(source.imported_rooms(), ["base", "sip", "store"]);
    let lengths: Vec<(String, usize)> =
        source.functions().into_iter().map(|one| (one.name, one.lines)).collect();
    assert_eq!(lengths, [("one".to_owned(), 4), ("two".to_owned(), 1)]);
    assert!(lines_with(&source.live, ".unwrap()").is_empty());
    assert_eq!(lines_with(&source.code, ".unwrap()"), [11]);
    assert_eq!(words_of("HeaderValue_of"), ["header", "value", "of"]);
}

fn says_nothing(name: &str) -> bool {
    name.starts_with("get_") || words_of(name).iter().any(|word| EMPTY_WORDS.contains(&word.as_str()))
}

fn spent(entry: &str) -> String {
    format!("{entry}: no longer over the edge; take it off the list")
}

/// Words of the list in code outside tests, in files that are not excused.
fn words_outside(words: &[&str], excused: impl Fn(&Source) -> bool) -> Vec<String> {
    faults(|source| if excused(source) { None } else { found(&source.live, words) })
}

fn found(code: &str, words: &[&str]) -> Option<String> {
    let hits: Vec<String> = words
        .iter()
        .flat_map(|word| {
            lines_with(code, word).into_iter().map(move |line| format!("`{word}` in line {line}"))
        })
        .collect();
    (!hits.is_empty()).then(|| hits.join(", "))
}

fn faults(check: impl Fn(&Source) -> Option<String>) -> Vec<String> {
    Source::all()
        .iter()
        .filter_map(|source| check(source).map(|fault| format!("{}: {fault}", source.path)))
        .collect()
}

fn expect_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
