//! One attack as a row: who sends what from where, what comes back, and under which figure it is counted. Nothing reaches a trunk.

use super::town::Town;

pub struct Attack {
    /// What the attacker hopes for.
    pub hope: &'static str,
    /// The rule that stops it.
    pub rule: &'static str,
    pub place: &'static str,
    pub method: &'static str,
    pub uri: &'static str,
    /// User part of From.
    pub from: &'static str,
    /// Further header lines, with `{name}` for addresses.
    pub headers: &'static [&'static str],
    /// The user and password that answer the challenge, if the attacker has any.
    pub login: Option<(&'static str, &'static str)>,
    /// Status of the answer; 0 is silence.
    pub status: u16,
    /// Name and label of the metric that rises.
    pub counted: &'static str,
}

/// A call to a number at home that its caller may not make, from a phone, without a password.
pub const CALL: Attack = Attack {
    hope: "",
    rule: "",
    place: "phone_one",
    method: "INVITE",
    uri: "sip:03023125500@{gate}",
    from: "102",
    headers: &[],
    login: None,
    status: 407,
    counted: CHALLENGED,
};

pub const CHALLENGED: &str = "tollgate_responses_total 4xx";
pub const MALFORMED: &str = "tollgate_parse_errors_total";
pub const WRONG_DIGEST: &str = "tollgate_auth_failures_total";

/// Carries out every attack, and ends with an honest call.
pub fn all_fail(town: &Town, attacks: &[Attack]) {
    let wrong: usize = attacks.iter().map(|attack| usize::from(!fails(town, attack))).sum();
    town.expect_honest_call("all attacks");
    assert_eq!(wrong, 0, "attacks that were not answered as they should be");
}

fn fails(town: &Town, attack: &Attack) -> bool {
    let caller = town.caller(attack.place);
    let mut request = caller.invite(attack.uri, attack.from, town);
    request.method = attack.method.into();
    request.headers = attack.headers.iter().map(|header| town.fill(header)).collect();
    let before = town.counted(attack.counted);
    let heard = match attack.login {
        Some((user, password)) => caller.prove(&mut request, user, password),
        None => caller.exchange(&request.bytes()),
    };
    let counted = town.counted(attack.counted) > before;
    let status = heard.first().map_or(0, |message| message.status());
    let fits = status == attack.status && heard.len() <= 1 && counted;
    let said = heard.first().map(|message| message.reason().into_owned()).unwrap_or_default();
    let mark = if fits { "" } else { "  <-- differs" };
    println!("{:8} {:70} {status} {said}{mark}", attack.rule, attack.hope);
    town.expect_quiet_trunks(attack.hope);
    fits
}
