//! R32: classes by longest prefix, held against the independent opinion of libphonenumber.

use std::collections::BTreeMap;

use rlibphonenumber::PHONE_NUMBER_UTIL;
use rlibphonenumber::enums::{PhoneNumberFormat, PhoneNumberType};
use tollgate::base::PhoneNumber;
use tollgate::policy::class_table::{ClassTable, Entry};
use tollgate::policy::{Country, Kind};

const TYPES: [(PhoneNumberType, &[Kind]); 9] = [
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

#[test]
fn probe() {
    let table = ClassTable::shipped();
    let mut wrong = Vec::new();
    let (mut countries, mut kinds, mut total) = (0, 0, 0);
    for region in PHONE_NUMBER_UTIL.get_supported_regions() {
        for (number_type, expected) in TYPES {
            let Ok(example) = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, number_type)
            else {
                continue;
            };
            let text = example.format_as(PhoneNumberFormat::E164).into_owned();
            let number = PhoneNumber::from_digits(&text[1..]).unwrap();
            total += 1;
            let entry = table.entry(number);
            let country = entry.and_then(|e| e.country).map(|c| c.code().to_owned()).unwrap_or("-".into());
            if country == region.to_string() {
                countries += 1
            } else {
                wrong.push(format!("{text} {number_type:?} of {region}: country {country}"))
            }
            if entry.is_some_and(|e| expected.contains(&e.kind)) {
                kinds += 1
            } else if "DE RU US CA GB FR NL PL CZ UA KZ".contains(&region.to_string())
                || number_type == PhoneNumberType::PremiumRate
            {
                wrong.push(format!("{text} {number_type:?} of {region}: kind {:?}", entry.map(|e| e.kind)))
            }
        }
    }
    panic!("{total} {countries} {kinds}\n{}", wrong.join("\n"));
}

#[test]
fn probe_home() {
    use rlibphonenumber::enums::Region;
    let table = ClassTable::shipped();
    let mut random = tollgate::base::Random::from_number(7);
    let mut out = String::new();
    for (code, cc, lengths) in [
        ("DE", "49", 7..=11usize),
        ("RU", "7", 10..=10),
        ("US", "1", 10..=10),
        ("CA", "1", 10..=10),
        ("GB", "44", 9..=10),
        ("FR", "33", 9..=9),
        ("NL", "31", 7..=10),
        ("PL", "48", 9..=9),
        ("CZ", "420", 9..=9),
        ("UA", "380", 9..=9),
        ("KZ", "7", 10..=10),
    ] {
        let mut wrong: BTreeMap<String, u32> = BTreeMap::new();
        let (mut total, mut good) = (0, 0);
        for _ in 0..60000 {
            let span = lengths.end() - lengths.start() + 1;
            let len = lengths.start() + random.below(span as u64) as usize;
            let mut digits = String::from(cc);
            digits.push(char::from(b'1' + random.below(9) as u8));
            for _ in 1..len {
                digits.push(char::from(b'0' + random.below(10) as u8));
            }
            let Ok(parsed) = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None::<Region>) else { continue };
            if !PHONE_NUMBER_UTIL.is_valid_number(&parsed) {
                continue;
            }
            let Some(region) = PHONE_NUMBER_UTIL.get_region_for_number(&parsed) else { continue };
            let kind = PHONE_NUMBER_UTIL.get_number_type(&parsed);
            let Some(expected) = TYPES.iter().find(|t| t.0 == kind) else { continue };
            let number = PhoneNumber::from_digits(&digits).unwrap();
            let entry = table.entry(number).unwrap();
            total += 1;
            let same_country = entry.country.is_none_or(|c| c.code() == region.to_string());
            if same_country && expected.1.contains(&entry.kind) {
                good += 1
            } else {
                *wrong
                    .entry(format!(
                        "{} {:?} {} here {:?} {:?}",
                        &digits[..cc.len() + 3],
                        kind,
                        region,
                        entry.kind,
                        entry.country
                    ))
                    .or_default() += 1;
            }
        }
        let mut w: Vec<_> = wrong.into_iter().collect();
        w.sort_by_key(|e| std::cmp::Reverse(e.1));
        out += &format!("{code}: {good}/{total}\n");
        for (k, n) in w.iter().take(22) {
            out += &format!("   {n} {k}\n");
        }
    }
    panic!("{out}");
}
