//! `wspect.toml` → what the command line leaves open.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, anyhow};
use bytesize::ByteSize;
use serde::Deserialize;
use serde::de::Error;
use toml::Spanned;

use super::args::{FailOn, ThresholdArguments, duration, size};
use super::rules::unknown;
use crate::check::{Level, Levels};

/// The configuration of `wspect check`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Config {
    pub(super) fail_on: Option<FailOn>,
    rules: BTreeMap<String, Spanned<String>>,
    thresholds: Thresholds,
}

/// The options of the same names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Thresholds {
    slow_handshake: Option<Duration>,
    slow_answer: Option<Duration>,
    silent_ping: Option<Duration>,
    idle: Option<Duration>,
    large_message: Option<Size>,
}

impl Config {
    /// Reads the file that `--config` names, else `wspect.toml` in the current directory, where there is one.
    pub(super) fn read(named: Option<&Path>) -> anyhow::Result<(Self, Levels)> {
        let path = named.unwrap_or(Path::new(USUAL));
        match std::fs::read_to_string(path) {
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => Ok(Default::default()),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
            Ok(text) => {
                Self::parse(&text).map_err(|(line, error)| anyhow!("{}:{line}: {error:#}", path.display()))
            }
        }
    }

    fn parse(text: &str) -> Result<(Self, Levels), (usize, anyhow::Error)> {
        let line = |offset: usize| text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        let config: Self = toml::from_str(text).map_err(|error| {
            let offset = error.span().unwrap_or_default().start;
            (line(offset), anyhow!("{}", error.message()))
        })?;
        let mut levels = Levels::default();
        for (name, level) in &config.rules {
            let at = |error| (line(level.span().start), error);
            let level: Level = level.get_ref().parse().map_err(|error| at(anyhow!("{name}: {error}")))?;
            levels.set(name, level).map_err(|_| at(unknown(name)))?;
        }
        Ok((config, levels))
    }

    /// What the command line says, and where it is silent, what stands here.
    pub(super) fn thresholds(&self, typed: &ThresholdArguments) -> ThresholdArguments {
        let here = &self.thresholds;
        let or = |typed: Option<std::time::Duration>, here: &Option<Duration>| {
            typed.or(here.as_ref().map(|d| d.0))
        };
        ThresholdArguments {
            slow_handshake: or(typed.slow_handshake, &here.slow_handshake),
            slow_answer: or(typed.slow_answer, &here.slow_answer),
            silent_ping: or(typed.silent_ping, &here.silent_ping),
            idle: or(typed.idle, &here.idle),
            large_message: typed.large_message.or(here.large_message.as_ref().map(|size| size.0)),
        }
    }
}

const USUAL: &str = "wspect.toml";

/// `"1.5s"`
#[derive(Debug)]
struct Duration(std::time::Duration);

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration(&text).map(Self).map_err(D::Error::custom)
    }
}

/// `"1 MiB"`
#[derive(Debug)]
struct Size(ByteSize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        size(&text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_goes_before_the_file() {
        let text = "fail-on = 'warning'\n[thresholds]\nslow-handshake = '2s'\nidle = '5s'\nlarge-message = '1 MiB'\n";
        let (config, _) = Config::parse(text).unwrap();
        assert_eq!(config.fail_on, Some(FailOn::Warning));
        let second = std::time::Duration::from_secs(1);
        let typed = ThresholdArguments { idle: Some(second), ..ThresholdArguments::default() };
        let both = config.thresholds(&typed);
        assert_eq!(
            (both.idle, both.slow_handshake, both.slow_answer),
            (Some(second), Some(2 * second), None)
        );
        assert_eq!(both.large_message, Some(ByteSize::mib(1)));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, what) in [
            ("[rules]\ntcp-gap = 'error'\ntcp-gab = 'error'", 3, "tcp-gap"),
            ("[rules]\ntcp-gap = 'fatal'", 2, "error, warning, note, info or allow"),
            ("fail_on = 'error'", 1, "fail_on"),
            ("[thresholds]\nidle = 'soon'", 2, ""),
        ] {
            let (at, error) = Config::parse(text).unwrap_err();
            assert!(at == line && error.to_string().contains(what), "{text}: {at}: {error}");
        }
    }
}
