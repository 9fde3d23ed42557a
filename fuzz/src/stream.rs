//! A stream, however it is cut: the same messages, in bounded memory.
//!
//! The first bytes say how the rest is cut.

use arbitrary::Unstructured;
use bytes::Bytes;
use tollgate::sip::{Frame, Framer, Framing, Message};

use super::cost::Bound;

/// What is pushed is copied into a buffer that doubles; each message leaves it whole.
const FRAMING: Bound = Bound { bytes: 8_192, bytes_per_byte: 48, times: 64, bytes_per_time: 2 };
const CUTS_MAX: usize = 32;

/// What came over the stream: messages and pings, then the fault that ended it.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Message(Bytes),
    Ping,
    Fault(tollgate::sip::Fault),
}

pub fn run(bytes: &[u8]) {
    let mut choices = Unstructured::new(bytes);
    let count = choices.int_in_range(0..=CUTS_MAX).unwrap_or(0);
    let spans: Vec<usize> =
        (0..count).map_while(|_| choices.arbitrary::<u8>().ok()).map(usize::from).collect();
    let stream = choices.take_rest();
    let whole = listen(stream, &[]);
    assert_eq!(listen(stream, &spans), whole, "cut at {spans:?}");
    assert_eq!(listen(stream, &[1; 4_096]), whole, "byte by byte");
    for heard in &whole {
        if let Heard::Message(message) = heard {
            is_one_message(message);
        }
    }
    adds_up(stream, &whole);
}

fn listen(stream: &[u8], spans: &[usize]) -> Vec<Heard> {
    FRAMING.holds("framing", stream, || {
        let (mut framer, mut heard, mut rest) = (Framer::new(), Vec::new(), stream);
        for span in spans.iter().copied().chain([stream.len()]) {
            let (now, later) = rest.split_at(span.min(rest.len()));
            rest = later;
            framer.push(now);
            heard.extend(framer.by_ref().map(|frame| match frame {
                Ok(Frame::Message(bytes)) => Heard::Message(bytes),
                Ok(Frame::Ping) => Heard::Ping,
                Err(malformed) => Heard::Fault(malformed.fault),
            }));
            if rest.is_empty() {
                break;
            }
        }
        heard
    })
}

/// What is cut out is what the reader takes for one whole message, to the last byte.
fn is_one_message(bytes: &Bytes) {
    if let Ok(message) = Message::parse(bytes.clone(), Framing::Stream) {
        assert_eq!(message.bytes(), bytes, "the reader leaves something over");
    }
}

/// Nothing is heard that was not sent, and in its order.
fn adds_up(stream: &[u8], heard: &[Heard]) {
    let mut rest = stream;
    for one in heard {
        let bytes: &[u8] = match one {
            Heard::Message(bytes) => bytes,
            Heard::Ping => b"\r\n\r\n",
            Heard::Fault(_) => return,
        };
        while rest.starts_with(b"\r\n") && !rest.starts_with(bytes) {
            rest = &rest[2..];
        }
        rest = rest.strip_prefix(bytes).expect("what is heard was sent");
    }
}
