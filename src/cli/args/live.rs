//! `wspect live` and `wspect interfaces` as typed.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use super::{
    LimitArguments, ListFormat, Payload, PrivacyArguments, ThresholdArguments, Time, When, duration, number,
    room, size,
};

/// `wspect live`
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct LiveArguments {
    /// Which packets to look at, as tcpdump takes it (pcap-filter(7)): tcp port 8080
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,

    /// Interfaces, of which `wspect interfaces` lists all; `any` takes them together
    #[arg(long, short, value_name = "NAME", value_delimiter = ',', default_value = "any")]
    pub interface: Vec<String>,

    /// What to write
    #[arg(long, short, value_enum, default_value_t = LiveFormat::Table)]
    pub format: LiveFormat,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How much of each payload to show [default: full; in the table preview, on one line]
    #[arg(long, value_enum)]
    pub payload: Option<Payload>,

    /// Show only the messages that this CEL expression selects, over a connection `c` and its message `m`, as far as a connection is
    /// known before its end
    #[arg(long, short, value_name = "EXPR")]
    pub r#where: Option<String>,

    /// Table: the time that each row begins with
    #[arg(long, value_enum, default_value_t = Time::Absolute)]
    pub time: Time,

    /// Table: absolute times in UTC instead of the local time zone
    #[arg(long)]
    pub utc: bool,

    /// Table: use colour
    #[arg(long, value_enum, default_value_t = When::Auto)]
    pub color: When,

    /// When to end.
    #[command(flatten)]
    pub end: EndArguments,

    /// What to keep.
    #[command(flatten)]
    pub store: StoreArguments,

    /// How to capture.
    #[command(flatten)]
    pub capture: CaptureArguments,

    /// From when on something legal is worth a finding.
    #[command(flatten)]
    pub thresholds: ThresholdArguments,

    /// How much is kept.
    #[command(flatten)]
    pub limits: LimitArguments,

    /// What must not be shown.
    #[command(flatten)]
    pub privacy: PrivacyArguments,
}

/// When a live capture ends by itself.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "When to end (Ctrl-C does any time, and writes the totals)")]
pub struct EndArguments {
    /// After this time: 30s, 10min, 8h
    #[arg(long, value_name = "DURATION", value_parser = lasting)]
    pub duration: Option<Duration>,

    /// After so many messages, control frames included; with --where, of those that it selects
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number::<u64>)]
    pub count: Option<u64>,

    /// After so many WebSocket connections have ended
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number::<u64>)]
    pub connections: Option<u64>,
}

/// Packets of WebSocket connections that are kept.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Keeping packets")]
pub struct StoreArguments {
    /// Write the packets of all WebSocket connections, from their handshakes on and no others, to this pcapng file, as they were
    /// captured: what --redact hides stands in it
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Go on in another file (FILE.00001.pcapng, FILE.00002.pcapng …) at this size, or after this time of the capture: 100MB, 1h or both
    #[arg(long, value_name = "SIZE|DURATION", value_delimiter = ',', value_parser = rotate, requires = "write")]
    pub rotate: Vec<Rotate>,

    /// Keep only so many of these files, the latest
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number::<usize>, requires = "rotate")]
    pub keep: Option<usize>,
}

/// When another file begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotate {
    /// At so many bytes.
    Size(u64),
    /// So long after its first packet.
    Time(Duration),
}

/// `100MB`, `1h`
fn rotate(text: &str) -> Result<Rotate, String> {
    let is_size = text.ends_with(['B', 'b']) || text.bytes().all(|byte| byte.is_ascii_digit());
    let rotate = if is_size { Rotate::Size(size(text)?.as_u64()) } else { Rotate::Time(duration(text)?) };
    match rotate {
        Rotate::Size(0) | Rotate::Time(Duration::ZERO) => {
            Err("a file has to have room for a packet".to_owned())
        }
        rotate => Ok(rotate),
    }
}

/// `30s`, `8h`
fn lasting(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() { Err("nothing comes in no time".to_owned()) } else { Ok(duration) }
}

/// How interfaces are captured.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "How to capture")]
pub struct CaptureArguments {
    /// Capture at most so many bytes of each packet; less than whole packets loses payloads
    #[arg(long, value_name = "BYTES", default_value_t = 262_144, allow_negative_numbers = true, value_parser = number::<u32>)]
    pub snaplen: u32,

    /// Let the card pass on what is meant for other machines
    #[arg(long)]
    pub promiscuous: bool,

    /// The kernel's buffer, for each interface [default: 32 MiB]
    #[arg(long, value_name = "SIZE", default_value = "32 MiB", hide_default_value = true, allow_negative_numbers = true, value_parser = room)]
    pub buffer_size: ByteSize,

    /// Take each packet from the kernel as it comes, not several after at most 50 ms. The buffer then holds a packet for each
    /// --snaplen bytes: give a smaller one, and expect drops under load
    #[arg(long)]
    pub immediate: bool,

    /// Wait for an interface that is not there, or goes away
    #[arg(long)]
    pub wait: bool,

    /// As root: go on as this user when the interfaces are open [default: the one who called sudo, doas or pkexec]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
}

/// `wspect interfaces`
#[derive(Args, Clone, Debug)]
pub struct InterfacesArguments {
    /// What to write
    #[arg(long, short, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// `--format` of a live capture
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LiveFormat {
    /// For people: a line a message, as it comes
    Table,
    /// One JSON object a line, as `wspect read` writes them
    Ndjson,
}

const EXAMPLES: &str = "\
Examples:
  sudo wspect live                               every interface, until Ctrl-C
  sudo wspect live -i eth0 tcp port 8080         one interface, one port
  sudo wspect live -i lo --where 'm.text.contains(\"error\")'
  sudo wspect live --format ndjson --duration 10min | jq .
  sudo wspect live --write ws.pcapng --rotate 100MB --keep 10
  ssh host tcpdump -U -w - tcp port 80 | wspect read -   another machine's

Capturing needs privileges: sudo, or once
  sudo setcap cap_net_raw,cap_net_admin=eip /path/to/wspect";
