//! The words in which the calls of the demo are told: who dials what, what they do, and what must come of it.

use std::time::Duration;

use super::phone::Plan;
use crate::ledger::EndCause;
use crate::policy::Reason;

/// Calls that show one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter {
    Permitted,
    Rules,
    Identity,
    Money,
    Lives,
    Emergency,
}

impl Chapter {
    pub const ALL: [Chapter; 6] = [
        Chapter::Permitted,
        Chapter::Rules,
        Chapter::Identity,
        Chapter::Money,
        Chapter::Lives,
        Chapter::Emergency,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Chapter::Permitted => "Permitted: one call for each kind of contact",
            Chapter::Rules => "Refused by the rules",
            Chapter::Identity => "Who is calling, and who answers for it",
            Chapter::Money => "Until the money, the minutes or the lines are used up",
            Chapter::Lives => "What happens to calls: hold, hang-up, failover",
            Chapter::Emergency => "Emergency calls pass everything",
        }
    }
}

/// What the gate must say to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Permitted,
    Refused(Reason),
    /// Never judged, because nobody knows who called: no record, no verdict.
    TurnedAway,
}

impl Verdict {
    pub fn code(self) -> &'static str {
        match self {
            Verdict::Permitted => "permitted",
            Verdict::Refused(reason) => reason.code(),
            Verdict::TurnedAway => "turned away",
        }
    }
}

/// What must come of a call.
#[derive(Clone, Copy, Debug)]
pub struct Must {
    pub verdict: Verdict,
    /// The final answer at the phone.
    pub status: u16,
    /// To the last place, as money prints.
    pub price: &'static str,
    /// The trunk that carried it.
    pub trunk: Option<&'static str>,
    pub end: EndCause,
    /// Who pays: the key of a person, or nobody.
    pub payer: Option<&'static str>,
    /// What must come of what is done during the talk.
    pub aside: Option<&'static str>,
}

/// One call of the demo.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub chapter: Chapter,
    /// A player of the cast.
    pub who: &'static str,
    /// As dialled; a whole URI stands as it is.
    pub dials: &'static str,
    pub plan: Plan,
    /// The From, where it is not the phone's own.
    pub from: Option<&'static str>,
    pub extra: &'static [(&'static str, &'static str)],
    /// Dialled while the call before, of the same phone, goes on.
    pub during_last: bool,
    pub must: Must,
    pub words: &'static str,
}

/// How long people talk here, if nothing ends the talk before.
pub const TALK: Duration = Duration::from_millis(400);

/// A call that goes out by the first trunk and is hung up by the caller.
pub const fn permitted(
    who: &'static str,
    dials: &'static str,
    price: &'static str,
    words: &'static str,
) -> Call {
    Call {
        chapter: Chapter::Permitted,
        who,
        dials,
        plan: Plan::Talk(TALK),
        from: None,
        extra: &[],
        during_last: false,
        must: Must {
            verdict: Verdict::Permitted,
            status: 200,
            price,
            trunk: Some("city"),
            end: EndCause::CallerHungUp,
            payer: Some(who),
            aside: None,
        },
        words,
    }
}

/// A call that never leaves the gate.
pub const fn refused(who: &'static str, dials: &'static str, reason: Reason, words: &'static str) -> Call {
    let call = permitted(who, dials, "0.00", words);
    let must = Must {
        verdict: Verdict::Refused(reason),
        status: reason.status(),
        end: EndCause::Refused,
        trunk: None,
        ..call.must
    };
    Call { chapter: Chapter::Rules, must, ..call }
}

impl Call {
    pub const fn under(self, chapter: Chapter) -> Call {
        Call { chapter, ..self }
    }

    pub const fn that_will(self, plan: Plan) -> Call {
        Call { plan, ..self }
    }

    pub const fn during_the_last(self) -> Call {
        Call { during_last: true, ..self }
    }

    pub const fn from(self, from: &'static str) -> Call {
        Call { from: Some(from), ..self }
    }

    pub const fn with(self, extra: &'static [(&'static str, &'static str)]) -> Call {
        Call { extra, ..self }
    }

    /// The trunk that carries it; `None`: it stays in the house.
    pub const fn by(self, trunk: Option<&'static str>) -> Call {
        Call { must: Must { trunk, ..self.must }, ..self }
    }

    pub const fn paid_by(self, payer: Option<&'static str>) -> Call {
        Call { must: Must { payer, ..self.must }, ..self }
    }

    pub const fn ends(self, status: u16, end: EndCause) -> Call {
        Call { must: Must { status, end, ..self.must }, ..self }
    }

    pub const fn held(self) -> Call {
        Call { must: Must { aside: Some("held"), ..self.must }, plan: Plan::Hold(TALK), ..self }
    }

    /// Asks for a transfer during the talk, and gets this answer.
    pub const fn asks_for_transfer(self, target: &'static str, answer: &'static str) -> Call {
        let must = Must { aside: Some(answer), ..self.must };
        Call { must, plan: Plan::Transfer(TALK, target), ..self }
    }

    pub const fn turned_away(self, status: u16) -> Call {
        Call { must: Must { verdict: Verdict::TurnedAway, status, payer: None, ..self.must }, ..self }
    }
}
