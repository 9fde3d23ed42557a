//! `tollgate explain`: would this person get through to this number at this hour, and why (R52). Asks the policy and the ledger,
//! places no call.

use std::io;
use std::path::Path;

use super::ask::{self, AskError};
use super::explanation::Explained;
use super::paint::Paint;
use crate::base::number::Dialled;
use crate::policy::{Attempt, By, Caller, Target};

/// What is asked.
pub(super) struct Question<'a> {
    /// Key, extension or SIP user.
    pub person: &'a str,
    /// As dialled on this person's phone.
    pub number: &'a str,
    /// In the person's zone; now if absent.
    pub at: Option<&'a str>,
    pub by: By,
}

/// True if the call would go through.
pub(super) fn run(path: &Path, question: &Question<'_>, json: bool) -> Result<bool, AskError> {
    let loaded = ask::load(path)?;
    let id = ask::find(&loaded.policy, question.person)?;
    let person = loaded.policy.person(id);
    let at = ask::moment(question.at, person.zone)?;
    let attempt = Attempt {
        caller: Caller::Person(id),
        site: person.site,
        target: Target::Dialled(Dialled::sip(question.number)),
        by: question.by,
        other_party_outside: false,
        caller_number: None,
        at,
    };
    let ledger = ask::ledger(&loaded.settings)?;
    let explained = Explained::of(&loaded, &attempt, ledger.as_ref())?;
    if json {
        let mut answer = explained.as_json();
        answer["caller"] = (*person.key).into();
        answer["dialled"] = question.number.into();
        println!("{answer}");
    } else {
        let paint = Paint::for_stream(&io::stdout());
        let verb = match question.by {
            By::Dial => "dials",
            By::Forward => "forwards to",
            By::Transfer => "transfers to",
        };
        let local = at.with_timezone(&person.zone);
        let title = format!("{} ({}) {verb} {}", person.name, person.key, question.number);
        println!("{}", paint.bold(&title));
        println!("{} ({})\n", local.format("%A %Y-%m-%d %H:%M"), person.zone);
        print!("{}", explained.page(paint));
    }
    Ok(explained.refusal().is_none())
}
