//! `wspect check` as typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{AssumeArguments, LimitArguments, PrivacyArguments, ThreadArguments, ThresholdArguments};
use crate::check::Level;
use crate::rules::Severity;

/// `wspect check`
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CheckArguments {
    /// Capture files, or none behind a pipe, as `wspect read` takes them; several are merged by time and judged as one
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<String>,

    /// Judge only what this CEL expression selects, over a connection `c` and its message `m`, as in `wspect read --where`;
    /// findings about the capture are judged all the same
    #[arg(long, short, value_name = "EXPR")]
    pub r#where: Option<String>,

    /// The mildest finding that fails the check [default: error]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,

    /// A TOML file of expectations: `[[expect]]` tables with a name, an expr (CEL over `connections`, `messages`, `findings` and
    /// `totals`) and a message
    #[arg(long, value_name = "FILE")]
    pub expect: Vec<PathBuf>,

    /// What the capture has to be like, but for times, ports, addresses and keys
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// Write the baseline instead of comparing with it
    #[arg(long, requires = "baseline")]
    pub bless: bool,

    /// What a rule counts for: error, warning, note, info, or allow to let it pass
    #[arg(long, value_name = "NAME=LEVEL", value_parser = rule)]
    pub rule: Vec<(String, Level)>,

    /// Read the configuration from this file [default: wspect.toml in the current directory, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What to write
    #[arg(long, short, value_enum, default_value_t = CheckFormat::Table)]
    pub format: CheckFormat,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArguments,

    /// How much is kept at the same time
    #[command(flatten)]
    pub limits: LimitArguments,

    /// What the capture does not show.
    #[command(flatten)]
    pub assume: AssumeArguments,

    /// What must not be shown.
    #[command(flatten)]
    pub privacy: PrivacyArguments,

    /// From when on something legal is worth a finding.
    #[command(flatten)]
    pub thresholds: ThresholdArguments,
}

const EXAMPLES: &str = "\
Exit status: 0 as demanded, 1 not so, 2 it could not be judged.

Examples:
  wspect check chat.pcap --fail-on warning
  wspect check chat.pcap --expect chat.toml --rule handshake-origin-missing=allow
  wspect check chat.pcap --baseline chat.json --bless   record, then without --bless compare
  wspect check chat.pcap --format junit -o wspect.xml";

/// `handshake-origin-missing=allow`
fn rule(text: &str) -> Result<(String, Level), String> {
    let (name, level) = text.split_once('=').ok_or("not NAME=LEVEL, as in tcp-gap=error")?;
    Ok((name.to_owned(), level.parse()?))
}

/// `--fail-on`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// A MUST is broken
    Error,
    /// Or a SHOULD, or results are unreliable
    Warning,
    /// Or something legal is worth knowing
    Note,
}

impl From<FailOn> for Severity {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Error => Self::Error,
            FailOn::Warning => Self::Warning,
            FailOn::Note => Self::Note,
        }
    }
}

/// `--format` of a check
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people: what failed, and where
    Table,
    /// One JSON document
    Json,
    /// JUnit XML, for CI servers
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands, which GitHub Actions shows beside a change
    Github,
}
