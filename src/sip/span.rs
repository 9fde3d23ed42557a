//! Where something stands in a message: two 16-bit offsets, since no message is longer than 65,535 bytes.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub start: u16,
    pub end: u16,
}

impl Span {
    /// Offsets beyond 65,535 cannot occur: the length is checked before anything is indexed.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: narrow(start), end: narrow(end) }
    }

    /// The place of `inner`, which must be a part of `outer`; parsers hand out slices, the index keeps offsets.
    pub fn within(outer: &[u8], inner: &[u8]) -> Span {
        let start = inner.as_ptr().addr().wrapping_sub(outer.as_ptr().addr());
        debug_assert!(start + inner.len() <= outer.len(), "not a part of it");
        Span::new(start, start + inner.len())
    }

    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(usize::from(self.start)..usize::from(self.end)).unwrap_or_default()
    }

    pub fn covers(self, inner: Span) -> bool {
        self.start <= inner.start && inner.end <= self.end
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

pub(super) fn narrow(offset: usize) -> u16 {
    u16::try_from(offset).unwrap_or(u16::MAX)
}
