//! The words of a refusal (R50): one table, short enough for a phone's display, in every language that sites speak.

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;

use super::attempt::Refusal;
use super::class::Class;
use super::reason::{Language, Reason};

/// What the phone shows. Parentheses in the table stand around what is left out when the refusal does not know it.
pub(super) fn sentence(refusal: &Refusal, language: Language) -> String {
    let (english, german, russian) = pattern(refusal.reason());
    let text = match language {
        Language::En => english,
        Language::De => german,
        Language::Ru => russian,
    };
    fill(text, refusal, language)
}

/// English, German, Russian. `{when}`: day and time of the end; `{class}`; `{country}`. A part in `[ ]` falls away with its value.
const fn pattern(reason: Reason) -> (&'static str, &'static str, &'static str) {
    match reason {
        Reason::UnknownCaller => ("Caller not recognised", "Anrufer nicht erkannt", "Абонент не опознан"),
        Reason::IdentityMismatch => {
            ("Caller number is not yours", "Absender gehört nicht zu diesem Konto", "Чужой номер вызывающего")
        }
        Reason::UntrustedPeer => {
            ("This source is not trusted", "Quelle nicht vertrauenswürdig", "Источник не доверенный")
        }
        Reason::NoForwarder => {
            ("Forwarded by nobody we know", "Weiterleitung ohne Inhaber", "Переадресация без владельца")
        }
        Reason::OutsideToOutside => (
            "Outside to outside is not allowed",
            "Extern zu extern nicht erlaubt",
            "Соединять внешних нельзя",
        ),
        Reason::SuspectAddress => ("Address not acceptable", "Adresse nicht zulässig", "Недопустимый адрес"),
        Reason::UnknownNumber => ("Number not recognised", "Rufnummer nicht erkannt", "Номер не распознан"),
        Reason::NoSuchExtension => {
            ("No such extension", "Nebenstelle gibt es nicht", "Нет такого внутреннего номера")
        }
        Reason::FraudLock => (
            "Locked, ask the administrator[, ends {when}]",
            "Gesperrt, bitte Verwaltung fragen[, bis {when}]",
            "Заблокировано, к администратору[, до {when}]",
        ),
        Reason::ForbiddenDestination => (
            "Forbidden destination[: {class}]",
            "Ziel gesperrt[: {class}]",
            "Направление запрещено[: {class}]",
        ),
        Reason::IncomingOnly => ("Incoming calls only", "Nur ankommende Gespräche", "Только входящие звонки"),
        Reason::NotByForward => {
            ("Forwarding not permitted", "Weiterleiten nicht erlaubt", "Переадресация не разрешена")
        }
        Reason::NotByTransfer => {
            ("Transfer not permitted", "Vermitteln nicht erlaubt", "Перевод не разрешён")
        }
        Reason::NotPermitted => {
            ("Not permitted[: {class}]", "Nicht erlaubt[: {class}]", "Не разрешено[: {class}]")
        }
        Reason::CountryNotPermitted => (
            "Country not permitted[: {country}]",
            "Land nicht erlaubt[: {country}]",
            "Страна не разрешена[: {country}]",
        ),
        Reason::InternalOnly => ("Internal calls only", "Nur interne Gespräche", "Только внутренние звонки"),
        Reason::NotOnList => ("Not on your list", "Nicht auf Ihrer Liste", "Нет в вашем списке"),
        Reason::NotAContact => ("Not a customer contact", "Kein Kundenkontakt", "Нет в базе клиентов"),
        Reason::NotOwnContact => ("Not your own contact", "Nicht Ihr eigener Kontakt", "Не ваш контакт"),
        Reason::OutsideHours => (
            "Outside hours[, opens {when}]",
            "Außerhalb der Zeiten[, ab {when}]",
            "Нерабочее время[, с {when}]",
        ),
        Reason::Holiday => {
            ("Public holiday[, opens {when}]", "Feiertag[, ab {when}]", "Праздник[, с {when}]")
        }
        Reason::NoTariff => {
            ("No price for this number", "Kein Tarif für diese Nummer", "Нет тарифа на этот номер")
        }
        Reason::DailySpend => (
            "Daily limit reached[, resets {when}]",
            "Tageslimit erreicht[, neu ab {when}]",
            "Дневной лимит[, сброс {when}]",
        ),
        Reason::WeeklySpend => (
            "Weekly limit reached[, resets {when}]",
            "Wochenlimit erreicht[, neu ab {when}]",
            "Недельный лимит[, сброс {when}]",
        ),
        Reason::MonthlySpend => (
            "Monthly limit reached[, resets {when}]",
            "Monatslimit erreicht[, neu ab {when}]",
            "Месячный лимит[, сброс {when}]",
        ),
        Reason::TalkTime => (
            "Talk time used up[, resets {when}]",
            "Gesprächszeit aufgebraucht[, neu ab {when}]",
            "Минуты исчерпаны[, сброс {when}]",
        ),
        Reason::TooLittleLeft => (
            "Too little left for a call[, resets {when}]",
            "Guthaben reicht nicht[, neu ab {when}]",
            "Остаток мал[, сброс {when}]",
        ),
        Reason::ConcurrentCalls => {
            ("Too many calls at once", "Zu viele Gespräche zugleich", "Слишком много разговоров")
        }
        Reason::LedgerUnavailable => (
            "Cannot check costs, try again",
            "Kosten nicht prüfbar, später nochmal",
            "Проверка средств недоступна",
        ),
    }
}

fn fill(pattern: &str, refusal: &Refusal, language: Language) -> String {
    let Some((before, rest)) = pattern.split_once('[') else { return pattern.to_owned() };
    let part = rest.trim_end_matches(']');
    let filled = if part.contains("{when}") {
        refusal.ends().map(|end| part.replace("{when}", &when(refusal.reason(), end, language)))
    } else if part.contains("{class}") {
        refusal.class().map(|class| part.replace("{class}", class_word(class, language)))
    } else {
        refusal.country().map(|country| part.replace("{country}", country.code()))
    };
    before.to_owned() + &filled.unwrap_or_default()
}

/// A daily limit ends at a time; everything longer on a day: `Mon 08:00`, `01.02. 00:00`.
fn when(reason: Reason, end: DateTime<Tz>, language: Language) -> String {
    let time = format!("{:02}:{:02}", end.hour(), end.minute());
    let date = match language {
        Language::En => format!("{} {}", end.day(), MONTHS[end.month0() as usize]),
        Language::De | Language::Ru => format!("{:02}.{:02}.", end.day(), end.month()),
    };
    match reason {
        Reason::DailySpend => time,
        Reason::OutsideHours
        | Reason::Holiday
        | Reason::WeeklySpend
        | Reason::TalkTime
        | Reason::TooLittleLeft => {
            format!("{} {time}", weekday(end, language))
        }
        Reason::MonthlySpend => date,
        Reason::UnknownCaller
        | Reason::IdentityMismatch
        | Reason::UntrustedPeer
        | Reason::NoForwarder
        | Reason::OutsideToOutside
        | Reason::SuspectAddress
        | Reason::UnknownNumber
        | Reason::NoSuchExtension
        | Reason::FraudLock
        | Reason::ForbiddenDestination
        | Reason::IncomingOnly
        | Reason::NotByForward
        | Reason::NotByTransfer
        | Reason::NotPermitted
        | Reason::CountryNotPermitted
        | Reason::InternalOnly
        | Reason::NotOnList
        | Reason::NotAContact
        | Reason::NotOwnContact
        | Reason::NoTariff
        | Reason::ConcurrentCalls
        | Reason::LedgerUnavailable => format!("{date} {time}"),
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn weekday(end: DateTime<Tz>, language: Language) -> &'static str {
    const EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const DE: [&str; 7] = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"];
    const RU: [&str; 7] = ["пн", "вт", "ср", "чт", "пт", "сб", "вс"];
    let day = end.weekday().num_days_from_monday() as usize;
    match language {
        Language::En => EN[day],
        Language::De => DE[day],
        Language::Ru => RU[day],
    }
}

const fn class_word(class: Class, language: Language) -> &'static str {
    let (english, german, russian) = match class {
        Class::Internal => ("internal", "intern", "внутренние"),
        Class::Local => ("local", "Ortsnetz", "местные"),
        Class::National => ("national", "Inland", "по стране"),
        Class::Mobile => ("mobile", "Mobilfunk", "мобильные"),
        Class::International => ("international", "Ausland", "за границу"),
        Class::TollFree => ("toll-free", "gebührenfrei", "бесплатные"),
        Class::SharedCost => ("shared-cost", "geteilte Kosten", "общая оплата"),
        Class::Premium => ("premium rate", "Mehrwertnummer", "платные услуги"),
        Class::Satellite => ("satellite", "Satellit", "спутник"),
        Class::Special => ("special number", "Sondernummer", "спецномера"),
        Class::Unknown => ("unknown", "unbekannt", "неизвестно"),
        Class::Emergency => ("emergency", "Notruf", "экстренные"),
    };
    match language {
        Language::En => english,
        Language::De => german,
        Language::Ru => russian,
    }
}
