//! A caller over TLS: a telephone system or a trunk, by where it stands and what it shows.

use super::line::{Line, values};

pub struct Caller {
    pub line: Line,
    calls: u32,
}

/// A call and what became of it.
pub struct Outcome {
    pub status: u16,
    pub answer: String,
    id: String,
    from: String,
    uri: String,
}

impl Caller {
    pub fn over(line: Line) -> Caller {
        Caller { line, calls: 0 }
    }

    /// Calls, and acknowledges the final answer.
    pub fn call(&mut self, from: &str, uri: &str) -> Outcome {
        self.calls += 1;
        let outcome = Outcome {
            status: 0,
            answer: String::new(),
            id: format!("tls-{}-{}", self.calls, self.line.own.port()),
            from: from.to_owned(),
            uri: uri.to_owned(),
        };
        let invite = self.request(&outcome, "INVITE", 1, uri);
        self.line.send(&invite).expect("the gate listens");
        let answer = self.final_answer();
        let status = status_of(&answer);
        let outcome = Outcome { status, answer, ..outcome };
        let uri = if status < 300 { outcome.contact() } else { uri.to_owned() };
        let ack = self.request(&outcome, "ACK", 1, &uri);
        self.line.send(&ack).expect("the gate listens");
        outcome
    }

    /// Hangs up; the status of the answer.
    pub fn hang_up(&mut self, call: &Outcome) -> u16 {
        let bye = self.request(call, "BYE", 2, &call.contact());
        self.line.send(&bye).expect("the gate listens");
        status_of(&self.final_answer())
    }

    fn final_answer(&mut self) -> String {
        loop {
            let text = self.line.receive().expect("the gate answers");
            if text.starts_with("SIP/2.0 ") && status_of(&text) >= 200 {
                return text;
            }
        }
    }

    fn request(&self, call: &Outcome, method: &str, cseq: u32, uri: &str) -> String {
        let Outcome { id, from, answer, status, uri: to, .. } = call;
        let own = self.line.own;
        let is_inside = (200..300).contains(status);
        let tag = values(answer, "To").pop().unwrap_or_default();
        let tag = tag.find(";tag=").map_or("", |at| &tag[at..]);
        let routes = if is_inside { values(answer, "Record-Route") } else { Vec::new() };
        let routes: String = routes.iter().rev().map(|route| format!("Route: {route}\r\n")).collect();
        let branch = if is_inside { method } else { "INVITE" };
        let scheme = to.split(':').next().unwrap_or_default();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/TLS {own};branch=z9hG4bK{id}{branch}\r\nMax-Forwards: 70\r\n{routes}\
             From: <{scheme}:{from}@company.example>;tag=near\r\nTo: <{to}>{tag}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <{scheme}:{from}@{own};transport=tls>\r\nContent-Length: 0\r\n\r\n"
        )
    }
}

impl Outcome {
    fn contact(&self) -> String {
        values(&self.answer, "Contact")
            .pop()
            .expect("a 2xx has a Contact")
            .trim_matches(['<', '>'])
            .to_owned()
    }
}

fn status_of(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}
