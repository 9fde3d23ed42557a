//! Edits over a received message. What is not edited leaves byte-identical (R14: one reading, for judging and forwarding).

use std::net::SocketAddr;

use bytes::Bytes;
use smallvec::SmallVec;

use super::compose::{self, Text};
use super::index::Field;
use super::message::{Message, Position};
use super::name::Name;
use super::paper::Paper;
use super::scan::text;
use super::span::{Span, narrow};
use super::values::Values;

/// Edits kept without an allocation; forwarding an INVITE makes about eight.
const INLINE_EDITS: usize = 12;

/// A message to be sent on: the received one and what is changed in it. All positions are those of the received message, so
/// the order of calls matters only between two insertions at one place.
#[derive(Debug)]
pub struct Draft<'m> {
    message: &'m Message,
    edits: SmallVec<[Edit; INLINE_EDITS]>,
    /// The text of all edits, one after another.
    inserted: Text,
    dropped: SmallVec<[Position; 4]>,
}

/// Replaces `place`, perhaps empty, with a part of `inserted`, perhaps empty.
#[derive(Clone, Copy, Debug)]
struct Edit {
    place: Span,
    order: i16,
    text_start: u32,
    text_end: u32,
}

/// Replacements come after all insertions at the same place.
const REPLACEMENT: i16 = i16::MAX;

impl<'m> Draft<'m> {
    pub fn of(message: &'m Message) -> Draft<'m> {
        Draft { message, edits: SmallVec::new(), inserted: Text::new(), dropped: SmallVec::new() }
    }

    /// Replaces the Request-URI (R11). Responses have none and stay as they are.
    pub fn request_uri(&mut self, uri: &str) -> &mut Self {
        if self.message.is_request() {
            self.replace(self.message.request_uri_span(), uri);
        }
        self
    }

    /// A new topmost Via line (§16.6 item 8).
    pub fn push_via(&mut self, via: &str) -> &mut Self {
        self.push(Name::Via, via)
    }

    /// Writes `received` and `rport` into the Via that the message came with (§18.2.1, RFC 3581 §4), where they apply.
    pub fn stamp_top_via(&mut self, source: SocketAddr) -> &mut Self {
        let start = self.inserted.len();
        self.message.top_via().write_stamped(source, &mut self.inserted);
        self.record(self.message.top_via_span(), REPLACEMENT, start);
        self
    }

    /// Removes the topmost Via value that is still there; its line goes with its last value (§16.7 item 3).
    pub fn drop_top_via(&mut self) -> &mut Self {
        self.drop_first(Name::Via)
    }

    /// Removes one value of a comma list, and its line with the last one.
    pub fn drop_value(&mut self, position: Position) -> &mut Self {
        if !self.dropped.contains(&position) {
            self.dropped.push(position);
            self.cut_dropped(position.field);
        }
        self
    }

    /// Replaces one value of a comma list.
    pub fn replace_value(&mut self, position: Position, value: &str) -> &mut Self {
        self.replace(position.span, value);
        self
    }

    /// Removes every received line of that name.
    pub fn drop_all(&mut self, name: Name) -> &mut Self {
        self.drop_where(|field, _| field.name == name)
    }

    /// Removes every received line of any of these names.
    pub fn drop_each(&mut self, names: &[Name]) -> &mut Self {
        let set = names.iter().fold(0, |set, name| set | name.bit());
        self.drop_where(|field, _| set & field.name.bit() != 0)
    }

    /// Removes every received line whose name, in any case, is this.
    pub fn drop_named(&mut self, name: &str) -> &mut Self {
        self.drop_where(|field, bytes| field.label.of(bytes).eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Leaves one header of that name with that value: in the place of the first, else after the last header.
    pub fn set(&mut self, name: Name, value: &str) -> &mut Self {
        let message = self.message;
        let mut fields = message.fields(name);
        let Some(first) = fields.next() else {
            return self.append(name, value);
        };
        fields.for_each(|field| self.remove(field.line()));
        let line = first.line();
        self.edits.retain(|edit| edit.place.is_empty() || !line.covers(edit.place));
        self.replace(first.value, value);
        self
    }

    /// A new line above the first of its kind, else below the Vias.
    pub fn push(&mut self, name: Name, value: &str) -> &mut Self {
        let at = match self.message.fields(name).next() {
            Some(field) => field.label.start,
            None => self.below_vias(),
        };
        let order = -(self.edits.len() as i16) - 1;
        self.insert_line(at, order, name.as_str(), value)
    }

    /// A new line after the last header.
    pub fn append(&mut self, name: Name, value: &str) -> &mut Self {
        self.append_named(name.as_str(), value)
    }

    /// As [`Draft::append`], for a name unknown to [`Name`].
    pub fn append_named(&mut self, name: &str, value: &str) -> &mut Self {
        let order = self.edits.len() as i16;
        self.insert_line(narrow(self.message.blank_line()), order, name, value)
    }

    pub fn max_forwards(&mut self, hops: u8) -> &mut Self {
        let digits = [hops / 100, hops / 10 % 10, hops % 10].map(|digit| b'0' + digit);
        let leading = usize::from(hops < 100) + usize::from(hops < 10);
        self.set(Name::MaxForwards, text(&digits[leading..]))
    }

    /// Adds the Content-Length that a stream needs and a datagram may lack (§20.14).
    pub fn ensure_content_length(&mut self) -> &mut Self {
        if self.message.count(Name::ContentLength) == 0 {
            self.append(Name::ContentLength, &self.message.body().len().to_string());
        }
        self
    }

    /// The edited message, in an allocation of its own size.
    pub fn into_bytes(&mut self) -> Bytes {
        let mut out = Vec::with_capacity(self.finish());
        self.each_part(|part| out.extend_from_slice(part));
        out.into()
    }

    /// The edited message, as one of many.
    pub fn print(&mut self, paper: &mut Paper) -> Bytes {
        let length = self.finish();
        paper.print(length, |sheet| self.each_part(|part| sheet.extend_from_slice(part)))
    }

    /// Puts the edits in the order of their places; how long the edited message is.
    fn finish(&mut self) -> usize {
        self.edits.sort_unstable_by_key(|edit| {
            (edit.place.start, edit.order, std::cmp::Reverse(edit.place.end), edit.text_start)
        });
        let mut length = 0;
        self.each_part(|part| length += part.len());
        length
    }

    /// The edited message in parts, the edits being in the order of their places.
    fn each_part(&self, mut take: impl FnMut(&[u8])) {
        let bytes: &[u8] = self.message.bytes();
        let mut copied = 0;
        for edit in &self.edits {
            let (start, end) = (usize::from(edit.place.start), usize::from(edit.place.end));
            // A wider edit has already taken this place away.
            if start >= copied {
                take(&bytes[copied..start]);
                take(&self.inserted[edit.text_start as usize..edit.text_end as usize]);
            }
            copied = copied.max(end);
        }
        take(&bytes[copied..]);
    }

    /// Removes the first value of a comma list that is still there; its line goes with its last value.
    pub fn drop_first(&mut self, name: Name) -> &mut Self {
        let message = self.message;
        let left = message
            .values(name)
            .map(|value| value.position)
            .find(|position| !self.dropped.contains(position));
        if let Some(position) = left {
            self.drop_value(position);
        }
        self
    }

    /// Records the cuts that leave one line without its dropped values and without a stray comma.
    fn cut_dropped(&mut self, field: u16) {
        let message = self.message;
        let line = message.all_fields()[usize::from(field)];
        let spans: SmallVec<[Span; 8]> = spans(message.bytes(), line);
        let is_dropped =
            |span: &Span, dropped: &[Position]| dropped.iter().any(|position| position.span == *span);
        let Some(last_kept) = spans.iter().rfind(|span| !is_dropped(span, &self.dropped)).copied() else {
            return self.remove(line.line());
        };
        for (index, span) in spans.iter().enumerate() {
            if is_dropped(span, &self.dropped) {
                self.remove(match spans.get(index + 1) {
                    Some(next) if span.start < last_kept.start => Span { start: span.start, end: next.start },
                    _ => Span { start: last_kept.end, end: span.end },
                });
            }
        }
    }

    fn drop_where(&mut self, wanted: impl Fn(&Field, &[u8]) -> bool) -> &mut Self {
        let message = self.message;
        let fields = message.all_fields().iter().filter(|field| wanted(field, message.bytes()));
        fields.for_each(|field| self.remove(field.line()));
        self
    }

    fn below_vias(&self) -> u16 {
        let vias = self.message.fields(Name::Via).last();
        vias.map_or_else(|| narrow(self.message.blank_line()), |field| field.end)
    }

    fn insert_line(&mut self, at: u16, order: i16, name: &str, value: &str) -> &mut Self {
        let start = self.inserted.len();
        compose::header(&mut self.inserted, name, value);
        self.record(Span { start: at, end: at }, order, start);
        self
    }

    /// The last replacement of a place is the one that holds.
    fn replace(&mut self, place: Span, text: &str) {
        self.edits.retain(|edit| edit.place != place || edit.order != REPLACEMENT);
        let start = self.inserted.len();
        compose::put(&mut self.inserted, text);
        self.record(place, REPLACEMENT, start);
    }

    fn remove(&mut self, place: Span) {
        self.record(place, REPLACEMENT, self.inserted.len());
    }

    fn record(&mut self, place: Span, order: i16, text_start: usize) {
        let text_end = self.inserted.len() as u32;
        self.edits.push(Edit { place, order, text_start: text_start as u32, text_end });
    }
}

fn spans<B: AsRef<[u8]>>(bytes: B, line: Field) -> SmallVec<[Span; 8]> {
    let bytes = bytes.as_ref();
    Values::of(line.value.of(bytes)).map(|value| Span::within(bytes, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Framing;

    const HEAD: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.9;rport;branch=z9hG4bK1 , SIP/2.0/TCP b;branch=z9hG4bK2\r\n";
    const ROUTES: &str = "Route: <sip:one;lr>, <sip:two;lr> ,<sip:three;lr>\r\nroute: <sip:four;lr>\r\n";
    const REST: &str = "MaX-fOrWaRdS: 0068\r\nTo: <sip:bob@biloxi.com>\r\nFrom: <sip:a@b>;tag=1\r\n\
        Call-ID: x\r\nCSeq: 1 INVITE\r\nX-Unusual: ;;,,;\r\n folded\r\n\r\nbody \u{0}\u{1}";

    fn message() -> Message {
        Message::parse(Bytes::from(format!("{HEAD}{ROUTES}{REST}")), Framing::Datagram).unwrap()
    }

    fn edited(edit: impl FnOnce(&mut Draft<'_>)) -> String {
        let message = message();
        let mut draft = Draft::of(&message);
        edit(&mut draft);
        String::from_utf8(draft.into_bytes().to_vec()).unwrap()
    }

    #[test]
    fn without_edits_every_byte_is_the_same() {
        assert_eq!(edited(|_| {}).as_bytes(), message().bytes());
    }

    #[test]
    fn forwarding_touches_what_it_must_and_nothing_else() {
        let text = edited(|draft| {
            draft.request_uri("sip:+4930123456@trunk.example").max_forwards(67);
            draft
                .stamp_top_via("198.51.100.7:4711".parse().unwrap())
                .push_via("SIP/2.0/UDP gate;branch=z9hG4bKnew");
            draft
                .push(Name::RecordRoute, "<sip:gate;lr>")
                .append_named("X-Tollgate-Decision", "0C7NKX2P0QGW4");
        });
        let expected = "INVITE sip:+4930123456@trunk.example SIP/2.0\r\n\
            Via: SIP/2.0/UDP gate;branch=z9hG4bKnew\r\n\
            Via: SIP/2.0/UDP 192.0.2.9;rport=4711;branch=z9hG4bK1;received=198.51.100.7 , SIP/2.0/TCP b;branch=z9hG4bK2\r\n\
            Record-Route: <sip:gate;lr>\r\n";
        let rest =
            REST.replace("0068", "67").replace("\r\n\r\n", "\r\nX-Tollgate-Decision: 0C7NKX2P0QGW4\r\n\r\n");
        assert_eq!(text, format!("{expected}{ROUTES}{rest}"));
    }

    #[test]
    fn values_leave_their_list_one_by_one_and_the_line_with_the_last() {
        let after = |count: usize| {
            let text = edited(|draft| {
                for _ in 0..count {
                    draft.drop_first(Name::Route);
                }
            });
            text.replace(HEAD, "").replace(REST, "")
        };
        assert_eq!(after(1), "Route: <sip:two;lr> ,<sip:three;lr>\r\nroute: <sip:four;lr>\r\n");
        assert_eq!(after(2), "Route: <sip:three;lr>\r\nroute: <sip:four;lr>\r\n");
        assert_eq!(after(3), "route: <sip:four;lr>\r\n");
        assert_eq!(after(4), "");
        assert_eq!(after(5), "");
    }

    #[test]
    fn any_choice_of_dropped_values_in_any_order_leaves_a_clean_list() {
        let message = message();
        let positions: Vec<Position> = message.values(Name::Route).map(|value| value.position).collect();
        for (first, second) in (0..3).flat_map(|one| (0..3).map(move |other| (one, other))) {
            let text = edited(|draft| {
                draft.drop_value(positions[first]).drop_value(positions[second]);
            });
            let left = Message::parse(Bytes::from(text), Framing::Datagram).unwrap();
            let hosts: Vec<String> = left.routes().map(|route| route.uri.to_string()).collect();
            let expected: Vec<&str> = ["sip:one;lr", "sip:two;lr", "sip:three;lr", "sip:four;lr"]
                .into_iter()
                .enumerate()
                .filter(|(index, _)| *index != first && *index != second)
                .map(|(_, uri)| uri)
                .collect();
            assert_eq!(hosts, expected, "{first} {second}");
        }
    }

    #[test]
    fn a_response_loses_one_via_value() {
        assert!(
            edited(|draft| {
                draft.drop_top_via();
            })
            .contains("\r\nVia: SIP/2.0/TCP b;branch=z9hG4bK2\r\n")
        );
        assert!(
            !edited(|draft| {
                draft.drop_top_via().drop_top_via();
            })
            .contains("Via")
        );
    }

    #[test]
    fn set_leaves_exactly_one_even_after_a_drop() {
        let text = edited(|draft| {
            draft.drop_all(Name::Route).set(Name::Route, "<sip:only;lr>");
        });
        assert_eq!(text, format!("{HEAD}Route: <sip:only;lr>\r\n{REST}"));
        assert!(
            edited(|draft| {
                draft.set(Name::Expires, "60");
            })
            .contains("folded\r\nExpires: 60\r\n\r\n")
        );
    }

    #[test]
    fn inserted_text_cannot_end_its_line() {
        let text = edited(|draft| {
            draft.append_named("X-Note", "a\r\nRoute: <sip:evil>\r\n\r\n");
        });
        assert!(text.contains("X-Note: a  Route: <sip:evil>    \r\n\r\nbody"));
    }

    #[test]
    fn pushed_lines_stack_and_appended_ones_queue() {
        let text = edited(|draft| {
            draft.push(Name::RecordRoute, "<sip:1>").push(Name::RecordRoute, "<sip:2>");
            draft.append_named("X-A", "1").append_named("X-A", "2");
        });
        assert!(text.contains("Record-Route: <sip:2>\r\nRecord-Route: <sip:1>\r\n"));
        assert!(text.contains("X-A: 1\r\nX-A: 2\r\n\r\n"));
    }
}
