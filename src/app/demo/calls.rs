//! The calls of the demo, one line of a table each. Numbers are of the ranges that regulators keep free for stories.

use std::time::Duration;

use super::phone::Plan;
use super::story::{Call, Chapter, permitted, refused};
use crate::ledger::EndCause;
use crate::policy::Reason;

/// Long enough for a second call meanwhile, on a slow machine too.
const LONG_TALK: Duration = Duration::from_secs(3);

const PATIENCE: Duration = Duration::from_secs(30);

const WHOM_THE_RULES_LET_OUT: [Call; 9] = [
    permitted(
        "ada",
        "+1-212-555-0123",
        "0.025",
        "A partner may call anybody. New York is sold in steps of 30 and 6 seconds.",
    ),
    permitted(
        "ben",
        "23125501",
        "0.02",
        "Ben may call customers. The tea house is one, dialled as a neighbour dials it.",
    ),
    permitted(
        "cora",
        "(030)23125-502",
        "0.02",
        "Cora may call her own customers, however the number is written.",
    ),
    permitted("dora", "08999998503", "0.06", "Dora may call customers and colleagues: a customer in Munich."),
    permitted(
        "dora",
        "+493023125205",
        "0.00",
        "The same, and a colleague: his outside number never leaves the house, and is free.",
    )
    .by(None),
    permitted(
        "emil",
        "204",
        "0.00",
        "Emil may call colleagues: two registered phones, one in the packing room.",
    )
    .by(None),
    permitted(
        "fay",
        "00442079460321",
        "0.05",
        "Fay may call the numbers on the list of suppliers: a minute to London and the connect fee.",
    ),
    permitted("lou", "08000000602", "0.00", "Lou may call anybody at home, toll-free numbers too."),
    permitted(
        "city",
        "+493023125208",
        "0.00",
        "From outside to the phone in the hall, which may call nobody: it rings all the same.",
    )
    .by(None)
    .paid_by(None),
];

const WHOM_THE_RULES_STOP: [Call; 14] = [
    refused("ben", "+493023125777", Reason::NotAContact, "Not in the customer database."),
    refused("cora", "08999998503", Reason::NotOwnContact, "A customer, but Dora's."),
    refused("emil", "08999998503", Reason::InternalOnly, "Emil's phone calls colleagues only."),
    refused("fay", "23125501", Reason::NotOnList, "A customer is no supplier."),
    refused("hall", "23125501", Reason::IncomingOnly, "The phone in the hall is for being called."),
    refused("lou", "+442079460321", Reason::NotPermitted, "No permit of Lou's speaks of other countries."),
    refused("mia", "+12125550123", Reason::CountryNotPermitted, "Mia's permit is for Britain."),
    refused("gus", "23125501", Reason::OutsideHours, "Gus calls on market day, which is not today."),
    refused(
        "ada",
        "+449098790123",
        Reason::ForbiddenDestination,
        "A guard beats every permit, a partner's too: premium rate.",
    ),
    refused(
        "ada",
        "+33199001234",
        Reason::NoTariff,
        "Nothing says what this would cost, so nothing says that it can be paid.",
    ),
    refused("lou", "030-TEATIME", Reason::UnknownNumber, "What cannot be read safely is not called."),
    refused("kim", "299", Reason::NoSuchExtension, "An extension that nobody has: 404."),
    refused("nils", "23125501", Reason::FraudLock, "This phone is locked: somebody has misused it."),
    refused(
        "olga",
        "84955550599",
        Reason::NotAContact,
        "The shop in Moscow dials in its own way, and reads the reason in its own language.",
    ),
];

const WHO_IS_CALLING: [Call; 8] = [
    refused("lou", "23125501", Reason::IdentityMismatch, "Lou's password, but the sender says Ada.")
        .from("<sip:201@kettle.example>"),
    refused(
        "intruder",
        "23125501",
        Reason::UnknownCaller,
        "Ben's name with a wrong password: asked for proof, and for proof again.",
    )
    .turned_away(407),
    refused(
        "pbx",
        "23125501",
        Reason::UnknownCaller,
        "The tasting room's telephone system is believed, but 777 is nobody.",
    )
    .with(&[("P-Asserted-Identity", "<sip:777@kettle.example>")])
    .paid_by(None),
    refused("pbx", "23125501", Reason::NoForwarder, "Forwarded by nobody we know.")
        .with(&[
            ("P-Asserted-Identity", "<sip:220@kettle.example>"),
            ("Diversion", "<sip:777@kettle.example>"),
        ])
        .paid_by(None),
    refused(
        "pbx",
        "23125501",
        Reason::NotByForward,
        "Tom's phone forwards, but his permits are for dialling.",
    )
    .with(&[("P-Asserted-Identity", "<sip:201@kettle.example>"), ("Diversion", "<sip:220@kettle.example>")])
    .paid_by(Some("tom")),
    permitted(
        "pbx",
        "015228817386",
        "0.09",
        "Tom calls Ada, whose phone forwards to her mobile: her rights, her bill.",
    )
    .with(&[("P-Asserted-Identity", "<sip:220@kettle.example>"), ("Diversion", "<sip:201@kettle.example>")])
    .paid_by(Some("ada")),
    refused(
        "city",
        "+498999998503",
        Reason::OutsideToOutside,
        "From outside, through us and out again at our cost.",
    )
    .paid_by(None),
    refused(
        "ada",
        "sip:204@kettle.example;maddr=127.0.0.9",
        Reason::SuspectAddress,
        "An address that means one thing here and another further on.",
    ),
];

const UNTIL_THE_MONEY_ENDS: [Call; 10] = [
    permitted(
        "jan",
        "02214710123",
        "0.06",
        "Money for six seconds to Cologne: renewed once, then both sides get their BYE.",
    )
    .that_will(Plan::Listen(PATIENCE))
    .ends(200, EndCause::CutMoney),
    refused("jan", "02214710123", Reason::DailySpend, "And nothing is left for today."),
    permitted("paul", "23125501", "0.02", "Two of the three cents that Paul has for a week."),
    refused("paul", "23125501", Reason::WeeklySpend, "One cent buys no minute."),
    permitted("quin", "23125501", "0.02", "Quin has three cents for a month …"),
    refused("quin", "23125501", Reason::MonthlySpend, "… and one cent buys no minute of a month either."),
    permitted("rosa", "23125501", "0.02", "One minute of talk a day; while this call has it reserved …")
        .that_will(Plan::Talk(LONG_TALK)),
    refused("rosa", "23125502", Reason::TalkTime, "… a second call finds none.").during_the_last(),
    permitted("ida", "23125501", "0.02", "Ida may have one call at once; during this one …")
        .that_will(Plan::Talk(LONG_TALK)),
    refused("ida", "23125502", Reason::ConcurrentCalls, "… she tries a second.").during_the_last(),
];

const WHAT_HAPPENS_TO_CALLS: [Call; 7] = [
    permitted(
        "kim",
        "23125501",
        "0.02",
        "Kim's phone speaks TCP. She holds the other side for a moment, by re-INVITE.",
    )
    .held(),
    permitted(
        "dora",
        "08999998503",
        "0.06",
        "Dora wants to hand the customer to Emil by REFER; her permits are for dialling.",
    )
    .asks_for_transfer("205", "403 Transfer not permitted"),
    permitted(
        "kim",
        "23125990",
        "0.00",
        "She hangs up while it rings: CANCEL. What was reserved is released.",
    )
    .that_will(Plan::ThinkBetter)
    .ends(487, EndCause::Cancelled),
    permitted("kim", "23125986", "0.00", "Busy.").ends(486, EndCause::Declined),
    permitted("lou", "23125992", "0.02", "The other side hangs up first.")
        .that_will(Plan::Listen(PATIENCE))
        .ends(200, EndCause::CalleeHungUp),
    permitted(
        "sven",
        "23125501",
        "0.02",
        "The first trunk answers 503, so the second takes the call, over TCP.",
    )
    .by(Some("harbour")),
    permitted(
        "tina",
        "23125501",
        "0.02",
        "The first trunk is silent; after a second the next takes the call.",
    ),
];

const EMERGENCY: [Call; 3] = [
    permitted("hall", "112", "0.00", "From the phone in the hall, which may call nobody."),
    permitted("visitor", "110", "0.00", "From a phone that nobody knows, without any password.")
        .paid_by(None),
    permitted("nils", "urn:service:sos", "0.00", "From the phone that is locked for fraud."),
];

/// Every call, in the order of the chapters. The calls of one phone are made in this order, different phones call at the same time.
pub fn calls() -> Vec<Call> {
    let chapters: [(Chapter, &[Call]); 6] = [
        (Chapter::Permitted, &WHOM_THE_RULES_LET_OUT),
        (Chapter::Rules, &WHOM_THE_RULES_STOP),
        (Chapter::Identity, &WHO_IS_CALLING),
        (Chapter::Money, &UNTIL_THE_MONEY_ENDS),
        (Chapter::Lives, &WHAT_HAPPENS_TO_CALLS),
        (Chapter::Emergency, &EMERGENCY),
    ];
    chapters.iter().flat_map(|(chapter, calls)| calls.iter().map(|call| call.under(*chapter))).collect()
}
