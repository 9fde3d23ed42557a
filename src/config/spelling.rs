//! "Did you mean": the nearest of the known words, if it is near enough to be meant.

/// The known word that `written` was probably meant to be.
pub(super) fn nearest<'w>(written: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let written = written.to_lowercase();
    // A third of the letters may be wrong: "trnasport" still means transport, "pin" does not mean policy.
    let allowed = (written.chars().count() / 3).max(1);
    let distance = |word: &str| {
        // A word left unfinished ("calls" for calls_max) is near, however much is missing.
        let unfinished = written.len() >= 4 && word.starts_with(&written);
        if unfinished { 1 } else { strsim::damerau_levenshtein(&written, &word.to_lowercase()) }
    };
    known
        .into_iter()
        .map(|word| (distance(word), word))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `a, b or c`.
pub(super) fn alternatives<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.split_last() {
        None => "nothing".into(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// More words than this would hide the one that was meant.
const WORDS_LISTED_MAX: usize = 8;

/// What would be right instead of `written`: the nearest known word, and all of them if they are few.
pub(super) fn right_word<'w>(written: &str, known: impl IntoIterator<Item = &'w str> + Clone) -> String {
    let count = known.clone().into_iter().count();
    match nearest(written, known.clone()) {
        Some(word) if count == 1 => word.to_owned(),
        Some(word) if count > WORDS_LISTED_MAX => format!("{word}?"),
        Some(word) => format!("{word}? (one of {})", alternatives(known)),
        None => alternatives(known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let known = ["transport", "address", "name"];
        assert_eq!(nearest("trnasport", known), Some("transport"));
        assert_eq!(nearest("Adress", known), Some("address"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn words_are_listed_as_one_would_say_them() {
        assert_eq!(alternatives(["udp", "tcp", "tls"]), "udp, tcp or tls");
        assert_eq!(right_word("upd", ["udp", "tcp"]), "udp? (one of udp or tcp)");
    }
}
