//! A command as it is written down, in the notes and in the daybook: its length, then its bytes.

use postcard::ser_flavors::Flavor;

use crate::ledger::Command;

/// The version of the form. Whoever changes what a command holds raises it: a start that finds another one reads nothing into it.
pub const LAYOUT: u8 = 1;
/// Before each command stands its length.
const LENGTH_BYTES: usize = 4;

/// Adds the command to `text`.
pub(super) fn add(command: &Command, text: &mut Vec<u8>) {
    let start = text.len();
    text.extend([0; LENGTH_BYTES]);
    let body = (command, command.state().map(|(_, state)| state));
    postcard::serialize_with_flavor(&body, Page { text }).expect("numbers and texts can be written down");
    let length = (text.len() - start - LENGTH_BYTES) as u32;
    text[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

/// To the end of a text that is there already, for a fifth less than by an iterator over its bytes, as `postcard::to_extend` goes.
struct Page<'t> {
    text: &'t mut Vec<u8>,
}

impl Flavor for Page<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.text.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.text.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Reads the first command; `None` if it is not there whole.
pub(super) fn first(text: &[u8]) -> Option<(Command, &[u8])> {
    let (length, rest) = text.split_first_chunk::<LENGTH_BYTES>()?;
    let (body, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (command, state): (Command, Option<Box<str>>) = postcard::from_bytes(body).ok()?;
    Some((command.with_state(state.as_deref()), rest))
}
