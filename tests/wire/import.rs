//! Contacts taken over from an export: by path, from standard input, from a URL; what is bad is named; the running gate knows the rest.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use super::reload::{Exchange, STRANGER};

/// A line of each kind of fault among good ones, in the ways that people write numbers.
const EXPORT: &str = "number,name,owner,site
030 23125 500,The customer,alice,
+49 (0)30 23125-999,Whom nobody knew,bob,
12,Too short,,
004930555777,Of somebody who has left,zoe,
030 23125 998,At a site that is none,,hamburg
030 23125 997,One cell too many,,,
";

impl Exchange {
    /// Runs `tollgate import` with `--json`; what it says, and its status.
    fn import(&self, words: &[&str], input: &str) -> (Value, i32) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("import")
            .args(words)
            .args(["--json", "--into", "customers", "--config"])
            .arg(self.folder.join("tollgate.toml"))
            .env_remove("TOLLGATE_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tollgate runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        // Whoever reads a path closes standard input unread.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("$ tollgate import {}\n{text}{}", words.join(" "), String::from_utf8_lossy(&output.stderr));
        let status = output.status.code().expect("an exit status");
        (serde_json::from_str(&text).unwrap_or(Value::Null), status)
    }

    fn contacts(&self) -> String {
        std::fs::read_to_string(self.folder.join("contacts.csv")).expect("the contacts")
    }
}

fn problem(summary: &Value, line: u32) -> &Value {
    let problems = summary["problems"].as_array().expect("a list");
    problems
        .iter()
        .find(|problem| problem["line"] == line)
        .unwrap_or_else(|| panic!("no line {line}: {summary}"))
}

#[test]
fn an_export_becomes_what_the_running_gate_knows() {
    let mut exchange = Exchange::open();
    assert_eq!(exchange.pbx.call("101", STRANGER).status, 403);
    let export = exchange.folder.join("export.csv");
    std::fs::write(&export, EXPORT).expect("a file");
    let before = exchange.contacts();

    let (rehearsed, status) = exchange.import(&[export.to_str().expect("a path"), "--dry-run"], "");
    assert_eq!((status, &rehearsed["accepted"], &rehearsed["written"]), (0, &true.into(), &false.into()));
    assert_eq!(exchange.contacts(), before);
    let (refused, status) = exchange.import(&[export.to_str().expect("a path"), "--strict"], "");
    assert_eq!((status, &refused["accepted"]), (1, &false.into()));
    assert_eq!(exchange.contacts(), before);

    let (answer, status) = exchange.import(&[export.to_str().expect("a path")], "");
    assert_eq!((status, &answer["written"]), (0, &true.into()));
    let summary = &answer["summary"];
    let counted = ["lines", "taken", "left_out", "numbers", "without_owner"].map(|key| &summary[key]);
    assert_eq!(counted, [&6.into(), &3.into(), &3.into(), &3.into(), &1.into()] as [&Value; 5]);
    assert_eq!(problem(summary, 4)["path"], "number");
    assert_eq!(problem(summary, 5)["path"], "owner");
    assert_eq!(problem(summary, 6)["path"], "site");
    assert!(problem(summary, 7)["what"].as_str().is_some_and(|what| what.contains("5 cells")), "{summary}");
    assert_eq!(
        exchange.contacts(),
        "number,name,owner,site\n+493023125500,The customer,alice,\n+493023125999,Whom nobody knew,bob,\n\
         +4930555777,Of somebody who has left,,\n"
    );

    exchange.await_reloads("accepted", 1);
    let talk = exchange.pbx.call("101", STRANGER);
    assert_eq!((talk.status, exchange.pbx.hang_up(&talk)), (200, 200));
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn what_is_mostly_bad_or_of_no_database_replaces_nothing() {
    let exchange = Exchange::open();
    let before = exchange.contacts();
    let (answer, status) = exchange.import(&["-"], "number\none\ntwo\n030 23125 999\n");
    assert_eq!((status, &answer["accepted"], &answer["summary"]["left_out"]), (1, &false.into(), &2.into()));
    let (answer, status) = exchange.import(&["-"], "<html>Please sign in</html>");
    assert_eq!((status, &answer["summary"]["taken"]), (1, &0.into()));
    let (_, status) = exchange.import(&["nowhere.csv"], "");
    assert_eq!(status, 2);
    assert_eq!(exchange.contacts(), before);
    let beside = std::fs::read_dir(&exchange.folder).expect("the folder").flatten();
    let left: Vec<_> = beside.filter(|file| file.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn contacts_come_from_standard_input_and_from_a_url() {
    let exchange = Exchange::open();
    let (answer, status) = exchange.import(&["-"], "\u{feff}Number;Name\r\n030 23125 777;Somebody\r\n");
    assert_eq!((status, &answer["summary"]["taken"]), (0, &1.into()));
    assert!(exchange.contacts().contains("+493023125777,Somebody"), "{}", exchange.contacts());

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/contacts.csv", listener.local_addr().expect("an address"));
    let served = thread::spawn(move || {
        for answer in ["200 OK", "500 Broken"] {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 2048];
            assert!(stream.read(&mut head).expect("a request") > 0);
            let body = "number,name\n030 23125 778,By HTTP\n";
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {answer}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .expect("an answer");
        }
    });
    let (answer, status) = exchange.import(&[&url], "");
    assert_eq!((status, &answer["summary"]["taken"]), (0, &1.into()));
    assert!(exchange.contacts().contains("+493023125778,By HTTP"), "{}", exchange.contacts());
    let (_, status) = exchange.import(&[&url], "");
    assert_eq!(status, 2, "a server that fails replaces nothing");
    assert!(exchange.contacts().contains("+493023125778,By HTTP"), "{}", exchange.contacts());
    served.join().expect("the server");
    exchange.gate.stop().expect("the gate ends well");
}
