//! `--redact` as typed.

use anyhow::Context;
use clap::{Args, ValueEnum};

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
    /// What replaces, where that was asked for.
    pub(in crate::cli) fn redactor(&self) -> anyhow::Result<Option<Redactor>> {
        let Some(redaction) = self.redact else { return Ok(None) };
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

    /// Are whole payloads needed, to know equal ones?
    pub(in crate::cli) fn needs_payload(&self) -> bool {
        self.redact == Some(Redaction::Payloads)
    }
}
