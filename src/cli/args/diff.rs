//! `wspect diff` as typed.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use super::{PrivacyArguments, ThreadArguments, size};

/// `wspect diff`
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DiffArguments {
    /// A and B: capture files as `wspect read` takes them; one may be `-`, standard input. One alone holds both: the two legs of a
    /// proxied connection, known by their Sec-WebSocket-Key, or what --where-a and --where-b select
    #[arg(value_name = "CAPTURE", required = true)]
    pub captures: Vec<String>,

    /// Compare only what this CEL expression selects, of both: 'm.type != "ping" && m.type != "pong"'
    #[arg(long, short, value_name = "EXPR")]
    pub r#where: Option<String>,

    /// Compare of A only what this expression selects: 'c.server.port == 443'
    #[arg(long, value_name = "EXPR")]
    pub where_a: Option<String>,

    /// Compare of B only what this expression selects: 'c.server.port == 8080'
    #[arg(long, value_name = "EXPR")]
    pub where_b: Option<String>,

    /// Count how it was carried too: header fields, target, transport, compression, fragmentation, masking
    #[arg(long)]
    pub strict: bool,

    /// Table: show so many messages before and after each one that differs
    #[arg(long, short = 'C', value_name = "N", default_value_t = 2)]
    pub context: usize,

    /// What to write
    #[arg(long, short, value_enum, default_value_t = DiffFormat::Table)]
    pub format: DiffFormat,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Compare at most so much of each message's payload [default: 16 MiB]
    #[arg(long, value_name = "SIZE", default_value = "16 MiB", hide_default_value = true, allow_negative_numbers = true, value_parser = size)]
    pub max_payload: ByteSize,

    /// How many threads.
    #[command(flatten)]
    pub threads: ThreadArguments,

    /// What must not be shown.
    #[command(flatten)]
    pub privacy: PrivacyArguments,
}

const EXAMPLES: &str = "\
Exit status: 0 the same was said, 1 not so or the captures can't tell, 2 they could not be compared.

Examples:
  wspect diff before.pcap after.pcap        before and after an upgrade
  wspect diff client.pcap server.pcap       both sides of a proxy
  wspect diff proxy.pcap                    both legs in one capture
  wspect diff all.pcap --where-a 'c.id == 1' --where-b 'c.id == 4'
  wspect diff a.pcap b.pcap --where 'm.type == \"text\"' --format json";

/// `--format` of a comparison
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people: pairs of connections, what differs, how the timing moved
    Table,
    /// One JSON document
    Json,
}
