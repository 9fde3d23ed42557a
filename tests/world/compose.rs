//! Messages made from others: the changes a table wants, CANCEL and ACK from their INVITE.

use super::script::Words;
use super::text::Text;

/// Whether the words mean this call: `call=2` by the beginning of its Call-ID, `id=2@alice` by the whole.
pub fn is_named(words: &Words, call_id: &str) -> bool {
    words.value("id").is_none_or(|id| call_id == id)
        && words.value("call").is_none_or(|call| call_id.starts_with(&format!("{call}@")))
}

pub fn branch_of(text: &Text) -> String {
    let via = text.values("Via").first().cloned().unwrap_or_default();
    via.split(";branch=").nth(1).and_then(|rest| rest.split(';').next()).unwrap_or_default().to_owned()
}

/// The message as the table wants it: `Header=value` in place of the usual one, `+Header=value` beside it, `no=Header`.
pub fn altered(mut text: Text, words: &Words) -> Text {
    if let Some(hops) = words.value("hops") {
        text.set("Max-Forwards", hops);
    }
    if let Some(body) = words.value("body") {
        body.clone_into(&mut text.body);
    }
    for pair in words.headers() {
        match pair.key.strip_prefix('+') {
            Some(name) => text.add(name, &pair.value),
            None => text.set(&pair.key, &pair.value),
        }
    }
    for absent in words.pairs.iter().filter(|pair| pair.key == "no") {
        text.remove(&absent.value);
    }
    text
}

/// §9.1.
pub fn cancel(invite: &Text) -> Text {
    hop_by_hop("CANCEL", invite, invite)
}

/// §17.1.1.3.
pub fn acknowledge(invite: &Text, refusal: &Text) -> Text {
    hop_by_hop("ACK", invite, refusal)
}

fn hop_by_hop(method: &str, invite: &Text, to: &Text) -> Text {
    let header = |name: &str| invite.header(name).unwrap_or_default();
    let mut text = Text::request(method, invite.uri())
        .with("Via", invite.values("Via").first().cloned().unwrap_or_default())
        .with("Max-Forwards", "70")
        .with("From", header("From"))
        .with("To", to.header("To").unwrap_or_default())
        .with("Call-ID", header("Call-ID"))
        .with("CSeq", format!("{} {method}", invite.cseq()));
    for route in invite.headers("Route") {
        text.add("Route", route);
    }
    text
}
