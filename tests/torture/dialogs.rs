//! Getting into other people's calls, and out of one's own without paying (R12, R13, R15, R16, R62).

use tollgate::sip::{Message, Name};

use super::caller::{Caller, Request, only};
use super::registrations::at_home;
use super::town::{Town, text};

const UNKNOWN_DIALOG: &str = "tollgate_rejections_total code=\"unknown_dialog\"";

/// A call of Bob's over the PBX that trunk one has answered and Bob acknowledged.
pub struct Talk {
    pub bob: Caller,
    pub invite: Request,
    /// As the trunk got it.
    pub came: Message,
}

pub fn talk(town: &Town, user: &str) -> Talk {
    let bob = town.caller("pbx");
    let invite = bob.invite("sip:03023125500@{gate}", user, town);
    bob.exchange(&invite.bytes());
    let came = town.one.expect_method("INVITE");
    town.one.answer(&came, 200, "trunk");
    assert_eq!(bob.expect_final().status(), 200);
    let talk = Talk { bob, invite, came };
    talk.bob.send(&talk.request(&talk.bob, "ACK", 1, town).bytes());
    town.one.expect_method("ACK");
    talk
}

impl Talk {
    /// A request inside the call as Bob would write it, sent by whoever.
    pub fn request(&self, sender: &Caller, method: &str, cseq: u32, town: &Town) -> Request {
        Request {
            method: method.into(),
            uri: format!("sip:{}", town.one.address()),
            via: format!("SIP/2.0/UDP {};rport", sender.address()),
            branch: sender.fresh("z9hG4bK"),
            to: format!("{};tag=trunk", self.invite.to),
            cseq,
            contact: format!("<sip:x@{}>", sender.address()),
            headers: vec![town.fill("Route: <sip:{gate};lr>")],
            ..self.invite.clone()
        }
    }

    /// A request as the trunk's side would write it.
    pub fn backwards(&self, sender: &Caller, method: &str, town: &Town) -> Request {
        let request = self.request(sender, method, 7, town);
        Request { from: request.to.clone(), to: request.from.clone(), ..request }
    }

    /// Bob hangs up, and the trunk hears it: the call was alive until now.
    pub fn hang_up(&self, town: &Town, cseq: u32) {
        self.bob.send(&self.request(&self.bob, "BYE", cseq, town).bytes());
        let bye = town.one.expect_method("BYE");
        town.one.answer(&bye, 200, "");
        assert_eq!(self.bob.expect_final().status(), 200);
    }
}

/// Whoever knows Call-ID and both tags is still not in the call: the side that claims to speak must speak from where it is.
#[test]
fn a_third_party_is_in_no_call() {
    let town = Town::open();
    let talk = talk(&town, "102");
    for place in ["phone_one", "phone_two", "stranger", "trunk_two", "trunk_tcp", "gate"] {
        let thief = match place {
            "trunk_two" => Caller::at((town.at(place).ip(), 0).into(), town.at("gate"), 99),
            place => town.caller(place),
        };
        for method in ["BYE", "INVITE", "UPDATE", "INFO", "REFER", "MESSAGE", "NOTIFY", "PRACK", "OPTIONS"] {
            for backwards in [false, true] {
                let mut request = match backwards {
                    false => talk.request(&thief, method, 9, &town),
                    true => talk.backwards(&thief, method, &town),
                };
                request.headers.push(town.fill("Refer-To: <sip:09001234567@{gate}>"));
                let before = town.counted(UNKNOWN_DIALOG);
                let answer = only(thief.exchange(&request.bytes()));
                assert_eq!(answer.status(), 481, "{method} from {place}: {}", text(answer.bytes()));
                assert!(town.counted(UNKNOWN_DIALOG) > before, "{method} from {place} is not counted");
                town.expect_quiet_trunks(method);
            }
        }
        let before = town.counted(UNKNOWN_DIALOG);
        assert!(
            thief.exchange(&talk.request(&thief, "ACK", 1, &town).bytes()).is_empty(),
            "an ACK is never answered"
        );
        assert!(town.counted(UNKNOWN_DIALOG) > before, "ACK from {place} is not counted");
        town.expect_quiet_trunks("an injected ACK");
    }
    // The caller herself cannot speak for the callee.
    let answer = only(talk.bob.exchange(&talk.backwards(&talk.bob, "BYE", &town).bytes()));
    assert_eq!(answer.status(), 481);
    talk.hang_up(&town, 2);
}

/// The classic of toll fraud: a To-tag and a Route, and the proxy relays what it has never judged.
#[test]
fn a_forged_tag_opens_nothing() {
    let town = Town::open();
    let talk = talk(&town, "102");
    let record_route = talk.came.header(Name::RecordRoute).expect("the gate stays in the path").into_owned();
    let thief = town.caller("phone_one");
    let routes =
        ["Route: <sip:{trunk_one};lr>", "Route: <sip:{gate};lr>, <sip:{trunk_one};lr>", &record_route];
    for (index, route) in routes.iter().enumerate() {
        for sender in [&thief, &talk.bob] {
            let mut invite = sender.invite("sip:+499001234567@{trunk_one}", "102", &town);
            invite.to.push_str(";tag=forged");
            let route = if index == 2 {
                format!("Route: {route}, <sip:{{trunk_one}};lr>")
            } else {
                (*route).to_owned()
            };
            invite.headers.push(town.fill(&route));
            let before = town.counted(UNKNOWN_DIALOG);
            assert_eq!(only(sender.exchange(&invite.bytes())).status(), 481, "{route}");
            assert!(town.counted(UNKNOWN_DIALOG) > before);
            // One tag right, one wrong.
            let mut half = talk.request(sender, "INVITE", 5, &town);
            half.from.push('x');
            assert_eq!(only(sender.exchange(&half.bytes())).status(), 481);
            town.expect_quiet_trunks(&route);
        }
    }
    // A preloaded Route without a tag: judged like any other call, and the Route is not followed (R13).
    let mut invite = talk.bob.invite("sip:+499001234567@{gate}", "102", &town);
    invite.headers.push(town.fill("Route: <sip:{gate};lr>, <sip:{trunk_one};lr>"));
    assert_eq!(only(talk.bob.exchange(&invite.bytes())).status(), 403);
    let mut invite = talk.bob.invite("sip:+499001234567@{trunk_one}", "102", &town);
    invite.headers.push(town.fill("Route: <sip:{gate};lr>"));
    assert_eq!(only(talk.bob.exchange(&invite.bytes())).status(), 403);
    town.expect_quiet_trunks("a preloaded Route");
    talk.hang_up(&town, 2);
}

/// R15: a re-INVITE goes to the other end of its call, whatever its Request-URI and Route say, without claims.
#[test]
fn a_re_invite_reaches_no_other_target() {
    let town = Town::open();
    let talk = talk(&town, "102");
    let mut again = talk.request(&talk.bob, "INVITE", 2, &town);
    again.uri = town.fill("sip:+499001234567@{trunk_two}");
    again.headers.push(town.fill("Route: <sip:{trunk_two};lr>"));
    again.headers.push("P-Asserted-Identity: <sip:101@company.example>".into());
    talk.bob.exchange(&again.bytes());
    let came = town.one.expect_method("INVITE");
    assert_eq!(came.request_uri(), format!("sip:{}", town.one.address()));
    assert_eq!(came.count(Name::Route) + came.count(Name::PAssertedIdentity), 0, "{}", text(came.bytes()));
    town.one.answer(&came, 488, "");
    town.one.expect_method("ACK");
    assert_eq!(talk.bob.expect_final().status(), 488);
    town.expect_quiet_trunks("a re-INVITE");
    talk.hang_up(&town, 3);
}

/// RFC 3261 §9.2: whoever has read a Via can write its CANCEL; only from where the INVITE came does it count.
#[test]
fn nobody_cancels_the_call_of_another() {
    let town = Town::open();
    let bob = town.caller("pbx");
    let invite = bob.invite("sip:03023125500@{gate}", "102", &town);
    bob.exchange(&invite.bytes());
    let came = town.one.expect_method("INVITE");
    town.one.answer(&came, 180, "trunk");
    assert_eq!(bob.expect().status(), 180);
    for place in ["phone_one", "stranger"] {
        let thief = town.caller(place);
        let cancel =
            Request { method: "CANCEL".into(), via: invite.via.replace(";rport", ""), ..invite.clone() };
        thief.exchange(&cancel.bytes());
        town.expect_quiet_trunks("a CANCEL of somebody else's call");
        // With a Via of one's own it names no INVITE.
        let cancel = Request { via: format!("SIP/2.0/UDP {};rport", thief.address()), ..cancel };
        assert_eq!(only(thief.exchange(&cancel.bytes())).status(), 481);
    }
    let cancel = Request { method: "CANCEL".into(), ..invite.clone() };
    assert_eq!(only(bob.exchange(&cancel.bytes())).status(), 200);
    let cancel = town.one.expect_method("CANCEL");
    town.one.answer(&cancel, 200, "");
    town.one.answer(&came, 487, "trunk");
    town.one.expect_method("ACK");
    assert_eq!(bob.expect_final().status(), 487);
}

/// R62: the price runs to the BYE. One that the other end must refuse (§12.2.2, §8.2.2.3) does not end the price alone.
#[test]
fn a_bye_that_ends_nothing_does_not_end_the_price() {
    let town = Town::open();
    let first = talk(&town, "102");
    for cseq in [0, 1] {
        let stale = first.request(&first.bob, "BYE", cseq, &town);
        let before = town.counted("tollgate_rejections_total code=\"stale_bye\"");
        assert_eq!(only(first.bob.exchange(&stale.bytes())).status(), 500, "a CSeq that does not rise");
        assert!(town.counted("tollgate_rejections_total code=\"stale_bye\"") > before);
        town.expect_quiet_trunks("a stale BYE");
    }
    first.hang_up(&town, 2);
    let second = talk(&town, "102");
    let refused = second.request(&second.bob, "BYE", 2, &town).with("Require: something-nobody-has");
    second.bob.exchange(&refused.bytes());
    let came = town.one.expect_method("BYE");
    town.one.answer(&came, 420, "");
    assert_eq!(second.bob.expect_final().status(), 420);
    let own = town.one.expect_method("BYE");
    assert_eq!(own.call_id(), came.call_id());
    assert!(own.header(Name::Require).is_none() && own.cseq() > came.cseq(), "{}", text(own.bytes()));
    town.one.answer(&own, 200, "");
    town.expect_honest_call("a BYE that was refused");
}

/// A callee who knows all of a call's words opens another with the same: the first call's people must still be heard.
#[test]
fn nobody_takes_over_a_dialog_by_repeating_its_words() {
    let town = Town::open();
    let (gina, mallory, bob) = (town.caller("phone_one"), town.caller("phone_two"), town.caller("pbx"));
    at_home(&gina, &town, "107");
    at_home(&mallory, &town, "108");
    let invite = bob.invite("sip:107@{gate}", "102", &town);
    bob.exchange(&invite.bytes());
    accept(&gina, &gina.expect());
    assert_eq!(bob.expect_final().status(), 200);
    let tag = |value: &str| value.split("tag=").nth(1).unwrap_or_default().to_owned();
    let mut copy = gina.invite("sip:108@{gate}", "107", &town);
    copy.from = format!("<sip:107@company.example>;tag={}", tag(&invite.from));
    copy.call_id = invite.call_id.clone();
    copy.cseq = 50;
    gina.prove(&mut copy, "107", "password-107");
    accept(&mallory, &mallory.expect());
    assert_eq!(gina.expect_final().status(), 200);
    let bye = Request {
        method: "BYE".into(),
        branch: bob.fresh("z9hG4bK"),
        to: format!("{};tag=same", invite.to),
        cseq: 2,
        ..invite.clone()
    };
    bob.send(&bye.bytes());
    let heard = gina.expect();
    assert_eq!(heard.method_text(), "BYE", "{}", text(heard.bytes()));
    accept(&gina, &heard);
    assert_eq!(bob.expect_final().status(), 200);
}

pub fn accept(phone: &Caller, request: &Message) {
    let contact = format!("<sip:{}>", phone.address());
    let reply = tollgate::sip::Reply {
        request,
        status: 200,
        reason: "OK",
        to_tag: "same",
        extra: &[("Contact", &contact)],
        record_route: true,
        body: None,
    };
    phone.send(&reply.to_bytes());
}

/// A response that answers nothing is dropped and counted, whatever it says of its Via (RFC 3261 §16.7 step 1).
#[test]
fn a_response_to_nothing_goes_nowhere() {
    let town = Town::open();
    let thief = town.caller("stranger");
    let gate = town.at("gate");
    for (status, via) in
        [(200, "{phone_one}"), (180, "{trunk_one}"), (302, "{trunk_one}"), (401, "255.255.255.255")]
    {
        let response = format!(
            "SIP/2.0 {status} Yes\r\nVia: SIP/2.0/UDP {gate};branch=z9hG4bK{:026}\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKx\r\n\
             From: <sip:102@company.example>;tag=1\r\nTo: <sip:x@y>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:{}>\r\nContent-Length: 0\r\n\r\n",
            0,
            town.fill(via),
            thief.address()
        );
        let series = "tollgate_rejections_total code=\"stray_response\"";
        let before = town.counted(series);
        assert!(thief.exchange(response.as_bytes()).is_empty(), "a response was answered");
        assert!(town.counted(series) > before, "{status} is not counted");
        town.expect_quiet_trunks("a stray response");
    }
    town.expect_honest_call("stray responses");
}
