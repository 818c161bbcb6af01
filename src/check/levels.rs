//! Rules by name → what a finding of theirs counts for.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::rules::{Rule, Severity, all};

/// Levels of rules; those that are not named keep their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<&'static str, Level>);

/// What a finding of a rule counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As much as one of this severity.
    Counts(Severity),
    /// Nothing: it is not even counted.
    Allow,
}

/// There is no rule of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rule is named '{0}'")]
pub struct UnknownRule(pub String);

impl Levels {
    /// Gives a rule a level; the last one counts.
    ///
    /// # Errors
    /// When there is no such rule.
    pub fn set(&mut self, name: &str, level: Level) -> Result<(), UnknownRule> {
        let rule = all().find(|rule| rule.name == name).ok_or_else(|| UnknownRule(name.to_owned()))?;
        self.0.insert(rule.name, level);
        Ok(())
    }

    pub(super) fn of(&self, rule: &Rule) -> Option<Level> {
        self.0.get(rule.name).copied()
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let severity = Severity::ALL.into_iter().find(|severity| severity.name() == text);
        match (severity, text) {
            (Some(severity), _) => Ok(Self::Counts(severity)),
            (None, "allow") => Ok(Self::Allow),
            (None, _) => Err(format!("'{text}' is no level: error, warning, note, info or allow")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_known_by_its_name_alone() {
        assert_eq!("warning".parse(), Ok(Level::Counts(Severity::Warning)));
        assert_eq!("allow".parse(), Ok(Level::Allow));
        for wrong in ["Error", "", "off", "warn"] {
            assert!(wrong.parse::<Level>().unwrap_err().contains("error, warning, note, info or allow"));
        }
    }

    #[test]
    fn a_rule_that_does_not_exist_is_refused() {
        let mut levels = Levels::default();
        assert_eq!(levels.set("tcp-gab", Level::Allow), Err(UnknownRule("tcp-gab".to_owned())));
        assert_eq!(levels.set("tcp-gap", Level::Allow), Ok(()));
        assert_eq!(levels, Levels([("tcp-gap", Level::Allow)].into()));
    }
}
