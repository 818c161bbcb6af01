//! A check → what failed and where, for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{Checked, counted, place, place_of_difference, reason, safe, was_and_is};
use crate::check::{Difference, Judged, Judgement};
use crate::report::Color;
use crate::report::text::wrap;
use crate::rules::Severity;

/// Writes what failed, and one line that sums up.
///
/// # Errors
/// What the writer says.
pub fn table(checked: &Checked<'_>, columns: usize, color: Color, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out, columns, color };
    let outcome = checked.outcome;
    page.all(outcome.failing(), Page::finding)?;
    page.all(outcome.broken(), Page::expectation)?;
    page.all(checked.differences().iter(), Page::difference)?;
    page.summary(checked)
}

struct Page<'a> {
    out: &'a mut dyn Write,
    columns: usize,
    color: Color,
}

impl Page<'_> {
    fn all<'a, T: 'a>(
        &mut self,
        items: impl Iterator<Item = &'a T>,
        write: fn(&mut Self, &T) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut items = items.peekable();
        for item in items.by_ref().take(MOST) {
            write(self, item)?;
        }
        match items.count() {
            0 => Ok(()),
            more => writeln!(self.out, "… and {more} more\n"),
        }
    }

    fn finding(&mut self, judged: &Judged) -> io::Result<()> {
        let finding = &judged.finding;
        let place = place(judged);
        let place = if place.is_empty() { place } else { format!("  {place}") };
        let word = judged.severity.name();
        let colour = if judged.severity == Severity::Error { AnsiColor::Red } else { AnsiColor::Yellow };
        self.head(word, colour, &format!("{}{place}", finding.rule.name))?;
        self.paragraph(&finding.detail)?;
        writeln!(self.out)
    }

    fn expectation(&mut self, judgement: &Judgement) -> io::Result<()> {
        self.head(
            "failed",
            AnsiColor::Red,
            &format!("{}  {}:{}", safe(&judgement.name), safe(&judgement.file), judgement.line),
        )?;
        self.paragraph(&judgement.message)?;
        for line in judgement.expression.lines().map(str::trim).filter(|line| !line.is_empty()) {
            writeln!(self.out, "{INDENT}{}", safe(line))?;
        }
        let reason = reason(judgement);
        if !reason.is_empty() {
            self.paragraph(&format!("because {reason}"))?;
        }
        writeln!(self.out)
    }

    fn difference(&mut self, difference: &Difference) -> io::Result<()> {
        self.head("differs", AnsiColor::Red, &place_of_difference(difference))?;
        let [was, is] = was_and_is(difference);
        writeln!(self.out, "{INDENT}was  {was}\n{INDENT}is   {is}\n")
    }

    fn head(&mut self, word: &str, colour: AnsiColor, rest: &str) -> io::Result<()> {
        let space = " ".repeat(INDENT.len().saturating_sub(word.len()));
        let word = self.coloured(word, colour);
        writeln!(self.out, "{word}{space}{rest}")
    }

    fn coloured(&self, word: &str, colour: AnsiColor) -> String {
        match self.color {
            Color::Never => word.to_owned(),
            Color::Always => {
                let style = Style::new().fg_color(Some(colour.into())).bold();
                format!("{style}{word}{style:#}")
            }
        }
    }

    fn paragraph(&mut self, text: &str) -> io::Result<()> {
        let width = self.columns.saturating_sub(INDENT.len()).max(20);
        let lines = if text.is_empty() { Vec::new() } else { wrap(text, width) };
        lines.iter().try_for_each(|line| writeln!(self.out, "{INDENT}{line}"))
    }

    fn summary(&mut self, checked: &Checked<'_>) -> io::Result<()> {
        let outcome = checked.outcome;
        let (word, colour) =
            if outcome.passed() { ("ok", AnsiColor::Green) } else { ("FAILED", AnsiColor::Red) };
        let word = self.coloured(word, colour);
        writeln!(self.out, "{word}  {}: {}", safe(&checked.captures.join(", ")), summary(checked))?;
        if outcome.failing().next().is_some() {
            writeln!(self.out, "`wspect rules NAME` explains a rule, `--rule NAME=allow` lets it pass.")?;
        }
        if !checked.differences().is_empty() {
            writeln!(self.out, "`--bless` writes the baseline anew, if that is how it should be.")?;
        }
        Ok(())
    }
}

/// `1 connection, 4 messages · no error (2 notes) · 3 expectations hold · as in chat.json`
fn summary(checked: &Checked<'_>) -> String {
    let totals = &checked.document.totals;
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let read = format!(
        "{}, {}",
        counted(count(totals.websocket_connections), "connection"),
        counted(count(totals.messages), "message")
    );
    let parts = [Some(read), Some(findings(checked)), expectations(checked), baseline(checked)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn findings(checked: &Checked<'_>) -> String {
    let severities = Severity::ALL.into_iter().map(|severity| (severity, checked.outcome.count(severity)));
    let counts = severities.filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(severity, count)| match severity {
            Severity::Info => format!("{count} info"),
            other => counted(count, other.name()),
        })
        .collect();
    if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") }
}

fn expectations(checked: &Checked<'_>) -> Option<String> {
    let (all, broken) = (checked.outcome.expectations.len(), checked.outcome.broken().count());
    match (all, broken) {
        (0, _) => None,
        (1, 0) => Some("1 expectation holds".to_owned()),
        (all, 0) => Some(format!("{all} expectations hold")),
        (all, broken) => Some(format!("{broken} of {} failed", counted(all, "expectation"))),
    }
}

fn baseline(checked: &Checked<'_>) -> Option<String> {
    let path = safe(checked.baseline?);
    Some(match checked.differences().len() {
        0 => format!("as in {path}"),
        count => format!("{} from {path}", counted(count, "difference")),
    })
}

/// Room for the longest of the words that a line begins with, and two spaces.
const INDENT: &str = "         ";

/// Of each sort: more is for a program to read.
const MOST: usize = 50;
