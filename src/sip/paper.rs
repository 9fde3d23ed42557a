//! What leaves is written on sheets of paper, one message after another: memory is asked for once a sheet, not once a message, and a
//! sheet from which everything has left is written on again.

use bytes::{Bytes, BytesMut};

/// A message that is kept keeps its whole sheet, so sheets are small: some thirty messages.
const SHEET_BYTES: usize = 16 << 10;

/// A pile of sheets. What is kept for a long time is written on another pile than what is gone at once, or it would keep that too.
#[derive(Debug, Default)]
pub struct Paper {
    sheet: BytesMut,
}

impl Paper {
    /// The next message: `write` puts exactly `length` bytes.
    pub(super) fn print(&mut self, length: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        if length > SHEET_BYTES {
            let mut own = BytesMut::with_capacity(length);
            write(&mut own);
            return own.freeze();
        }
        if self.sheet.capacity() < length {
            // Takes the present sheet from its beginning if nothing on it is needed any more.
            self.sheet.reserve(SHEET_BYTES);
        }
        write(&mut self.sheet);
        self.sheet.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(paper: &mut Paper, text: &[u8]) -> Bytes {
        paper.print(text.len(), |sheet| sheet.extend_from_slice(text))
    }

    #[test]
    fn messages_that_have_left_make_room_and_kept_ones_stay_as_they_are() {
        let mut paper = Paper::default();
        let first = print(&mut paper, b"kept");
        for round in 0..100 {
            let text = vec![round; 1_000];
            assert_eq!(print(&mut paper, &text), text);
        }
        let long = vec![b'x'; 3 * SHEET_BYTES];
        assert_eq!(print(&mut paper, &long), long);
        assert_eq!(first, &b"kept"[..]);
    }

    #[test]
    fn a_sheet_that_nobody_holds_is_written_on_again() {
        let mut paper = Paper::default();
        let begin = print(&mut paper, b"a").as_ptr();
        let text = [b'x'; 1_000];
        let places: Vec<_> = (0..100).map(|_| print(&mut paper, &text).as_ptr()).collect();
        assert!(places.contains(&begin), "the first sheet is used anew");
    }
}
