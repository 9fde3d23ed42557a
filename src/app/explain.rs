//! `tollgate explain`: would this call get through at this hour, and why (R52). Asks the policy and the ledger, places no call. Many
//! questions may come at once, on standard input.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{self, AskError};
use super::explanation::Explained;
use super::paint::Paint;
use super::question::ByWord;
use super::spending::Ledger;
use crate::base::number::{Canonical, Dialled, canonical};
use crate::base::{PersonId, SiteId};
use crate::config::Loaded;
use crate::policy::{Attempt, Caller, Policy, Target};

/// What is asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// Key, extension or SIP user of the caller.
    #[serde(default, rename = "as")]
    pub person: Option<String>,
    /// In place of a person: the site whose trunk the call comes in from.
    #[serde(default)]
    pub outside: Option<String>,
    /// The number that an outside caller shows.
    #[serde(default)]
    pub shows: Option<String>,
    /// As dialled.
    #[serde(rename = "to")]
    pub number: String,
    /// In the caller's zone; now if absent.
    #[serde(default)]
    pub at: Option<String>,
    #[serde(default)]
    pub by: Option<ByWord>,
    /// Whether the other party of a forward or transfer is outside the house.
    #[serde(default)]
    pub for_outside: Option<bool>,
}

/// What one line of a batch holds at most; a question is far shorter.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// True if the call would go through.
pub(super) fn run(path: &Path, question: &Question, json: bool) -> Result<bool, AskError> {
    let loaded = ask::load(path)?;
    let reader = ask::ledger(&loaded.settings)?;
    let mut ledger = Ledger::of(reader.as_ref());
    let caller = Asker::of(&loaded.policy, question)?;
    let explained = Explained::of(&loaded, &caller.attempt(question)?, &mut ledger)?;
    if json {
        println!("{}", answer(&loaded.policy, question, &caller, &explained));
    } else {
        print!("{}", page(&loaded, question, &caller, &explained)?);
    }
    Ok(explained.refusal().is_none())
}

/// Answers each question on standard input, JSON lines or CSV, with one JSON line. True if each could be answered.
pub(super) fn run_batch(path: &Path) -> Result<bool, AskError> {
    let loaded = ask::load(path)?;
    let reader = ask::ledger(&loaded.settings)?;
    let mut ledger = Ledger::of(reader.as_ref());
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut whole = true;
    each_question(io::stdin().lock(), |line, question| {
        let found = question.and_then(|question| {
            let caller = Asker::of(&loaded.policy, &question)?;
            let explained = Explained::of(&loaded, &caller.attempt(&question)?, &mut ledger)?;
            Ok(answer(&loaded.policy, &question, &caller, &explained))
        });
        whole &= found.is_ok();
        let found = found.unwrap_or_else(|fault| json!({ "line": line, "error": fault.to_string() }));
        writeln!(output, "{found}")
    })?;
    output.flush()?;
    Ok(whole)
}

/// Each question of a batch with its line, or what is wrong with it.
fn each_question(
    mut source: impl BufRead,
    mut each: impl FnMut(u64, Result<Question, AskError>) -> io::Result<()>,
) -> io::Result<()> {
    let first = source.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let mut rows = reader.deserialize();
        while let Some(question) = rows.next() {
            let line = rows.reader().position().line();
            each(line, question.map_err(|fault: csv::Error| AskError::Question(fault.to_string())))?;
        }
        return Ok(());
    }
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if source.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if !line.trim_ascii().is_empty() {
            let question = serde_json::from_slice(&line);
            each(number, question.map_err(|fault| AskError::Question(fault.to_string())))?;
        }
    }
    Ok(())
}

/// Who calls, found in the policy.
struct Asker<'p> {
    policy: &'p Policy,
    caller: Caller,
    site: SiteId,
    zone: Tz,
    key: &'p str,
    person: Option<PersonId>,
}

impl<'p> Asker<'p> {
    fn of(policy: &'p Policy, question: &Question) -> Result<Asker<'p>, AskError> {
        match (&question.person, &question.outside) {
            (Some(name), None) => {
                let id = ask::find(policy, name)?;
                let person = policy.person(id);
                let (site, zone, key) = (person.site, person.zone, &*person.key);
                Ok(Asker { policy, caller: Caller::Person(id), site, zone, key, person: Some(id) })
            }
            (None, Some(name)) => {
                let site = policy.site_by_name(name).ok_or_else(|| AskError::NoSite(name.clone()))?;
                let zone = policy.site(site).zone;
                Ok(Asker { policy, caller: Caller::Outside, site, zone, key: "outside", person: None })
            }
            (Some(_), Some(_)) | (None, None) => Err(AskError::NoCaller),
        }
    }

    fn attempt<'a>(&self, question: &'a Question) -> Result<Attempt<'a>, AskError> {
        let plan = &self.policy.site(self.site).plan;
        let shown = question.shows.as_deref().map(|number| canonical(&Dialled::sip(number), plan));
        let caller_number = match shown {
            Some(Canonical::Number(number)) => Some(number),
            Some(
                Canonical::Emergency(_)
                | Canonical::Extension(_)
                | Canonical::Feature(_)
                | Canonical::Unknown(_),
            )
            | None => None,
        };
        Ok(Attempt {
            caller: self.caller,
            site: self.site,
            target: Target::Dialled(Dialled::sip(&question.number)),
            by: question.by.unwrap_or_default().meaning(),
            other_party_outside: question.for_outside.unwrap_or(false),
            caller_number,
            at: ask::moment(question.at.as_deref(), self.zone)?,
        })
    }
}

fn answer(policy: &Policy, question: &Question, caller: &Asker<'_>, explained: &Explained<'_>) -> Value {
    let mut answer = explained.as_json();
    answer["caller"] = caller.key.into();
    answer["site"] = (*policy.site(caller.site).name).into();
    answer["dialled"] = question.number.as_str().into();
    answer
}

fn page(
    loaded: &Loaded,
    question: &Question,
    caller: &Asker<'_>,
    explained: &Explained<'_>,
) -> Result<String, AskError> {
    let paint = Paint::for_stream(&io::stdout());
    let verb = match question.by.unwrap_or_default() {
        ByWord::Dial => "dials",
        ByWord::Forward => "forwards to",
        ByWord::Transfer => "transfers to",
    };
    let who = match caller.person.map(|id| loaded.policy.person(id)) {
        Some(person) => format!("{} ({})", person.name, person.key),
        None => format!("Somebody outside, by a trunk of {},", loaded.policy.site(caller.site).name),
    };
    let local = ask::moment(question.at.as_deref(), caller.zone)?.with_timezone(&caller.zone);
    let title = paint.bold(&format!("{who} {verb} {}", question.number));
    let hour = local.format("%A %Y-%m-%d %H:%M");
    Ok(format!("{title}\n{hour} ({})\n\n{}", caller.zone, explained.page(paint)))
}
