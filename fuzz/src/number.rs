//! URIs and numbers: canonical(canonical(x)) = canonical(x) at sites of eleven countries; what a URI says is all in it; no spelling of
//! a number is judged other than the number itself.
//!
//! The first byte says at which site; the rest is what is dialled.

use std::sync::LazyLock;

use tollgate::base::number::{Canonical, DialPlan, Dialled, Pattern, Scheme, canonical};
use tollgate::sip::{Scheme as UriScheme, Uri, percent_decode};

use super::cost::Bound;

/// A number is looked at in place; decoded and joined with prefixes at most a few times.
const READING: Bound = Bound { bytes: 2_048, bytes_per_byte: 8, times: 32, bytes_per_time: 64 };

/// One site of each country, with and without an outside line, with and without letters.
static PLANS: LazyLock<Vec<DialPlan>> = LazyLock::new(|| {
    let sites = DialPlan::shipped_countries().flat_map(|country| [(country, false), (country, true)]);
    sites.map(|(country, is_second)| plan(country, is_second)).collect()
});

fn plan(country: &str, is_second: bool) -> DialPlan {
    let mut plan = DialPlan::shipped(country).expect("a shipped country");
    plan.area_code = Some("30".to_owned());
    plan.outside_line = is_second.then(|| "9".to_owned());
    plan.emergency = ["112", "911", "110"].map(|code| code.parse().expect("a short number")).to_vec();
    plan.extensions = ["2xx", "3xxx"].iter().filter_map(|form| Pattern::from_text(form)).collect();
    plan.features = ["*98", "*21#"].map(|code| code.parse().expect("a feature code")).to_vec();
    plan.contexts = vec!["office.example".into()];
    plan.letters = is_second;
    plan
}

pub fn run(bytes: &[u8]) {
    let Some((first, text)) = bytes.split_first() else { return };
    let plan = &PLANS[usize::from(*first) % PLANS.len()];
    let text = String::from_utf8_lossy(text);
    for dialled in [Dialled::sip(&text), Dialled::tel(&text), Dialled::urn(&text)] {
        reads_as_itself(&dialled, plan);
    }
    if let Ok(uri) = Uri::parse(&text) {
        is_all_in_it(&uri, &text);
        means_the_same_escaped(&uri, plan);
    }
    if let Ok(decoded) = percent_decode(&text) {
        assert!((text.contains('\0') || !decoded.contains('\0')) && decoded.len() <= text.len());
        assert!(decoded == text || !decoded.contains('%'), "{text} asks to be decoded twice");
    }
}

fn reads_as_itself(dialled: &Dialled<'_>, plan: &DialPlan) {
    let once = READING.holds("reading a number", dialled.user.as_bytes(), || canonical(dialled, plan));
    let printed = match once {
        Canonical::Emergency(code) | Canonical::Extension(code) | Canonical::Feature(code) => {
            code.to_string()
        }
        Canonical::Number(number) => number.to_string(),
        Canonical::Unknown(_) => return,
    };
    assert_eq!(canonical(&Dialled::sip(&printed), plan), once, "{:?} is {printed}", dialled.user);
    if let Canonical::Number(number) = once {
        // R40: whatever is an emergency call is one in every plain spelling; so no number that leaves may spell one.
        let is_emergency = plan.emergency.iter().any(|code| code.as_str() == number.digits().as_str());
        assert!(!is_emergency, "{:?} leaves as {printed}", dialled.user);
        assert!(printed.len() <= 16 && printed[1..].bytes().all(|byte| byte.is_ascii_digit()));
        // A written number needs no outside line, and is the same one.
        assert_eq!(canonical(&Dialled::sip(&printed), &plan.for_writing()), once);
    }
}

fn is_all_in_it(uri: &Uri<'_>, text: &str) {
    // Of a parameter that stands twice nobody knows which is meant: then the URI is like no other (§19.1.1).
    let mut names: Vec<Vec<u8>> = uri.params.iter().map(|param| param.name.to_ascii_lowercase()).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    let is_plain = names.len() == count;
    assert!(!is_plain || uri.is_same_as(uri), "{text} is not itself");
    assert!(text.ends_with(uri.body) && text.len() > uri.body.len());
    let (user, host) = (uri.user.unwrap_or_default(), uri.host);
    assert!(uri.body.contains(user) && uri.body.contains(host));
    assert_eq!(uri.is_sip(), !host.is_empty(), "{text}");
    assert!(!uri.is_sip() || !host.contains(['@', ';', '?', '%', ' ', '<', '>', '"']), "{host}");
    assert!(uri.params.iter().count() <= text.len());
    if uri.is_sip() {
        let again = format!(
            "{}:{}{}{host}{}",
            if uri.scheme == UriScheme::Sips { "SIPS" } else { "SIP" },
            userinfo(uri),
            if uri.user.is_some() { "@" } else { "" },
            &uri.body[uri.body.rfind(host).unwrap_or_default() + host.len()..],
        );
        // The host may stand in the parameters once more: then this is another URI.
        if let Ok(again) = Uri::parse(&again)
            && again.body == uri.body
            && is_plain
        {
            assert!(again.is_same_as(uri), "{text}");
        }
    }
}

fn userinfo(uri: &Uri<'_>) -> String {
    let password = uri.password.map(|password| format!(":{password}")).unwrap_or_default();
    format!("{}{password}", uri.user.unwrap_or_default())
}

/// R30: percent-encoding is no disguise. The user part with every letter and digit escaped is judged as the plain one.
fn means_the_same_escaped(uri: &Uri<'_>, plan: &DialPlan) {
    let (UriScheme::Sip | UriScheme::Tel, Some(user)) = (uri.scheme, uri.user) else { return };
    // One that is escaped already would be escaped twice; one three times as long may be too long.
    if user.contains('%') || user.len() > 80 {
        return;
    }
    let scheme = if uri.scheme == UriScheme::Tel { Scheme::Tel } else { Scheme::Sip };
    let escape =
        |letter: char| if letter.is_ascii() { format!("%{:02x}", letter as u32) } else { letter.into() };
    let escaped: String = user.chars().map(escape).collect();
    let read = |user: &str| canonical(&Dialled { scheme, user, params: "" }, plan);
    assert_eq!(read(&escaped), read(user), "{user} escaped is another number");
}
