//! Sequences of gate inputs: parties that speak as they should or not quite, strangers, replays, garbage, time, a ledger in every mood,
//! wires that break, a process that is killed. Held after every step: no call without permit and money, no budget beyond its limit,
//! nobody is reached by a stranger, a small answer to a small question; and at the end nothing is remembered.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use super::siege::{Sender, Siege};
use super::world::Mood;
use super::world::script::Words;

/// Beyond that nothing new is found, and each input takes longer.
const STEPS_MAX: usize = 60;
/// The longest message that is made of the input's own bytes.
const GARBAGE_MAX: usize = 1_400;
/// How many bytes of a message are changed at most.
const CHANGES_MAX: u8 = 3;

/// What a party may do. A party that has nothing to say it about is silent.
const ACTS: [&str; 64] = [
    "INVITE 03023125500",
    "INVITE 03023125500 call=2",
    "INVITE 202",
    "INVITE 204 call=3",
    "INVITE 112",
    "INVITE urn:service:sos",
    "INVITE 0033123456789",
    "INVITE 017612345678 call=4",
    "INVITE 09001234567",
    "INVITE tel:+493023125500",
    "INVITE 03023125500 auth=md5",
    "INVITE 03023125500 auth=wrong",
    "INVITE 03023125500 auth=replay",
    "INVITE 03023125500 auth=none from=carol",
    "INVITE 03023125500 P-Asserted-Identity=<sip:201@house.example>",
    "INVITE 0033123456789 Diversion=<sip:203@house.example>;reason=unconditional",
    "INVITE 03023125500 referred=yes",
    "INVITE +49302312201",
    "INVITE 03023125500 hops=0",
    "INVITE 03023125500 Route='<sip:10.1.0.1;lr>'",
    "INVITE 202 Session-Expires=90 Supported=timer",
    "INVITE *98",
    "INVITE 202 Replaces='1@alice;to-tag=bob-1;from-tag=alice-1'",
    "again",
    "100",
    "180",
    "183",
    "180 tag=fork",
    "200",
    "200 tag=fork keep=yes",
    "200 to=BYE",
    "200 to=REFER",
    "202 to=REFER",
    "302 Contact=<sip:0033123456789@house.example>",
    "401 to=BYE",
    "407",
    "481 to=BYE",
    "486",
    "487",
    "500",
    "503",
    "603",
    "ACK",
    "BYE",
    "BYE call=2",
    "CANCEL",
    "CANCEL call=2",
    "re-INVITE",
    "re-INVITE uri=sip:0033123456789@10.1.0.1",
    "UPDATE",
    "INFO",
    "PRACK RAck='1 1 INVITE'",
    "NOTIFY Event=refer Subscription-State=active body='SIP/2.0 200 OK'",
    "REFER Refer-To=<sip:03023125500@house.example>",
    "REFER Refer-To=<sip:0033123456789@house.example>",
    "REFER Refer-To='<sip:202@house.example?Replaces=1%40alice>'",
    "MESSAGE sip:202@house.example",
    "OPTIONS sip:house.example",
    "SUBSCRIBE sip:202@house.example",
    "REGISTER",
    "REGISTER Expires=0",
    "REGISTER who=carol",
    "REGISTER auth=wrong",
    "returns uri=sip:202@house.example",
];

/// Steps of time: between two messages, T1, a slice's end, 64*T1, early media's end, a session's, most of an hour.
const SPANS: [u64; 8] = [5, 500, 4_000, 33_000, 61_000, 181_000, 900_000, 3_600_000];

pub fn run(bytes: &[u8]) {
    let mut choices = Unstructured::new(bytes);
    let mut siege = Siege::begin();
    for _ in 0..STEPS_MAX {
        if choices.is_empty() || step(&mut siege, &mut choices).is_err() {
            break;
        }
    }
    siege.end();
}

fn step(siege: &mut Siege, choices: &mut Unstructured<'_>) -> Result<()> {
    match choices.int_in_range(0..=31u8)? {
        0..=15 => speak(siege, choices, false)?,
        16..=19 => speak(siege, choices, true)?,
        20 | 21 => {
            let sender = sender(siege, choices)?;
            let length = choices.int_in_range(0..=GARBAGE_MAX)?.min(choices.len());
            let bytes = Bytes::copy_from_slice(choices.bytes(length)?);
            siege.receive(sender, bytes);
        }
        22 | 23 => {
            let sender = sender(siege, choices)?;
            if let Some(bytes) = siege.overheard(choices.arbitrary::<u8>()?.into()) {
                let bytes = if choices.arbitrary()? { changed(bytes, choices)? } else { bytes };
                siege.receive(sender, bytes);
            }
        }
        24..=27 => siege.wait(Duration::from_millis(*choices.choose(&SPANS)?)),
        28 => siege.turn_ledger(*choices.choose(&[Mood::Open, Mood::Down, Mood::Silent])?),
        29 => {
            let who = choices.arbitrary::<u8>()?.into();
            siege.break_wire(who, choices.arbitrary()?);
        }
        30 => siege.change_rules(choices.arbitrary()?),
        _ => siege.kill(),
    }
    Ok(())
}

/// A party says something, with its words right, or a few bytes of them changed, or from somebody else's place.
fn speak(siege: &mut Siege, choices: &mut Unstructured<'_>, is_odd: bool) -> Result<()> {
    let who: usize = choices.arbitrary::<u8>()?.into();
    let act = choices.choose(&ACTS)?;
    let Some((who, mut bytes)) = siege.say(who, &Words::read(act)) else { return Ok(()) };
    let mut sender = Sender::Party(who);
    if is_odd {
        if choices.arbitrary()? {
            bytes = changed(bytes, choices)?;
        } else {
            sender = self::sender(siege, choices)?;
        }
    }
    siege.receive(sender, bytes);
    Ok(())
}

fn sender(siege: &Siege, choices: &mut Unstructured<'_>) -> Result<Sender> {
    let chosen: usize = choices.arbitrary::<u8>()?.into();
    Ok(if chosen < 128 { siege.party(chosen) } else { Sender::Stranger(chosen as u8) })
}

fn changed(bytes: Bytes, choices: &mut Unstructured<'_>) -> Result<Bytes> {
    let mut changed = bytes.to_vec();
    for _ in 0..choices.int_in_range(1..=CHANGES_MAX)? {
        if changed.is_empty() {
            break;
        }
        let at = choices.int_in_range(0..=changed.len() - 1)?;
        match choices.int_in_range(0..=3u8)? {
            0 => changed[at] = choices.arbitrary()?,
            1 => changed.truncate(at),
            2 => drop(changed.remove(at)),
            _ => {
                let count = choices.int_in_range(0..=8usize)?.min(choices.len());
                let more = choices.bytes(count)?;
                drop(changed.splice(at..at, more.iter().copied()));
            }
        }
    }
    Ok(changed.into())
}
