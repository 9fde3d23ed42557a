//! A reader over one CSV file: a header of known columns, then rows, each fault with its line. One row is in memory at a time.
//!
//! Spreadsheets are met half-way: a byte-order mark is skipped, and the separator may be `;` or a tab where it is `,` elsewhere.
//! Lines that begin with `#` are remarks.

use std::io::Read;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator, Trim};
use toml::de::DeValue;

use super::problem::Problems;
use super::spelling;
use super::values::Setting;

/// A column that a file may have.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub name: &'static str,
    pub required: bool,
}

pub(super) const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

pub(super) const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// A longer first line is no header.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Calls `each` for every row of the file that has the form of one. Gives the count of all rows below the header.
pub(super) fn read(
    problems: &Problems,
    columns: &[Column],
    mut source: impl Read,
    mut each: impl FnMut(&Row<'_>),
) -> usize {
    let start = match start_of(&mut source) {
        Ok(start) => start,
        Err(fault) => {
            problems.push(None, "", format!("cannot be read: {fault}"), "a CSV file");
            return 0;
        }
    };
    let separator = separator_of(&start);
    let whole = std::io::Read::chain(&start[..], source);
    // One byte ends a line, so that lines can be counted; the carriage return before it is trimmed with the blanks.
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .terminator(Terminator::Any(b'\n'))
        .delimiter(separator)
        .from_reader(whole);
    let mut record = ByteRecord::new();
    let Some(line) = next_row(&mut reader, &mut record, problems) else {
        let right = format!("a first line with the columns: {}", names(columns));
        problems.push(None, "", "is empty", right);
        return 0;
    };
    let Some(header) = Header::read(problems, columns, &record, line, separator) else { return 0 };
    let mut count = 0;
    while let Some(line) = next_row(&mut reader, &mut record, problems) {
        count += 1;
        if record.len() != header.width {
            let what = format!("has {} cells where the header has {}", record.len(), header.width);
            problems.push(
                Some(line),
                "",
                what,
                "one cell for each column; quotes around a cell with a separator in it",
            );
            continue;
        }
        if std::str::from_utf8(record.as_slice()).is_err() {
            problems.push(Some(line), "", "is not UTF-8 text", "the file saved as CSV UTF-8");
            continue;
        }
        each(&Row { record: &record, line, header: &header, problems });
    }
    count
}

/// The beginning of the file, without its byte-order mark.
fn start_of(source: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    source.take(HEADER_BYTES_MAX as u64).read_to_end(&mut start)?;
    if start.starts_with(b"\xEF\xBB\xBF") {
        start.drain(..3);
    }
    Ok(start)
}

/// The separator that occurs most in the header.
fn separator_of(start: &[u8]) -> u8 {
    let lines = start.split(|byte| *byte == b'\n');
    let header = lines.into_iter().find(|line| !line.starts_with(b"#") && !line.trim_ascii().is_empty());
    let count = |separator| header.unwrap_or_default().iter().filter(|byte| **byte == separator).count();
    // Of equals the last wins: the comma, which needs no luck.
    [b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

/// The line of the next row that is no remark; `None` at the end.
fn next_row(reader: &mut Reader<impl Read>, record: &mut ByteRecord, problems: &Problems) -> Option<u32> {
    loop {
        match reader.read_byte_record(record) {
            Ok(false) => return None,
            Ok(true) if record.get(0).is_some_and(|cell| cell.starts_with(b"#")) => {}
            Ok(true) if record.as_slice().is_empty() && record.len() == 1 => {}
            Ok(true) => return Some(line_of(reader, record)),
            Err(fault) => {
                problems.push(None, "", format!("cannot be read: {fault}"), "a CSV file");
                return None;
            }
        }
    }
}

/// A row's position is where the reader stood before it, which is above the blank lines before the row. Where it stands after it is
/// the next line, unless the last row has no end of line; line breaks in quotes belong to the row.
fn line_of(reader: &Reader<impl Read>, record: &ByteRecord) -> u32 {
    let breaks = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
    let before = record.position().map_or(1, csv::Position::line);
    let after = reader.position().line();
    let line = after.saturating_sub(1 + breaks).max(before);
    u32::try_from(line).unwrap_or(u32::MAX)
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

/// Where each known column stands.
struct Header {
    places: Vec<(&'static str, Option<usize>)>,
    width: usize,
}

impl Header {
    /// `None` if a required column is missing: then every row would be a problem of its own.
    fn read(
        problems: &Problems,
        columns: &[Column],
        record: &ByteRecord,
        line: u32,
        separator: u8,
    ) -> Option<Header> {
        let titles: Vec<String> =
            record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_lowercase()).collect();
        for (at, title) in titles.iter().enumerate() {
            if titles[..at].contains(title) {
                problems.push(Some(line), title, "is a column that stands there twice", "each column once");
            } else if !columns.iter().any(|column| column.name == title) {
                let right = spelling::right_word(title, columns.iter().map(|column| column.name));
                problems.push(Some(line), title, "is not a column of this file", right);
            }
        }
        let place = |column: &Column| (column.name, titles.iter().position(|title| title == column.name));
        let places: Vec<_> = columns.iter().map(place).collect();
        let mut whole = true;
        for (column, (_, place)) in columns.iter().zip(&places) {
            if column.required && place.is_none() {
                let found = format!(
                    "is missing; the header was read with {:?} between columns",
                    char::from(separator)
                );
                problems.push(Some(line), column.name, found, format!("the columns: {}", names(columns)));
                whole = false;
            }
        }
        whole.then_some(Header { places, width: record.len() })
    }
}

/// One row. Cells are asked for by the name of their column.
pub(super) struct Row<'r> {
    record: &'r ByteRecord,
    pub line: u32,
    header: &'r Header,
    problems: &'r Problems,
}

impl Row<'_> {
    /// The cell without blanks around it; `None` if it is empty or the file has no such column.
    pub fn text(&self, column: &str) -> Option<&str> {
        let (_, place) = self.header.places.iter().find(|(name, _)| *name == column)?;
        let cell = self.record.get((*place)?)?;
        // The row as a whole was checked to be UTF-8, and separators are ASCII.
        std::str::from_utf8(cell).ok().filter(|cell| !cell.is_empty())
    }

    pub fn owned(&self, column: &str) -> Option<String> {
        self.text(column).map(str::to_owned)
    }

    /// The text; an empty cell is a problem.
    pub fn needed(&self, column: &str) -> String {
        self.owned(column).unwrap_or_else(|| {
            self.blame(column, "is empty", "every row has one");
            String::new()
        })
    }

    /// The value, or `None` for an empty cell. A wrong value is a problem, and gives its blank.
    pub fn optional<T: Setting>(&self, column: &str) -> Option<T> {
        let text = self.text(column)?;
        let value = T::from_text(text);
        if value.is_none() {
            let what = match T::SECRET {
                true => format!("this is not {}", T::NOUN),
                false => format!("{text:?} is not {}", T::NOUN),
            };
            let right = T::right_instead_of(&DeValue::String(text.into()));
            self.blame(column, what, right);
        }
        Some(value.unwrap_or_else(T::blank))
    }

    /// The value; an empty cell is a problem.
    pub fn required<T: Setting>(&self, column: &str) -> T {
        self.optional(column).unwrap_or_else(|| {
            self.blame(column, "is empty", T::right());
            T::blank()
        })
    }

    /// The parts of a cell between bars, as in `sales|front_desk`.
    pub fn list(&self, column: &str) -> Vec<String> {
        let parts = self.text(column).unwrap_or_default().split('|').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub fn blame(&self, column: &str, what: impl Into<String>, right: impl Into<String>) {
        self.problems.push(Some(self.line), column, what, right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [required("number"), optional("name"), optional("owner")];

    fn rows_of(text: &str) -> (Vec<(u32, String)>, Vec<String>) {
        let problems = Problems::of("x.csv");
        let mut rows = Vec::new();
        read(&problems, &COLUMNS, text.as_bytes(), |row| rows.push((row.line, row.needed("number"))));
        (rows, problems.into_vec().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lines_are_counted_past_remarks_blanks_and_quoted_breaks() {
        let text = "# remark\nnumber,name\n\n1,a\n# x\n\n2,\"b\nc\"\n3,d";
        let (rows, problems) = rows_of(text);
        assert_eq!(rows, [(4, "1".into()), (7, "2".into()), (9, "3".into())]);
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn a_spreadsheet_of_another_country_reads_the_same() {
        let (rows, problems) = rows_of("\u{feff}Number;Name\r\n1;a, b\r\n2;c\r\n");
        assert_eq!(rows, [(2, "1".into()), (3, "2".into())]);
        assert_eq!(problems, [""; 0]);
        assert_eq!(rows_of("number\tname\n1\ta\n").0, [(2, "1".into())]);
    }

    #[test]
    fn each_fault_of_a_file_is_named_with_its_line() {
        let (rows, problems) = rows_of("number,nmae\n1,a\n2\n,x\n");
        assert_eq!(rows.len(), 2);
        assert_eq!(
            problems,
            [
                "x.csv:1: nmae: is not a column of this file; right: name? (one of number, name or owner)",
                "x.csv:3: has 1 cells where the header has 2; right: one cell for each column; quotes around a cell with a separator in it",
                "x.csv:4: number: is empty; right: every row has one",
            ]
        );
        assert_eq!(rows_of("").1.len(), 1);
        assert_eq!(rows_of("name\na\n").1.len(), 1);
    }
}
