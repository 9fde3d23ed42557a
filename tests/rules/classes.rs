//! R32: classes by longest prefix, told for callers of several sites and held against the independent opinion of libphonenumber.

use std::collections::BTreeMap;

use rlibphonenumber::PHONE_NUMBER_UTIL;
use rlibphonenumber::enums::{PhoneNumberFormat, PhoneNumberType, Region};
use tollgate::base::number::DialPlan;
use tollgate::base::{PhoneNumber, Random};
use tollgate::policy::class_table::{ClassTable, Home};
use tollgate::policy::{Country, Kind};

/// The caller's country and area code, the number, its class and country.
const CASES: &str = "
DE 30  | 4930123456     | local DE
DE 30  | 4989123456     | national DE
DE 30  | 491711234567   | mobile DE
DE 30  | 498001234567   | toll_free DE
DE 30  | 491801234567   | shared_cost DE
DE 30  | 499001234567   | premium DE
DE 30  | 491371234567   | premium DE
DE 30  | 4932123456789  | national DE
DE 30  | 4911880        | premium DE
DE 30  | 49116117       | toll_free DE
DE 30  | 49115          | special DE
DE 30  | 431587799      | international AT
DE 30  | 43664123456    | international AT
DE 30  | 43900123456    | premium AT
DE 30  | 43800123456    | international AT
DE 30  | 12125550100    | international US
DE 30  | 18005550100    | international -
DE 30  | 18765550100    | international JM
DE 30  | 14165550100    | international CA
DE 30  | 19005550100    | premium -
DE 30  | 12129760100    | premium US
DE 30  | 77272501234    | international KZ
DE 30  | 74951234567    | international RU
DE 30  | 447700900123   | international GB
DE 30  | 447781123456   | international GG
DE 30  | 80012345678    | toll_free -
DE 30  | 80812345678    | shared_cost -
DE 30  | 979123456789   | premium -
DE 30  | 870773111111   | satellite -
DE 30  | 8816123456     | satellite -
DE 30  | 878101234567   | special -
DE 30  | 88213123456    | special -
DE 30  | 883510001234   | special -
DE 30  | 888123456789   | special -
DE 30  | 2101234567     | unknown -
DE 30  | 390698123456   | international IT
DE 30  | 3906698123456  | international VA
US 212 | 12125550100    | local US
US 212 | 13105550100    | national US
US 212 | 14165550100    | international CA
US 212 | 18765550100    | international JM
US 212 | 17875550100    | international PR
US 212 | 16715550100    | international GU
US 212 | 18005550100    | toll_free -
US 212 | 18885550100    | toll_free -
US 212 | 19005550100    | premium -
US 212 | 19765550100    | premium -
US 212 | 13109760100    | premium US
US 212 | 15005550100    | special -
US 212 | 1411           | special US
CA 416 | 14165550100    | local CA
CA 416 | 18005550100    | toll_free -
CA 416 | 12125550100    | international US
RU 495 | 74951234567    | local RU
RU 495 | 78121234567    | national RU
RU 495 | 79161234567    | mobile RU
RU 495 | 78001234567    | toll_free -
RU 495 | 78091234567    | premium -
RU 495 | 77011234567    | international KZ
KZ 727 | 77272501234    | local KZ
KZ 727 | 77011234567    | mobile KZ
KZ 727 | 74951234567    | international RU
KZ 727 | 78001234567    | toll_free -
GB 20  | 442079460000   | local GB
GB 20  | 441189500000   | national GB
GB 20  | 447700900123   | mobile GB
GB 20  | 447624123456   | international IM
GB 20  | 441534700000   | international JE
GB 20  | 447012345678   | special GB
GB 20  | 448001111      | toll_free GB
GB 20  | 448451234567   | shared_cost GB
GB 20  | 449098790000   | premium GB
GB 20  | 44118118       | premium GB
GB 20  | 44101          | special GB
FR -   | 33142685300    | national FR
FR -   | 33612345678    | mobile FR
FR -   | 33800123456    | toll_free FR
FR -   | 33820123456    | shared_cost FR
FR -   | 33899123456    | premium FR
FR -   | 333639         | special FR
FR -   | 33118218       | premium FR
FR -   | 262262123456   | international RE
NL 20  | 31201234567    | local NL
NL 20  | 31612345678    | mobile NL
NL 20  | 319001234      | premium NL
NL 20  | 318001234      | toll_free NL
PL -   | 48221234567    | national PL
PL -   | 48501234567    | mobile PL
PL -   | 48701234567    | premium PL
PL -   | 48800123456    | toll_free PL
CZ -   | 420222111222   | national CZ
CZ -   | 420601123456   | mobile CZ
CZ -   | 420900123456   | premium CZ
CZ -   | 420800123456   | toll_free CZ
UA 44  | 380441234567   | local UA
UA 44  | 380671234567   | mobile UA
UA 44  | 380900123456   | premium UA
UA 44  | 380800123456   | toll_free UA
";

#[test]
fn every_number_has_the_class_its_line_says() {
    let table = ClassTable::shipped();
    for line in CASES.lines().filter(|line| !line.is_empty()) {
        let [home, digits, expected] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let (country, area) = home.split_once(' ').unwrap();
        let plan = DialPlan::shipped(country).unwrap();
        let home = Home {
            country: Country::from_code(country).unwrap(),
            country_code: &plan.country_code,
            area_code: Some(area.trim()).filter(|area| *area != "-"),
            short: &plan.short,
        };
        let (class, country) = table.class(PhoneNumber::from_digits(digits).unwrap(), home);
        let country = country.map_or("-".to_owned(), |country| country.to_string());
        assert_eq!(format!("{class} {country}"), expected, "{line}");
    }
}

/// What libphonenumber calls them, and which of our kinds say the same.
const KINDS: [(PhoneNumberType, &[Kind]); 9] = [
    (PhoneNumberType::FixedLine, &[Kind::Fixed]),
    (PhoneNumberType::Mobile, &[Kind::Mobile]),
    (PhoneNumberType::FixedLineOrMobile, &[Kind::Fixed, Kind::Mobile]),
    (PhoneNumberType::TollFree, &[Kind::TollFree]),
    (PhoneNumberType::PremiumRate, &[Kind::Premium]),
    (PhoneNumberType::SharedCost, &[Kind::SharedCost]),
    (PhoneNumberType::PersonalNumber, &[Kind::Special]),
    (PhoneNumberType::UAN, &[Kind::Special, Kind::Fixed]),
    (PhoneNumberType::VoIP, &[Kind::Special, Kind::Fixed]),
];

/// Where we differ on purpose: prefixes, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("49137", "televoting: up to a euro a call, so premium here; shared-cost there"),
    ("4484 4487", "service numbers of 0.07 to 0.13 a minute: shared-cost here, premium there"),
    ("3381 3382", "numbers of up to 0.20 a minute: shared-cost here, premium there"),
    ("44980 44981", "premium numbers that serve Guernsey too: of Britain here"),
    ("44792", "a few mobile numbers of 07924 are of Britain, most of the Isle of Man"),
    ("48804", "universal numbers charged as shared-cost"),
    ("48211 48212 48213", "blocks of Warsaw numbers used by mobiles: charged as landlines"),
    (
        "1242 1246 1264 1268 1284 1340 1345 1441 1473 1649 1658 1664 1758 1767 1784 1809 1829 1849 1868 1869 1876",
        "North American islands: their landlines, mobiles and toll-free numbers are all the same call abroad",
    ),
];

/// Country codes of the eleven shipped dial plans: code, shortest and longest national number to try.
const HOMES: [(&str, usize, usize); 9] = [
    ("49", 7, 11),
    ("7", 10, 10),
    ("1", 10, 10),
    ("44", 9, 10),
    ("33", 9, 9),
    ("31", 7, 10),
    ("48", 9, 9),
    ("420", 9, 9),
    ("380", 9, 9),
];

/// Thousands of valid numbers of the home countries: country and kind agree but for the differences above.
#[test]
fn home_countries_agree_with_libphonenumber() {
    let table = ClassTable::shipped();
    let mut random = Random::from_number(7);
    let (mut agreeing, mut asked) = (0u32, 0u32);
    let mut wrong: BTreeMap<String, u32> = BTreeMap::new();
    for (code, shortest, longest) in HOMES {
        for _ in 0..4000 {
            let length = shortest + random.below((longest - shortest + 1) as u64) as usize;
            let mut digits = format!("{code}{}", 1 + random.below(9));
            (1..length).for_each(|_| digits.push(char::from(b'0' + random.below(10) as u8)));
            let Some((region, kinds)) = opinion(&digits) else { continue };
            let differs = DIFFERENCES
                .iter()
                .any(|(prefixes, _)| prefixes.split(' ').any(|prefix| digits.starts_with(prefix)));
            let exchange_976 = code == "1" && &digits[4..7] == "976";
            if differs || exchange_976 {
                continue;
            }
            asked += 1;
            let entry = table.entry(PhoneNumber::from_digits(&digits).unwrap()).unwrap();
            let same_country = entry.country.is_none_or(|country| country.code() == region);
            if same_country && kinds.contains(&entry.kind) {
                agreeing += 1;
            } else {
                *wrong
                    .entry(format!("{} {region} {kinds:?}: {entry:?}", &digits[..code.len() + 3]))
                    .or_default() += 1;
            }
        }
    }
    println!("{agreeing} of {asked} agree");
    assert!(asked > 15_000, "{asked}");
    assert!(agreeing * 1000 >= asked * 998, "{agreeing} of {asked}: {wrong:#?}");
}

/// Region and acceptable kinds of a valid number.
fn opinion(digits: &str) -> Option<(String, &'static [Kind])> {
    let parsed = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None::<Region>).ok()?;
    let region = PHONE_NUMBER_UTIL
        .get_region_for_number(&parsed)
        .filter(|_| PHONE_NUMBER_UTIL.is_valid_number(&parsed))?;
    let number_type = PHONE_NUMBER_UTIL.get_number_type(&parsed);
    KINDS.iter().find(|(each, _)| *each == number_type).map(|(_, kinds)| (region.to_string(), *kinds))
}

/// Territories whose numbers lie within another country's: the example number does not tell them apart.
const WITHIN: &[(&str, &str)] = &[
    ("AX", "FI"),
    ("SJ", "NO"),
    ("VA", "IT"),
    ("BL", "GP"),
    ("MF", "GP"),
    ("EH", "MA"),
    ("CC", "AU"),
    ("CX", "AU"),
    ("NF", "AQ"),
];

/// One landline and one mobile number of every country and territory in the world.
#[test]
fn every_country_of_the_world_is_known() {
    let table = ClassTable::shipped();
    let mut wrong = Vec::new();
    let mut count = 0;
    for region in PHONE_NUMBER_UTIL.get_supported_regions() {
        for number_type in [PhoneNumberType::FixedLine, PhoneNumberType::Mobile] {
            let Ok(example) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, number_type)
            else {
                continue;
            };
            let text = example.format_as(PhoneNumberFormat::E164).into_owned();
            let entry = table.entry(PhoneNumber::from_digits(&text[1..]).unwrap());
            let found =
                entry.and_then(|entry| entry.country).map_or(String::new(), |country| country.to_string());
            let region = region.to_string();
            count += 1;
            if found != region && !WITHIN.contains(&(region.as_str(), found.as_str())) {
                wrong.push(format!("{text} of {region}: {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}: {wrong:#?}", wrong.len());
    assert!(count > 400, "{count}");
}

/// Premium numbers abroad, where fraud earns its money; each country missing here is missed on purpose or not used.
#[test]
fn premium_numbers_abroad_are_premium() {
    let table = ClassTable::shipped();
    let mut missed = Vec::new();
    let mut count = 0;
    for region in PHONE_NUMBER_UTIL.get_supported_regions() {
        let premium = PhoneNumberType::PremiumRate;
        let Ok(example) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, premium) else {
            continue;
        };
        let text = example.format_as(PhoneNumberFormat::E164).into_owned();
        count += 1;
        if table
            .entry(PhoneNumber::from_digits(&text[1..]).unwrap())
            .is_none_or(|entry| entry.kind != Kind::Premium)
        {
            missed.push(region.to_string());
        }
    }
    missed.sort_unstable();
    // China's 168 and Hong Kong's 900 are ordinary numbers of another length too.
    assert!(missed.iter().all(|region| ["CN", "HK"].contains(&region.as_str())), "{missed:?} of {count}");
}
