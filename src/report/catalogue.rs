//! The registry of rules → its list, the explanation of one rule, JSON.

use std::io::{self, Write};

use super::text::{width, wrap};
use super::view;
use crate::rules::{Group, Rule};

/// Writes each group with its rules: name, severity, reference, and the fault in one line.
///
/// # Errors
/// What the writer says.
pub fn list(groups: &[Group], columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let rules = || groups.iter().flat_map(|group| &group.rules);
    let widest = |of: fn(&Rule) -> &str| rules().map(|rule| width(of(rule))).max().unwrap_or_default();
    let places = Places { name: widest(|rule| rule.name), reference: widest(|rule| rule.reference), columns };
    for (place, group) in groups.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{} ({})", capitalized(group.name), group.rules.len())?;
        for rule in &group.rules {
            places.row(rule, out)?;
        }
    }
    Ok(())
}

/// Writes the page of one rule as plain text.
///
/// # Errors
/// What the writer says.
pub fn explain(rule: &Rule, group: &str, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let facts = [rule.severity.name(), group, rule.reference];
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    writeln!(out, "{}\n{}", rule.name, facts.join(" · "))?;
    for paragraph in paragraphs(&rule.markdown()) {
        let hanging = paragraph.indent();
        for (place, line) in wrap(&paragraph.text, columns.min(READABLE) - hanging).iter().enumerate() {
            if place == 0 {
                let space = if paragraph.follows { "" } else { "\n" };
                writeln!(out, "{space}{}{line}", paragraph.mark)?;
            } else {
                writeln!(out, "{:hanging$}{line}", "")?;
            }
        }
    }
    Ok(())
}

/// Writes rules as a JSON array.
///
/// # Errors
/// What the writer says.
pub fn json(groups: &[Group], out: &mut dyn Write) -> io::Result<()> {
    let rules = groups.iter().flat_map(|group| {
        let name = group.name;
        group.rules.iter().map(move |rule| view::Rule::new(name, rule))
    });
    serde_json::to_writer_pretty(&mut *out, &rules.collect::<Vec<_>>())?;
    writeln!(out)
}

/// Where the columns of the list stand.
struct Places {
    name: usize,
    reference: usize,
    columns: usize,
}

impl Places {
    fn row(&self, rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
        let (name, reference) = (self.name, self.reference);
        let head =
            format!("  {:name$}  {:7}  {:reference$}  ", rule.name, rule.severity.name(), rule.reference);
        let room = self.columns.saturating_sub(width(&head));
        if room < LEAST_ROOM {
            writeln!(out, "{}", head.trim_end())?;
            return self.lines(rule, 6, "      ", out);
        }
        self.lines(rule, width(&head), &head, out)
    }

    /// The fault behind `head`, its further lines below its first.
    fn lines(&self, rule: &Rule, indent: usize, head: &str, out: &mut dyn Write) -> io::Result<()> {
        let summary = plain(rule.summary());
        for (place, line) in wrap(&summary, self.columns.saturating_sub(indent)).iter().enumerate() {
            let before = if place == 0 { head } else { "" };
            writeln!(out, "{before:indent$}{line}")?;
        }
        Ok(())
    }
}

/// A paragraph or a list item of a page, on one line.
#[derive(Debug, PartialEq, Eq)]
struct Paragraph {
    /// `- ` before a list item.
    mark: &'static str,
    text: String,
    /// Does it stand right below the one before?
    follows: bool,
}

impl Paragraph {
    fn indent(&self) -> usize {
        self.mark.len()
    }
}

/// As much of Markdown as pages use: paragraphs, lists, code spans.
fn paragraphs(markdown: &str) -> Vec<Paragraph> {
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    let mut open = false;
    for line in markdown.lines().map(str::trim) {
        let (mark, text) = line.strip_prefix(ITEM).map_or(("", line), |text| (ITEM, text));
        if line.is_empty() {
            open = false;
        } else if let Some(last) = paragraphs.last_mut().filter(|_| open && mark.is_empty()) {
            last.text.push(' ');
            last.text.push_str(&plain(text));
        } else {
            paragraphs.push(Paragraph { mark, text: plain(text), follows: open });
            open = true;
        }
    }
    paragraphs
}

/// Text without the backticks of code spans.
fn plain(markdown: &str) -> String {
    markdown.replace('`', "")
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const ITEM: &str = "- ";

/// Longer lines are hard to read.
const READABLE: usize = 100;

/// With less room, the fault stands below its rule.
const LEAST_ROOM: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{self, Severity};

    static RULE: Rule = Rule {
        name: "frame-late",
        severity: Severity::Note,
        reference: "RFC 6455 §5",
        page: " A frame with `FIN` is late.\n\n It came after\n the end. Causes:\n - a slow server that has to think about each `frame`,\n - a train.\n\n Nothing to do.\n",
    };

    fn explained(columns: usize) -> String {
        let mut out = Vec::new();
        explain(&RULE, "frames", columns, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn listed(columns: usize) -> String {
        let mut out = Vec::new();
        let groups = [
            Group { name: "frames", rules: vec![&RULE] },
            Group { name: "control and close", rules: vec![] },
        ];
        list(&groups, columns, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_page_is_wrapped_plain_text() {
        let expected = "\
frame-late
note · frames · RFC 6455 §5

A frame with FIN is late.

It came after the end. Causes:
- a slow server that has to think about
  each frame,
- a train.

Nothing to do.
";
        assert_eq!(explained(40), expected);
    }

    #[test]
    fn the_list_has_its_columns_where_there_is_room_and_two_lines_a_rule_where_there_is_none() {
        let wide = "\
Frames (1)
  frame-late  note     RFC 6455 §5  A frame with FIN is late.

Control and close (0)
";
        assert_eq!(listed(80), wide);
        let narrow = "\
Frames (1)
  frame-late  note     RFC 6455 §5
      A frame with FIN is late.

Control and close (0)
";
        assert_eq!(listed(40), narrow);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for columns in [80, 120, 200] {
            let mut out = Vec::new();
            list(&rules::groups(), columns, &mut out).unwrap();
            for group in rules::groups() {
                for rule in group.rules {
                    explain(rule, group.name, columns, &mut out).unwrap();
                }
            }
            let text = String::from_utf8(out).unwrap();
            let widest = text.lines().max_by_key(|line| width(line)).unwrap();
            assert!(width(widest) <= columns, "{columns}: {widest}");
            assert!(!text.contains('`'));
        }
    }
}
