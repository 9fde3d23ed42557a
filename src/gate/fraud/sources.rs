//! Where somebody calls from: networks and kinds of phones, and since when.

use std::time::Duration;

use smallvec::SmallVec;

use crate::base::Moment;

/// Remembered of one person; beyond these the oldest but one makes room, never the first.
const SOURCES_MAX: usize = 8;

/// For how long a source counts as new. Whoever stole a password uses it before its owner is back from the weekend.
const NEW_FOR: Duration = Duration::from_secs(48 * 3600);

/// The sources of one kind, the first one first.
#[derive(Debug, Default)]
pub struct Sources(SmallVec<[Source; 2]>);

#[derive(Clone, Copy, Debug)]
struct Source {
    mark: u64,
    /// `None`: known well enough.
    new_since: Option<Moment>,
}

impl Sources {
    /// Takes note of a source. True if others are known and this one has only just come into use.
    pub fn saw(&mut self, now: Moment, mark: u64) -> bool {
        let is_first = self.0.is_empty();
        if let Some(source) = self.0.iter_mut().find(|source| source.mark == mark) {
            source.new_since = source.new_since.filter(|since| now.since(*since) < NEW_FOR);
            return source.new_since.is_some();
        }
        if self.0.len() == SOURCES_MAX {
            self.0.remove(1);
        }
        self.0.push(Source { mark, new_since: (!is_first).then_some(now) });
        !is_first
    }

    /// Somebody vouches for all that was seen.
    pub fn trust(&mut self) {
        self.0.iter_mut().for_each(|source| source.new_since = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_source_is_new_until_it_has_been_used_for_two_days() {
        let hour = |count: u64| Moment::START + Duration::from_secs(count * 3600);
        let mut sources = Sources::default();
        assert!(!sources.saw(hour(0), 1), "the first one is hers");
        assert!(sources.saw(hour(1), 2));
        assert!(sources.saw(hour(24), 2));
        assert!(!sources.saw(hour(72), 2));
        assert!(!sources.saw(hour(72), 1));
        for mark in 10..30 {
            assert!(sources.saw(hour(72), mark));
        }
        assert!(!sources.saw(hour(72), 1), "the first one is never forgotten");
        sources.trust();
        assert!(!sources.saw(hour(72), 29));
    }
}
