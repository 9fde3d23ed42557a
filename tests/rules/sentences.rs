//! R50, R51: the words of every refusal, in every language, short enough for a phone.

use std::collections::BTreeSet;

use chrono::TimeZone;
use chrono_tz::Europe::Berlin;
use tollgate::policy::{Language, Reason, Refusal};

/// Letters that fit on the displays of common desk phones.
const DISPLAY: usize = 60;

#[test]
fn every_reason_has_its_words_in_every_language() {
    let end = Berlin.with_ymd_and_hms(2026, 10, 26, 8, 0, 0).unwrap();
    for language in Language::ALL {
        let mut seen = BTreeSet::new();
        for reason in Reason::ALL {
            for refusal in [Refusal::of(reason), Refusal::of(reason).until(end)] {
                let sentence = refusal.sentence(language);
                assert!((5..=DISPLAY).contains(&sentence.chars().count()), "{sentence:?}");
                assert!(!sentence.contains(['[', ']', '{', '}', '"', '\r', '\n']), "{sentence:?}");
                assert!(language != Language::En || sentence.is_ascii(), "{sentence:?}");
            }
            assert!(seen.insert(Refusal::of(reason).sentence(language)), "{reason} says what another says");
        }
    }
}

#[test]
fn sentences_say_until_when() {
    let midnight = Berlin.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).unwrap();
    let monday = Berlin.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap();
    for (reason, end, language, sentence) in [
        (Reason::DailySpend, midnight, Language::En, "Daily limit reached, resets 00:00"),
        (Reason::DailySpend, midnight, Language::De, "Tageslimit erreicht, neu ab 00:00"),
        (Reason::DailySpend, midnight, Language::Ru, "Дневной лимит, сброс 00:00"),
        (Reason::MonthlySpend, midnight, Language::En, "Monthly limit reached, resets 1 Mar"),
        (Reason::MonthlySpend, midnight, Language::De, "Monatslimit erreicht, neu ab 01.03."),
        (Reason::OutsideHours, monday, Language::En, "Outside hours, opens Mon 08:00"),
        (Reason::OutsideHours, monday, Language::De, "Außerhalb der Zeiten, ab Mo 08:00"),
        (Reason::OutsideHours, monday, Language::Ru, "Нерабочее время, с пн 08:00"),
        (Reason::Holiday, monday, Language::En, "Public holiday, opens Mon 08:00"),
    ] {
        assert_eq!(Refusal::of(reason).until(end).sentence(language), sentence);
    }
    assert_eq!(Refusal::of(Reason::NotAContact).sentence(Language::En), "Not a customer contact");
    assert_eq!(Refusal::of(Reason::OutsideHours).sentence(Language::En), "Outside hours");
}

#[test]
fn the_list_of_reasons_is_in_order_and_reads_back() {
    assert!(Reason::ALL.is_sorted(), "the order of the enum is the order of precedence");
    assert!(Reason::ALL.windows(2).all(|pair| pair[0] != pair[1]));
    for reason in Reason::ALL {
        assert_eq!(Reason::from_code(reason.code()), Some(reason));
        assert!([403, 404].contains(&reason.status()));
    }
    assert_eq!(Reason::from_code("no such reason"), None);
}
