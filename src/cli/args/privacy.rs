//! `--redact` as typed.

use std::path::Path;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::StoreArguments;
use crate::cli::say;
use crate::redact::{Key, Redact, Redactor};

/// What must not be shown.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Privacy")]
pub struct PrivacyArguments {
    /// Show cookies, credentials and tokens in heads as fingerprints; with =payloads, payloads and the reasons of Close frames too
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "credentials"
    )]
    pub redact: Option<Redaction>,

    /// The key of the fingerprints, so that those of several runs can be compared; whoever knows it can test guesses [default:
    /// a random one, nowhere kept]
    #[arg(long, value_name = "TEXT", requires = "redact", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub redact_key: Option<String>,
}

/// `--redact`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Redaction {
    /// What gives access: in header fields, URLs and subprotocols
    Credentials,
    /// That, and everything that was said
    Payloads,
}

impl PrivacyArguments {
    /// What replaces, where that was asked for. `words` are what stands beside options: `--redact payloads` is a mistake.
    pub(in crate::cli) fn redactor(&self, words: &[String]) -> anyhow::Result<Option<Redactor>> {
        let Some(redaction) = self.redact else { return Ok(None) };
        let is_value = |word: &&String| Redaction::from_str(word, true).is_ok() && !Path::new(word).exists();
        if let Some(word) = words.iter().find(is_value) {
            bail!("--redact takes what it is to hide behind an equals sign: --redact={word}");
        }
        let extent = match redaction {
            Redaction::Credentials => Redact::Credentials,
            Redaction::Payloads => Redact::Payloads,
        };
        let key = match &self.redact_key {
            Some(text) => Key::of(text),
            None => Key::random().context("--redact: no random numbers")?,
        };
        Ok(Some(Redactor::new(extent, &key)))
    }

    /// Says that `store` is not redacted.
    pub(in crate::cli) fn warn_of(&self, store: &StoreArguments) {
        if let (Some(_), Some(path)) = (self.redact, &store.write) {
            let path = path.display();
            say(&format!(
                "wspect: {path}: packets are written as they were captured, whatever --redact hides elsewhere"
            ));
        }
    }

    /// Are whole payloads needed, to know equal ones?
    pub(in crate::cli) fn needs_payload(&self) -> bool {
        self.redact == Some(Redaction::Payloads)
    }
}
