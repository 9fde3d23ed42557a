//! Notices on their way to the webhooks (R101): kept in a file, signed, tried again with growing pauses, at most one at a time for each
//! receiver. All of it on threads of its own: the gate's thread only drops a notice into a box.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::clock::Clock;
use super::mark_key::beside;
use super::notice::Notice;
use crate::config::{NoticeKind, Webhook, to_hex};
use crate::net::{Client, Request};
use crate::store::{Delivery, NoticeFile, StoreError};
use crate::telemetry::{Delivered, Metrics};

/// Notices that wait for the thread; it takes one within a millisecond, so this many wait only behind a disk that hangs.
const BOX_MAX: usize = 4_096;
/// Deliveries kept for receivers that do not answer; beyond, the oldest are dropped.
const WAITING_MAX: u64 = 10_000;
/// How long a receiver may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Of an answer: nobody reads it.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// The pause after the first try in vain; each further one doubles it.
const PAUSE_SHORTEST: TimeDelta = TimeDelta::seconds(1);
const PAUSE_LONGEST: TimeDelta = TimeDelta::minutes(15);
/// After so long a notice is no news any more.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(3);
/// How often old notices are forgotten.
const TIDY_EVERY: TimeDelta = TimeDelta::hours(1);

/// What the thread hears.
enum Word {
    Notice(Box<Notice>),
    /// The receivers of now.
    Webhooks(Vec<Webhook>),
    Tried {
        generation: u64,
        receiver: usize,
        delivery: Delivery,
        outcome: Outcome,
    },
    Stop,
}

/// What came of one try.
enum Outcome {
    Taken,
    Refused { why: String, retry_after: Option<u64> },
}

/// The box into which the gate's thread drops notices.
#[derive(Clone)]
pub(super) struct NoticeBox {
    words: SyncSender<Word>,
    metrics: Arc<Metrics>,
}

impl NoticeBox {
    /// Never waits. A notice for which there is no room is counted as dropped.
    pub fn drop_in(&self, notice: Notice) {
        match self.words.try_send(Word::Notice(Box::new(notice))) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.metrics.delivery(Delivered::Dropped);
                tracing::error!("a notice was dropped: too many wait");
            }
        }
    }

    /// Other receivers than before; waits until the thread has room for the word.
    pub fn configure(&self, webhooks: Vec<Webhook>) {
        // A thread that has ended tells nobody any more.
        let _ = self.words.send(Word::Webhooks(webhooks));
    }
}

/// The thread. Dropping it ends it; what waits is in the file.
pub(super) struct Notices {
    words: SyncSender<Word>,
    thread: Option<JoinHandle<()>>,
}

impl Notices {
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(
        ledger: &Path,
        webhooks: Vec<Webhook>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<(Notices, NoticeBox)> {
        let (words, heard) = mpsc::sync_channel(BOX_MAX);
        let path = beside(ledger, ".notices");
        let (own, counted) = (words.clone(), Arc::clone(&metrics));
        let thread = thread::Builder::new().name("notices".into()).spawn(move || {
            let Some(file) = open(&path) else { return };
            let mut office = Office {
                file,
                receivers: Vec::new(),
                generation: 0,
                words: own,
                clock,
                metrics: counted,
                tidied: DateTime::<Utc>::MIN_UTC,
            };
            office.engage(webhooks);
            office.work(&heard);
        })?;
        Ok((Notices { words: words.clone(), thread: Some(thread) }, NoticeBox { words, metrics }))
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        let _ = self.words.send(Word::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The file, or memory where there is none: an emergency is told all the same.
fn open(path: &Path) -> Option<NoticeFile> {
    let opened = NoticeFile::open(path);
    if let Err(error) = &opened {
        tracing::warn!(path = %path.display(), %error, "notices will not survive a restart");
    }
    opened.or_else(|_| NoticeFile::in_memory()).ok()
}

/// One webhook, and the thread that speaks to it.
struct Receiving {
    webhook: Webhook,
    deliveries: Sender<Delivery>,
    busy: bool,
}

struct Office {
    file: NoticeFile,
    receivers: Vec<Receiving>,
    /// Of the receivers: what an earlier one says is of no interest.
    generation: u64,
    words: SyncSender<Word>,
    clock: Clock,
    metrics: Arc<Metrics>,
    tidied: DateTime<Utc>,
}

impl Office {
    fn work(&mut self, heard: &Receiver<Word>) {
        loop {
            match heard.recv_timeout(self.patience()) {
                Ok(Word::Notice(notice)) => self.take(&notice),
                Ok(Word::Webhooks(webhooks)) => {
                    let running = self.receivers.iter().map(|receiver| &receiver.webhook);
                    if !running.eq(&webhooks) {
                        self.engage(webhooks);
                    }
                }
                Ok(Word::Tried { generation, receiver, delivery, outcome }) => {
                    if generation == self.generation {
                        self.tried(receiver, &delivery, outcome);
                    }
                }
                Ok(Word::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Err(error) = self.hand_out() {
                self.fail(&error);
            }
        }
    }

    /// Until the next delivery is due, or the file is tidied.
    fn patience(&self) -> Duration {
        let now = self.clock.now().utc;
        let idle = self.receivers.iter().filter(|receiver| !receiver.busy);
        let due = idle.filter_map(|receiver| self.file.next_due(&receiver.webhook.url).ok().flatten());
        let next = due.min().map_or(now + TIDY_EVERY, |due| due.min(now + TIDY_EVERY));
        // A tick more, so that what is due at that very microsecond is found.
        (next - now).to_std().unwrap_or_default() + Duration::from_millis(1)
    }

    fn take(&mut self, notice: &Notice) {
        match self.put(notice) {
            Ok(()) => {}
            Err(error) => {
                self.fail(&error);
                // Into memory then; a second failure has no remedy.
                drop(self.put(notice));
            }
        }
    }

    fn put(&mut self, notice: &Notice) -> Result<(), StoreError> {
        let wants = |receiver: &&Receiving| receiver.webhook.events.contains(&notice.kind);
        let wanting = self.receivers.iter().filter(wants);
        let urls: Vec<&str> = wanting.map(|receiver| receiver.webhook.url.as_str()).collect();
        let kind = notice.kind.code();
        if self.file.put(&notice.id(), kind, &notice.body(), notice.made, &urls)? {
            self.metrics.notice(NoticeKind::ALL.iter().position(|known| *known == notice.kind).unwrap_or(0));
            tracing::warn!(kind, receivers = urls.len(), notice = %masked(notice), "notice");
            let dropped = self.file.keep_newest(WAITING_MAX)?;
            (0..dropped).for_each(|_| self.metrics.delivery(Delivered::Dropped));
        }
        Ok(())
    }

    /// Threads for these receivers, in place of the ones before. A delivery under way may arrive twice; its id is the same.
    fn engage(&mut self, webhooks: Vec<Webhook>) {
        self.generation += 1;
        self.receivers.clear();
        for (index, webhook) in webhooks.into_iter().enumerate() {
            let (deliveries, handed) = mpsc::channel();
            let work = Work {
                webhook: webhook.clone(),
                generation: self.generation,
                receiver: index,
                words: self.words.clone(),
                clock: self.clock,
            };
            match thread::Builder::new().name("webhook".into()).spawn(move || work.run(&handed)) {
                Ok(_) => self.receivers.push(Receiving { webhook, deliveries, busy: false }),
                Err(error) => tracing::error!(%error, "no thread for a webhook"),
            }
        }
        self.tidied = DateTime::<Utc>::MIN_UTC;
    }

    /// Gives every idle receiver what is due for it.
    fn hand_out(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now().utc;
        if now - self.tidied >= TIDY_EVERY {
            let urls: Vec<&str> =
                self.receivers.iter().map(|receiver| receiver.webhook.url.as_str()).collect();
            self.file.tidy(&urls, now)?;
            self.tidied = now;
        }
        for receiver in self.receivers.iter_mut().filter(|receiver| !receiver.busy) {
            if let Some(delivery) = self.file.due(&receiver.webhook.url, now)? {
                receiver.busy = receiver.deliveries.send(delivery).is_ok();
            }
        }
        self.metrics.set_deliveries_waiting(self.file.waiting()?);
        Ok(())
    }

    fn tried(&mut self, receiver: usize, delivery: &Delivery, outcome: Outcome) {
        let now = self.clock.now().utc;
        let Some(receiving) = self.receivers.get_mut(receiver) else { return };
        receiving.busy = false;
        let url = receiving.webhook.url.clone();
        let noted = match outcome {
            Outcome::Taken => {
                self.metrics.delivery(Delivered::Taken);
                self.file.done(&delivery.id, &url)
            }
            Outcome::Refused { why, .. } if now - delivery.made >= GIVEN_UP_AFTER => {
                self.metrics.delivery(Delivered::Dropped);
                tracing::error!(webhook = receiver, id = delivery.id, why, "a notice is given up");
                self.file.done(&delivery.id, &url)
            }
            Outcome::Refused { why, retry_after } => {
                self.metrics.delivery(Delivered::Refused);
                let pause = pause(delivery.tries, retry_after);
                tracing::warn!(
                    webhook = receiver,
                    id = delivery.id,
                    why,
                    pause_s = pause.num_seconds(),
                    "a webhook does not take a notice"
                );
                self.file.put_off(&delivery.id, &url, now + pause)
            }
        };
        if let Err(error) = noted {
            self.fail(&error);
        }
    }

    /// The file takes no more: memory does, until the gate is started anew.
    fn fail(&mut self, error: &StoreError) {
        tracing::error!(%error, "notices cannot be written down; they go on in memory");
        if let Ok(file) = NoticeFile::in_memory() {
            self.file = file;
        }
    }
}

/// Doubles with each try; a receiver that says when it will be back is believed, within bounds.
fn pause(tries: u32, retry_after: Option<u64>) -> TimeDelta {
    let doubled = PAUSE_SHORTEST * 2_i32.pow(tries.min(10));
    let asked = retry_after.and_then(|seconds| TimeDelta::try_seconds(i64::try_from(seconds).ok()?));
    asked.unwrap_or_default().max(doubled).min(PAUSE_LONGEST)
}

/// What one receiver's thread works with.
struct Work {
    webhook: Webhook,
    generation: u64,
    receiver: usize,
    words: SyncSender<Word>,
    clock: Clock,
}

impl Work {
    fn run(&self, handed: &Receiver<Delivery>) {
        let client = Client::new();
        while let Ok(delivery) = handed.recv() {
            let outcome = self.post(&client, &delivery);
            let (generation, receiver) = (self.generation, self.receiver);
            if self.words.send(Word::Tried { generation, receiver, delivery, outcome }).is_err() {
                return;
            }
        }
    }

    fn post(&self, client: &Client, delivery: &Delivery) -> Outcome {
        let at = self.clock.now().utc.timestamp();
        let signature = format!("t={at},v1={}", sign(self.webhook.secret.reveal(), at, &delivery.body));
        let headers = [
            ("Content-Type", "application/json"),
            ("Tollgate-Event", &delivery.kind),
            ("Tollgate-Delivery", &delivery.id),
            ("Tollgate-Signature", &signature),
        ];
        let request = Request {
            url: &self.webhook.url,
            headers: &headers,
            body: Some(delivery.body.as_bytes()),
            deadline: DEADLINE,
            bytes_max: ANSWER_BYTES_MAX,
            redirects_max: 0,
        };
        match client.ask(&request) {
            Ok(answer) if (200..300).contains(&answer.status) => Outcome::Taken,
            Ok(answer) => {
                Outcome::Refused { why: format!("status {}", answer.status), retry_after: answer.retry_after }
            }
            Err(fault) => Outcome::Refused { why: fault.to_string(), retry_after: None },
        }
    }
}

/// HMAC-SHA256 over the time of sending, a dot and the body, in hexadecimal digits.
fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{at}.{body}").as_bytes());
    to_hex(&mac.finalize().into_bytes())
}

/// For the log: whom a notice is about, without numbers (R103).
fn masked(notice: &Notice) -> String {
    let mut data = notice.data.clone();
    if let Some(fields) = data.as_object_mut() {
        ["number", "caller", "callback", "phone"].into_iter().for_each(|name| drop(fields.remove(name)));
    }
    data.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_any_library_makes_of_secret_and_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac 'a secret of sixteen'
        let made = sign("a secret of sixteen", 1_700_000_000, "{}");
        assert_eq!(made, "9e0f98fb6d96af0b7ebef51d30bd6c877daee8bce9b06dccbaa91614ae5b1e5b");
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let seconds: Vec<i64> = (0..12).map(|tries| pause(tries, None).num_seconds()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(pause(0, Some(30)).num_seconds(), 30);
        assert_eq!(pause(0, Some(86_400)), PAUSE_LONGEST);
        assert_eq!(pause(3, Some(1)).num_seconds(), 8);
    }
}
