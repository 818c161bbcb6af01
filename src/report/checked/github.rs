//! A check → workflow commands of GitHub Actions, which it shows beside the files of a change.

use std::io::{self, Write};

use super::{Checked, place, place_of_difference, reason, safe, was_and_is};
use crate::rules::Severity;

/// Writes a line for each finding (but those that only inform), each expectation that fails and each difference.
///
/// # Errors
/// What the writer says.
pub fn github(checked: &Checked<'_>, out: &mut dyn Write) -> io::Result<()> {
    for judged in &checked.outcome.findings {
        let command = match judged.severity {
            _ if judged.fails => "error",
            Severity::Error | Severity::Warning => "warning",
            Severity::Note => "notice",
            Severity::Info => continue,
        };
        let finding = &judged.finding;
        let place = place(judged);
        let colon = if place.is_empty() { "" } else { ": " };
        let message = format!("{place}{colon}{}", safe(&finding.detail));
        let command =
            Command { command, file: checked.capture(judged), line: None, title: finding.rule.name };
        command.write(&message, out)?;
    }
    for judgement in checked.outcome.broken() {
        let said = [judgement.message.as_str(), judgement.expression.trim(), &reason(judgement)];
        let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).collect();
        let (file, line, title) = (&judgement.file, Some(judgement.line), &judgement.name);
        Command { command: "error", file, line, title }.write(&said.join("\n"), out)?;
    }
    for difference in checked.differences() {
        let [was, is] = was_and_is(difference);
        let message = format!("{}\nwas {was}\nis {is}", place_of_difference(difference));
        let file = checked.baseline.unwrap_or_default();
        Command { command: "error", file, line: None, title: "baseline" }.write(&message, out)?;
    }
    Ok(())
}

struct Command<'a> {
    command: &'a str,
    file: &'a str,
    line: Option<usize>,
    title: &'a str,
}

impl Command<'_> {
    fn write(&self, message: &str, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "::{} file={}", self.command, property(self.file))?;
        if let Some(line) = self.line {
            write!(out, ",line={line}")?;
        }
        writeln!(out, ",title={}::{}", property(self.title), data(&safe_lines(message)))
    }
}

/// What breaks a line stands for itself: the command has escapes for it.
fn safe_lines(text: &str) -> String {
    text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
}

/// A line ends a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// In a property, what separates properties is escaped too.
fn property(text: &str) -> String {
    data(&safe_lines(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_can_end_its_command() {
        let mut out = Vec::new();
        let command = Command { command: "error", file: "a,b:c.pcap", line: Some(3), title: "50%\n" };
        command.write("one\r\n::error::two, three: 100%", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "::error file=a%2Cb%3Ac.pcap,line=3,title=50%25%0A::one\\r%0A::error::two, three: 100%25\n"
        );
    }
}
