//! What one side is called and where it is reached, in one piece: a dialog lives as long as its call, and a place of its own for each of
//! these would take half as much again.

use std::ops::Range;

/// Tag, address and target of one side.
#[derive(Debug)]
pub(super) struct Words {
    /// The address, the target, and behind them the tag if the address does not have it.
    text: Box<[u8]>,
    address_end: u32,
    target_end: u32,
    tag_start: u32,
    tag_end: u32,
}

impl Words {
    pub(super) fn new(tag: &[u8], address: &str, target: &str) -> Words {
        let (address_end, target_end) = (address.len(), address.len() + target.len());
        let mut text = Vec::with_capacity(target_end + tag.len());
        text.extend_from_slice(address.as_bytes());
        text.extend_from_slice(target.as_bytes());
        // It stands last in what a phone writes. Wherever the same bytes are found, they are the same tag.
        let found = address.as_bytes().windows(tag.len().max(1)).rposition(|window| window == tag);
        let tag_start = found.unwrap_or_else(|| {
            text.extend_from_slice(tag);
            target_end
        });
        Words {
            text: text.into(),
            address_end: place(address_end),
            target_end: place(target_end),
            tag_start: place(tag_start),
            tag_end: place(tag_start + tag.len()),
        }
    }

    pub(super) fn tag(&self) -> &[u8] {
        self.at(self.tag_start..self.tag_end)
    }

    pub(super) fn address(&self) -> &str {
        text(self.at(0..self.address_end))
    }

    pub(super) fn target(&self) -> &str {
        text(self.at(self.address_end..self.target_end))
    }

    /// The same side, reached elsewhere.
    pub(super) fn reached_at(&self, target: &str) -> Words {
        Words::new(self.tag(), self.address(), target)
    }

    fn at(&self, range: Range<u32>) -> &[u8] {
        self.text.get(range.start as usize..range.end as usize).unwrap_or_default()
    }
}

/// No message is so long that it could not be told.
fn place(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What came as text.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_its_address_or_put_behind() {
        let cases = [
            ("<sip:alice@a.example>;tag=1928", "1928", 48),
            // The same bytes earlier are as good, and a caller of RFC 2543 has none.
            ("\"1928\" <sip:1928@a.example>;tag=1928;x=y", "1928", 58),
            ("<sip:alice@a.example>", "", 39),
            ("<sip:alice@a.example>", "1928", 43),
        ];
        for (address, tag, length) in cases {
            let words = Words::new(tag.as_bytes(), address, "sip:alice@10.0.0.1");
            assert_eq!((words.tag(), words.address()), (tag.as_bytes(), address));
            assert_eq!((words.target(), words.text.len()), ("sip:alice@10.0.0.1", length), "{address}");
        }
    }

    #[test]
    fn a_side_that_moves_keeps_its_name() {
        let odd_tag = [0xff, b'x'];
        let words =
            Words::new(&odd_tag, "<sip:alice@a.example>", "sip:alice@10.0.0.1").reached_at("sip:b@10.0.0.2");
        assert_eq!((words.tag(), words.address()), (&odd_tag[..], "<sip:alice@a.example>"));
        assert_eq!(words.target(), "sip:b@10.0.0.2");
    }
}
