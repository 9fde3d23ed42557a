//! What comes of an allowed transfer (R23): one INVITE by whoever was told to call, at the transferor's expense. RFC 3515, RFC 3892.

use tollgate::gate::Event;
use tollgate::ledger::CallRecord;
use tollgate::policy::document::{Limit, Quantity};

use crate::world::{Company, World, plays, plays_in};

/// Carol, who may transfer, talks with `callee`; she sends it to a number in Berlin, and it takes the task.
fn referred(callee: &str, extension: &str) -> String {
    format!(
        "
           0 carol    > INVITE {extension}
           0 carol    < 100
           0 {callee} < INVITE
           8 {callee} > 200
           8 carol    < 200
          20 carol    > ACK
          20 {callee} < ACK
          1s carol    > REFER Refer-To=<sip:03023125500@house.example>
          1s {callee} < REFER Refer-To=<sip:+493023125500@10.9.0.1:5060>
       1.004s {callee} > 202
       1.004s carol   < 202 REFER
        "
    )
}

/// Carol's own call, which she ends after the transfer.
fn carol_leaves(callee: &str) -> String {
    format!(
        "
          3s carol    > BYE call=1
          3s {callee} < BYE
          3s ledger   < record caller_hung_up
       3.004s {callee} > 200
       3.004s carol   < 200 BYE
        "
    )
}

fn record_of<'w>(world: &'w World, canonical: &str) -> &'w CallRecord {
    let mut records = world.records.iter().rev();
    records.find(|record| record.canonical.as_deref() == Some(canonical)).expect("a record of that call")
}

/// Dave may only be called; what he does here is Carol's doing, and her budget pays.
#[test]
fn the_transferor_pays_for_the_call_to_its_end() {
    let company = Company::new().daily("carol", "1.00");
    let world = plays_in(
        company,
        &format!(
            "{}
              2s dave   > INVITE +493023125500 call=t referred=yes
              2s dave   < 100
              2s ledger < reserve 0.60
           2.004s main  < INVITE uri~+493023125500@ From~<sip:dave@house.example> P-Asserted-Identity~+49302312204
           2.008s main  > 200
           2.008s dave  < 200
           2.012s dave  > ACK
           2.012s main  < ACK
            {}
             20s dave   > NOTIFY call=1 Event=refer Subscription-State=terminated
             20s carol  < NOTIFY Event=refer
         20.004s carol  > 200
         20.004s dave   < 200 NOTIFY
          32.008s dave   > BYE call=t
          32.008s main   < BYE
          32.008s ledger < settle 0.30 caller_hung_up
          32.012s main   > 200
          32.012s dave   < 200 BYE
            ",
            referred("dave", "204"),
            carol_leaves("dave"),
        ),
    );
    let record = record_of(&world, "+493023125500");
    assert_eq!(record.person.as_deref(), Some("carol"));
    assert!(record.rule.as_deref().is_some_and(|rule| rule.starts_with("roles.boss")), "{:?}", record.rule);
}

/// Carol's money is what counts, not that of the phone that calls.
#[test]
fn a_transferor_without_money_transfers_nobody_to_what_costs() {
    plays_in(
        Company::new().daily("carol", "0.05"),
        &format!(
            "{}
              2s bob    > INVITE +493023125500 call=t
              2s bob    < 100
              2s ledger < reserve 0.60
           2.004s bob   < 403 reason~'Too little left'
           2.004s ledger < record too_little_left
            {}
            ",
            referred("bob", "202"),
            carol_leaves("bob"),
        ),
    );
}

#[test]
fn a_ticket_is_used_once() {
    plays(&format!(
        "{}
          2s dave   > INVITE +493023125500 call=t
          2s dave   < 100
          2s ledger < reserve 0.60
       2.004s main  < INVITE
       2.008s main  > 486
       2.008s main  < ACK
       2.008s dave  < 486
       2.008s ledger < release declined
       2.5s dave    > INVITE +493023125500 call=u referred=yes
       2.5s dave    < 403
       2.5s ledger  < record incoming_only
        {}
        ",
        referred("dave", "204"),
        carol_leaves("dave"),
    ));
}

/// The phone is asked for its password first; that costs no ticket. Nor does a number that the phone spells as it likes.
#[test]
fn a_challenge_and_a_spelling_leave_the_ticket_as_it_is() {
    plays(&format!(
        "{}
          2s dave   > INVITE +493023125500 call=t auth=none
          2s dave   < 407
       2.1s dave   > INVITE 'tel:(030)2312-5500' call=t2
       2.1s dave   < 100
       2.1s ledger < reserve 0.60
     2.104s main   < INVITE
     2.108s main   > 486
     2.108s main   < ACK
     2.108s dave   < 486
     2.108s ledger < release declined
        {}
        ",
        referred("dave", "204"),
        carol_leaves("dave"),
    ));
}

#[test]
fn a_ticket_serves_nobody_else_no_other_number_and_no_later_day() {
    for (act, reason) in [
        // Another number, and another person's hand.
        ("2s dave > INVITE +493023125501 call=t referred=yes", "incoming_only"),
        ("2s frank > INVITE +33123456789 call=t", "not_permitted"),
        // A mark that was never given, by the right phone.
        (
            "2s dave > INVITE +493023125500 call=t Referred-By='<sip:carol@house.example>;ticket=0000000000000001'",
            "incoming_only",
        ),
        ("2s mallory > INVITE +493023125500 call=t", "challenged"),
        // A call from a trunk proves nothing by its From.
        ("2s main > INVITE +493023125500 call=t", "outside_to_outside"),
        ("61.01s dave > INVITE +493023125500 call=t referred=yes", "incoming_only"),
    ] {
        let (at, rest) = act.split_once(' ').expect("a time");
        let who = rest.split_whitespace().next().expect("somebody");
        let leaving = carol_leaves("dave");
        let answer = match reason {
            "challenged" => format!("{at} {who} < 407"),
            _ => format!("{at} {who} < 403\n {at} ledger < record {reason}"),
        };
        let late = at.starts_with('6');
        let (before, after) = if late { (leaving.as_str(), "") } else { ("", leaving.as_str()) };
        plays(&format!("{}\n{before}\n {act}\n {answer}\n {after}", referred("dave", "204")));
    }
}

/// A phone that says no to the REFER has no ticket in its pocket.
#[test]
fn a_declined_transfer_leaves_no_ticket() {
    plays(&format!(
        "{}
          2s dave   > INVITE +493023125500 call=t
          2s dave   < 403
          2s ledger < record incoming_only
        {}
        ",
        referred("dave", "204").replace("202", "603"),
        carol_leaves("dave"),
    ));
}

/// The permit of the REFER is not the permit of the call: rights that are gone meanwhile are gone (R10).
#[test]
fn the_transferors_rights_are_judged_again() {
    let mut world = World::new(&Company::new());
    world.begins(&referred("dave", "204"));
    world.replace_setup(&Company::new().with(|company| company.person("carol").locked = true));
    world.plays(
        "
        # A lock cuts carol's own call off, too (R76).
       1.004s carol  < BYE Reason~cause=403
       1.004s dave   < BYE Reason~cause=403
       1.004s ledger < record cut_rights
        1.1s carol  > 200
        1.1s dave   > 200
          2s dave   > INVITE +493023125500 call=t
          2s dave   < 403
          2s ledger < record fraud_lock
        ",
    );
}

/// Carol sends a customer on to a mobile: only because her role says `outside_to_outside`, only with the Referred-By that the
/// gate has written, and the money is hers.
#[test]
fn somebody_outside_is_transferred_where_a_permit_says_so() {
    let start = |may: &str| {
        format!(
            "
               0 {may}  > INVITE 03023125500
               0 {may}  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE
               8 main   > 200
               8 {may}  < 200
              20 {may}  > ACK
              20 main   < ACK
            "
        )
    };
    let end = |who: &str| {
        format!(
            "
             10.008s {who}  > BYE call=1
             10.008s main   < BYE
             10.008s ledger < settle 0.10 caller_hung_up
             10.012s main   > 200
             10.012s {who}  < 200 BYE
            "
        )
    };
    let world = plays(&format!(
        "{}
          1s carol  > REFER Refer-To=<sip:+4917012345678@house.example>
          1s main   < REFER Refer-To=<sip:+4917012345678@10.9.0.1:5060>
       1.004s main  > 202
       1.004s carol < 202 REFER
          2s main   > INVITE +4917012345678 call=s
          2s main   < 403
          2s ledger < record outside_to_outside
          3s main   > INVITE +4917012345678 call=t referred=yes
          3s main   < 100
          3s ledger < reserve 0.35
       3.004s main  < INVITE P-Asserted-Identity~+49302312203
       3.008s main  > 486 call=t to=INVITE
       3.008s main  < ACK
       3.008s main  < 486
       3.008s ledger < release declined
        {}",
        start("carol"),
        end("carol"),
    ));
    assert_eq!(record_of(&world, "+4917012345678").person.as_deref(), Some("carol"));
    // A role that may transfer, but not one stranger to another.
    let within = Company::new().with(|company| {
        let boss = company.document.roles.iter_mut().find(|role| role.name == "boss").expect("carol's role");
        boss.permits[0].outside_to_outside = false;
    });
    plays_in(
        within,
        &format!(
            "{}
              1s carol  > REFER Refer-To=<sip:+4917012345678@house.example>
              1s carol  < 403 REFER reason='Outside to outside is not allowed'
            {}",
            start("carol"),
            end("carol"),
        ),
    );
}

/// A limit of two calls at once is not in the way of putting two calls together: the third takes the place of one.
#[test]
fn a_transfer_takes_a_place_and_needs_no_further_one() {
    let one = Company::new().with(|company| {
        company.person("carol").budgets.push(Limit { quantity: Quantity::Calls { count: 1 }, soft: false });
    });
    let world = plays_in(
        one,
        &format!(
            "{}
              2s dave   > INVITE +493023125500 call=t
              2s dave   < 100
              2s ledger < reserve 0.60
           2.004s main  < INVITE
           2.1s carol   > INVITE 202 call=3
           2.1s carol   < 403
           2.1s ledger  < record concurrent_calls
           2.2s main    > 486
           2.2s main    < ACK
           2.2s dave    < 486
           2.2s ledger  < release declined
            {}",
            referred("dave", "204"),
            carol_leaves("dave"),
        ),
    );
    assert!(!world.events.iter().any(|event| matches!(event, Event::SourceLocked { .. })));
}
