//! Emergency calls: CALLS R40 and R41. Nothing may stand in their way.

use tollgate::gate::Event;
use tollgate::policy::document::Quantity;

use crate::world::{Company, World, plays, plays_in};

/// `who` dials 112 at a quiet moment and is connected.
fn connected(who: &str) -> String {
    format!(
        "
         100 {who} > INVITE 112 call=help
         100 {who} < 100
         100 main  < INVITE uri=sip:112@10.1.0.1:5060 pai=<sip:+49302312500@house.example>
         104 main  > 200
         104 {who} < 200
         108 {who} > ACK
         108 main  < ACK
          5s {who} > BYE
          5s main  < BYE
          5s ledger < record caller_hung_up
          5s main  > 200
          5s {who} < 200 BYE
        "
    )
}

#[test]
fn from_a_person_without_rights_and_one_who_is_locked() {
    for who in ["dave", "erin", "alice"] {
        let world = plays(&connected(who));
        let notice = |event: &&Event| {
            let Event::Emergency(told) = event else { return false };
            let place = (&*told.site, &*told.number, told.callback.as_deref());
            told.person.as_deref() == Some(who)
                && place == ("berlin", "112", Some("+49302312500"))
                && told.phone.ip().to_string().starts_with("10.0.0.")
                && told.caller.contains(who)
        };
        assert_eq!(world.events.iter().filter(notice).count(), 1, "a notice goes out at once: {who}");
    }
}

#[test]
fn from_a_phone_of_the_house_that_nobody_has_signed_in_to() {
    plays(&connected("lobby"));
}

#[test]
fn from_a_phone_with_a_wrong_password() {
    plays(&connected("alice").replace("INVITE 112", "INVITE 112 auth=wrong"));
    plays(&connected("alice").replace("INVITE 112", "INVITE 112 auth=none"));
}

#[test]
fn under_a_from_that_is_somebody_elses() {
    plays(&connected("alice").replace("INVITE 112", "INVITE 112 from=bob"));
}

#[test]
fn from_a_pbx_that_does_not_say_who_calls() {
    plays(&connected("pbx").replace("INVITE 112", "INVITE 112 from=anonymous"));
    plays(
        &connected("pbx").replace("INVITE 112", "INVITE 112 from=alice Diversion=<sip:nobody@house.example>"),
    );
}

#[test]
fn by_every_spelling_that_means_it() {
    for dialled in
        ["112", "sip:112@10.9.0.1:5060", "tel:112", "urn:service:sos", "sip:112@house.example;user=phone"]
    {
        plays(&connected("dave").replace("INVITE 112", &format!("INVITE {dialled}")));
    }
}

#[test]
fn by_no_spelling_that_does_not() {
    for dialled in ["1120", "+4911", "+49304112", "11"] {
        let mut world = World::new(&Company::new());
        world.act("dave", &format!("INVITE {dialled}"));
        world.rest();
        assert_eq!((world.count("dave", "403"), world.count("main", "INVITE")), (1, 0), "{dialled}");
    }
}

#[test]
fn over_the_cap_with_every_limit_reached_and_the_house_full() {
    let company = Company::new()
        .daily("alice", "0")
        .limited("alice", Quantity::Calls { count: 0 })
        .with(|company| company.limits.calls_max = 0);
    plays_in(company, &connected("alice"));
}

#[test]
fn with_the_ledger_gone() {
    for mood in ["down", "silent"] {
        plays(&format!("0 ledger > {mood}\n{}\n6s ledger > up", connected("alice")));
    }
}

#[test]
fn it_is_never_cut() {
    let company = Company::new().with(|company| {
        company.limits.longest_call = std::time::Duration::from_secs(60);
        company.document.roles[0].permits[0].longest_s = Some(30);
    });
    plays_in(company, &connected("alice").replace(" 5s", " 500s"));
}

#[test]
fn whatever_a_trunk_answers_the_next_is_tried_and_at_the_end_it_is_503() {
    for status in ["503", "500", "403", "404", "486", "488", "600", "603", "302"] {
        plays(&format!(
            "
               0 dave   > INVITE 112
               0 dave   < 100
               0 main   < INVITE
               4 main   > {status}
               4 main   < ACK
               4 backup < INVITE uri=sip:112@10.1.0.2:5060 pai=<sip:+49302312500@house.example>
               8 backup > {status}
               8 backup < ACK
               8 dave   < 503
               8 ledger < record failed
            "
        ));
    }
}

#[test]
fn silence_of_a_trunk_costs_its_patience_and_no_more() {
    plays(
        "
           0 dave   > INVITE 112
           0 dave   < 100
           0 main   < INVITE
          4s backup < INVITE
          5s backup > 200
          5s dave   < 200
          6s dave   > ACK
          6s backup < ACK
          7s dave   > BYE
          7s backup < BYE
          7s ledger < record caller_hung_up
          7s backup > 200
          7s dave   < 200 BYE
        ",
    );
}

#[test]
fn it_may_be_given_up_by_the_caller() {
    plays(
        "
           0 dave   > INVITE 112
           0 dave   < 100
           0 main   < INVITE
           4 main   > 180
           4 dave   < 180
           8 dave   > CANCEL
           8 dave   < 200 CANCEL
           8 main   < CANCEL
          12 main   > 487
          12 main   < ACK
          12 dave   < 487
          12 ledger < record cancelled
        ",
    );
}

#[test]
fn where_the_site_wants_it_a_stranger_must_sign_in_first() {
    let company = Company::new().with(|company| company.document.sites[0].emergency_unauthenticated = false);
    plays_in(
        company,
        "
           0 lobby  > INVITE 112
           0 lobby  < 407
        ",
    );
}

#[test]
fn a_site_without_trunks_of_its_own_for_it_uses_every_trunk() {
    plays(
        "
           0 frank  > INVITE 112
           0 frank  < 100
           0 main   < INVITE no=P-Asserted-Identity-Of-Nobody uri=sip:112@10.1.0.1:5060
           4 main   > 503
           4 main   < ACK
           4 backup < INVITE
           8 backup > 503
           8 backup < ACK
           8 frank  < 503
           8 ledger < record failed
        ",
    );
}

#[test]
fn announcements_before_the_answer_may_last() {
    plays(
        "
           0 dave   > INVITE 112
           0 dave   < 100
           0 main   < INVITE
          1s main   > 183 body='v=0 all lines are busy'
          1s dave   < 183 body~busy
        170s main   > 200
        170s dave   < 200
        171s dave   > ACK
        171s main   < ACK
        180s main   > BYE
        180s dave   < BYE
        180s ledger < record callee_hung_up
        180s dave   > 200
        180s main   < 200 BYE
        ",
    );
}

#[test]
fn an_answer_whose_ack_is_lost_is_not_ended_by_us() {
    plays(
        "
           0 dave   > INVITE 112
           0 dave   < 100
           0 main   < INVITE
          1s main   > 200
          1s dave   < 200
         60s dave   > BYE
         60s main   < BYE
         60s ledger < record caller_hung_up
         60s main   > 200
         60s dave   < 200 BYE
        ",
    );
}

/// A phone without power says no BYE. Nobody is told anything: only the book of the call is closed.
#[test]
fn in_which_nobody_says_a_word_for_a_day_is_remembered_no_more() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 dave   > INVITE 112
           0 dave   < 100
           0 main   < INVITE
         10 main   > 200
         10 dave   < 200
         20 dave   > ACK
         20 main   < ACK
        ",
    );
    world.runs_until("86400s");
    world.plays("86400.020s ledger < record dead");
    assert!(world.records[0].estimated, "nobody knows how long they talked");
    assert_eq!(world.records[0].billed_seconds, 1, "the ACK was the last that was heard");
}
