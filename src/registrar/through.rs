//! Phones that register elsewhere through us: which flow a telephone system has confirmed for whom, and the mark by which its calls
//! find that flow again (RFC 3327; the idea of RFC 5626 §5.2, kept in a table).

use std::collections::{BTreeSet, HashMap};

use ahash::RandomState;
use smallvec::SmallVec;

use crate::base::Moment;
use crate::sip::{ConnectionId, Flow};

/// People of one flow at most: a base of cordless phones, an adapter for a floor. Beyond this the one whose time ends first gives way.
const PEOPLE_MAX: usize = 64;
/// Flows at most; each needs a registration that the telephone system has accepted.
const FLOWS_MAX: usize = 1_000_000;

/// What stands in the Path of a flow, and comes back in the Route of a call to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowMark(u64);

impl FlowMark {
    /// Reads what `Display` has written.
    pub fn read(text: &str) -> Option<FlowMark> {
        let is_mark = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_mark.then(|| u64::from_str_radix(text, 16).ok().map(FlowMark)).flatten()
    }
}

impl std::fmt::Display for FlowMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Flows by mark; `K` is whatever outlives a change of policy, such as the key of `people.csv`.
#[derive(Clone, Debug)]
pub struct Through<K> {
    keys: RandomState,
    flows: HashMap<FlowMark, Line<K>, RandomState>,
    /// For each flow the first end of a registration.
    ends: BTreeSet<(Moment, FlowMark)>,
}

#[derive(Clone, Debug)]
struct Line<K> {
    flow: Flow,
    people: SmallVec<[(K, Moment); 1]>,
}

impl<K: Eq + Clone> Through<K> {
    /// `keys` make the marks: nobody else can name a flow.
    pub fn new(keys: RandomState, hasher: RandomState) -> Through<K> {
        Through { keys, flows: HashMap::with_hasher(hasher), ends: BTreeSet::new() }
    }

    /// The mark of a flow, always the same, so that a refreshed registration keeps its Path.
    pub fn mark(&self, flow: Flow) -> FlowMark {
        FlowMark(self.keys.hash_one(flow))
    }

    /// A telephone system has accepted the registration of `who` over this flow until then.
    pub fn bind(&mut self, flow: Flow, who: K, until: Moment) {
        let mark = self.mark(flow);
        if self.flows.len() >= FLOWS_MAX && !self.flows.contains_key(&mark) {
            return;
        }
        let mut people = self.flows.get(&mark).map(|line| line.people.clone()).unwrap_or_default();
        people.retain(|(known, _)| *known != who);
        if people.len() >= PEOPLE_MAX {
            let first = people.iter().enumerate().min_by_key(|(_, (_, until))| *until).map(|(at, _)| at);
            first.into_iter().for_each(|at| drop(people.remove(at)));
        }
        people.push((who, until));
        self.store(mark, flow, people);
    }

    /// The registration of `who` over this flow is over.
    pub fn unbind(&mut self, flow: Flow, who: &K) {
        let mark = self.mark(flow);
        self.keep(mark, |(known, _)| known != who);
    }

    /// Who has registered over this flow.
    pub fn people(&self, flow: Flow, now: Moment) -> impl Iterator<Item = &K> {
        let line = self.flows.get(&self.mark(flow)).filter(|line| line.flow == flow);
        let people = line.map_or(&[][..], |line| line.people.as_slice());
        people.iter().filter(move |(_, until)| *until > now).map(|(who, _)| who)
    }

    /// The flow that a Route names.
    pub fn flow(&self, mark: FlowMark) -> Option<Flow> {
        self.flows.get(&mark).map(|line| line.flow)
    }

    /// Forgets what has ended by now.
    pub fn expire(&mut self, now: Moment) {
        while let Some((_, mark)) = self.ends.first().filter(|(end, _)| *end <= now).copied() {
            self.keep(mark, |(_, until)| *until > now);
        }
    }

    /// A connection is gone, and whoever spoke over it must register anew.
    pub fn connection_lost(&mut self, connection: ConnectionId) {
        if connection == ConnectionId::NONE {
            return;
        }
        let lost = self.flows.iter().filter(|(_, line)| line.flow.connection == connection);
        let lost: SmallVec<[FlowMark; 1]> = lost.map(|(mark, _)| *mark).collect();
        lost.into_iter().for_each(|mark| self.keep(mark, |_| false));
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Registrations of all flows.
    pub fn count(&self) -> usize {
        self.flows.values().map(|line| line.people.len()).sum()
    }

    fn keep(&mut self, mark: FlowMark, pass: impl Fn(&(K, Moment)) -> bool) {
        let Some(line) = self.flows.get(&mark) else { return };
        let mut people = line.people.clone();
        people.retain(|one| pass(one));
        self.store(mark, line.flow, people);
    }

    /// The one place that changes a line, so that the ends always match.
    fn store(&mut self, mark: FlowMark, flow: Flow, people: SmallVec<[(K, Moment); 1]>) {
        let first_end = |people: &[(K, Moment)]| people.iter().map(|(_, until)| *until).min();
        if let Some(end) = self.flows.get(&mark).and_then(|line| first_end(&line.people)) {
            self.ends.remove(&(end, mark));
        }
        match first_end(&people) {
            Some(end) => {
                self.ends.insert((end, mark));
                self.flows.insert(mark, Line { flow, people });
            }
            None => drop(self.flows.remove(&mark)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sip::{ListenerId, Transport};

    fn through() -> Through<&'static str> {
        let state = || RandomState::with_seeds(1, 2, 3, 4);
        Through::new(state(), state())
    }

    fn flow(port: u16, connection: u64) -> Flow {
        let transport = if connection == 0 { Transport::Udp } else { Transport::Tcp };
        let remote = ([10, 0, 0, 1], port).into();
        Flow { transport, listener: ListenerId(0), remote, connection: ConnectionId(connection) }
    }

    fn at(seconds: u64) -> Moment {
        Moment::START + Duration::from_secs(seconds)
    }

    fn people(through: &Through<&'static str>, flow: Flow, seconds: u64) -> Vec<&'static str> {
        through.people(flow, at(seconds)).copied().collect()
    }

    #[test]
    fn a_flow_speaks_for_whoever_registered_over_it_until_that_ends() {
        let mut through = through();
        through.bind(flow(1, 0), "alice", at(60));
        through.bind(flow(1, 0), "bob", at(90));
        assert_eq!(people(&through, flow(1, 0), 59), ["alice", "bob"]);
        assert_eq!(people(&through, flow(1, 0), 60), ["bob"]);
        assert!(people(&through, flow(2, 0), 0).is_empty());
        assert_eq!(through.next_deadline(), Some(at(60)));
        through.bind(flow(1, 0), "alice", at(120));
        through.expire(at(100));
        assert_eq!(people(&through, flow(1, 0), 100), ["alice"]);
        through.unbind(flow(1, 0), &"alice");
        assert_eq!((through.count(), through.next_deadline()), (0, None));
    }

    #[test]
    fn the_mark_leads_back_to_the_flow_and_no_other_does() {
        let mut through = through();
        let mark = through.mark(flow(1, 0));
        assert_eq!(through.flow(mark), None, "nobody has registered yet");
        through.bind(flow(1, 0), "alice", at(60));
        let read = FlowMark::read(&mark.to_string()).unwrap();
        assert_eq!(through.flow(read), Some(flow(1, 0)));
        for text in ["", "alice", "0", "+000000000000000", "00000000000000000"] {
            assert_eq!(FlowMark::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_connection_that_closes_takes_its_registrations_with_it() {
        let mut through = through();
        through.bind(flow(1, 7), "alice", at(60));
        through.bind(flow(1, 8), "bob", at(60));
        through.connection_lost(ConnectionId(7));
        assert!(people(&through, flow(1, 7), 0).is_empty());
        assert_eq!(people(&through, flow(1, 8), 0), ["bob"]);
    }
}
