//! Cells → a table that fits the display: columns as wide as their content, cut where that is too much.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table};

use crate::report::text::{Rest, fit, width};

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// A string for each line.
    pub(super) head: &'static [&'static str],
    pub(super) align: Align,
    /// Cells wider than this may be cut to fit the display.
    pub(super) least: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A string of safe text for each line.
pub(super) type Cell = Vec<String>;

/// Rows of cells under their columns.
#[derive(Debug)]
pub(super) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    pub(super) const fn new(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Self {
        Self { columns, rows }
    }

    /// Without the columns in which no row says anything.
    pub(super) fn without_empty_columns(self) -> Self {
        let used = |n: usize| self.rows.iter().filter_map(|row| row.get(n)).any(|cell| widest(cell) > 0);
        let keep: Vec<bool> = (0..self.columns.len()).map(used).collect();
        let rows = self.rows.into_iter().map(|row| kept(row, &keep)).collect();
        Self { columns: kept(self.columns, &keep), rows }
    }

    /// Columns of the display that it takes when every cell is cut as far as its column allows.
    pub(super) fn least_width(&self) -> usize {
        let natural = self.natural_widths();
        let least = self.columns.iter().zip(natural).map(|(column, natural)| natural.min(column.least));
        total(&least.collect::<Vec<_>>())
    }

    fn natural_widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.head().iter().map(|cell| widest(cell)).collect();
        for row in &self.rows {
            for (cell, natural) in row.iter().zip(&mut widths) {
                *natural = widest(cell).max(*natural);
            }
        }
        widths
    }

    /// Takes from the widest column that may give, until all fit; on a display that is narrower still, from any.
    fn fitted_widths(&self, display: usize) -> Vec<usize> {
        let mut widths = self.natural_widths();
        for floor in [usize::MAX, LEAST_CELL] {
            for _ in display..total(&widths) {
                let giving = widths.iter_mut().zip(&self.columns);
                let giving = giving.filter(|(width, column)| **width > column.least.min(floor));
                match giving.map(|(width, _)| width).max_by_key(|width| **width) {
                    Some(width) => *width -= 1,
                    None => break,
                }
            }
        }
        widths
    }

    fn head(&self) -> Vec<Cell> {
        self.columns
            .iter()
            .map(|column| column.head.iter().map(|line| (*line).to_owned()).collect())
            .collect()
    }

    /// The lines of the head and a rule, then the lines of the rows, each with the number of its row.
    pub(super) fn lines(&self, display: usize) -> Vec<(Option<usize>, String)> {
        let widths = self.fitted_widths(display);
        let head = fitted(&self.head(), &widths);
        let rows: Vec<_> = self.rows.iter().map(|row| fitted(row, &widths)).collect();
        let text = if rows.len() > MOST_ROWS {
            self.streamed(&head, &rows, &widths)
        } else {
            self.arranged(&head, &rows)
        };
        let above = std::iter::repeat_n(None, height(&head) + 1);
        let below = rows.iter().enumerate().flat_map(|(n, row)| std::iter::repeat_n(Some(n), height(row)));
        above.chain(below).zip(text).collect()
    }

    fn arranged(&self, head: &[Cell], rows: &[Vec<Cell>]) -> Vec<String> {
        let cells = |row: &[Cell]| row.iter().map(|cell| cell.join("\n")).collect::<Vec<_>>();
        let mut table = Table::new();
        table.load_style(NOTHING.header_separator(LineStyle::none().fill('─')));
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(cells(head));
        table.add_rows(rows.iter().map(|row| cells(row)));
        for (n, column) in self.columns.iter().enumerate() {
            let alignment = match column.align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            };
            if let Some(arranged) = table.column_mut(n) {
                arranged.set_cell_alignment(alignment);
            }
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// The same, line by line.
    fn streamed(&self, head: &[Cell], rows: &[Vec<Cell>], widths: &[usize]) -> Vec<String> {
        let mut lines = self.padded(head, widths);
        lines.push("─".repeat(total(widths)));
        lines.extend(rows.iter().flat_map(|row| self.padded(row, widths)));
        lines
    }

    fn padded(&self, row: &[Cell], widths: &[usize]) -> Vec<String> {
        let line = |n: usize| {
            let mut line = String::new();
            for ((cell, column), columns) in row.iter().zip(&self.columns).zip(widths) {
                let text = cell.get(n).map(String::as_str).unwrap_or_default();
                let space = " ".repeat(columns.saturating_sub(width(text)));
                match column.align {
                    Align::Left => line.extend([" ", text, &space, " "]),
                    Align::Right => line.extend([" ", &space, text, " "]),
                }
            }
            line.trim_end().to_owned()
        };
        (0..height(row)).map(line).collect()
    }
}

/// comfy-table holds each cell several times over until its first line is out: 2.6 GB for a million rows.
const MOST_ROWS: usize = 10_000;

/// A narrower cell would say nothing.
const LEAST_CELL: usize = 6;

fn fitted(row: &[Cell], widths: &[usize]) -> Vec<Cell> {
    let cut =
        |cell: &Cell, columns| cell.iter().map(|line| fit(line.as_bytes(), columns, Rest::End)).collect();
    row.iter().zip(widths).map(|(cell, columns)| cut(cell, *columns)).collect()
}

fn height(row: &[Cell]) -> usize {
    row.iter().map(Vec::len).max().unwrap_or_default().max(1)
}

fn widest(cell: &[String]) -> usize {
    cell.iter().map(|line| width(line)).max().unwrap_or_default()
}

/// A space stands on either side of each column.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + 2 * widths.len()
}

fn kept<T>(all: Vec<T>, keep: &[bool]) -> Vec<T> {
    all.into_iter().zip(keep).filter(|(_, keep)| **keep).map(|(each, _)| each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let columns = vec![
            Column { head: &["#"], align: Align::Right, least: usize::MAX },
            Column { head: &["Name", "Place"], align: Align::Left, least: 6 },
            Column { head: &["Nothing"], align: Align::Left, least: usize::MAX },
            Column { head: &["Number"], align: Align::Right, least: usize::MAX },
        ];
        let row = |cells: [&[&str]; 4]| {
            cells.map(|cell| cell.iter().map(|line| (*line).to_owned()).collect()).into()
        };
        let rows = vec![
            row([&["1"], &["柳州柳州柳州", "here"], &[""], &["7"]]),
            row([&["2"], &["short", "", "third line"], &[], &["1,000"]]),
        ];
        Grid::new(columns, rows).without_empty_columns()
    }

    #[test]
    fn both_printers_have_one_look() {
        let grid = grid();
        for display in [10, 20, 24, 80] {
            let widths = grid.fitted_widths(display);
            let head = fitted(&grid.head(), &widths);
            let rows: Vec<_> = grid.rows.iter().map(|row| fitted(row, &widths)).collect();
            assert_eq!(grid.arranged(&head, &rows), grid.streamed(&head, &rows, &widths));
        }
    }

    #[test]
    fn a_column_is_cut_only_as_far_as_it_must_and_may_be() {
        let widths = |display| grid().fitted_widths(display);
        assert_eq!(widths(80), [1, 12, 6]);
        assert_eq!(widths(22), [1, 9, 6]);
        assert_eq!(widths(19), [1, 6, 6]);
        assert_eq!(widths(5), [1, 6, 6]);
        assert_eq!(grid().least_width(), 19);
    }

    #[test]
    fn each_line_knows_its_row() {
        let rows: Vec<_> = grid().lines(80).into_iter().map(|(row, _)| row).collect();
        assert_eq!(rows, [None, None, None, Some(0), Some(0), Some(1), Some(1), Some(1)]);
    }
}
