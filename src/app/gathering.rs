//! Under load the gate looks at the wire once for several messages, not once for each: a wake-up costs as much as what is done with a
//! message, and what is done with several in a row finds its words still near the processor. Below that load every message is taken as
//! it comes.

use std::time::Duration;

use crate::base::Moment;

/// From so many messages a second on they are gathered: about 650 calls. Below, nobody gains by waiting.
const DENSE: u32 = 4_000;
/// Over at least so long they are counted: some forty messages tell a rate.
const WINDOW: Duration = Duration::from_millis(10);
/// So many at once are as cheap as any more; the denser they come, the shorter each waits.
const GROUP: u32 = 48;

/// How densely messages come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gathering {
    /// How long messages may gather at most.
    span: Duration,
    since: Moment,
    heard: u32,
    pause: Option<Duration>,
}

impl Gathering {
    /// `span`: how long messages may gather under load; zero takes every message as it comes.
    pub fn new(span: Duration) -> Gathering {
        Gathering { span, since: Moment::START, heard: 0, pause: None }
    }

    /// One more message has come.
    pub fn hear(&mut self) {
        self.heard += 1;
    }

    /// How long to leave the wire alone before the next look at it.
    pub fn pause(&mut self, now: Moment) -> Option<Duration> {
        let elapsed = now.since(self.since);
        if elapsed >= WINDOW {
            let is_dense = !self.span.is_zero() && Duration::from_secs(1) * self.heard >= elapsed * DENSE;
            self.pause = is_dense.then(|| self.span.min(elapsed * GROUP / self.heard));
            (self.since, self.heard) = (now, 0);
        }
        self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(4);

    /// The pauses of a second in which so many messages come evenly, one at each turn.
    fn pauses(gathering: &mut Gathering, from: Moment, messages: u32) -> Vec<Option<Duration>> {
        let turn = |index: u32| {
            gathering.hear();
            gathering.pause(from + Duration::from_secs(1) * index / messages)
        };
        (0..messages).map(turn).collect()
    }

    #[test]
    fn messages_gather_only_while_they_come_densely() {
        let mut gathering = Gathering::new(SPAN);
        let start = Moment::START + Duration::from_secs(60);
        assert_eq!(pauses(&mut gathering, start, 2_000), [None; 2_000]);
        let dense = pauses(&mut gathering, start + Duration::from_secs(1), 5_000);
        assert!(dense.iter().skip(100).all(|pause| *pause == Some(SPAN)), "{dense:?}");
        let denser = pauses(&mut gathering, start + Duration::from_secs(2), 20_000);
        let some = Duration::from_micros(2_300)..Duration::from_micros(2_500);
        assert!(denser.iter().skip(400).flatten().all(|pause| some.contains(pause)), "{denser:?}");
        let thin = pauses(&mut gathering, start + Duration::from_secs(3), 1_000);
        assert!(thin.iter().skip(20).all(Option::is_none), "{thin:?}");
    }

    #[test]
    fn a_span_of_zero_takes_every_message_as_it_comes() {
        let mut gathering = Gathering::new(Duration::ZERO);
        assert_eq!(pauses(&mut gathering, Moment::START, 10_000), [None; 10_000]);
    }
}
