//! Two recordings, compared → one JSON document. (`table` has the one for people.)

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::escaped;
use super::shown::{PayloadMode, Shown};
use super::view::{Damage, Files, Generator, Message, Parties, SCHEMA};
use crate::diff::{self, Counting, Diff, Entry, Recording, Verdict};
use crate::document;
use crate::event::TimelineMessage;
use crate::packet::Side;
pub use crate::report::table::differences::table;

/// A comparison that was made.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// A, then B.
    pub sides: [SideOf<'a>; 2],
    /// What became of it.
    pub diff: &'a Diff,
}

/// One of the recordings.
#[derive(Clone, Copy, Debug)]
pub struct SideOf<'a> {
    /// The path of its capture.
    pub capture: &'a str,
    /// The expression that selected of it, where there was one.
    pub selected: Option<&'a str>,
    /// What was compared.
    pub recording: &'a Recording,
}

impl<'a> SideOf<'a> {
    /// The connection at that place.
    pub(super) fn connection(&self, place: Option<usize>) -> Option<&'a document::Connection> {
        self.recording.document().connections.get(place?)
    }

    /// The message at that place of that connection.
    pub(super) fn message(
        &self,
        connection: Option<usize>,
        place: Option<usize>,
    ) -> Option<&'a TimelineMessage> {
        self.connection(connection)?.messages.get(place?)
    }

    pub(super) fn messages(&self) -> u64 {
        self.recording.document().connections.iter().map(|each| each.messages.len() as u64).sum()
    }
}

/// Writes the document.
///
/// # Errors
/// What the writer says.
pub fn json(compared: &Compared<'_>, out: &mut dyn Write) -> io::Result<()> {
    let context = Context {
        compared,
        files: Files::default(),
        known: Shown { payload: PayloadMode::None, ..Shown::default() },
        shown: Shown { payload: PayloadMode::Preview, ..Shown::default() },
    };
    escaped::json(&DiffDocument::new(&context), out)
}

/// What all parts of the document look into.
#[derive(Debug)]
struct Context<'a> {
    compared: &'a Compared<'a>,
    files: Files,
    /// How a message is shown that is the same in both.
    known: Shown,
    /// How any other one is.
    shown: Shown,
}

/// What `wspect diff --format json` writes.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report) struct DiffDocument<'a> {
    /// Version of this format.
    schema: u32,
    generator: Generator,
    /// Of all: `same`, `unknown` or `differs`.
    verdict: &'static str,
    /// Does what was carried differently count? `--strict`
    strict: bool,
    a: Source<'a>,
    b: Source<'a>,
    /// In the order of A, those only in B last.
    #[schemars(with = "Vec<Pair<'static>>")]
    connections: Pairs<'a>,
    timing: Timing,
}

impl<'a> DiffDocument<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        let Compared { sides: [a, b], diff } = context.compared;
        Self {
            schema: SCHEMA,
            generator: Generator::THIS,
            verdict: diff.verdict().name(),
            strict: diff.counting == Counting::Everything,
            a: a.into(),
            b: b.into(),
            connections: Pairs(context),
            timing: Timing::new(diff),
        }
    }
}

/// What was compared.
#[derive(Debug, Serialize, JsonSchema)]
struct Source<'a> {
    capture: &'a str,
    /// The expression that selected of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#where: Option<&'a str>,
    connections: usize,
    messages: u64,
    /// Why its file could not be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<Damage<'a>>,
}

impl<'a> From<&SideOf<'a>> for Source<'a> {
    fn from(side: &SideOf<'a>) -> Self {
        Self {
            capture: side.capture,
            r#where: side.selected,
            connections: side.recording.document().connections.len(),
            messages: side.messages(),
            damage: side.recording.damage().next().map(Damage::from),
        }
    }
}

/// Made while they are written.
#[derive(Debug)]
struct Pairs<'a>(&'a Context<'a>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.compared.diff.connections.iter().map(|pair| Pair::new(self.0, pair)))
    }
}

/// Two connections that stand for each other, or one alone.
#[derive(Debug, Serialize, JsonSchema)]
struct Pair<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<Connection<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<Connection<'a>>,
    /// `key`, `messages`, `likeness`, `target` or `only`; absent where there is one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    paired_by: Option<&'static str>,
    verdict: &'static str,
    /// What differs but for messages.
    changes: Vec<Change<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<Clock>,
    /// Too much differed to align all messages: some were compared place by place.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    by_place: bool,
    #[schemars(with = "Vec<PairOfMessages<'static>>")]
    messages: Entries<'a>,
}

impl<'a> Pair<'a> {
    fn new(context: &'a Context<'a>, pair: &'a diff::ConnectionPair) -> Self {
        let [a, b] = context.compared.sides;
        let connections = [a.connection(pair.a), b.connection(pair.b)];
        let [a, b] = connections.map(|connection| connection.map(Connection::new));
        Self {
            a,
            b,
            paired_by: pair.by.map(diff::PairedBy::name),
            verdict: pair.verdict(context.compared.diff.counting).name(),
            changes: pair.changes.iter().map(Change::from).collect(),
            clock: pair.clock.map(|clock| Clock { offset_ns: clock.offset, basis: clock.basis.name() }),
            by_place: pair.by_place,
            messages: Entries { context, pair },
        }
    }
}

/// One connection of a pair.
#[derive(Debug, Serialize, JsonSchema)]
struct Connection<'a> {
    #[serde(flatten)]
    parties: Parties<'a>,
    outcome: &'static str,
    /// Of the upgrade request.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    /// From the upgrade request to its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ns: Option<i64>,
}

impl<'a> Connection<'a> {
    fn new(connection: &'a document::Connection) -> Self {
        let handshake = &connection.opening.handshake;
        Self {
            parties: Parties::new(connection.id, &connection.opening),
            outcome: handshake.outcome.name(),
            target: handshake.request.as_ref().map(|head| head.target.as_str()),
            latency_ns: handshake.latency_ns(),
        }
    }
}

/// One thing that is not the same.
#[derive(Debug, Serialize, JsonSchema)]
struct Change<'a> {
    /// `content`, `close code`, `request header Via` …
    what: &'a str,
    /// `substance`; `carriage`, how it was carried; `unknown`, where the captures can't tell.
    weight: &'static str,
    /// In A, or what can't be told of it; absent where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<&'a str>,
    /// The same in B.
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<&'a str>,
}

impl<'a> From<&'a diff::Change> for Change<'a> {
    fn from(change: &'a diff::Change) -> Self {
        Self {
            what: &change.what,
            weight: change.weight.name(),
            a: change.a.as_deref(),
            b: change.b.as_deref(),
        }
    }
}

/// How far the clocks are apart.
#[derive(Debug, Serialize, JsonSchema)]
struct Clock {
    /// How much later it is on the clock of B.
    offset_ns: i64,
    /// `one_clock`, `both_directions` or `opening`.
    basis: &'static str,
}

/// Made while they are written.
#[derive(Debug)]
struct Entries<'a> {
    context: &'a Context<'a>,
    pair: &'a diff::ConnectionPair,
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.pair.messages.iter().map(|entry| PairOfMessages::new(self, entry)))
    }
}

/// Two messages that stand for each other, or one alone.
#[derive(Debug, Serialize, JsonSchema)]
struct PairOfMessages<'a> {
    verdict: &'static str,
    /// As in `--format json` of `wspect read`; with the beginning of its payload where it is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change<'a>>,
    /// Since the message before, in A and in B: where that is the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_ns: Option<[i64; 2]>,
    /// How much longer that was in B.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_ns: Option<i64>,
    /// How much later than in A it is in B, by one clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ns: Option<i64>,
}

impl<'a> PairOfMessages<'a> {
    fn new(all: &Entries<'a>, entry: &'a Entry) -> Self {
        let Entries { context, pair } = all;
        let [a, b] = context.compared.sides;
        let shown =
            if entry.verdict(Counting::Substance) == Verdict::Same { &context.known } else { &context.shown };
        let message = |side: SideOf<'a>, connection, place| {
            let timeline = side.message(connection, place)?;
            Some(Message::new(None, timeline, shown, &context.files))
        };
        Self {
            verdict: entry.verdict(context.compared.diff.counting).name(),
            a: message(a, pair.a, entry.a),
            b: message(b, pair.b, entry.b),
            changes: entry.changes.iter().map(Change::from).collect(),
            since_ns: entry.shift.since,
            moved_ns: entry.shift.moved(),
            lag_ns: entry.shift.lag,
        }
    }
}

/// How the timing moved, over all that both have.
#[derive(Debug, Serialize, JsonSchema)]
struct Timing {
    /// Latency of the opening handshakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<Moved>,
    /// Time since the message before, of the client's messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_to_server: Option<Moved>,
    /// The same of the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_to_client: Option<Moved>,
    /// How much later in B, where A and B saw the same handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<Lag>,
    /// The message that moved most: of which connection pair and of which pair of messages, both from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<Worst>,
}

impl Timing {
    fn new(diff: &Diff) -> Self {
        let summary = &diff.timing;
        let [client, server] = summary.since;
        let way = |side: Side| {
            let [client, server] = summary.way;
            if side == Side::Client { client } else { server }.map(Spread::from)
        };
        let lag = Lag { client_to_server: way(Side::Client), server_to_client: way(Side::Server) };
        Self {
            handshake: summary.handshake.map(Moved::from),
            client_to_server: client.map(Moved::from),
            server_to_client: server.map(Moved::from),
            lag: Some(lag).filter(|lag| lag.client_to_server.is_some() || lag.server_to_client.is_some()),
            worst: summary.worst.map(|(connection, message)| Worst { connection, message }),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Worst {
    connection: usize,
    message: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Lag {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_to_server: Option<Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_to_client: Option<Spread>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Moved {
    /// How many were measured in both.
    count: usize,
    a: Spread,
    b: Spread,
    /// How much longer each took in B.
    moved: Spread,
}

impl From<diff::Timing> for Moved {
    fn from(timing: diff::Timing) -> Self {
        let diff::Timing { count, a, b, moved } = timing;
        Self { count, a: a.into(), b: b.into(), moved: moved.into() }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct Spread {
    median_ns: i64,
    p95_ns: i64,
    max_ns: i64,
}

impl From<diff::Spread> for Spread {
    fn from(spread: diff::Spread) -> Self {
        Self { median_ns: spread.median, p95_ns: spread.p95, max_ns: spread.max }
    }
}
