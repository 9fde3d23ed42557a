//! A carrier behind TLS: wants to see a certificate, answers every call, and remembers what came over which connection.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::ServerConfig;

use super::line::{Line, values};

/// What a carrier has heard.
#[derive(Default)]
pub struct Heard {
    /// Of each connection whose handshake went well: the certificate shown there.
    pub shown: Vec<Vec<u8>>,
    /// Each request, with the number of its connection.
    pub requests: Vec<(usize, String)>,
    pub refused: usize,
}

pub struct Carrier {
    pub heard: Arc<Mutex<Heard>>,
}

impl Carrier {
    pub fn open(place: SocketAddr, config: Arc<ServerConfig>) -> Carrier {
        let listener = TcpListener::bind(place).expect("the place is free");
        let heard = Arc::new(Mutex::new(Heard::default()));
        let carrier = Carrier { heard: Arc::clone(&heard) };
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (config, heard) = (Arc::clone(&config), Arc::clone(&heard));
                thread::spawn(move || match Line::accept(config, tcp) {
                    Ok(line) => serve(line, &heard, place),
                    Err(_) => heard.lock().expect("no panic").refused += 1,
                });
            }
        });
        carrier
    }

    /// Waits for a request that holds `text`, and gives it with the number of its connection.
    pub fn await_request(&self, text: &str) -> (usize, String) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let heard = self.heard.lock().expect("no panic");
            if let Some(found) = heard.requests.iter().find(|(_, request)| request.contains(text)) {
                return found.clone();
            }
            assert!(Instant::now() < end, "{text:?} never came, but {:#?}", heard.requests);
            drop(heard);
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn connections(&self) -> usize {
        self.heard.lock().expect("no panic").shown.len()
    }

    pub fn count(&self, method: &str) -> usize {
        let heard = self.heard.lock().expect("no panic");
        heard.requests.iter().filter(|(_, request)| request.starts_with(method)).count()
    }
}

fn serve(mut line: Line, heard: &Mutex<Heard>, place: SocketAddr) {
    let number = {
        let mut heard = heard.lock().expect("no panic");
        heard.shown.push(line.shown.clone().unwrap_or_default());
        heard.shown.len() - 1
    };
    while let Ok(request) = line.receive() {
        heard.lock().expect("no panic").requests.push((number, request.clone()));
        if request.starts_with("ACK ") || request.starts_with("SIP/2.0 ") {
            continue;
        }
        let contact = format!("Contact: <sip:carrier@{place};transport=tls>\r\n");
        if line.send(&answer(&request, "200 OK", &contact)).is_err() {
            return;
        }
    }
}

/// An answer that echoes what must be echoed.
pub fn answer(request: &str, status: &str, headers: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
        for value in values(request, name) {
            let tag = if name == "To" && !value.contains(";tag=") { ";tag=far" } else { "" };
            text += &format!("{name}: {value}{tag}\r\n");
        }
    }
    text + headers + "Content-Length: 0\r\n\r\n"
}

/// The carrier hangs up a call that it has answered.
pub fn bye(invite: &str, place: SocketAddr) -> String {
    let one = |name: &str| values(invite, name).swap_remove(0);
    let routes: String =
        values(invite, "Record-Route").iter().map(|route| format!("Route: {route}\r\n")).collect();
    let (contact, from, to, id) = (one("Contact"), one("From"), one("To"), one("Call-ID"));
    let uri = contact.trim_matches(['<', '>']);
    format!(
        "BYE {uri} SIP/2.0\r\nVia: SIP/2.0/TLS {place};branch=z9hG4bKfar;alias\r\nMax-Forwards: 70\r\n{routes}\
         From: {to};tag=far\r\nTo: {from}\r\nCall-ID: {id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
    )
}
