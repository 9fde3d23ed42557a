//! The tables that timelines are written in: who does or sees what, and when.
//!
//! ```text
//!        0 alice  > INVITE 03023125500             alice sends; words after the method say to whom
//!        0 alice  < 100                            … and gets this
//!        0 ledger < reserve 0.60                   the gate asks the ledger for money
//!        4 main   < INVITE hops=69 uri~+4930 no=Route
//!      12s main   > 200
//! ```
//!
//! Times are milliseconds, or seconds with an `s`. `key=value` must be so, `key~value` must be in it, `no=Header` must not be there.
//! Behind `>` the same words change what is sent. Values with spaces stand in quotes.

use std::time::Duration;

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: Duration,
    pub who: String,
    /// `>`: done to the gate; `<`: what the gate does.
    pub is_act: bool,
    pub words: Words,
    pub text: String,
}

/// What stands behind the arrow.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub bare: Vec<String>,
    pub pairs: Vec<Pair>,
}

#[derive(Clone, Debug)]
pub struct Pair {
    pub key: String,
    /// `~` rather than `=`.
    pub within: bool,
    pub value: String,
}

/// Reads a table; empty lines and lines that begin with `#` are for the reader.
pub fn lines(table: &str) -> Vec<Line> {
    let told = table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    told.map(Line::read).collect()
}

impl Line {
    fn read(text: &str) -> Line {
        let tokens = tokens(text);
        let [at, who, arrow, rest @ ..] = &tokens[..] else { panic!("time, actor, arrow, what: {text}") };
        assert!(arrow == ">" || arrow == "<", "an arrow is > or <: {text}");
        Line {
            at: time(at),
            who: who.clone(),
            is_act: arrow == ">",
            words: Words::of(rest),
            text: text.to_owned(),
        }
    }
}

impl Words {
    pub fn read(text: &str) -> Words {
        Words::of(&tokens(text))
    }

    fn of(tokens: &[String]) -> Words {
        let mut words = Words::default();
        for token in tokens {
            match Pair::read(token) {
                Some(pair) => words.pairs.push(pair),
                None => words.bare.push(token.clone()),
            }
        }
        words
    }

    pub fn title(&self) -> String {
        self.bare.join(" ")
    }

    pub fn value(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|pair| pair.key == key).map(|pair| pair.value.as_str())
    }

    /// The pairs that name headers: `Subject="hello"`, `+Route=…` for one more of a kind.
    pub fn headers(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.key.trim_start_matches('+').starts_with(char::is_uppercase))
    }
}

impl Pair {
    fn read(token: &str) -> Option<Pair> {
        let at = token.find(['=', '~'])?;
        let (key, rest) = token.split_at(at);
        let is_key = !key.is_empty()
            && key.chars().all(|letter| letter.is_ascii_alphabetic() || "+-".contains(letter));
        let within = rest.starts_with('~');
        is_key.then(|| Pair { key: key.to_owned(), within, value: rest[1..].to_owned() })
    }
}

/// Splits at spaces outside quotes; the quotes go, those of the other kind stay.
fn tokens(text: &str) -> Vec<String> {
    let (mut all, mut token, mut quote) = (Vec::new(), String::new(), None);
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => token.push(letter),
            (None, '"' | '\'') => quote = Some(letter),
            (None, ' ') if token.is_empty() => {}
            (None, ' ') => all.push(std::mem::take(&mut token)),
            (None, letter) => token.push(letter),
        }
    }
    assert!(quote.is_none(), "a quote is left open: {text}");
    if !token.is_empty() {
        all.push(token);
    }
    all
}

/// `16`, `1.5s`.
pub fn time(text: &str) -> Duration {
    let (digits, unit_micros) = match text.strip_suffix('s') {
        Some(seconds) => (seconds, 1_000_000),
        None => (text, 1_000),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |digits: &str| digits.parse::<u64>().unwrap_or_else(|_| panic!("not a time: {text}"));
    let fraction = if fraction.is_empty() { 0 } else { number(&format!("{fraction:0<6}")) };
    Duration::from_micros(number(whole) * unit_micros + fraction * unit_micros / 1_000_000)
}
