//! Contacts that cannot be told (R90): an old copy, a database that is asked, one that is silent; for whom that opens and for whom not.

use std::sync::Arc;

use chrono::{TimeZone, Utc};
use tollgate::policy::document::DatabaseRule;
use tollgate::policy::{
    Class, Decision, Hearsay, Policy, Reason, Said, Word, compile, decide, decide_hearing, whom_to_ask,
};

use super::decide::attempt;
use super::house;

/// The house, whose customers were last heard of at noon of 2 March.
fn policy(asks: bool, open: &[Class]) -> Policy {
    let noon = Utc.with_ymd_and_hms(2026, 3, 2, 11, 0, 0).single();
    let rule = DatabaseRule {
        name: "customers".into(),
        fresh_until: noon,
        asks,
        open: open.iter().copied().collect(),
    };
    let mut document = house::document();
    document.databases = vec![rule];
    compile(&document, &house::rows()).expect("a sound policy")
}

fn reason(decision: &Decision) -> Option<Reason> {
    decision.refusal().map(|refusal| refusal.reason())
}

#[test]
fn an_old_copy_proves_nothing_and_stops_no_call_within_the_house() {
    let policy = policy(false, &[]);
    for (who, when, number, expected) in [
        ("gina", "2026-03-02 11:59", "0171 1234567", None),
        ("gina", "2026-03-02 12:01", "0171 1234567", Some(Reason::ContactsUnavailable)),
        ("gina", "2026-03-02 12:01", "112", None),
        ("ida", "2026-03-02 12:01", "030 999999", Some(Reason::ContactsUnavailable)),
        ("ida", "2026-03-02 11:59", "030 999999", Some(Reason::NotAContact)),
        ("carl", "2026-03-02 12:01", "201", None),
    ] {
        let decision = decide(&policy, &attempt(&policy, who, when, "dial", number));
        assert_eq!(reason(&decision), expected, "{who} {when} {number}");
    }
}

#[test]
fn open_classes_go_while_nothing_can_be_told() {
    let policy = policy(false, &[Class::Mobile]);
    for (number, expected) in
        [("0171 7654321", None), ("030 999999", Some(Reason::ContactsUnavailable)), ("112", None)]
    {
        let decision = decide(&policy, &attempt(&policy, "gina", "2026-03-02 13:00", "dial", number));
        assert_eq!(reason(&decision), expected, "{number}");
    }
}

#[test]
fn what_a_database_says_decides_and_its_silence_does_not() {
    let policy = policy(true, &[]);
    let contact = |owner: Option<&str>| Said::Contact { owner: owner.map(Arc::from) };
    for (who, said, expected) in [
        ("ida", contact(None), None),
        ("ida", Said::Stranger, Some(Reason::NotAContact)),
        ("ida", Said::Silence, Some(Reason::ContactsUnavailable)),
        ("gina", contact(Some("gina")), None),
        ("gina", contact(Some("anna")), Some(Reason::NotOwnContact)),
        ("gina", contact(None), Some(Reason::NotOwnContact)),
        // What no contact may do either: who is heard of opens no other door.
        ("carl", contact(None), Some(Reason::InternalOnly)),
    ] {
        let words = [Word { database: "customers".into(), said }];
        let asked = attempt(&policy, who, "2026-03-02 10:00", "dial", "030 999999");
        let decision = decide_hearing(&policy, &asked, Hearsay::Said(&words));
        assert_eq!(reason(&decision), expected, "{who} {words:?}");
    }
}

#[test]
fn nobody_is_asked_in_vain() {
    let may = policy(true, &[]);
    let asked = |policy: &Policy, who: &str, number: &str, words: &[Word]| {
        let attempt = attempt(policy, who, "2026-03-02 10:00", "dial", number);
        let refused = reason(&decide(policy, &attempt))?;
        whom_to_ask(policy, &attempt, refused, words).map(|(number, _)| number.to_string())
    };
    assert_eq!(asked(&may, "ida", "030 999999", &[]).as_deref(), Some("+4930999999"));
    let heard = [Word { database: "customers".into(), said: Said::Stranger }];
    assert_eq!(asked(&may, "ida", "030 999999", &heard), None, "it has said so already");
    // A guard, a class that is not permitted, somebody who may call nobody, a colleague, no number at all.
    for (who, number) in [
        ("ida", "0900 5551234"),
        ("gina", "+1 212 555 0123"),
        ("dora", "030 999999"),
        ("gina", "201"),
        ("ida", "12"),
    ] {
        assert_eq!(asked(&may, who, number, &[]), None, "{who} {number}");
    }
    assert_eq!(asked(&policy(false, &[]), "ida", "030 999999", &[]), None, "it cannot be asked");
}
