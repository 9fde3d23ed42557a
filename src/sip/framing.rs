//! Cuts a stream into messages (RFC 3261 §18.3) and hears the keep-alive of RFC 5626 §3.5.1. Bounded: no more is kept than one
//! message and what was pushed last.

use bytes::{Buf, Bytes, BytesMut};

use super::lines;
use super::malformed::{Fault, Malformed};
use super::message::LONGEST_MESSAGE;
use super::name::Name;
use super::scan::number;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// One thing that came over a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Exactly one message; its headers have not been judged yet.
    Message(Bytes),
    /// CRLFCRLF between messages: to be answered with one CRLF.
    Ping,
}

/// The bytes of one connection that are not yet a whole message. Push what arrives, then take frames until None.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// How far the end of the headers has been looked for; zero between messages.
    searched: usize,
    /// Length of the message whose headers are complete.
    length: Option<usize>,
    broken: bool,
}

impl Framer {
    pub fn new() -> Framer {
        Framer::default()
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// True while a message is incomplete: the connection may be closed if this lasts too long (RFC 4475 §3.1.2.2).
    pub fn is_mid_message(&self) -> bool {
        !self.may_become_ping()
    }

    /// Takes a ping off the front. One CRLF alone is the answer to a ping of ours and means nothing.
    fn take_ping(&mut self) -> Option<Frame> {
        while self.buffer.starts_with(b"\r\n") && !self.may_become_ping() {
            let is_ping = self.buffer.starts_with(HEAD_END);
            self.buffer.advance(if is_ping { 4 } else { 2 });
            if is_ping {
                return Some(Frame::Ping);
            }
        }
        None
    }

    /// Line ends at the end of what has arrived, of which more may follow; nothing at all counts as well.
    fn may_become_ping(&self) -> bool {
        self.buffer.len() < HEAD_END.len() && HEAD_END.starts_with(&self.buffer)
    }

    /// The length of the message at the front, when its headers are complete.
    fn measure(&mut self) -> Result<Option<usize>, Fault> {
        // The four bytes may have come in two parts.
        let from = self.searched.saturating_sub(HEAD_END.len() - 1);
        let found = self.buffer[from..].windows(HEAD_END.len()).position(|four| four == HEAD_END);
        self.searched = self.buffer.len();
        let Some(end) = found.map(|at| from + at + HEAD_END.len()) else {
            return if self.buffer.len() > LONGEST_MESSAGE { Err(Fault::TooLong) } else { Ok(None) };
        };
        let length = end + content_length(&self.buffer[..end])?;
        if length > LONGEST_MESSAGE { Err(Fault::TooLong) } else { Ok(Some(length)) }
    }

    fn take_message(&mut self) -> Result<Option<Frame>, Fault> {
        if self.length.is_none() {
            self.length = self.measure()?;
        }
        match self.length {
            Some(length) if self.buffer.len() >= length => {
                self.length = None;
                self.searched = 0;
                // In an allocation of its own size: the gate keeps some messages for the length of a call, and one of them must not
                // pin the buffer, which is used again.
                let message = Bytes::copy_from_slice(&self.buffer[..length]);
                self.buffer.advance(length);
                Ok(Some(Frame::Message(message)))
            }
            _ => Ok(None),
        }
    }
}

/// Frames as far as they are complete. After an error there are no more: where the next message begins cannot be known, so the
/// answer, if there is one, is sent and the connection closed (§18.3, RFC 4475 §3.1.2.3).
impl Iterator for Framer {
    type Item = Result<Frame, Malformed>;

    fn next(&mut self) -> Option<Result<Frame, Malformed>> {
        if self.searched == 0 {
            if let Some(ping) = self.take_ping() {
                return Some(Ok(ping));
            }
            if self.broken || self.may_become_ping() {
                return None;
            }
        }
        match self.take_message() {
            Ok(frame) => frame.map(Ok),
            Err(fault) => {
                self.broken = true;
                self.searched = 0;
                let received = std::mem::take(&mut self.buffer).freeze();
                Some(Err(Malformed::of(fault, &received)))
            }
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize, Fault> {
    let headers = lines::unfolded(head).skip(1).filter_map(lines::split);
    let mut lengths =
        headers.filter(|(name, _)| Name::of(name) == Name::ContentLength).map(|(_, value)| value);
    let length = lengths.next().ok_or(Fault::Missing(Name::ContentLength))?;
    if lengths.next().is_some() {
        return Err(Fault::Doubled(Name::ContentLength));
    }
    number(length).map(|length| length as usize).ok_or(Fault::ContentLength)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Framing, Message};

    fn message(call: u32, body: &str) -> String {
        format!(
            "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{call}\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:h>\r\nCall-ID: {call}\r\nCSeq: 1 OPTIONS\r\nl : {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn frames(framer: &mut Framer) -> Vec<String> {
        framer
            .map(|frame| match frame {
                Ok(Frame::Ping) => "ping".to_owned(),
                Ok(Frame::Message(bytes)) => String::from_utf8(bytes.to_vec()).unwrap(),
                Err(malformed) => malformed.fault.to_string(),
            })
            .collect()
    }

    #[test]
    fn any_cut_of_the_stream_gives_the_same_messages() {
        let (one, two) = (message(1, "body\r\n\r\nwith blank lines"), message(2, ""));
        let stream = format!("\r\n{one}\r\n{two}\r\n\r\n{one}");
        for step in 1..stream.len() {
            let mut framer = Framer::new();
            let mut seen = Vec::new();
            for chunk in stream.as_bytes().chunks(step) {
                framer.push(chunk);
                seen.extend(frames(&mut framer));
            }
            assert_eq!(seen, [one.as_str(), &two, "ping", &one], "{step} bytes at a time");
            assert!(!framer.is_mid_message());
        }
    }

    #[test]
    fn rfc_5626_section_3_5_1_a_ping_and_the_answer_to_one() {
        let mut framer = Framer::new();
        framer.push(b"\r\n\r\n");
        assert_eq!(frames(&mut framer), ["ping"]);
        framer.push(b"\r\n");
        assert!(frames(&mut framer).is_empty() && !framer.is_mid_message());
        framer.push(message(1, "").as_bytes());
        assert_eq!(frames(&mut framer).len(), 1);
    }

    #[test]
    fn rfc_4475_section_3_1_2_3_a_bad_length_is_answered_and_ends_the_stream() {
        let table = [
            ("l : 0", "l: -999", "Bad Content-Length"),
            ("l : 0", "l: 0\r\nContent-Length: 0", "More than one Content-Length"),
            ("l : 0", "X: 0", "Missing Content-Length"),
            ("l : 0", "l: 65535", "Message longer than 65535 bytes"),
        ];
        for (from, to, fault) in table {
            let mut framer = Framer::new();
            framer.push(message(1, "").replace(from, to).as_bytes());
            let malformed = framer.next().unwrap().unwrap_err();
            assert_eq!(malformed.fault.to_string(), fault);
            assert!(malformed.answer.is_some());
            framer.push(message(2, "").as_bytes());
            assert!(framer.next().is_none());
        }
    }

    #[test]
    fn rfc_4475_section_3_1_2_2_a_short_body_waits_in_bounded_memory() {
        let mut framer = Framer::new();
        framer.push(message(1, "").replace("l : 0", "l: 9999").as_bytes());
        assert!(framer.next().is_none());
        assert!(framer.is_mid_message());
    }

    #[test]
    fn a_message_that_is_kept_pins_no_buffer() {
        let mut framer = Framer::new();
        framer.push((message(1, "") + &message(2, "")).as_bytes());
        let Some(Ok(Frame::Message(first))) = framer.next() else { panic!("one whole message") };
        assert!(first.is_unique());
    }

    #[test]
    fn endless_headers_are_given_up() {
        let mut framer = Framer::new();
        framer.push(b"OPTIONS sip:h SIP/2.0\r\n");
        let given_up = (0..70).any(|_| {
            framer.push(&[b'a'; 1000]);
            framer.next().is_some()
        });
        assert!(given_up && framer.buffer.is_empty());
    }

    #[test]
    fn a_frame_is_what_the_reader_of_streams_expects() {
        let mut framer = Framer::new();
        framer.push(message(7, "hello").as_bytes());
        let Some(Ok(Frame::Message(bytes))) = framer.next() else { panic!("one whole message") };
        assert_eq!(Message::parse(bytes, Framing::Stream).unwrap().body(), b"hello");
    }
}
