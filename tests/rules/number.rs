//! R30, R31, R33, R40: what each way of dialling comes to, at sites of eleven countries. One rule, one line.

use proptest::prelude::*;
use tollgate::base::number::{Canonical, DialPlan, Dialled, Pattern, Scheme, ShortCode, canonical};

/// Site, what is dialled, what it is read as. `tel:`, `urn:` and `sips:` choose the scheme; all else is the user part of a sip address.
const CASES: &str = include_str!("number_cases.txt");

/// The sites of the table: country, area code, outside line, emergency numbers, extensions.
const SITES: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("berlin", "DE", "30", "", "112 110", "2xx"),
    ("munich", "DE", "89", "0", "112 110", "2xx 3xxx"),
    ("letters", "DE", "30", "", "112 110", ""),
    ("moscow", "RU", "495", "", "112 101 102 103", "1xxx"),
    ("moscow9", "RU", "495", "9", "112 101 102 103", "1xxx"),
    ("newyork", "US", "212", "", "911", "4xxx"),
    ("dallas9", "US", "214", "9", "911", "4xxx"),
    ("toronto", "CA", "416", "", "911", ""),
    ("london", "GB", "20", "", "999 112", "6xxx"),
    ("paris", "FR", "", "", "112 15 17 18 114", "5xx"),
    ("amsterdam", "NL", "20", "", "112", "5xx"),
    ("warsaw", "PL", "", "", "112 997 998 999", "5xx"),
    ("prague", "CZ", "", "", "112 150 155 158", "5xx"),
    ("kyiv", "UA", "44", "", "112 101 102 103", "5xx"),
    ("almaty", "KZ", "727", "", "112 101 102 103", "5xx"),
];

fn plan(site: &str) -> DialPlan {
    let (_, country, area, outside, emergency, extensions) =
        SITES.iter().find(|row| row.0 == site).unwrap_or_else(|| panic!("no site {site}"));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut plan = DialPlan::shipped(country).expect("a shipped country");
    plan.area_code = some(area);
    plan.outside_line = some(outside);
    plan.emergency = emergency.split(' ').map(|code| code.parse().expect("a short number")).collect();
    plan.extensions =
        extensions.split_whitespace().map(|form| Pattern::from_text(form).expect("a pattern")).collect();
    plan.known_extensions.insert(ShortCode::from_text("007").expect("digits"));
    plan.features = ["*98", "*21#"].map(|code| code.parse().expect("a feature code")).to_vec();
    plan.contexts = vec!["office.example".into()];
    plan.letters = site == "letters";
    plan
}

fn dialled(text: &str) -> Dialled<'_> {
    let (scheme, user) = match text.split_once(':') {
        Some(("tel", user)) => (Scheme::Tel, user),
        Some(("urn", user)) => (Scheme::Urn, user),
        Some(("sips", user)) => (Scheme::Sips, user),
        Some(("mailto", user)) => (Scheme::Other, user),
        Some(_) | None => (Scheme::Sip, text),
    };
    Dialled { scheme, user, params: "" }
}

fn print(reading: Canonical) -> String {
    match reading {
        Canonical::Emergency(code) => format!("emergency {code}"),
        Canonical::Extension(code) => format!("extension {code}"),
        Canonical::Number(number) => number.to_string(),
        Canonical::Feature(code) => format!("feature {code}"),
        Canonical::Unknown(why) => format!("unknown {why:?}"),
    }
}

#[test]
fn every_way_of_dialling_reads_as_its_line_says() {
    let (mut count, mut wrong) = (0, Vec::new());
    for line in CASES.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let [site, text, expected] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("three columns expected: {line}")
        };
        let (text, expected) = (text.trim_matches('"'), expected.split("--").next().unwrap().trim());
        let found = print(canonical(&dialled(text), &plan(site)));
        if found != expected {
            wrong.push(format!("{site}: {text:?} reads as {found:?}, not {expected:?}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count} lines:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 150, "only {count} lines");
}

#[test]
fn a_dial_string_is_refused_also_as_parameter_of_the_address() {
    let dialled = Dialled { scheme: Scheme::Sip, user: "030123456", params: "transport=udp;user=dialstring" };
    assert_eq!(print(canonical(&dialled, &plan("berlin"))), "unknown PostDial");
}

#[test]
fn tel_parameters_may_come_apart_from_the_number() {
    let dialled = Dialled { scheme: Scheme::Tel, user: "123456", params: "phone-context=+4930;rn=+4999" };
    assert_eq!(print(canonical(&dialled, &plan("moscow"))), "+4930123456");
}

#[test]
fn written_numbers_need_no_outside_line_and_are_no_extensions() {
    for (site, text, expected) in [
        ("moscow9", "(495) 123-45-67", "+74951234567"),
        ("moscow9", "84951234567", "+74951234567"),
        ("moscow9", "+7 495 123-45-67", "+74951234567"),
        ("munich", "089 123456", "+4989123456"),
        ("munich", "3100", "+49893100"),
        ("dallas9", "(214) 555-0100", "+12145550100"),
    ] {
        assert_eq!(
            print(canonical(&Dialled::sip(text), &plan(site).for_writing())),
            expected,
            "{site} {text}"
        );
    }
}

#[test]
fn every_shipped_plan_reads_its_own_international_form() {
    assert_eq!(DialPlan::shipped_countries().count(), 11);
    for country in DialPlan::shipped_countries() {
        let plan = DialPlan::shipped(country).unwrap_or_else(|| panic!("{country} does not parse"));
        for prefix in plan.international.iter().map(String::as_str).chain(["+"]) {
            let text = format!("{prefix}43 1 5877");
            assert_eq!(print(canonical(&Dialled::sip(&text), &plan)), "+4315877", "{country} {prefix}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_every_reading_reads_as_itself(text in ".{0,40}", site in 0..SITES.len(), tel: bool) {
        reads_as_itself(&text, SITES[site].0, tel)?;
    }

    #[test]
    fn numbers_in_any_disguise_read_as_themselves(
        text in "(\\+|00|011|0|8~10|8|9|1)?[0-9*#(). ~%;+-]{1,18}(;phone-context=(\\+[0-9]{1,4}|office.example))?",
        site in 0..SITES.len(), tel: bool,
    ) {
        reads_as_itself(&text, SITES[site].0, tel)?;
    }
}

/// canonical(canonical(x)) = canonical(x).
fn reads_as_itself(text: &str, site: &str, tel: bool) -> Result<(), TestCaseError> {
    let plan = plan(site);
    let once = canonical(&if tel { Dialled::tel(text) } else { Dialled::sip(text) }, &plan);
    let printed = match once {
        Canonical::Emergency(code) | Canonical::Extension(code) | Canonical::Feature(code) => {
            code.to_string()
        }
        Canonical::Number(number) => number.to_string(),
        Canonical::Unknown(_) => return Ok(()),
    };
    prop_assert_eq!(canonical(&Dialled::sip(&printed), &plan), once, "{} at {}", text, site);
    Ok(())
}
