//! Asks contact databases about single numbers (docs/crm.md), on threads of its own: a slow CRM keeps nobody waiting but the callers whose
//! numbers it was asked about, and those no longer than its deadline.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::clock::Clock;
use crate::base::{Moment, PhoneNumber};
use crate::config::{Authorization, ContactSource, LookUp};
use crate::gate::{Input, LookedUp};
use crate::net::{Answer, Client, HttpFault, Request};
use crate::telemetry::{Metrics, Outcome};

/// Requests under way at once: many for a CRM, which answers in tens of milliseconds.
const THREADS: usize = 8;

/// Questions that wait for a thread. One that comes when so many wait would not be answered in time.
const QUESTIONS_MAX: usize = 256;

/// An answer of a hundred contacts with all their names is shorter.
const ANSWER_BYTES_MAX: u64 = 256 << 10;

/// The contact databases as they are configured now; reloading changes them.
pub(super) type Sources = Arc<RwLock<Vec<ContactSource>>>;

/// One number that a database is asked about.
struct Question {
    database: Arc<str>,
    number: PhoneNumber,
    asked: Moment,
}

/// Where the loop puts its questions and hears the answers. The threads end when it is dropped.
pub(super) struct LookUps {
    clock: Clock,
    questions: SyncSender<Question>,
    pub answers: UnboundedReceiver<Input>,
    answered: UnboundedSender<Input>,
}

impl LookUps {
    /// # Errors
    /// If the operating system gives no thread.
    pub fn start(sources: Sources, clock: Clock, metrics: Arc<Metrics>) -> std::io::Result<LookUps> {
        let (questions, waiting) = sync_channel(QUESTIONS_MAX);
        let (answered, answers) = unbounded_channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let client = Client::new();
        for _ in 0..THREADS {
            let asker = Asker {
                client: client.clone(),
                clock,
                sources: Arc::clone(&sources),
                waiting: Arc::clone(&waiting),
                answered: answered.clone(),
                metrics: Arc::clone(&metrics),
            };
            std::thread::Builder::new().name("look-up".into()).spawn(move || asker.run())?;
        }
        Ok(LookUps { clock, questions, answers, answered })
    }

    /// Has a database asked; its answer, or its silence, comes as an input.
    pub fn ask(&self, database: Arc<str>, number: PhoneNumber) {
        let question = Question { database, number, asked: self.clock.now().moment };
        if let Err(fault) = self.questions.try_send(question) {
            let (std::sync::mpsc::TrySendError::Full(question)
            | std::sync::mpsc::TrySendError::Disconnected(question)) = fault;
            tracing::warn!(database = %question.database, "too many questions wait for contact databases");
            // The loop that hears it is the one that asks.
            let _ = self.answered.send(input(question, LookedUp::Silence));
        }
    }
}

fn input(question: Question, answer: LookedUp) -> Input {
    Input::LookedUp { database: question.database, number: question.number, answer }
}

/// One thread that asks.
struct Asker {
    client: Client,
    clock: Clock,
    sources: Sources,
    waiting: Arc<Mutex<Receiver<Question>>>,
    answered: UnboundedSender<Input>,
    metrics: Arc<Metrics>,
}

impl Asker {
    fn run(self) {
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(question) = next else { return };
            let answer = self.answer(&question);
            self.metrics.contacts.looked_up(match &answer {
                LookedUp::Contact { .. } => Outcome::Contact,
                LookedUp::Stranger { .. } => Outcome::Stranger,
                LookedUp::Silence => Outcome::Silence,
            });
            if self.answered.send(input(question, answer)).is_err() {
                return;
            }
        }
    }

    fn answer(&self, question: &Question) -> LookedUp {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        let source = sources.iter().find(|source| *source.name == *question.database);
        let Some(look_up) = source.and_then(|source| source.look_up.clone()) else {
            return LookedUp::Silence;
        };
        drop(sources);
        let waited = self.clock.now().moment.since(question.asked);
        let Some(left) = look_up.deadline.checked_sub(waited).filter(|left| !left.is_zero()) else {
            return LookedUp::Silence;
        };
        match ask(&self.client, &look_up, question.number, left) {
            Ok(answer) => answer,
            Err(why) => {
                let database = &question.database;
                tracing::warn!(%database, %why, "a contact database does not answer");
                LookedUp::Silence
            }
        }
    }
}

/// Why an answer is none.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Http(#[from] HttpFault),
    #[error("status {0}")]
    Status(u16),
    #[error("what it says is not JSON")]
    NotJson,
}

fn ask(
    client: &Client,
    look_up: &LookUp,
    number: PhoneNumber,
    deadline: Duration,
) -> Result<LookedUp, NoAnswer> {
    let url = look_up.url.replace("{number}", number.digits().as_str());
    let proof = proof(&look_up.authorization);
    let mut headers = vec![("Accept", "application/json")];
    headers.extend(proof.as_deref().map(|proof| ("Authorization", proof)));
    let request = Request {
        url: &url,
        headers: &headers,
        body: None,
        deadline,
        bytes_max: ANSWER_BYTES_MAX,
        redirects_max: 0,
    };
    understood(look_up, &client.ask(&request)?)
}

fn understood(look_up: &LookUp, answer: &Answer) -> Result<LookedUp, NoAnswer> {
    let stranger = LookedUp::Stranger { remember: look_up.no_for };
    match answer.status {
        200 => {}
        204 | 404 => return Ok(stranger),
        status => return Err(NoAnswer::Status(status)),
    }
    let answer: Value = serde_json::from_slice(&answer.body).map_err(|_| NoAnswer::NotJson)?;
    if !look_up.known_at.iter().any(|pointer| answer.pointer(pointer).is_some_and(is_something)) {
        return Ok(stranger);
    }
    let owner = look_up.owner_at.as_deref().and_then(|pointer| answer.pointer(pointer));
    let owner = owner.and_then(|owner| match owner {
        Value::String(key) => Some(key.as_str().into()),
        Value::Number(key) => Some(key.to_string().into()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    Ok(LookedUp::Contact { owner, remember: look_up.yes_for, grace: look_up.grace })
}

/// Neither null nor false, nor nothing in a list, an object or a text.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// The value of an Authorization header.
pub(super) fn proof(authorization: &Authorization) -> Option<String> {
    use base64::Engine;
    match authorization {
        Authorization::None => None,
        Authorization::Bearer(token) => Some(format!("Bearer {}", token.reveal())),
        Authorization::Basic { user, password } => {
            let login = format!("{user}:{}", password.reveal());
            Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn look_up(known_at: &[&str], owner_at: Option<&str>) -> LookUp {
        LookUp {
            url: "http://127.0.0.1/{number}".into(),
            authorization: Authorization::None,
            deadline: Duration::from_secs(1),
            yes_for: Duration::from_secs(60),
            no_for: Duration::from_secs(5),
            grace: Duration::ZERO,
            known_at: known_at.iter().map(|pointer| (*pointer).to_owned()).collect(),
            owner_at: owner_at.map(str::to_owned),
        }
    }

    fn says(look_up: &LookUp, status: u16, body: &str) -> Option<(bool, Option<String>)> {
        let answer = Answer { status, body: body.into(), retry_after: None };
        match understood(look_up, &answer) {
            Ok(LookedUp::Contact { owner, .. }) => Some((true, owner.map(|owner| owner.to_string()))),
            Ok(LookedUp::Stranger { .. }) => Some((false, None)),
            Ok(LookedUp::Silence) | Err(_) => None,
        }
    }

    #[test]
    fn the_plain_protocol_is_understood() {
        let plain = look_up(&["/known"], Some("/owner"));
        for (status, body, meant) in [
            (200, r#"{"known": true, "owner": "emma"}"#, Some((true, Some("emma".to_owned())))),
            (200, r#"{"known": true, "owner": null}"#, Some((true, None))),
            (200, r#"{"known": false}"#, Some((false, None))),
            (200, "{}", Some((false, None))),
            (404, "no such page", Some((false, None))),
            (204, "", Some((false, None))),
            (200, "<html>", None),
            (200, "", None),
            (401, r#"{"known": true}"#, None),
            (302, "", None),
            (500, r#"{"known": true}"#, None),
        ] {
            assert_eq!(says(&plain, status, body), meant, "{status} {body}");
        }
    }

    #[test]
    fn bitrix24_is_understood() {
        let bitrix = look_up(&["/result/CONTACT", "/result/COMPANY"], None);
        for (body, meant) in [
            (r#"{"result":{"CONTACT":[31,32]}}"#, Some((true, None))),
            (r#"{"result":{"COMPANY":["7"]}}"#, Some((true, None))),
            (r#"{"result":[]}"#, Some((false, None))),
            (r#"{"result":{"CONTACT":[]}}"#, Some((false, None))),
        ] {
            assert_eq!(says(&bitrix, 200, body), meant, "{body}");
        }
        assert_eq!(says(&bitrix, 503, r#"{"error":"QUERY_LIMIT_EXCEEDED"}"#), None);
    }

    #[test]
    fn logins_are_written_as_the_rfcs_say() {
        let basic = Authorization::Basic { user: "Aladdin".into(), password: Secret::new("open sesame") };
        // The example of RFC 7617 §2.
        assert_eq!(proof(&basic).as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(proof(&Authorization::Bearer(Secret::new("t"))).as_deref(), Some("Bearer t"));
    }
}
