//! Aligned columns without lines: what every list at the command line is printed as.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::paint::Paint;

/// A table under construction. It is as wide as its words, unless a terminal is narrower.
pub(super) struct Grid {
    table: Table,
    /// Which columns stand at the right, as sums do.
    right: Vec<bool>,
    coloured: bool,
}

/// How a cell is coloured.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    Odd,
}

impl Grid {
    /// A `>` before a heading sets its column to the right. Headings that are all empty are not shown.
    pub fn new(headings: &[&str], paint: Paint) -> Grid {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        let coloured = paint.is_coloured();
        if !coloured {
            table.force_no_tty();
        }
        let words: Vec<&str> = headings.iter().map(|heading| heading.trim_start_matches('>')).collect();
        if words.iter().any(|word| !word.is_empty()) {
            let bold = |cell: Cell| if coloured { cell.add_attribute(Attribute::Bold) } else { cell };
            table.set_header(words.into_iter().map(Cell::new).map(bold));
        }
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        Grid { table, right, coloured }
    }

    pub fn row<T: ToString>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.table.add_row(cells.into_iter().map(|cell| Cell::new(cell.to_string())));
    }

    /// A row whose cell `at` is coloured.
    pub fn toned_row<T: ToString>(&mut self, tone: Tone, at: usize, cells: impl IntoIterator<Item = T>) {
        let colour = match tone {
            Tone::Plain => None,
            Tone::Good => Some(Color::Green),
            Tone::Bad => Some(Color::Red),
            Tone::Odd => Some(Color::Yellow),
        };
        let colour = colour.filter(|_| self.coloured);
        let paint = |(index, cell): (usize, T)| match colour.filter(|_| index == at) {
            Some(colour) => Cell::new(cell.to_string()).fg(colour),
            None => Cell::new(cell.to_string()),
        };
        self.table.add_row(cells.into_iter().enumerate().map(paint));
    }

    pub fn is_empty(&self) -> bool {
        self.table.row_count() == 0
    }

    /// The lines, each with its end; nothing if there is no row.
    pub fn text(mut self) -> String {
        if self.is_empty() {
            return String::new();
        }
        for (column, right) in self.table.column_iter_mut().zip(self.right) {
            column.set_padding((2, 0));
            if right {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = self.table.trim_fmt();
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stand_at_the_right() {
        let mut grid = Grid::new(&["who", ">spent"], Paint::plain());
        grid.row(["anna", "5.00"]);
        grid.toned_row(Tone::Bad, 1, ["bernd", "120.00"]);
        assert_eq!(grid.text(), "  who     spent\n  anna     5.00\n  bernd  120.00\n");
        assert_eq!(Grid::new(&["who"], Paint::plain()).text(), "");
    }
}
