//! Sending others where one may not go oneself (R22 to R24): REFER, Replaces and Join, a 302 from whoever was called.

use tollgate::sip::Name;

use super::attacks::MALFORMED;
use super::caller::{Request, only};
use super::dialogs::{accept, talk};
use super::registrations::at_home;
use super::town::{Town, text};

const TRANSFER: &str = "tollgate_rejections_total code=\"transfer\"";

/// Lines of a REFER from Frank, who may transfer to numbers at home; none of these is one.
const REFERS: &[&[&str]] = &[
    &["Refer-To: <sip:+499001234567@{gate}>"],
    &["r: <sip:09001234567@{gate}>"],
    &["Refer-To: sip:09001234567@{gate}"],
    &["Refer-To: \"A colleague\" <sip:0900%2D1234567@{gate};user=phone>"],
    &["Refer-To: <tel:+49-900-1234567>"],
    &["Refer-To: <tel:1234567;phone-context=+49900>"],
    &["Refer-To: <sip:+12025550123@{gate}>"],
    &["Refer-To: <sip:0012025550123@{gate}>"],
    &["Refer-To: <sip:03023125500p09001234567@{gate}>"],
    &["Refer-To: <sip:03023125500@evil.example>"],
    &["Refer-To: <sip:03023125500@{trunk_two}>"],
    &["Refer-To: <sip:03023125500@{gate};maddr={trunk_two.ip}>"],
    &["Refer-To: <sip:03023125500@{gate};method=BYE>"],
    &["Refer-To: <sip:03023125500@{gate}?Route=%3Csip:{trunk_two}%3E>"],
    &["Refer-To: <sip:03023125500@{gate}?Replaces=a&P-Asserted-Identity=%3Csip:102%3E>"],
    &["Refer-To: <sip:03023125500@{gate}?Replaces=a%0D%0ARoute:%20%3Csip:{trunk_two}%3E>"],
    &["Refer-To: <http://{trunk_two}/>"],
    &["Refer-To: nothing"],
    &["Refer-To:"],
    &[],
    // The gate reads one, the other end the other.
    &["Refer-To: <sip:03023125500@{gate}>", "Refer-To: <sip:09001234567@{gate}>"],
    &["Refer-To: <sip:03023125500@{gate}>", "r: <sip:09001234567@{gate}>"],
    &["Refer-To: <sip:03023125500@{gate}>, <sip:09001234567@{gate}>"],
];

/// Frank has called Gina; the REFERs go to her phone if they pass.
#[test]
fn a_transfer_is_judged_before_it_leaves() {
    let town = Town::open();
    let (frank, gina) = (town.caller("pbx"), town.caller("phone_one"));
    at_home(&gina, &town, "107");
    let invite = frank.invite("sip:107@{gate}", "106", &town);
    frank.exchange(&invite.bytes());
    accept(&gina, &gina.expect());
    assert_eq!(frank.expect_final().status(), 200);
    let refer = |cseq: u32, lines: &[&str]| Request {
        method: "REFER".into(),
        branch: frank.fresh("z9hG4bK"),
        to: format!("{};tag=same", invite.to),
        cseq,
        headers: lines.iter().map(|line| town.fill(line)).collect(),
        ..invite.clone()
    };
    let mut passed = Vec::new();
    for (index, lines) in REFERS.iter().enumerate() {
        let before = town.counted(TRANSFER) + town.counted(MALFORMED);
        let heard = frank.exchange(&refer(2 + index as u32, lines).bytes());
        let status = heard.first().map_or(0, |answer| answer.status());
        println!("{status} {lines:?}");
        let counted = town.counted(TRANSFER) + town.counted(MALFORMED) > before;
        if !matches!(status, 400 | 403) || !counted || !gina.exchange(b"\r\n\r\n").is_empty() {
            passed.push(lines);
        }
    }
    // Where he may go, it passes; and what leaves is what was judged (R11).
    frank.exchange(&refer(90, &["Refer-To: \"Home\" <sip:0049(30)23125501;x=y@{gate};user=phone>"]).bytes());
    let came = gina.expect();
    assert_eq!(came.header(Name::ReferTo).as_deref(), Some(&*town.fill("<sip:+493023125501@{gate}>")));
    assert!(passed.is_empty(), "passed, or not counted: {passed:?}");
    town.expect_honest_call("transfers");
}

/// R23: a caller from the telephone network transfers nobody; neither does one who may only ring.
#[test]
fn a_trunk_transfers_nobody() {
    let town = Town::open();
    let talk = talk(&town, "106");
    let backwards = talk.request(&talk.bob, "REFER", 5, &town);
    let refer = Request {
        from: backwards.to.clone(),
        to: backwards.from.clone(),
        via: format!("SIP/2.0/UDP {}", town.one.address()),
        ..backwards
    };
    for target in ["sip:102@{gate}", "sip:+499001234567@{gate}", "sip:03023125501@{gate}"] {
        let before = town.counted(TRANSFER);
        let refer = Request { branch: talk.bob.fresh("z9hG4bK"), ..refer.clone() };
        let refer = refer.with(&town.fill(&format!("Refer-To: <{target}>")));
        town.one.send(&refer.bytes(), town.at("gate"));
        let answer = town.one.expect();
        assert_eq!(answer.status(), 403, "{target}: {}", text(answer.bytes()));
        assert!(town.counted(TRANSFER) > before);
    }
    town.expect_quiet_trunks("REFER from a trunk");
    talk.hang_up(&town, 2);
}

/// R24: a call is replaced or joined by the person whose it is.
#[test]
fn nobody_replaces_the_call_of_another() {
    let town = Town::open();
    let (own, foreign) = (talk(&town, "106"), talk(&town, "102"));
    let words = |talk: &super::dialogs::Talk| {
        let tag = talk.invite.from.split("tag=").nth(1).unwrap_or_default();
        format!("{};to-tag=trunk;from-tag={tag}", talk.invite.call_id)
    };
    let (own, foreign) = (words(&own), words(&foreign));
    let rows = [
        vec![format!("Replaces: {foreign}")],
        vec![format!("Replaces: {foreign};early-only")],
        vec![format!("REPLACES : {foreign}")],
        vec![format!("Join: {foreign}")],
        vec!["Replaces: nothing".into()],
        vec!["Replaces: a;to-tag=b;from-tag=c".into()],
        vec![format!("Replaces: {own}"), format!("Replaces: {foreign}")],
        vec![format!("Replaces: {own}"), format!("Join: {foreign}")],
        vec![format!("Join: {own}"), format!("Join: {foreign}")],
        vec![format!("Replaces: {own}, {foreign}")],
    ];
    let frank = town.caller("pbx");
    for lines in rows {
        let mut invite = frank.invite("sip:03023125501@{gate}", "106", &town);
        invite.headers.extend(lines.iter().cloned());
        let counted = || town.counted("tollgate_responses_total 4xx") + town.counted(MALFORMED);
        let before = counted();
        let answer = only(frank.exchange(&invite.bytes()));
        assert!(matches!(answer.status(), 400 | 481), "{lines:?}: {}", text(answer.bytes()));
        assert!(counted() > before);
        town.expect_quiet_trunks(&lines[0]);
    }
    town.expect_honest_call("Replaces of foreign dialogs");
}

/// R10: whoever was called may not send the caller on through the gate unjudged: the gate follows no 302, and the caller who does
/// is judged again.
#[test]
fn a_redirection_is_followed_by_nobody_unjudged() {
    let town = Town::open();
    let frank = town.caller("pbx");
    for status in [300, 301, 302, 305, 380] {
        let invite = frank.invite("sip:03023125500@{gate}", "106", &town);
        frank.exchange(&invite.bytes());
        let came = town.one.expect_method("INVITE");
        let mut answer = text(&tollgate::sip::reply(&came, status, "Try there", "trunk", &[]));
        let at = answer.find("Content-Length").expect("it has one");
        answer.insert_str(at, &town.fill("Contact: <sip:+499001234567@{trunk_two}>\r\n"));
        town.one.send(answer.as_bytes(), came.source().expect("it came from the gate"));
        town.one.expect_method("ACK");
        assert_eq!(frank.expect_final().status(), status);
        frank.acknowledge(&invite.bytes(), &came);
        town.expect_quiet_trunks("a redirection");
        let follow = frank.invite("sip:+499001234567@{gate}", "106", &town);
        assert_eq!(only(frank.exchange(&follow.bytes())).status(), 403);
        let follow = frank.invite("sip:+499001234567@{trunk_two}", "106", &town);
        assert_eq!(only(frank.exchange(&follow.bytes())).status(), 403);
    }
    town.expect_honest_call("redirections");
}
