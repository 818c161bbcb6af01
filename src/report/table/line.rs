//! Styled pieces of text → a printed line.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::report::shown::Color;
use crate::report::text::width;
use crate::rules::Severity;

/// A line in the making: safe text with its styles.
#[derive(Debug, Default)]
pub(super) struct Line {
    pieces: Vec<(Style, String)>,
    width: usize,
}

impl Line {
    pub(super) fn indent(columns: usize) -> Self {
        Self::default().plain(" ".repeat(columns))
    }

    pub(super) fn plain(self, text: impl Into<String>) -> Self {
        self.styled(PLAIN, text)
    }

    pub(super) fn styled(mut self, style: Style, text: impl Into<String>) -> Self {
        let text = text.into();
        self.width += width(&text);
        self.pieces.push((style, text));
        self
    }

    /// With a mark in place of the indent.
    pub(super) fn marked(mut self, mark: &str) -> Self {
        if let Some((style, indent)) = self.pieces.first_mut() {
            *style = MARK;
            *indent = format!("{mark}{}", " ".repeat(width(indent).saturating_sub(width(mark))));
        }
        self
    }

    /// Text at the right end of `columns`.
    pub(super) fn right(self, style: Style, text: &str, columns: usize) -> Self {
        self.plain(" ".repeat(columns.saturating_sub(width(text)))).styled(style, text)
    }

    /// Text at the left end of `columns`.
    pub(super) fn left(self, style: Style, text: &str, columns: usize) -> Self {
        self.styled(style, text).plain(" ".repeat(columns.saturating_sub(width(text))))
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Spaces at the end are not written.
    pub(super) fn write(&self, out: &mut impl Write, color: Color) -> io::Result<()> {
        let blank = |(_, text): &&(Style, String)| text.trim_end().is_empty();
        let end = self.pieces.len() - self.pieces.iter().rev().take_while(blank).count();
        for (n, (style, text)) in self.pieces.iter().take(end).enumerate() {
            let text = if n + 1 == end { text.trim_end() } else { text };
            match color {
                Color::Always if *style != PLAIN => write!(out, "{style}{text}{style:#}")?,
                _ => out.write_all(text.as_bytes())?,
            }
        }
        out.write_all(b"\n")
    }
}

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const MARK: Style = AnsiColor::Yellow.on_default();
pub(super) const SENT: Style = AnsiColor::Green.on_default();
pub(super) const RECEIVED: Style = AnsiColor::Blue.on_default();

pub(super) const fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => AnsiColor::Cyan.on_default(),
        Severity::Info => DIM,
    }
}
