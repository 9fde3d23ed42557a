//! Colour on a terminal, none in a pipe or with `NO_COLOR`.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};

/// Whether a stream takes colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    colour: bool,
}

impl Paint {
    pub fn for_stream(stream: &impl IsTerminal) -> Paint {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Paint { colour: wanted && stream.is_terminal() }
    }

    #[cfg(test)]
    pub fn plain() -> Paint {
        Paint { colour: false }
    }

    pub fn is_coloured(self) -> bool {
        self.colour
    }

    pub fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub fn good(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    pub fn bad(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default(), text)
    }

    pub fn odd(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
