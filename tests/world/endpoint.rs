//! Phones, trunks and PBXs of the test world: they speak what the table tells them, and of themselves only do what every
//! transaction layer does: acknowledge refusals and answer CANCEL.

use std::collections::BTreeMap;

use bytes::Bytes;
use tollgate::sip::digest::{Algorithm, Asked, Challenge, Secret};
use tollgate::sip::{Flow, Transport};

use super::compose::{acknowledge, altered, branch_of, cancel, is_named};
use super::leg::Leg;
use super::script::Words;
use super::text::Text;

/// The domain and digest realm of the house.
pub const DOMAIN: &str = "house.example";

/// One party.
pub struct Endpoint {
    pub name: &'static str,
    pub flow: Flow,
    /// User part of its From and Contact, and of its digest.
    user: &'static str,
    /// Answers challenges; trunks and PBXs do not.
    proves: bool,
    /// The latest last.
    legs: Vec<Leg>,
    /// Requests that came and have no final answer yet, the latest last.
    asked: Vec<Text>,
    /// INVITEs sent, by branch, until their final answer.
    waiting: BTreeMap<String, Text>,
    /// The latest REFER that came.
    referred: Option<Text>,
    challenges: Vec<String>,
    nonce_count: u32,
    credentials: Option<String>,
    count: u32,
    /// The Path of the latest REGISTER that it got.
    path: String,
    last: Option<Bytes>,
}

impl Endpoint {
    pub fn new(name: &'static str, user: &'static str, flow: Flow, proves: bool) -> Endpoint {
        Endpoint {
            name,
            flow,
            user,
            proves,
            legs: Vec::new(),
            asked: Vec::new(),
            waiting: BTreeMap::new(),
            referred: None,
            challenges: Vec::new(),
            nonce_count: 0,
            credentials: None,
            count: 0,
            path: String::new(),
            last: None,
        }
    }

    pub fn password(user: &str) -> String {
        format!("{user}-secret")
    }

    /// The connection or NAT binding is gone; it speaks from another one.
    pub fn move_on(&mut self) {
        self.flow.remote.set_port(self.flow.remote.port() + 1);
        if self.flow.transport.is_reliable() {
            self.flow.connection.0 += 1;
        }
    }

    /// Whoever was asked is gone: nobody waits for an answer any more.
    pub fn give_up(&mut self) {
        self.waiting.clear();
    }

    /// INVITEs that have had no final answer.
    pub fn unanswered(&self) -> impl Iterator<Item = &Text> {
        self.waiting.values()
    }

    /// Forgets a call that is long over; or everything, when its power is gone.
    #[allow(
        dead_code,
        reason = "a phone of the simulation forgets; those of the timelines never live so long"
    )]
    pub fn forget(&mut self, call_id: Option<&str>) {
        self.legs.retain(|leg| call_id.is_some_and(|call_id| leg.call_id != call_id));
        self.asked.retain(|text| call_id.is_some() && text.header_str("Call-ID") != call_id);
        self.waiting.retain(|_, _| call_id.is_some());
    }

    /// The latest call, or the one that the words name, for a forger to copy.
    pub fn leg(&self, words: &Words) -> Option<&Leg> {
        self.legs.iter().rev().find(|leg| is_named(words, &leg.call_id))
    }

    pub fn adopt(&mut self, leg: Leg) {
        self.legs.push(leg);
    }

    /// What the table tells it to send.
    ///
    /// # Errors
    /// If there is nothing to say it about: no call, no request to answer.
    pub fn say(&mut self, words: &Words) -> Result<Bytes, String> {
        let verb = words.bare.first().map_or("", String::as_str);
        let bytes = match verb {
            "again" => self.last.clone().ok_or("nothing was sent before")?,
            "INVITE" => self.invite(words),
            "REGISTER" => self.register(words),
            "re-INVITE" => self.within(words, "INVITE")?,
            "returns" => self.send_back(words)?,
            status if status.parse::<u16>().is_ok() => self.answer(words, status)?,
            method if words.bare.len() > 1 => self.outside(words, method),
            method => self.within(words, method)?,
        };
        self.last = Some(bytes.clone());
        Ok(bytes)
    }

    /// A message from the gate; what it answers by itself.
    pub fn hear(&mut self, bytes: &Bytes) -> Option<Bytes> {
        self.hear_text(Text::read(bytes))
    }

    /// As `hear`, of a message that is read already.
    pub fn hear_text(&mut self, text: Text) -> Option<Bytes> {
        match text.is_request() {
            true => self.hear_request(text),
            false => self.hear_response(&text),
        }
    }

    fn hear_request(&mut self, text: Text) -> Option<Bytes> {
        let call_id = text.header("Call-ID").unwrap_or_default();
        let within = text.header("To").is_some_and(|to| to.contains(";tag="));
        match text.method().as_str() {
            "ACK" => return None,
            "CANCEL" => return Some(self.reply(&text, "200").to_bytes()),
            "REGISTER" => self.path = text.header("Path").unwrap_or_default(),
            "INVITE" if !within => {
                self.count += 1;
                let tag = format!("{}-{}", self.name, self.count);
                // The repeat of an INVITE that was refused is the same call.
                self.legs.retain(|leg| leg.call_id != call_id);
                self.legs.push(Leg::of_callee(&text, &tag));
            }
            "REFER" => self.referred = Some(text.clone()),
            "INVITE" | "UPDATE" => {
                if let Some(leg) = self.legs.iter_mut().find(|leg| leg.call_id == call_id) {
                    leg.hear_refresh(&text);
                }
            }
            _ => {}
        }
        self.asked.push(text);
        None
    }

    fn hear_response(&mut self, text: &Text) -> Option<Bytes> {
        let is_final = text.status() >= 200;
        if matches!(text.status(), 401 | 407) {
            let name = if text.status() == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
            self.challenges = text.headers(name).map(str::to_owned).collect();
            self.nonce_count = 0;
        }
        if text.method() != "INVITE" || text.status() == 100 {
            return None;
        }
        let call_id = text.header("Call-ID").unwrap_or_default();
        if let Some(leg) = self.legs.iter_mut().find(|leg| leg.call_id == call_id)
            && text.status() < 300
        {
            leg.hear_response(text);
        }
        let invite = is_final.then(|| self.waiting.remove(&branch_of(text))).flatten()?;
        (text.status() >= 300).then(|| acknowledge(&invite, text).to_bytes())
    }

    /// A call of its own: `INVITE 03023125500 call=2 from=bob auth=md5`. The same `call` again is the same call.
    fn invite(&mut self, words: &Words) -> Bytes {
        let target = words.bare.get(1).expect("an INVITE says to whom");
        let uri = if target.contains(':') { target.clone() } else { format!("sip:{target}@{DOMAIN}") };
        let call_id = match words.value("id") {
            Some(id) => id.to_owned(),
            None => format!("{}@{}", words.value("call").unwrap_or("1"), self.name),
        };
        let mut leg = match self.legs.iter().position(|leg| leg.call_id == call_id) {
            Some(at) => self.legs.remove(at),
            None => {
                let address = match words.value("from") {
                    Some(whole) if whole.contains('<') => whole.to_owned(),
                    Some(user) => format!("<sip:{user}@{DOMAIN}>"),
                    None => format!("<sip:{}@{DOMAIN}>", self.user),
                };
                self.count += 1;
                let own = format!("{address};tag={}-{}", self.name, self.count);
                Leg::of_caller(call_id, own, format!("<{uri}>"))
            }
        };
        leg.cseq += 1;
        leg.invite_cseq = leg.cseq;
        let mut text = self.headers(
            "INVITE",
            words.value("uri").unwrap_or(&uri),
            &leg.own,
            &leg.peer,
            &leg.call_id,
            leg.cseq,
        );
        text.body = format!("v=0 offer of {}\r\n", self.name);
        text.add("Contact", self.contact());
        // `referred=yes`: as the latest REFER told it, with its Referred-By (RFC 3892 §2.2).
        let refer = self.referred.as_ref().filter(|_| words.value("referred").is_some());
        if let Some(referred_by) = refer.and_then(|refer| refer.header("Referred-By")) {
            text.add("Referred-By", referred_by);
        }
        let mut text = self.prove("Proxy-Authorization", words, text);
        // `Route=path`: as a registrar calls a phone whose REGISTER had a Path (RFC 3327).
        if text.header("Route").as_deref() == Some("path") {
            text.set("Route", &self.path);
        }
        self.waiting.insert(branch_of(&text), text.clone());
        leg.invite = Some(text.clone());
        self.legs.push(leg);
        text.to_bytes()
    }

    fn register(&mut self, words: &Words) -> Bytes {
        let own = format!("<sip:{}@{DOMAIN}>", words.value("who").unwrap_or(self.user));
        self.count += 1;
        let call_id = format!("register@{}", self.name);
        let mut text = self.headers("REGISTER", &format!("sip:{DOMAIN}"), &own, &own, &call_id, self.count);
        text.add("Contact", self.contact());
        self.prove("Authorization", words, text).to_bytes()
    }

    /// A request outside any dialog: `OPTIONS sip:house.example`.
    fn outside(&mut self, words: &Words, method: &str) -> Bytes {
        let uri = words.bare.get(1).expect("to whom");
        let own = format!("<sip:{}@{DOMAIN}>;tag={}", self.user, self.name);
        self.count += 1;
        let call_id = format!("outside{}@{}", self.count, self.name);
        let text = self.headers(method, uri, &own, &format!("<{uri}>"), &call_id, self.count);
        altered(text, words).to_bytes()
    }

    /// A request inside the latest call, or inside `call=2`, with the fork `with=bob2`.
    fn within(&mut self, words: &Words, method: &str) -> Result<Bytes, String> {
        let mut leg = self.leg(words).ok_or("there is no such call")?.clone();
        let at = self.legs.iter().position(|known| known.call_id == leg.call_id).expect("it is known");
        let text = match method {
            "CANCEL" => cancel(leg.invite.as_ref().ok_or("no INVITE was sent")?),
            "ACK" => self.dialog_request(&leg, words, method, leg.invite_cseq)?,
            _ => {
                leg.cseq += 1;
                self.dialog_request(&leg, words, method, leg.cseq)?
            }
        };
        let mut text = altered(text, words);
        if method == "INVITE" {
            leg.invite_cseq = leg.cseq;
            text.body = format!("v=0 new offer of {}\r\n", self.name);
            self.waiting.insert(branch_of(&text), text.clone());
            leg.invite = Some(text.clone());
        }
        self.legs.remove(at);
        self.legs.push(leg);
        Ok(text.to_bytes())
    }

    fn dialog_request(&mut self, leg: &Leg, words: &Words, method: &str, cseq: u32) -> Result<Text, String> {
        let remote = leg.remote(words.value("with")).ok_or("there is no such dialog")?.clone();
        let uri = words.value("uri").unwrap_or(&remote.target).to_owned();
        let peer = format!("{};tag={}", leg.peer, words.value("totag").unwrap_or(&remote.tag));
        let mut text = self.headers(method, &uri, &leg.own, &peer, &leg.call_id, cseq);
        for route in &remote.routes {
            text.add("Route", route);
        }
        if matches!(method, "INVITE" | "UPDATE") {
            text.add("Contact", self.contact());
        }
        Ok(text)
    }

    /// The INVITE that it got goes back to the gate as a proxy would send it: `returns uri=sip:202@house.example`.
    fn send_back(&mut self, words: &Words) -> Result<Bytes, String> {
        let mut text =
            self.asked.iter().rfind(|text| text.method() == "INVITE").ok_or("no INVITE came")?.clone();
        let uri = words.value("uri").ok_or("to which address?")?;
        text.start = format!("INVITE {uri} SIP/2.0");
        self.count += 1;
        let own =
            format!("SIP/2.0/UDP {};branch=z9hG4bK{}-{};rport", self.flow.remote, self.name, self.count);
        let vias = text.values("Via");
        text.remove("Via");
        let text = text.with("Via", format!("{own}, {}", vias.join(", ")));
        let text = altered(text, words);
        self.waiting.insert(branch_of(&text), text.clone());
        Ok(text.to_bytes())
    }

    /// `180`, `486 to=INVITE call=2 tag=x`: an answer to the latest open request, or to the latest of that method.
    fn answer(&mut self, words: &Words, status: &str) -> Result<Bytes, String> {
        let method = words.value("to");
        let is_meant = |text: &Text| {
            let call_id = text.header("Call-ID").unwrap_or_default();
            method.is_none_or(|method| text.method() == method) && is_named(words, &call_id)
        };
        let at = self.asked.iter().rposition(is_meant).ok_or("no such request waits for an answer")?;
        let request = self.asked[at].clone();
        let mut text = self.reply(&request, status);
        if let Some(tag) = words.value("tag") {
            let to = text.header("To").unwrap_or_default();
            text.set("To", format!("{};tag={tag}", to.split(";tag=").next().unwrap_or_default()));
        }
        if text.status() >= 200 && words.value("keep").is_none() {
            self.asked.remove(at);
        }
        Ok(altered(text, words).to_bytes())
    }

    fn reply(&self, request: &Text, status: &str) -> Text {
        let mut text = Text::response(status);
        for via in request.headers("Via") {
            text.add("Via", via);
        }
        let header = |name: &str| request.header(name).unwrap_or_default();
        let leg = self.legs.iter().find(|leg| leg.call_id == header("Call-ID"));
        let to = match leg {
            Some(leg) if !header("To").contains(";tag=") && status != "100" => leg.own.clone(),
            _ => header("To"),
        };
        text = text.with("From", header("From")).with("To", to);
        text = text.with("Call-ID", header("Call-ID")).with("CSeq", header("CSeq"));
        if status != "100" && matches!(request.method().as_str(), "INVITE" | "UPDATE") {
            for route in request.headers("Record-Route") {
                text.add("Record-Route", route);
            }
            text.add("Contact", self.contact());
        }
        if status == "200" && request.method() == "INVITE" {
            text.body = format!("v=0 answer of {}\r\n", self.name);
        }
        text
    }

    fn headers(&mut self, method: &str, uri: &str, from: &str, to: &str, call_id: &str, cseq: u32) -> Text {
        self.count += 1;
        let transport = self.flow.transport.as_str();
        let (at, name, count) = (self.flow.remote, self.name, self.count);
        let via = format!("SIP/2.0/{transport} {at};branch=z9hG4bK{name}-{count};rport");
        Text::request(method, uri)
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", from)
            .with("To", to)
            .with("Call-ID", call_id)
            .with("CSeq", format!("{cseq} {method}"))
    }

    fn contact(&self) -> String {
        let transport = if self.flow.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        format!("<sip:{}@{}{transport}>", self.user, self.flow.remote)
    }

    /// Adds credentials: with SHA-256 as a rule, or as `auth=` says: none, md5, sha256, wrong, ghost, replay.
    fn prove(&mut self, header: &str, words: &Words, text: Text) -> Text {
        let mut text = altered(text, words);
        let mode = words.value("auth").unwrap_or(if self.proves { "sha256" } else { "none" });
        let value = match mode {
            "none" => None,
            "replay" => self.credentials.clone(),
            _ => self.credentials(mode, &text),
        };
        if let Some(value) = value {
            text.add(header, value.clone());
            self.credentials = Some(value);
        }
        text
    }

    fn credentials(&mut self, mode: &str, text: &Text) -> Option<String> {
        let wanted = if mode == "md5" { Algorithm::Md5 } else { Algorithm::Sha256 };
        let challenges = self.challenges.iter().filter_map(|value| Challenge::parse(value));
        let challenge = challenges.rev().find(|challenge| challenge.algorithm == wanted)?;
        self.nonce_count += 1;
        let user = if mode == "ghost" { "ghost" } else { self.user };
        let password = if mode == "wrong" { "wrong".to_owned() } else { Endpoint::password(user) };
        let secret = Secret::Password(&password);
        let (method, body) = (text.method(), text.body.as_bytes());
        let asked = Asked { method: &method, uri: text.uri(), body };
        challenge.answer(user, secret, asked, "cnonce", self.nonce_count)
    }
}
