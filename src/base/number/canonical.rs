//! The canonical form of whatever is dialled, in the order of R30, each step once. Idempotent on its own output; never panics.

use std::str;

use smallvec::SmallVec;

use super::e164::international;
use super::{Canonical, DialPlan, Dialled, Scheme, ShortCode, UnknownWhy};

/// The longest raw text that is looked at. The longest sensible one (an E.164 number, fully escaped, with its parameters)
/// is well below; longer ones are refused before any work is done on them.
const RAW_LENGTH_MAX: usize = 256;

type Text = SmallVec<[u8; 64]>;

/// The one reading of a dialled address at a site (R30, R33, R40). Contacts and extensions go through it too (R31).
pub fn canonical(dialled: &Dialled<'_>, plan: &DialPlan) -> Canonical {
    read(dialled, plan).unwrap_or_else(Canonical::Unknown)
}

fn read(dialled: &Dialled<'_>, plan: &DialPlan) -> Result<Canonical, UnknownWhy> {
    match dialled.scheme {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => {}
        Scheme::Urn => return service(dialled.user, plan),
        Scheme::Other => return Err(UnknownWhy::Scheme),
    }
    let decoded = percent_decode(dialled.user)?;
    let (number, user_params) = cut(&decoded, b';');
    let params = read_params(user_params, dialled)?;
    let Compact { text, bracketed_zero } = compact(number, plan.letters)?;
    let digits = ascii(&text);
    if digits.trim_start_matches('+').is_empty() {
        return Err(UnknownWhy::Empty);
    }
    if digits.starts_with(['*', '#']) {
        return emergency(digits, plan).or_else(|| feature(digits, plan)).ok_or(UnknownWhy::Feature);
    }
    if let Some(found) = emergency(digits, plan) {
        return Ok(found);
    }
    let placed = place_in_context(digits, params.phone_context.as_deref(), plan)?;
    let bracketed_zero = bracketed_zero.filter(|_| placed.is_none());
    dial(placed.as_deref().unwrap_or(digits), bracketed_zero, plan)
}

/// From the emergency test on: everything that depends on how the site dials.
fn dial(digits: &str, bracketed_zero: Option<usize>, plan: &DialPlan) -> Result<Canonical, UnknownWhy> {
    if let Some(found) = emergency(digits, plan).or_else(|| extension(digits, plan)) {
        return Ok(found);
    }
    let Some(outside) = plan.outside_line.as_deref().filter(|_| !digits.starts_with('+')) else {
        return outward(digits, bracketed_zero, plan);
    };
    let rest = digits.strip_prefix(outside);
    // A carrier's code is refused as such whether or not the outside line was dialled before it.
    let bare = rest.is_none() && dials_around(digits, plan);
    match rest {
        Some("") => Err(UnknownWhy::Empty),
        Some(rest) => outward(rest, bracketed_zero.and_then(|at| at.checked_sub(outside.len())), plan),
        None if bare => Err(UnknownWhy::DialAround),
        None => Err(UnknownWhy::OutsideLine),
    }
}

/// A number on its way out, its outside-line digit gone.
fn outward(digits: &str, bracketed_zero: Option<usize>, plan: &DialPlan) -> Result<Canonical, UnknownWhy> {
    if let Some(found) = emergency(digits, plan) {
        return Ok(found);
    }
    if plan.short.iter().any(|form| form.matches(digits)) {
        return international(&[&plan.country_code, digits].concat(), None, plan);
    }
    if dials_around(digits, plan) {
        return Err(UnknownWhy::DialAround);
    }
    if let Some(length) = international_prefix(digits, plan) {
        return international(&digits[length..], bracketed_zero.and_then(|at| at.checked_sub(length)), plan);
    }
    if digits.contains('~') {
        return Err(UnknownWhy::Character);
    }
    let whole = national(digits, plan)?;
    international(&whole, None, plan)
}

/// Country code and number of what was dialled without international prefix.
fn national(digits: &str, plan: &DialPlan) -> Result<String, UnknownWhy> {
    let code = plan.country_code.as_str();
    let fits = |count: usize, (fewest, most): (u8, u8)| count >= fewest.into() && count <= most.into();
    let prefixed = (!plan.national.is_empty()).then(|| digits.strip_prefix(plan.national.as_str())).flatten();
    if let Some(rest) = prefixed
        && (fits(rest.len(), plan.national_lengths) || emergency(rest, plan).is_some())
    {
        return Ok([code, rest].concat());
    }
    if plan.direct && fits(digits.len(), plan.national_lengths) && !digits.starts_with('0') {
        return Ok([code, digits].concat());
    }
    if plan.bare_country_code
        && let Some(rest) = digits.strip_prefix(code)
        && fits(rest.len(), plan.national_lengths)
    {
        return Ok(digits.to_owned());
    }
    if prefixed.is_some() {
        return Err(UnknownWhy::Length);
    }
    match plan.area_code.as_deref() {
        Some(area) if fits(digits.len(), plan.local_lengths) && !digits.starts_with('0') => {
            Ok([code, area, digits].concat())
        }
        Some(_) | None => Err(UnknownWhy::NoMatch),
    }
}

/// The length of the international prefix that the number begins with; a `~` counts only where the plan writes one.
fn international_prefix(digits: &str, plan: &DialPlan) -> Option<usize> {
    if digits.starts_with('+') {
        return Some(1);
    }
    let plain = |prefix: &String| {
        let without = prefix.replace('~', "");
        let written = digits.starts_with(prefix.as_str()).then_some(prefix.len());
        written.or_else(|| digits.starts_with(&without).then_some(without.len()))
    };
    plan.international.iter().filter_map(plain).max()
}

fn dials_around(digits: &str, plan: &DialPlan) -> bool {
    plan.dial_around.iter().any(|prefix| digits.starts_with(prefix.as_str()))
}

/// An exact match, with or without the `+` that some phones put before everything (R40).
pub(super) fn emergency(digits: &str, plan: &DialPlan) -> Option<Canonical> {
    let bare = digits.strip_prefix('+').unwrap_or(digits);
    plan.emergency.iter().find(|code| code.as_str() == bare).copied().map(Canonical::Emergency)
}

/// `urn:service:sos` and below (RFC 5031 §4.2), whatever its case.
fn service(name: &str, plan: &DialPlan) -> Result<Canonical, UnknownWhy> {
    const SOS: &str = "service:sos";
    let name = name.split([';', '?']).next().unwrap_or_default();
    let below =
        name.get(..SOS.len()).filter(|head| head.eq_ignore_ascii_case(SOS)).map(|_| &name[SOS.len()..]);
    match below {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => {
            plan.emergency.first().copied().map(Canonical::Emergency).ok_or(UnknownWhy::Scheme)
        }
        Some(_) | None => Err(UnknownWhy::Scheme),
    }
}

fn feature(code: &str, plan: &DialPlan) -> Option<Canonical> {
    let code = ShortCode::from_text(code)?;
    plan.features.contains(&code).then_some(Canonical::Feature(code))
}

fn extension(digits: &str, plan: &DialPlan) -> Option<Canonical> {
    let code = ShortCode::from_text(digits)?;
    let ours =
        plan.known_extensions.contains(&code) || plan.extensions.iter().any(|form| form.matches(digits));
    ours.then_some(Canonical::Extension(code))
}

/// Puts a local number into its `phone-context` (RFC 3966 §5.1.5): a global prefix goes before it, a domain must be ours.
fn place_in_context(
    digits: &str,
    context: Option<&str>,
    plan: &DialPlan,
) -> Result<Option<String>, UnknownWhy> {
    let Some(context) = context.filter(|_| !digits.starts_with('+')) else { return Ok(None) };
    let Some(prefix) = context.strip_prefix('+') else {
        let ours = plan.contexts.iter().any(|own| own.eq_ignore_ascii_case(context));
        return if ours { Ok(None) } else { Err(UnknownWhy::PhoneContext) };
    };
    let prefix: String = prefix.chars().filter(|letter| !SEPARATORS.contains(letter)).collect();
    let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    if plain { Ok(Some(["+", &prefix, digits].concat())) } else { Err(UnknownWhy::PhoneContext) }
}

#[derive(Default)]
struct Params {
    phone_context: Option<String>,
}

/// Only `phone-context` is read; portability (`rn`, `npdi`, `cic`, R33), `isub` and whatever else there may be stays behind.
fn read_params(user_params: &[u8], dialled: &Dialled<'_>) -> Result<Params, UnknownWhy> {
    let outer = percent_decode(dialled.params)?;
    let mut params = Params::default();
    for (text, of_user) in [(user_params, true), (&outer[..], dialled.scheme == Scheme::Tel)] {
        for param in text.split(|byte| *byte == b';') {
            let (name, value) = cut(param, b'=');
            let named = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
            if named("user") && value.eq_ignore_ascii_case(b"dialstring") {
                return Err(UnknownWhy::PostDial);
            }
            if of_user && (named("postd") || named("ext")) {
                return Err(UnknownWhy::PostDial);
            }
            if of_user && named("phone-context") && params.phone_context.is_none() {
                params.phone_context = Some(ascii(value).to_owned());
            }
        }
    }
    Ok(params)
}

const SEPARATORS: [char; 5] = ['-', '.', '(', ')', ' '];

struct Compact {
    text: Text,
    /// Where a `0` stood alone in brackets, as in `+49 (0)30`.
    bracketed_zero: Option<usize>,
}

/// Without separators; letters mapped or refused; anything after the number refused.
fn compact(number: &[u8], letters: bool) -> Result<Compact, UnknownWhy> {
    let mut text = Text::new();
    let mut bracketed_zero = None;
    for (place, byte) in number.iter().copied().enumerate() {
        let first = text.is_empty();
        let feature = matches!(text.first(), Some(b'*' | b'#'));
        match byte {
            b'(' if number[place..].starts_with(b"(0)") => {
                bracketed_zero = bracketed_zero.or(Some(text.len()));
            }
            b'-' | b'.' | b'(' | b')' | b' ' => {}
            b'0'..=b'9' => text.push(byte),
            b'+' if first => text.push(byte),
            b'~' if !first => text.push(byte),
            b'*' | b'#' if first || feature => text.push(byte),
            b'*' | b'#' | b',' => return Err(UnknownWhy::PostDial),
            b'a'..=b'z' | b'A'..=b'Z' if letters && !first => text.push(key_of(byte)),
            b'p' | b'w' | b'x' | b'P' | b'W' | b'X' if !first => return Err(UnknownWhy::PostDial),
            b'a'..=b'z' | b'A'..=b'Z' => return Err(UnknownWhy::Letters),
            _ => return Err(UnknownWhy::Character),
        }
    }
    Ok(Compact { text, bracketed_zero })
}

/// The key that carries the letter (ITU-T E.161).
fn key_of(letter: u8) -> u8 {
    match letter.to_ascii_uppercase() {
        b'A'..=b'C' => b'2',
        b'D'..=b'F' => b'3',
        b'G'..=b'I' => b'4',
        b'J'..=b'L' => b'5',
        b'M'..=b'O' => b'6',
        b'P'..=b'S' => b'7',
        b'T'..=b'V' => b'8',
        _ => b'9',
    }
}

/// Decodes once. What is left must be ASCII without `%` and NUL: a second reader would see another number.
fn percent_decode(raw: &str) -> Result<Text, UnknownWhy> {
    if raw.len() > RAW_LENGTH_MAX {
        return Err(UnknownWhy::TooLong);
    }
    let mut decoded = Text::new();
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut nibble = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                let (high, low) =
                    (nibble().ok_or(UnknownWhy::Encoding)?, nibble().ok_or(UnknownWhy::Encoding)?);
                (high * 16 + low) as u8
            }
            plain => plain,
        };
        if byte == b'%' || byte == 0 || !byte.is_ascii() {
            return Err(UnknownWhy::Encoding);
        }
        decoded.push(byte);
    }
    Ok(decoded)
}

/// What stands before and after the first `mark`.
fn cut(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == mark) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[]),
    }
}

/// All bytes were checked to be ASCII when they were decoded.
fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}
