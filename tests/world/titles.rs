//! What tables call the things that happen, and whether a line of a table is what happened.

use tollgate::ledger::{CallRecord, Command, Reply};

use super::ladder::{self, Entry};
use super::script::Line;

/// Whether an entry is what a line says.
pub fn agrees(line: &Line, entry: &Entry) -> Result<(), String> {
    let again = if entry.again { "again " } else { "" };
    let happened = format!("{} {} < {again}{}", ladder::seconds(entry.at), entry.who, entry.title);
    let is_it = line.who == entry.who
        && line.words.title() == format!("{again}{}", entry.title)
        && line.at.as_millis() == entry.at.as_millis();
    if !is_it {
        return Err(format!("what happened: {happened}"));
    }
    let Some(text) = entry.text() else { return Ok(()) };
    for pair in &line.words.pairs {
        if pair.key == "no" {
            if text.header(&pair.value).is_some() {
                return Err(format!("{} must not be there", pair.value));
            }
            continue;
        }
        let found = text.field(&pair.key);
        let fits = match &found {
            Some(found) if pair.within => found.contains(&pair.value),
            Some(found) => *found == pair.value,
            None => false,
        };
        if !fits {
            return Err(format!("{} is {found:?}, not {:?}", pair.key, pair.value));
        }
    }
    Ok(())
}

pub fn command_title(command: &Command) -> Option<String> {
    let cause =
        |record: Option<&CallRecord>| record.map_or(String::new(), |record| format!(" {}", ending(record)));
    Some(match command {
        Command::Reserve(reserve) => format!("reserve {}", reserve.amount.money),
        Command::Extend(extend) => {
            format!("{} {}", if extend.anew { "revise" } else { "extend" }, extend.total.money)
        }
        Command::Settle(settle) => {
            format!("settle {}{}", settle.amount.money, cause(settle.record.as_deref()))
        }
        Command::Release(release) => format!("release{}", cause(release.record.as_deref())),
        Command::Expire(expire) => format!("expire{}", cause(expire.record.as_deref())),
        // The note that a call is answered (R91): the tables tell the money, not this.
        Command::Answer(_) => return None,
        Command::Record(record) if record.end.is_none() => return None,
        Command::Record(record) => format!("record {}", ending(record)),
    })
}

fn ending(record: &CallRecord) -> String {
    match (&record.reason, record.end_cause) {
        (Some(reason), _) => reason.to_string(),
        (None, Some(cause)) => cause.code().to_owned(),
        (None, None) => "open".to_owned(),
    }
}

pub fn closing_record(command: &Command) -> Option<&CallRecord> {
    match command {
        Command::Settle(settle) => settle.record.as_deref(),
        Command::Release(release) => release.record.as_deref(),
        Command::Expire(expire) => expire.record.as_deref(),
        Command::Record(record) => Some(&**record).filter(|record| record.end.is_some()),
        Command::Reserve(_) | Command::Extend(_) | Command::Answer(_) => None,
    }
}

/// Answers worth a line in the ladder.
pub fn reply_title(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Reserved(reservation) => Some(format!("reserved {}", reservation.covered())),
        Reply::Extended(reservation) => Some(format!("extended to {}", reservation.covered())),
        Reply::Refused { exhausted, .. } => Some(format!("refused, {} left", exhausted.left)),
        Reply::ExtendRefused { exhausted, .. } => Some(format!("not extended, {} left", exhausted.left)),
        Reply::Unavailable { why, .. } => Some(why.to_string()),
        Reply::Closed { .. } => Some("closed already".to_owned()),
        Reply::Unknown { .. } => Some("unknown".to_owned()),
        Reply::Answered { .. } | Reply::Settled { .. } | Reply::Released { .. } | Reply::Recorded { .. } => {
            None
        }
    }
}
