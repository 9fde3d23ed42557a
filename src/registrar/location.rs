//! The location service: REGISTER in, bindings out (RFC 3261 §10.3). A request changes all that it asks for, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::binding::Binding;
use super::wanted::{self, Change, Refusal, Wanted};
use crate::base::{Moment, Now};
use crate::sip::{ConnectionId, Flow, Message, reply};

/// What is granted to phones.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Without Expires.
    pub default_seconds: u32,
    /// Less is answered with 423 and Min-Expires.
    pub shortest_seconds: u32,
    /// More is cut to this.
    pub longest_seconds: u32,
    /// Contacts of one person. A phone that restarts behind NAT leaves its old contact behind, so beyond this the one that would
    /// end first gives way.
    pub most_contacts: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { default_seconds: 3600, shortest_seconds: 60, longest_seconds: 7200, most_contacts: 10 }
    }
}

/// The answer to one REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    pub status: u16,
    pub reason: &'static str,
    /// Whole headers of the answer: one Contact for each binding, Path, Date, Min-Expires, …
    pub headers: Vec<(&'static str, String)>,
}

impl Registered {
    /// The response itself.
    pub fn reply(&self, request: &Message, to_tag: &str) -> Bytes {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        reply(request, self.status, self.reason, to_tag, &headers)
    }
}

/// Bindings by person; `K` is whatever outlives a change of policy, such as the key of `people.csv`.
#[derive(Clone, Debug)]
pub struct Registrar<K> {
    limits: Limits,
    /// Without room for more: most people have one phone, and few change theirs.
    people: BTreeMap<K, Box<[Binding]>>,
    /// For each person the first end of a binding, so that expiry looks at no one else.
    ends: BTreeSet<(Moment, K)>,
    /// Whose bindings are not as they were when somebody last asked.
    pub(super) changed: BTreeSet<K>,
}

impl<K: Ord + Clone> Registrar<K> {
    pub fn new(limits: Limits) -> Registrar<K> {
        Registrar { limits, people: BTreeMap::new(), ends: BTreeSet::new(), changed: BTreeSet::new() }
    }

    /// Processes a REGISTER of a person who has proved to be `key`, arrived over `flow`.
    pub fn register(&mut self, now: Now, key: K, message: &Message, flow: Flow) -> Registered {
        match self.update(now.moment, &key, message, flow) {
            Ok(()) => self.accepted(now, &key, message),
            Err(refusal) => Registered {
                status: refusal.status,
                reason: refusal.reason,
                headers: refusal.header.into_iter().collect(),
            },
        }
    }

    /// Live bindings of one person, the preferred first, among equals the latest.
    pub fn bindings<Q>(&self, key: &Q, now: Moment) -> impl Iterator<Item = &Binding>
    where
        K: std::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let bindings = self.people.get(key).map_or(&[][..], |bindings| &**bindings);
        bindings.iter().filter(move |binding| binding.expires > now)
    }

    /// Forgets what has ended by now; how many bindings that were.
    pub fn expire(&mut self, now: Moment) -> usize {
        let mut ended = 0;
        while let Some((_, key)) = self.ends.first().filter(|(end, _)| *end <= now).cloned() {
            ended += self.keep(&key, |binding| binding.expires > now);
        }
        ended
    }

    /// Forgets what was reachable over a connection that is gone: a phone behind NAT must come back by itself (RFC 5626 §4.3).
    /// How many bindings that were. UDP has no connections.
    pub fn connection_lost(&mut self, connection: ConnectionId) -> usize {
        if connection == ConnectionId::NONE {
            return 0;
        }
        let holders = self
            .people
            .iter()
            .filter(|(_, bindings)| bindings.iter().any(|it| it.flow.connection == connection));
        let keys: Vec<K> = holders.map(|(key, _)| key.clone()).collect();
        keys.iter().map(|key| self.keep(key, |binding| binding.flow.connection != connection)).sum()
    }

    /// Forgets a person who has left.
    pub fn remove_person(&mut self, key: &K) -> usize {
        self.keep(key, |_| false)
    }

    /// When [`Registrar::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Bindings of all people.
    pub fn count(&self) -> usize {
        self.people.values().map(|bindings| bindings.len()).sum()
    }

    fn update(&mut self, now: Moment, key: &K, message: &Message, flow: Flow) -> Result<(), Refusal> {
        let wanted = Wanted::read(message, &self.limits)?;
        let mut bindings: Vec<Binding> = self.bindings(key, now).cloned().collect();
        match wanted {
            Wanted::Fetch => return Ok(()),
            Wanted::RemoveAll => {
                bindings.iter().try_for_each(|binding| check_order(binding, message))?;
                bindings.clear();
            }
            Wanted::Change(changes) => {
                let template = Template { now, flow, message, path: wanted::path(message)? };
                for change in changes {
                    apply(&mut bindings, change, &template)?;
                }
            }
        }
        self.make_room(&mut bindings);
        bindings.sort_by_key(|binding| std::cmp::Reverse((binding.preference, binding.since)));
        self.store(key, bindings);
        Ok(())
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Bindings from elsewhere: nobody need be told of them.
    pub(super) fn take_over(&mut self, key: &K, bindings: Vec<Binding>) {
        self.store(key, bindings);
        self.changed.remove(key);
    }

    fn make_room(&self, bindings: &mut Vec<Binding>) {
        while bindings.len() > self.limits.most_contacts {
            let first =
                bindings.iter().enumerate().min_by_key(|(_, binding)| (binding.expires, binding.since));
            let Some((index, _)) = first else { return };
            bindings.remove(index);
        }
    }

    /// §10.3 item 8: every current binding with its remaining time. RFC 3327 §5.3: the Path as it was stored. RFC 5626 §6:
    /// `Require: outbound` says that flows are kept.
    fn accepted(&self, now: Now, key: &K, message: &Message) -> Registered {
        let mut headers: Vec<(&'static str, String)> = self
            .bindings(key, now.moment)
            .map(|binding| ("Contact", binding.contact_value(now.moment)))
            .collect();
        headers.extend(message.headers(crate::sip::Name::Path).map(|path| ("Path", path.into_owned())));
        let mut contacts = message.contacts().flatten();
        let is_outbound = contacts.any(|contact| {
            contact.param("reg-id").is_some() && contact.param("+sip.instance").flatten().is_some()
        });
        if is_outbound {
            headers.push(("Require", "outbound".to_owned()));
        }
        headers.push(("Supported", "path, outbound".to_owned()));
        headers.push(("Date", now.utc.format("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        Registered { status: 200, reason: "OK", headers }
    }

    /// Keeps the bindings of one person that pass; how many did not.
    fn keep(&mut self, key: &K, pass: impl Fn(&Binding) -> bool) -> usize {
        let mut bindings = self.people.get(key).cloned().unwrap_or_default().into_vec();
        let before = bindings.len();
        bindings.retain(pass);
        let gone = before - bindings.len();
        self.store(key, bindings);
        gone
    }

    /// The one place that changes bindings, so that the ends always match.
    fn store(&mut self, key: &K, bindings: Vec<Binding>) {
        self.changed.insert(key.clone());
        let first_end = |bindings: &[Binding]| bindings.iter().map(|binding| binding.expires).min();
        if let Some(end) = self.people.get(key).and_then(|old| first_end(old)) {
            self.ends.remove(&(end, key.clone()));
        }
        match first_end(&bindings) {
            Some(end) => {
                self.ends.insert((end, key.clone()));
                self.people.insert(key.clone(), bindings.into());
            }
            None => {
                self.people.remove(key);
            }
        }
    }
}

/// What all bindings of one REGISTER have in common.
struct Template<'r> {
    now: Moment,
    flow: Flow,
    message: &'r Message,
    path: Box<[Box<str>]>,
}

fn apply(bindings: &mut Vec<Binding>, change: Change, template: &Template<'_>) -> Result<(), Refusal> {
    let bound = bindings.iter().position(|binding| binding.is_for(&change.contact, change.outbound()));
    if let Some(index) = bound {
        check_order(&bindings[index], template.message)?;
        bindings.remove(index);
    }
    if change.seconds > 0 {
        bindings.push(template.binding(change));
    }
    Ok(())
}

impl Template<'_> {
    fn binding(&self, change: Change) -> Binding {
        Binding {
            contact: change.contact,
            flow: self.flow,
            path: self.path.clone(),
            expires: self.now + Duration::from_secs(u64::from(change.seconds)),
            preference: change.preference,
            instance: change.instance,
            reg_id: change.reg_id,
            user_agent: wanted::user_agent(self.message),
            call_id: self.message.call_id().into(),
            cseq: self.message.cseq(),
            since: self.now,
        }
    }
}

/// §10.3 items 6 and 7: within one Call-ID the CSeq must rise, or a request that was overtaken would undo a later one.
fn check_order(binding: &Binding, message: &Message) -> Result<(), Refusal> {
    let is_late = *binding.call_id == *message.call_id() && message.cseq() <= binding.cseq;
    if is_late { Err(Refusal::new(400, "CSeq out of order")) } else { Ok(()) }
}
