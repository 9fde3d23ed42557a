//! Source files as the architecture test sees them: lines, code without comments and strings, code without tests, functions, names.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One `.rs` file of the repository.
pub struct Source {
    /// Relative to the repository, with `/`.
    pub path: String,
    pub text: String,
    /// The text with comments, strings and character literals blanked; line breaks stay, so offsets and lines agree.
    pub code: String,
    /// `code` with `#[cfg(test)]` modules blanked too; empty for files that are tests as a whole.
    pub live: String,
}

/// A function with its whole length, from the line of `fn` to its closing brace.
pub struct Function {
    pub name: String,
    pub lines: usize,
}

const TEST_ATTRIBUTE: &str = "#[cfg(test)]";

impl Source {
    /// Every `.rs` file below `src/` and `tests/`, in order of path.
    pub fn all() -> Vec<Source> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut paths = Vec::new();
        for folder in ["src", "tests"] {
            collect(&root.join(folder), &mut paths);
        }
        paths.sort();
        let mut sources: Vec<Source> = paths.iter().map(|path| Source::read(root, path)).collect();
        let tests: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
        for source in sources.iter_mut().filter(|source| tests.contains(&source.path)) {
            source.live.clear();
        }
        sources
    }

    /// Paths of the files that `#[cfg(test)] mod name;` brings in here.
    fn test_modules(&self) -> Vec<String> {
        let items = self.code.match_indices(TEST_ATTRIBUTE).map(|(at, attribute)| at + attribute.len());
        items.filter_map(|at| self.outlined_module(at)).collect()
    }

    /// The file of the `mod name;` that begins at `at`, its `#[path]` minded.
    fn outlined_module(&self, at: usize) -> Option<String> {
        let end = at + self.code[at..].find([';', '{'])?;
        let (_, name) = self.code[at..end].rsplit_once("mod ")?;
        let (folder, _) = self.path.rsplit_once('/')?;
        if !self.code[end..].starts_with(';') {
            return None;
        }
        if let Some((_, path)) = self.text[at..end].split_once("#[path = \"") {
            return Some(format!("{folder}/{}", path.split('"').next()?));
        }
        let folder = self.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        Some(format!("{folder}/{}.rs", name.trim()))
    }

    fn read(root: &Path, path: &Path) -> Source {
        let text = fs::read_to_string(path).expect("a source file is readable UTF-8");
        let path = path.strip_prefix(root).expect("the file lies in the repository").display().to_string();
        Source::of(path, text)
    }

    pub fn of(path: String, text: String) -> Source {
        let code = without_comments_and_strings(&text);
        let live = if path.starts_with("tests/") { String::new() } else { without_tests(&code) };
        Source { path, text, code, live }
    }

    /// The folder of `src/` that the file belongs to; `None` for `lib.rs`, `main.rs` and everything under `tests/`.
    pub fn room(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        match rest.split_once('/') {
            Some((room, _)) => Some(room),
            None => rest.strip_suffix(".rs").filter(|name| !matches!(*name, "lib" | "main")),
        }
    }

    pub fn line_count(&self) -> usize {
        self.text.lines().count()
    }

    /// The rooms that are named after `crate::`, grouped imports included.
    pub fn imported_rooms(&self) -> Vec<String> {
        let mut rooms = Vec::new();
        for (at, _) in self.code.match_indices("crate::") {
            let rest = &self.code[at + "crate::".len()..];
            match rest.strip_prefix('{') {
                Some(group) => rooms.extend(group_heads(group)),
                None => rooms.push(leading_word(rest).to_owned()),
            }
        }
        rooms.retain(|room| room.starts_with(|letter: char| letter.is_ascii_lowercase()));
        rooms.sort();
        rooms.dedup();
        rooms
    }

    pub fn functions(&self) -> Vec<Function> {
        words(&self.code, "fn").filter_map(|at| self.function_at(at)).collect()
    }

    fn function_at(&self, at: usize) -> Option<Function> {
        let rest = &self.code[at..];
        let name = leading_word(rest["fn".len()..].trim_start());
        let body = rest.find(['{', ';']).filter(|brace| rest[*brace..].starts_with('{'))?;
        let end = block_end(rest, body);
        // A type `fn(…)` has no name and is no function.
        (!name.is_empty()).then(|| Function { name: name.to_owned(), lines: rest[..end].lines().count() })
    }

    /// Names that the file declares: functions, types, modules, constants.
    pub fn declared_names(&self) -> Vec<String> {
        let keywords = ["fn", "struct", "enum", "trait", "mod", "type", "const", "static", "macro_rules!"];
        let declared = |keyword: &'static str| {
            words(&self.code, keyword)
                .map(move |at| leading_word(self.code[at + keyword.len()..].trim_start()))
        };
        keywords.into_iter().flat_map(declared).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

/// Lines of `code` that hold `what`, counted from one.
pub fn lines_with(code: &str, what: &str) -> Vec<usize> {
    let hits = words(code, what);
    hits.map(|at| code[..at].matches('\n').count() + 1).collect()
}

/// `HeaderValue` and `header_value` both give `header`, `value`.
pub fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in name.chars() {
        let new = letter == '_' || (letter.is_uppercase() && before.is_lowercase());
        if new {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().expect("one word is always open").extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Places where `what` stands as a whole word, or as it is if it does not begin or end with a letter.
fn words<'a>(code: &'a str, what: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_letter =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = code.as_bytes();
    let opens_with_letter = is_letter(what.as_bytes().first());
    let closes_with_letter = is_letter(what.as_bytes().last());
    code.match_indices(what).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let after = bytes.get(at + what.len());
        !(opens_with_letter && is_letter(before) || closes_with_letter && is_letter(after))
    })
}

fn leading_word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

/// The first word of each item of `a::b, c::{d, e}}…`, up to the brace that closes the group.
fn group_heads(group: &str) -> Vec<String> {
    let (mut heads, mut depth, mut fresh) = (Vec::new(), 1, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            _ if fresh && !letter.is_whitespace() => {
                heads.push(leading_word(&group[at..]).to_owned());
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

/// Where the block ends whose `{` stands at `open`.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

fn without_tests(code: &str) -> String {
    let mut live = code.as_bytes().to_vec();
    for (at, attribute) in code.match_indices(TEST_ATTRIBUTE) {
        let rest = &code[at + attribute.len()..];
        let Some(end) = rest.find(['{', ';']) else { continue };
        let end = if rest[end..].starts_with('{') { block_end(rest, end) } else { end + 1 };
        blank(&mut live, at..at + attribute.len() + end);
    }
    String::from_utf8(live).expect("blanking whole tokens keeps UTF-8")
}

fn without_comments_and_strings(text: &str) -> String {
    let mut code = text.as_bytes().to_vec();
    let mut at = 0;
    while at < text.len() {
        let length =
            token_to_blank(&text.as_bytes()[at..], at.checked_sub(1).map(|before| text.as_bytes()[before]));
        blank(&mut code, at..at + length);
        at += length.max(1);
    }
    String::from_utf8(code).expect("blanking whole tokens keeps UTF-8")
}

fn blank(code: &mut [u8], range: Range<usize>) {
    for byte in &mut code[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Length of the comment or literal that begins here; zero if none does.
fn token_to_blank(rest: &[u8], before: Option<u8>) -> usize {
    let in_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => comment_length(rest),
        [b'"', ..] => string_length(rest),
        [b'r', b'"' | b'#', ..] | [b'b', b'r', ..] if !in_word => raw_string_length(rest),
        [b'\'', ..] => character_length(rest),
        _ => 0,
    }
}

/// Block comments nest.
fn comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let step = match &rest[at..] {
            [b'/', b'*', ..] => (1, 2),
            [b'*', b'/', ..] => (-1, 2),
            _ => (0, 1),
        };
        depth += step.0;
        at += step.1;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, `br#"…"#`; zero for a word such as `r#type` or `break`.
fn raw_string_length(rest: &[u8]) -> usize {
    let prefix = rest.iter().take_while(|byte| matches!(byte, b'b' | b'r')).count();
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&b'"') {
        return 0;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = &rest[open + 1..];
    let end = body.windows(close.len()).position(|window| window == close).unwrap_or(body.len());
    (open + 1 + end + close.len()).min(rest.len())
}

/// A character literal, as against a lifetime.
fn character_length(rest: &[u8]) -> usize {
    let end = match rest {
        [_, b'\\', ..] => rest.iter().skip(3).position(|byte| *byte == b'\'').map(|at| at + 4),
        _ => rest.iter().skip(2).take(4).position(|byte| *byte == b'\'').map(|at| at + 3),
    };
    let Some(end) = end else { return 0 };
    // `<'a, 'b>` has a second quote close by: a literal holds exactly one character.
    let inner = std::str::from_utf8(&rest[1..end - 1]).unwrap_or_default();
    if rest[1] == b'\\' || inner.chars().count() == 1 { end } else { 0 }
}
