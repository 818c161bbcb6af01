//! The command line as typed.

mod check;
mod diff;
mod live;
mod privacy;

pub use check::{CheckArguments, CheckFormat, FailOn};
pub use diff::{DiffArguments, DiffFormat};
pub use live::{
    CaptureArguments, EndArguments, InterfacesArguments, LiveArguments, LiveFormat, Rotate, StoreArguments,
};
pub use privacy::{PrivacyArguments, Redaction};

use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;

use crate::http::ExtensionList;
use crate::limits::Limits;

/// Reads packet captures and shows the WebSocket conversations in them.
#[derive(Clone, Debug, Parser)]
#[command(name = "wspect", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  wspect read chat.pcap                          what was said, and what is wrong with it
  wspect read chat.pcap --connection 3 --frames  one connection, frame by frame
  wspect read chat.pcap --where 'm.length > 1000'  what an expression selects
  wspect read *.pcapng --format ndjson | jq .    for programs
  wspect check chat.pcap --expect chat.toml      exit status 1 if it is not as it should be
  wspect diff before.pcap after.pcap             exit status 1 if they do not say the same
  wspect rules frame-server-masked               what a finding means, and what to do
  ssh host tcpdump -U -w - tcp port 80 | wspect read -";

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show the WebSocket connections and messages of capture files
    Read(ReadArguments),
    /// Show the WebSocket connections and messages of a network, as they happen
    Live(LiveArguments),
    /// List the network interfaces that `wspect live` can capture
    Interfaces(InterfacesArguments),
    /// Judge capture files in CI: by findings, expectations and a baseline
    Check(CheckArguments),
    /// Compare two captures of the same conversation: before and after an upgrade, both sides of a proxy
    Diff(DiffArguments),
    /// List the rules that findings stand on, or explain one
    Rules(RulesArguments),
    /// Print the JSON Schema of --format json (`#/$defs/Document`) and of a line of --format ndjson (`#/$defs/Line`), of
    /// `wspect check --format json` (`#/$defs/CheckDocument`), of `wspect diff --format json` (`#/$defs/DiffDocument`), and of an element of `wspect rules --format json` (`#/$defs/Rule`)
    Schema,
}

/// `wspect read`
#[derive(Args, Clone, Debug)]
pub struct ReadArguments {
    /// Capture files (pcap or pcapng, plain or in gzip, zstd, lz4 or xz); `-` is standard input, and so is none at all behind a
    /// pipe. Several are merged by time
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<String>,

    /// What to write
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    pub format: Format,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How much of each payload to show [default: full; in the table preview, on one line]
    #[arg(long, value_enum)]
    pub payload: Option<Payload>,

    /// Show only these connections: 3, or 1,3
    #[arg(long, short, value_name = "ID", value_delimiter = ',', allow_negative_numbers = true, value_parser = connection)]
    pub connection: Vec<u64>,

    /// Show only what this CEL expression selects, over a connection `c` and its message `m`, whose fields are those
    /// of the JSON output: 'm.type == "text" && m.text.contains("subscribe")'
    #[arg(long, short, value_name = "EXPR")]
    pub r#where: Option<String>,

    /// Table: show so many messages before and after each one that --where selects
    #[arg(long, short = 'C', value_name = "N", default_value_t = 0, requires = "where")]
    pub context: usize,

    /// Show the frames of each message
    #[arg(long)]
    pub frames: bool,

    /// Leave out the messages: the table is its summary of connections
    #[arg(long)]
    pub summary: bool,

    /// Table: below each connection, what its bytes were spent on, and what compression saved
    #[arg(long)]
    pub statistics: bool,

    /// Table: the time that each row begins with
    #[arg(long, value_enum, default_value_t = Time::Relative)]
    pub time: Time,

    /// Table: absolute times in UTC instead of the local time zone
    #[arg(long)]
    pub utc: bool,

    /// Table: use colour
    #[arg(long, value_enum, default_value_t = When::Auto)]
    pub color: When,

    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArguments,

    /// What the capture does not show.
    #[command(flatten)]
    pub assume: AssumeArguments,

    /// How much is kept at the same time
    #[command(flatten)]
    pub limits: LimitArguments,

    /// What to keep.
    #[command(flatten)]
    pub store: StoreArguments,

    /// What must not be shown.
    #[command(flatten)]
    pub privacy: PrivacyArguments,

    /// From when on something legal is worth a finding
    #[command(flatten)]
    pub thresholds: ThresholdArguments,
}

/// How many threads.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Speed")]
pub struct ThreadArguments {
    /// Analyze files on so many threads, which changes nothing but the time that it takes; more than 8 are taken for 8 [default: as
    /// many as there are processors]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = threads)]
    pub threads: Option<NonZero<usize>>,
}

impl ThreadArguments {
    /// What was asked for, or what the machine has.
    pub(super) fn threads(&self) -> NonZero<usize> {
        self.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN)
    }
}

/// How much is kept at the same time.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Bounds")]
pub struct LimitArguments {
    /// Keep at most so much of each message's payload; lengths and checks always cover all of it [default:
    /// 16 MiB]
    #[arg(long, value_name = "SIZE", default_value = "16 MiB", hide_default_value = true, allow_negative_numbers = true, value_parser = size)]
    pub max_payload: ByteSize,

    /// Keep at most so much of all open connections together: of those that were quiet longest, less is kept first
    /// [default: 1 GiB]
    #[arg(long, value_name = "SIZE", default_value = "1 GiB", hide_default_value = true, allow_negative_numbers = true, value_parser = room)]
    pub max_memory: ByteSize,

    /// Follow at most so many TCP connections at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().flows, allow_negative_numbers = true, value_parser = number::<usize>)]
    pub max_connections: usize,
}

impl LimitArguments {
    /// The limits with what was asked for.
    pub(super) fn limits(&self) -> anyhow::Result<Limits> {
        let bytes = |size: ByteSize, option| usize::try_from(size.as_u64()).context(option);
        Ok(Limits {
            payload: bytes(self.max_payload, "--max-payload")?,
            memory: bytes(self.max_memory, "--max-memory")?,
            flows: self.max_connections,
            ..Limits::default()
        })
    }
}

/// What the capture does not show.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Where the opening handshake was not captured")]
pub struct AssumeArguments {
    /// Take for WebSocket whatever is neither HTTP nor TLS; with ports (8080, or 8080,9000), only what goes to them
    #[arg(long, value_name = "PORT", num_args = 0.., value_delimiter = ',')]
    pub assume_websocket: Option<Vec<u16>>,

    /// These are in use, as the answer's Sec-WebSocket-Extensions would have it: "permessage-deflate"
    #[arg(long, value_name = "EXTENSIONS", value_parser = extensions)]
    pub assume_extensions: Option<ExtensionList>,
}

/// `permessage-deflate; server_no_context_takeover`
fn extensions(text: &str) -> Result<ExtensionList, String> {
    let list = ExtensionList::read(text);
    if list.faults.is_empty() || text.trim().is_empty() { Ok(list) } else { Err(list.faults.join("; ")) }
}

/// From when on something legal is worth a finding.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What counts as slow, silent or large")]
pub struct ThresholdArguments {
    /// Opening handshakes that take this long [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub slow_handshake: Option<Duration>,

    /// Pongs, answers to a Close, and the end of TCP after them, that take this long [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub slow_answer: Option<Duration>,

    /// Pings that wait this long for a Pong that never comes [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub silent_ping: Option<Duration>,

    /// Silences before a connection's end that can be an idle timeout [default: 25s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub idle: Option<Duration>,

    /// Messages of this size [default: 16 MiB]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true, value_parser = size)]
    pub large_message: Option<ByteSize>,
}

/// `1000`, `64 KiB`, `1.5 MB`
pub(super) fn size(text: &str) -> Result<ByteSize, String> {
    text.parse()
        .map_err(|_| "a size is a number of bytes, or one with a unit: 1000, 64 KiB, 1.5 MB".to_owned())
}

/// A size that holds something.
pub(super) fn room(text: &str) -> Result<ByteSize, String> {
    let size = size(text)?;
    if size.as_u64() == 0 { Err("nothing has room in 0 bytes".to_owned()) } else { Ok(size) }
}

/// `5`
pub(super) fn number<N: FromStr + Default + PartialEq>(text: &str) -> Result<N, String> {
    let number = text.trim().parse().ok();
    number.filter(|number| *number != N::default()).ok_or_else(|| AT_LEAST_ONE.to_owned())
}

/// `4`
fn threads(text: &str) -> Result<NonZero<usize>, String> {
    text.trim().parse().map_err(|_| AT_LEAST_ONE.to_owned())
}

const AT_LEAST_ONE: &str = "a whole number is needed, at least 1";

/// `3`
fn connection(text: &str) -> Result<u64, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|id| *id > 0)
        .ok_or_else(|| "connections are numbered from 1, as the table shows them: 3, or 1,3".to_owned())
}

/// `1s`, `1.5 min`, `2h 30m`
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let expected = |_| "a duration has units: 500ms, 30 s, 1.5 min, 2h 30m".to_owned();
    let duration: SignedDuration = text.parse().map_err(expected)?;
    Duration::try_from(duration).map_err(|_| "a duration can't be negative".to_owned())
}

/// `wspect rules`
#[derive(Args, Clone, Debug)]
pub struct RulesArguments {
    /// Explain this rule: the name that a finding carries
    pub name: Option<String>,

    /// What to write
    #[arg(long, short, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// `--format` of lists
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Table,
    /// A JSON array
    Json,
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: a summary of connections, then each one's timeline
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line, as things happen
    Ndjson,
}

/// `--payload`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Payload {
    /// All of it; in the table on as many lines as it takes, what is no text as a hex dump
    Full,
    /// Its beginning; in the table no more than the line holds
    Preview,
    /// Only its length
    None,
}

/// `--time`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Time {
    /// Since the first packet of the capture
    Relative,
    /// Since the message before
    Delta,
    /// Date and time of day
    Absolute,
}

/// `--color`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// When writing to a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_without_a_unit_is_answered_by_examples_that_are_durations() {
        for wrong in ["3", "abc", ""] {
            let said = duration(wrong).unwrap_err();
            let (_, examples) = said.split_once(": ").unwrap();
            for example in examples.split(", ") {
                assert!(duration(example).is_ok(), "{example}");
            }
        }
        assert!(duration("-3s").unwrap_err().contains("negative"));
    }

    #[test]
    fn a_negative_number_is_answered_by_what_is_needed() {
        for (command, option) in [
            ("read", "--threads"),
            ("read", "--max-payload"),
            ("read", "--max-memory"),
            ("check", "--max-connections"),
            ("diff", "--max-payload"),
            ("live", "--count"),
            ("live", "--snaplen"),
        ] {
            let typed = Arguments::try_parse_from(["wspect", command, "a", option, "-1"]);
            assert_eq!(typed.unwrap_err().kind(), clap::error::ErrorKind::ValueValidation, "{option}");
        }
    }
}
