//! What is wrong with an expression, and where.

use std::fmt;

use unicode_width::UnicodeWidthStr;

/// An expression that can't be used: one line that says why, then its line with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    place: Place,
    what: String,
}

/// A place in a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    text: String,
    /// In bytes, on a character's first byte or at the end.
    offset: usize,
}

impl Problem {
    /// `offset` in bytes; what lies inside a character or behind the end is moved to its start.
    pub(super) fn new(source: &str, offset: usize, what: impl Into<String>) -> Self {
        let text = source.to_owned();
        let offset = text.floor_char_boundary(offset);
        Self { place: Place { text, offset }, what: what.into() }
    }

    /// In characters, from 1, within its line.
    pub fn column(&self) -> usize {
        self.place.before().chars().count() + 1
    }

    /// What is wrong, without the place.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl Place {
    /// The part of its line that stands before it.
    fn before(&self) -> &str {
        let before = self.text.get(..self.offset).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default()
    }

    fn line(&self) -> &str {
        let start = self.offset - self.before().len();
        self.text.get(start..).unwrap_or_default().lines().next().unwrap_or_default()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = " ".repeat(self.before().width());
        write!(f, "  {}\n  {space}^", self.line())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}\n{}", self.column(), self.what, self.place)
    }
}
