//! A CRM at the other end of HTTP (R90): asked about numbers while their calls wait, slow, broken, talkative, silent; and fetched from on a
//! timer. The server speaks as Bitrix24's `crm.duplicate.findbycomm` does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;

use super::gate::Gate;
use super::reload::{Exchange, STRANGER};

/// Canonical digits of `STRANGER`.
const DIGITS: &str = "493023125999";

/// What the server was asked, and what it gives as an export.
#[derive(Clone, Default)]
struct Crm {
    asked: Arc<Mutex<Vec<String>>>,
    export: Arc<Mutex<(u16, String)>>,
}

impl Crm {
    fn serve(&self) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let address = listener.local_addr().expect("an address");
        let pages = Router::new()
            .route("/rest/1/token/crm.duplicate.findbycomm.json", get(find))
            .route("/export.csv", get(export))
            .with_state(self.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("the same listener");
                axum::serve(listener, pages).await.expect("a server");
            });
        });
        address
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("a lock").clone()
    }
}

/// By the last digit of the number: found, not found, and all that can go wrong.
async fn find(
    State(crm): State<Crm>,
    Query(words): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let number = words.get("values[]").cloned().unwrap_or_default();
    crm.asked.lock().expect("a lock").push(number.clone());
    let is_ours = headers.get("authorization").is_some_and(|proof| proof == "Bearer key of the gate");
    if words.get("type").map(String::as_str) != Some("PHONE") || !is_ours {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    let answer = match number.chars().last() {
        Some('9') => r#"{"result":{"CONTACT":[31]},"time":{"start":1}}"#.to_owned(),
        Some('8') => r#"{"result":[],"time":{"start":1}}"#.to_owned(),
        Some('7') => {
            tokio::time::sleep(Duration::from_secs(3)).await;
            r#"{"result":{"CONTACT":[31]}}"#.to_owned()
        }
        Some('6') => return (StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":"INTERNAL"}"#.to_owned()),
        Some('5') => "<html>Please sign in</html>".to_owned(),
        _ => format!("{{\"result\":{{\"CONTACT\":[{}1]}}}}", "1,".repeat(400_000)),
    };
    (StatusCode::OK, answer)
}

async fn export(State(crm): State<Crm>) -> (StatusCode, String) {
    let (status, text) = crm.export.lock().expect("a lock").clone();
    (StatusCode::from_u16(status).expect("a status"), text)
}

/// The company of the scenarios, with this table for its customers.
fn exchange_with(table: &str) -> Exchange {
    let mut exchange = Exchange::open();
    exchange.edit("tollgate.toml", "[files.contacts]\ncustomers = \"contacts.csv\"", table);
    exchange.await_reloads("accepted", 1);
    // Whom the scenarios know is known still.
    assert_eq!(exchange.pbx.call("101", "03023125500").status, 200);
    exchange
}

fn look_up(crm: SocketAddr) -> String {
    format!(
        "[files.contacts.customers]\npath = \"contacts.csv\"\n[files.contacts.customers.look_up]\n\
         url = \"http://{crm}/rest/1/token/crm.duplicate.findbycomm.json?type=PHONE&values[]=%2B{{number}}\"\n\
         bearer = \"key of the gate\"\ndeadline = \"1s\"\nno_for = \"2s\"\n\
         known_at = [\"/result/CONTACT\", \"/result/COMPANY\", \"/result/LEAD\"]\n"
    )
}

#[test]
fn a_number_that_is_not_in_the_copy_is_looked_up_while_its_call_waits() {
    let crm = Crm::default();
    let mut exchange = exchange_with(&look_up(crm.serve()));
    let talk = exchange.pbx.call("101", STRANGER);
    assert_eq!(talk.status, 200, "{}", Gate::log_tail(&exchange.folder));
    assert_eq!(exchange.pbx.hang_up(&talk), 200);
    assert_eq!(crm.asked(), [format!("+{DIGITS}")]);
    // A yes is remembered.
    let again = exchange.pbx.call("101", STRANGER);
    assert_eq!((again.status, exchange.pbx.hang_up(&again)), (200, 200));
    assert_eq!(crm.asked().len(), 1);

    let refused = exchange.pbx.call("101", "03023125998");
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("Not a customer contact"), "{}", refused.text);
    assert_eq!(exchange.pbx.call("101", "03023125998").status, 403);
    assert_eq!(crm.asked().len(), 2, "a no is remembered too");
    // Nobody asks about what is permitted anyway, about help, or for whom no answer would help.
    let anybody = exchange.pbx.call("102", "03023125996");
    assert_eq!((anybody.status, exchange.pbx.hang_up(&anybody)), (200, 200));
    let help = exchange.pbx.call("101", "112");
    assert_eq!(help.status, 200);
    exchange.pbx.hang_up(&help);
    assert_eq!(exchange.pbx.call("105", "03023125994").status, 403);
    assert_eq!(exchange.pbx.call("101", "0012125550123").status, 403);
    assert_eq!(crm.asked().len(), 2, "{:?}", crm.asked());
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn a_crm_that_is_slow_broken_or_talks_nonsense_opens_no_door() {
    let crm = Crm::default();
    let mut exchange = exchange_with(&look_up(crm.serve()));
    for (number, what) in [
        ("03023125997", "slow"),
        ("03023125996", "500"),
        ("03023125995", "not JSON"),
        ("03023125994", "endless"),
    ] {
        let begun = Instant::now();
        let refused = exchange.pbx.call("101", number);
        assert_eq!(refused.status, 403, "{what}");
        assert!(refused.text.contains("Contacts cannot be checked now"), "{what}: {}", refused.text);
        assert!(begun.elapsed() < Duration::from_millis(2500), "{what}: {:?}", begun.elapsed());
    }
    assert_eq!(crm.asked().len(), 4);
    let page = exchange.gate.get("/metrics").expect("the metrics page");
    assert!(page.contains("tollgate_look_ups_total{outcome=\"silence\"} 4"), "{page}");
    let log = Gate::log_tail(&exchange.folder);
    assert!(!log.contains(DIGITS) && !log.contains("493023125997"), "no number in the log\n{log}");
    assert!(!log.contains("key of the gate"), "no secret in the log\n{log}");
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn contacts_are_fetched_on_a_timer_and_a_copy_grows_old() {
    let crm = Crm::default();
    *crm.export.lock().expect("a lock") = (200, "number,name\n030 23125 500,The customer\n".to_owned());
    let address = crm.serve();
    let mut exchange = Exchange::open();
    let table = format!(
        "[files.contacts.customers]\npath = \"fetched.csv\"\nurl = \"http://{address}/export.csv\"\nevery = \"10s\"\nserves = \"1m\"\n"
    );
    exchange.edit("tollgate.toml", "[files.contacts]\ncustomers = \"contacts.csv\"", &table);
    // First the settings, with no copy there; then the copy.
    exchange.await_reloads("accepted", 2);
    assert_eq!(exchange.pbx.call("101", STRANGER).status, 403);
    let talk = exchange.pbx.call("101", "03023125500");
    assert_eq!((talk.status, exchange.pbx.hang_up(&talk)), (200, 200));

    // What is no export replaces nothing.
    *crm.export.lock().expect("a lock") = (200, "<html>Please sign in</html>".to_owned());
    let kept = "tollgate_contact_refreshes_total{outcome=\"kept\"}";
    let end = Instant::now() + Duration::from_secs(40);
    while !exchange.gate.get("/metrics").is_some_and(|page| page.contains(kept)) {
        assert!(Instant::now() < end, "never refused\n{}", Gate::log_tail(&exchange.folder));
        sleep(Duration::from_millis(100));
    }
    let talk = exchange.pbx.call("101", "03023125500");
    assert_eq!((talk.status, exchange.pbx.hang_up(&talk)), (200, 200));

    // A copy beyond its age is no proof; colleagues are called all the same, and help.
    let old = std::time::SystemTime::now() - Duration::from_secs(3600);
    let copy =
        std::fs::File::options().write(true).open(exchange.folder.join("fetched.csv")).expect("the copy");
    copy.set_modified(old).expect("an old file");
    let reloads = "tollgate_reloads_total{outcome=\"accepted\"} 3";
    let end = Instant::now() + Duration::from_secs(20);
    while !exchange.gate.get("/metrics").is_some_and(|page| page.contains(reloads)) {
        assert!(Instant::now() < end, "not noticed\n{}", Gate::log_tail(&exchange.folder));
        sleep(Duration::from_millis(100));
    }
    let refused = exchange.pbx.call("101", "03023125500");
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("Contacts cannot be checked now"), "{}", refused.text);
    assert_ne!(exchange.pbx.call("101", "107").status, 403);
    let help = exchange.pbx.call("101", "112");
    assert_eq!((help.status, exchange.pbx.hang_up(&help)), (200, 200));
    exchange.gate.stop().expect("the gate ends well");
}
