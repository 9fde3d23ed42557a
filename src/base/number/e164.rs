//! The last step of R30: E.164 digits, checked as far as every trunk would read them alike.

use super::canonical::emergency;
use super::{Canonical, DialPlan, PhoneNumber, UnknownWhy};

/// Fewest digits of any international number in use (Niue: 683 and four).
const DIGITS_MIN: usize = 7;

/// Country codes of two digits (ITU-T E.164 list of assigned codes); 1 and 7 have one, all others three.
const TWO_DIGIT_CODES: [&str; 44] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
    "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Countries whose national numbers may begin with a zero that is dialled from abroad too: Italy and San Marino,
/// Vatican, Ivory Coast, Gabon, Congo.
const CODES_WITH_ZERO: [&str; 6] = ["39", "378", "379", "225", "241", "242"];

/// How many of the digits are the country code.
pub fn country_code_length(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        _ if digits.get(..2).is_some_and(|two| TWO_DIGIT_CODES.contains(&two)) => 2,
        _ => digits.len().min(3),
    }
}

/// The number whose digits, country code first, these are. A zero in brackets after the country code (`+49 (0)30`) is
/// left out, as it is written for those who dial without the code.
pub(super) fn international(
    digits: &str,
    bracketed_zero: Option<usize>,
    plan: &DialPlan,
) -> Result<Canonical, UnknownWhy> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnknownWhy::Character);
    }
    if let Some(found) = emergency(digits, plan) {
        return Ok(found);
    }
    if digits.is_empty() {
        return Err(UnknownWhy::Empty);
    }
    if digits.starts_with('0') {
        return Err(UnknownWhy::LeadingZero);
    }
    let (code, mut rest) = digits.split_at(country_code_length(digits));
    let zero_dialled = CODES_WITH_ZERO.contains(&code);
    if bracketed_zero == Some(code.len()) && !zero_dialled {
        rest = &rest[1..];
    }
    // One trunk would drop such a zero and another keep it: two numbers, of which we could judge only one.
    if rest.starts_with('0') && !zero_dialled {
        return Err(UnknownWhy::LeadingZero);
    }
    if code == plan.country_code
        && let Some(found) = emergency(rest, plan)
    {
        return Ok(found);
    }
    check_length(code, rest, plan)?;
    let number = match code.len() + rest.len() == digits.len() {
        true => PhoneNumber::from_digits(digits),
        false => PhoneNumber::from_digits(&[code, rest].concat()),
    };
    number.map(Canonical::Number).ok_or(UnknownWhy::TooLong)
}

/// A number that is too long would be cut by one trunk and refused by another; one too short be waited on.
fn check_length(code: &str, rest: &str, plan: &DialPlan) -> Result<(), UnknownWhy> {
    let count = code.len() + rest.len();
    if count > PhoneNumber::DIGITS_MAX {
        return Err(UnknownWhy::TooLong);
    }
    if code == plan.country_code {
        let (fewest, most) = plan.national_lengths;
        let fits = rest.len() >= fewest.into() && rest.len() <= most.into();
        if plan.short.iter().any(|form| form.matches(rest)) {
            return Ok(());
        }
        if !fits {
            return Err(UnknownWhy::Length);
        }
    }
    match code {
        "1" if !north_american(rest) => Err(UnknownWhy::Length),
        "7" if rest.len() != 10 => Err(UnknownWhy::Length),
        _ if count < DIGITS_MIN => Err(UnknownWhy::TooShort),
        _ => Ok(()),
    }
}

/// Ten digits; area code and exchange begin with 2 to 9 (North American Numbering Plan).
fn north_american(rest: &str) -> bool {
    let digits = rest.as_bytes();
    digits.len() == 10 && digits[0] >= b'2' && digits[3] >= b'2'
}
