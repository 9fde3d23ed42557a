//! A reader over one TOML file that collects every fault and goes on: each wrong value stands in the list with its line, and
//! every key that nobody asked for is refused with the word that was probably meant.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Problems};
use super::spelling;
use super::values::{Setting, shown};

/// One TOML file: its problems, and the lines on which its settings stand.
#[derive(Debug)]
pub(super) struct Source {
    problems: Problems,
    line_starts: Vec<usize>,
    /// Line by path, for faults that are found only when all files are read.
    lines: RefCell<HashMap<String, u32>>,
}

impl Source {
    /// Reads the file through `read`. `None` if the text is not TOML: then every fault of its syntax is listed, and its
    /// settings are not looked at.
    pub fn read<T>(file: &str, text: &str, read: impl FnOnce(&Fields<'_>) -> T) -> (Option<T>, Source) {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let source = Source { problems: Problems::of(file), line_starts, lines: RefCell::default() };
        let (table, faults) = DeTable::parse_recoverable(text);
        for fault in &faults {
            let line = fault.span().map(|span| source.line_at(&span));
            source.problems.push(line, "", fault.message().replace('\n', ", "), "TOML (https://toml.io)");
        }
        let value = faults.is_empty().then(|| Fields::over(&source, table.get_ref(), String::new(), 1, read));
        (value, source)
    }

    /// A problem with the setting at `path`, on its line or on the line of the table around it.
    pub fn blame(&self, path: &str, what: impl Into<String>, right: impl Into<String>) {
        self.problems.push(self.line_of(path), path, what, right);
    }

    /// As `blame`, unless something at that place or below it is wrong already: what follows from it would only confuse.
    pub fn blame_unless_known(&self, path: &str, what: impl Into<String>, right: impl Into<String>) {
        if self.problems.is_sound(path) {
            self.blame(path, what, right);
        }
    }

    pub fn file(&self) -> &str {
        self.problems.file()
    }

    /// The line of a setting, or of the nearest table around it that stands in the file.
    pub fn line_of(&self, path: &str) -> Option<u32> {
        let lines = self.lines.borrow();
        let mut path = path;
        loop {
            if let Some(line) = lines.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Whether the file has a setting at `path`.
    pub fn stands(&self, path: &str) -> bool {
        self.lines.borrow().contains_key(path)
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems.into_vec()
    }

    fn line_at(&self, span: &Range<usize>) -> u32 {
        let line = self.line_starts.partition_point(|start| *start <= span.start);
        u32::try_from(line).unwrap_or(u32::MAX)
    }
}

/// One table of the file. Asking for a key makes it known; when the table is read, all other keys are refused.
pub(super) struct Fields<'r> {
    source: &'r Source,
    table: &'r DeTable<'r>,
    path: String,
    line: u32,
    asked: RefCell<BTreeSet<String>>,
}

impl<'r> Fields<'r> {
    fn over<'t: 'r, T>(
        source: &'r Source,
        table: &'t DeTable<'t>,
        path: String,
        line: u32,
        read: impl FnOnce(&Fields<'_>) -> T,
    ) -> T {
        let fields = Fields { source, table, path, line, asked: RefCell::default() };
        let value = read(&fields);
        fields.refuse_unknown();
        value
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value, or `None` if the key is not there. A wrong value is a problem, and gives its blank.
    pub fn optional<T: Setting>(&self, key: &str) -> Option<T> {
        self.slot(key).map(|value| self.read_one(&self.path_of(key), value))
    }

    /// The value, or `default` if the key is not there.
    pub fn or<T: Setting>(&self, key: &str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// The value; a missing key is a problem, and gives the blank.
    pub fn required<T: Setting>(&self, key: &str) -> T {
        self.optional(key).unwrap_or_else(|| {
            self.missing(key, &T::right());
            T::blank()
        })
    }

    /// A whole number or a time within `allowed`, or `default` if the key is not there.
    pub fn within<T: Setting + PartialOrd>(
        &self,
        key: &str,
        default: T,
        allowed: RangeInclusive<T>,
        words: &str,
    ) -> T {
        self.optional_within(key, allowed, words).unwrap_or(default)
    }

    /// As `within`, but `None` if the key is not there.
    pub fn optional_within<T: Setting + PartialOrd>(
        &self,
        key: &str,
        allowed: RangeInclusive<T>,
        words: &str,
    ) -> Option<T> {
        let value = self.optional(key)?;
        if !allowed.contains(&value) {
            let written = self.table.get(key).map(|value| shown(value.get_ref())).unwrap_or_default();
            self.blame(key, format!("{written} is out of bounds"), words);
        }
        Some(value)
    }

    /// A list of values; one value alone counts as a list of one. Empty if the key is not there.
    pub fn list<T: Setting>(&self, key: &str) -> Vec<T> {
        self.optional_list(key).unwrap_or_default()
    }

    /// As `list`, but tells an empty list from none.
    pub fn optional_list<T: Setting>(&self, key: &str) -> Option<Vec<T>> {
        let value = self.slot(key)?;
        let path = self.path_of(key);
        let DeValue::Array(items) = value.get_ref() else {
            return Some(vec![self.read_one(&path, value)]);
        };
        Some(
            items
                .iter()
                .enumerate()
                .map(|(at, item)| self.read_one(&format!("{path}[{at}]"), item))
                .collect(),
        )
    }

    /// A list with at least one value; a missing key or an empty list is a problem.
    pub fn required_list<T: Setting>(&self, key: &str) -> Vec<T> {
        let values = self.list(key);
        if values.is_empty() {
            self.missing(key, &T::right());
        }
        values
    }

    /// Whether the value is a table.
    pub fn is_table(&self, key: &str) -> bool {
        self.slot(key).is_some_and(|value| matches!(value.get_ref(), DeValue::Table(_)))
    }

    /// The table `[key]`, if it is there.
    pub fn table<T>(&self, key: &str, read: impl FnOnce(&Fields<'_>) -> T) -> Option<T> {
        let value = self.slot(key)?;
        self.enter(self.path_of(key), value, read)
    }

    /// The table `[key]`; where it is missing, an empty one is read, so that defaults and missing keys show.
    pub fn table_or_empty<T>(&self, key: &str, read: impl FnOnce(&Fields<'_>) -> T) -> T {
        let empty = DeTable::new();
        let (table, line) = match self.slot(key) {
            Some(value) => match value.get_ref() {
                DeValue::Table(table) => (table, self.source.line_at(&value.span())),
                wrong => {
                    self.blame(key, format!("{} is not a table", shown(wrong)), format!("[{key}]"));
                    (&empty, self.line)
                }
            },
            None => (&empty, self.line),
        };
        Fields::over(self.source, table, self.path_of(key), line, read)
    }

    /// Every `[[key]]` in turn.
    pub fn tables<T>(&self, key: &str, mut read: impl FnMut(&Fields<'_>) -> T) -> Vec<T> {
        let Some(value) = self.slot(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.blame(
                key,
                format!("{} is not a list of tables", shown(value.get_ref())),
                format!("[[{key}]]"),
            );
            return Vec::new();
        };
        let path = self.path_of(key);
        let items = items.iter().enumerate();
        items.filter_map(|(at, item)| self.enter(format!("{path}[{at}]"), item, &mut read)).collect()
    }

    /// Every `[key.NAME]`, in the order of the file.
    pub fn named<T>(&self, key: &str, mut read: impl FnMut(&str, &Fields<'_>) -> T) -> Vec<T> {
        let Some(value) = self.slot(key) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            self.blame(key, format!("{} is not a table", shown(value.get_ref())), format!("[{key}.NAME]"));
            return Vec::new();
        };
        let path = self.path_of(key);
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let enter = |(name, value): (&Spanned<_>, &_)| {
            let name: &std::borrow::Cow<'_, str> = name.get_ref();
            self.enter(format!("{path}.{name}"), value, |fields| read(name, fields))
        };
        entries.into_iter().filter_map(enter).collect()
    }

    /// Every key of this table, in the order of the file: for tables whose keys are names.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.table.keys().collect();
        keys.sort_by_key(|name| name.span().start);
        keys.into_iter().map(|name| name.get_ref().to_string()).collect()
    }

    /// A problem with one key of this table, unless there is one already: what follows from a wrong value would only confuse.
    pub fn blame(&self, key: &str, what: impl Into<String>, right: impl Into<String>) {
        let path = self.path_of(key);
        let line = self.source.lines.borrow().get(&path).copied().unwrap_or(self.line);
        self.source.problems.push_unless_known(Some(line), &path, what, right);
    }

    /// Whether nothing at `key` or below it has been found wrong; only then is it worth comparing with others.
    pub fn is_sound(&self, key: &str) -> bool {
        self.source.problems.is_sound(&self.path_of(key))
    }

    /// As `is_sound`, for a path from the top of the file.
    pub fn is_sound_from_top(&self, path: &str) -> bool {
        self.source.problems.is_sound(path)
    }

    pub fn missing(&self, key: &str, right: &str) {
        self.blame(key, "is missing", right);
    }

    fn slot(&self, key: &str) -> Option<&'r Spanned<DeValue<'r>>> {
        self.asked.borrow_mut().insert(key.to_owned());
        let value = self.table.get(key)?;
        self.note(self.path_of(key), self.source.line_at(&value.span()));
        Some(value)
    }

    fn read_one<T: Setting>(&self, path: &str, value: &Spanned<DeValue<'_>>) -> T {
        let line = self.source.line_at(&value.span());
        self.note(path.to_owned(), line);
        T::read(value.get_ref()).unwrap_or_else(|| {
            let what = match T::SECRET {
                true => format!("this is not {}", T::NOUN),
                false => format!("{} is not {}", shown(value.get_ref()), T::NOUN),
            };
            self.source.problems.push(Some(line), path, what, T::right_instead_of(value.get_ref()));
            T::blank()
        })
    }

    fn enter<T>(
        &self,
        path: String,
        value: &Spanned<DeValue<'_>>,
        read: impl FnOnce(&Fields<'_>) -> T,
    ) -> Option<T> {
        let line = self.source.line_at(&value.span());
        self.note(path.clone(), line);
        let DeValue::Table(table) = value.get_ref() else {
            let what = format!("{} is not a table", shown(value.get_ref()));
            self.source.problems.push(Some(line), &path, what, format!("[{path}]"));
            return None;
        };
        Some(Fields::over(self.source, table, path, line, read))
    }

    fn refuse_unknown(&self) {
        let asked = self.asked.borrow();
        for (name, _) in self.table.iter().filter(|(name, _)| !asked.contains(name.get_ref().as_ref())) {
            let line = self.source.line_at(&name.span());
            let right = spelling::right_word(name.get_ref(), asked.iter().map(String::as_str));
            let path = self.path_of(name.get_ref());
            self.source.problems.push(Some(line), &path, "is not a setting", right);
        }
    }

    fn note(&self, path: String, line: u32) {
        self.source.lines.borrow_mut().insert(path, line);
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
