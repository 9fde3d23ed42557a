//! What a phone shows before its call is ended, in the site's language.

use std::time::Duration;

use super::reason::Language;

/// `Your call ends in 60 seconds: the budget is spent.` `by_money`: else its time is over.
pub fn ending_sentence(language: Language, by_money: bool, left: Duration) -> String {
    let seconds = left.as_secs();
    match (language, by_money) {
        (Language::En, true) => format!("Your call ends in {seconds} seconds: the budget is spent."),
        (Language::En, false) => format!("Your call ends in {seconds} seconds: its time is over."),
        (Language::De, true) => {
            format!("Ihr Gespräch endet in {seconds} Sekunden: Das Budget ist verbraucht.")
        }
        (Language::De, false) => format!("Ihr Gespräch endet in {seconds} Sekunden: Die Zeit ist um."),
        (Language::Ru, true) => format!("Разговор закончится через {seconds} с: бюджет исчерпан."),
        (Language::Ru, false) => format!("Разговор закончится через {seconds} с: время истекло."),
    }
}
