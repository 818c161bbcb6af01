//! A capture → all that is known of it, in memory: for tests and for checks, which ask about the whole.

use std::collections::BTreeMap;
use std::mem::size_of;
use std::ops::ControlFlow;
use std::path::Path;

use crate::capture::{self, CaptureError, Source};
use crate::connection::Options;
use crate::event::{
    CaptureOrder, Closing, ConnectionId, Event, EventKind, Opening, Sink, TimelineMessage, Totals,
};
use crate::http::{Handshake, RequestHead, ResponseHead};
use crate::pipeline::{self, Interrupted};
use crate::rules::Finding;
use crate::websocket::{Frame, Message};

/// Reads a capture file (pcap or pcapng, plain or compressed) with the default options; `-` is standard input.
///
/// ```
/// let capture = wspect::read("testdata/01_seed_ws_hello.pcap")?;
/// let [chat] = capture.connections.as_slice() else { panic!("the client has to connect once") };
/// assert!(chat.opening.handshake.is_accepted());
/// assert_eq!(chat.texts().collect::<Vec<_>>(), ["LUOZHOU", "Hello, LUOZHOU"]);
/// assert_eq!(chat.closing.close.as_ref().and_then(|close| close.code), Some(1000));
/// assert!(capture.all_findings().all(|(_, finding)| finding.rule.severity > wspect::rules::Severity::Warning));
/// # Ok::<(), wspect::document::ReadError>(())
/// ```
///
/// # Errors
/// When the file can't be opened or read to its end, is no capture, or says more than `Limits::document` bytes hold.
pub fn read(path: impl AsRef<Path>) -> Result<Document, ReadError> {
    let options = Options::default();
    let path = path.as_ref().to_string_lossy().into_owned();
    Document::of(&mut capture::open(&[path], &options.limits)?, &options, Extent::Whole)
}

/// All that wspect says of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// In the order in which they opened: `ConnectionId` 1 is the first.
    pub connections: Vec<Connection>,
    /// Those that belong to no connection.
    pub findings: Vec<Finding>,
    /// In numbers, with the inputs.
    pub totals: Totals,
}

/// All that wspect says of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Who speaks, over what, and the opening handshake.
    pub opening: Opening,
    /// Both directions, control frames included, in the order of the capture ([`CaptureOrder`]).
    pub messages: Vec<TimelineMessage>,
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
    /// How it ended, and what was sent.
    pub closing: Closing,
}

impl Connection {
    /// The text messages of both sides in their order, invalid UTF-8 left out.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = self.messages.iter().filter_map(|timeline| timeline.message.text());
        texts.filter_map(|text| std::str::from_utf8(text).ok())
    }
}

impl Document {
    /// Reads `source` to its end.
    ///
    /// # Errors
    /// When an input can't be read to its end, or `Limits::document` bytes don't hold what is to be kept.
    pub fn of(source: &mut dyn Source, options: &Options, extent: Extent) -> Result<Self, ReadError> {
        let mut gathering = Gathering::new(options.limits.document, extent);
        let read = pipeline::analyze(source, options, &mut gathering);
        gathering.finish(read)
    }

    /// Every finding with its connection: those of each connection in turn, then those of the capture.
    pub fn all_findings(&self) -> impl Iterator<Item = (Option<&Connection>, &Finding)> {
        let of_connections = self.connections.iter().flat_map(|connection| {
            connection.findings.iter().map(move |finding| (Some(connection), finding))
        });
        of_connections.chain(self.findings.iter().map(|finding| (None, finding)))
    }
}

/// What of a capture is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// All but the messages: a hundredth of the memory, where only findings are asked for.
    WithoutMessages,
}

/// A capture that gave no document.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be read to its end.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// It says too much.
    #[error(
        "limit-reached: the capture says more than {} MiB hold (document); a part of it would be judged as the whole",
        limit >> 20
    )]
    TooLarge {
        /// `Limits::document`.
        limit: usize,
    },
}

/// The sink that keeps.
#[derive(Debug)]
pub(crate) struct Gathering {
    extent: Extent,
    /// Bytes that may be kept.
    limit: usize,
    /// Bytes that may still be kept; `None` when they did not suffice.
    room: Option<usize>,
    open: BTreeMap<ConnectionId, Parts>,
    findings: Vec<Finding>,
}

/// A connection before its end is known.
#[derive(Debug, Default)]
struct Parts {
    opening: Option<Opening>,
    messages: Vec<TimelineMessage>,
    findings: Vec<Finding>,
    closing: Option<Closing>,
}

impl Gathering {
    /// Keeps at most `limit` bytes.
    pub(crate) const fn new(limit: usize, extent: Extent) -> Self {
        Self { extent, limit, room: Some(limit), open: BTreeMap::new(), findings: Vec::new() }
    }

    fn keep(&mut self, id: ConnectionId, kind: EventKind) {
        let parts = self.open.entry(id).or_default();
        match kind {
            EventKind::Opened(opening) => parts.opening = Some(*opening),
            EventKind::Message(message) => parts.messages.push(message),
            EventKind::Finding(finding) => parts.findings.push(*finding),
            EventKind::Closed(closing) => parts.closing = Some(*closing),
        }
    }

    /// All that was kept, when the source was read.
    pub(crate) fn finish(self, read: Result<Totals, Interrupted>) -> Result<Document, ReadError> {
        if self.room.is_none() {
            return Err(ReadError::TooLarge { limit: self.limit });
        }
        let totals = read.map_err(|interrupted| interrupted.error)?;
        let connections = self.open.into_iter().filter_map(|(id, parts)| {
            let Parts { opening, messages, findings, closing } = parts;
            let messages = in_capture_order(messages);
            Some(Connection { id, opening: opening?, messages, findings, closing: closing? })
        });
        Ok(Document { connections: connections.collect(), findings: self.findings, totals })
    }
}

fn in_capture_order(messages: Vec<TimelineMessage>) -> Vec<TimelineMessage> {
    let mut order = CaptureOrder::default();
    let mut placed: Vec<_> = messages.into_iter().map(|message| (order.place(&message), message)).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, message)| message).collect()
}

impl Sink for Gathering {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        if self.extent == Extent::WithoutMessages && matches!(event.kind, EventKind::Message(_)) {
            return ControlFlow::Continue(());
        }
        self.room = self.room.and_then(|room| room.checked_sub(size(&event.kind)));
        if self.room.is_none() {
            return ControlFlow::Break(());
        }
        match (event.connection, event.kind) {
            (Some(id), kind) => self.keep(id, kind),
            (None, EventKind::Finding(finding)) => self.findings.push(*finding),
            (None, _) => {}
        }
        ControlFlow::Continue(())
    }
}

/// Bytes of memory, near enough to hold a bound.
fn size(kind: &EventKind) -> usize {
    match kind {
        EventKind::Opened(opening) => size_of::<Connection>() + heads(&opening.handshake),
        EventKind::Message(timeline) => {
            let Message { payload, fragments, .. } = timeline.message.as_ref();
            let frames = fragments.capacity() * size_of::<Frame>();
            size_of::<TimelineMessage>() + size_of::<Message>() + payload.capacity() + frames
        }
        EventKind::Finding(finding) => size_of::<Finding>() + finding.detail.capacity(),
        EventKind::Closed(closing) => closing.close.as_ref().map_or(0, |close| close.reason.capacity()),
    }
}

fn heads(handshake: &Handshake) -> usize {
    let request = handshake.request.as_ref().map_or(0, RequestHead::memory);
    request + handshake.response.as_ref().map_or(0, ResponseHead::memory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::PayloadNote;

    const CHAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/01_seed_ws_hello.pcap");

    fn with(options: &Options, extent: Extent) -> Result<Document, ReadError> {
        let mut source = capture::open(&[CHAT.to_owned()], &options.limits)?;
        Document::of(&mut source, options, extent)
    }

    #[test]
    fn a_document_holds_what_was_said_in_its_order() {
        let document = read(CHAT).unwrap();
        assert_eq!(document.connections.len(), 1);
        let chat = &document.connections[0];
        assert_eq!(chat.id, ConnectionId(1));
        assert!((0..).zip(&chat.messages).all(|(place, message)| message.index == place));
        assert_eq!(chat.messages.len() as u64, document.totals.messages);
        assert_eq!(document.totals.inputs.len(), 1);
    }

    #[test]
    fn messages_stand_in_the_order_of_their_packets_and_each_direction_as_it_was_sent() {
        let message = |(index, (sender, number))| {
            let last = crate::packet::PacketRef { number, ..Default::default() };
            TimelineMessage {
                index,
                sender,
                note: PayloadNote::None,
                message: Box::new(Message { last, ..Message::default() }),
            }
        };
        use crate::packet::Side::{Client, Server};
        let delivered =
            [(Client, 3), (Server, 5), (Server, 9), (Client, 4), (Client, 7), (Client, 6), (Server, 9)];
        let messages = in_capture_order((0..).zip(delivered).map(message).collect());
        let places: Vec<_> = messages.iter().map(|message| message.index).collect();
        assert_eq!(places, [0, 3, 1, 4, 5, 2, 6]);
    }

    #[test]
    fn messages_are_left_out_where_nobody_asks_for_them() {
        let [whole, bare] = [Extent::Whole, Extent::WithoutMessages]
            .map(|extent| with(&Options::default(), extent).unwrap().connections.remove(0));
        assert!(bare.messages.is_empty() && !whole.messages.is_empty());
        assert_eq!((bare.opening, bare.closing), (whole.opening, whole.closing));
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_never_a_part() {
        let mut options = Options::default();
        options.limits.document = 1500;
        let error = with(&options, Extent::Whole).unwrap_err();
        assert!(
            matches!(error, ReadError::TooLarge { limit: 1500 }) && error.to_string().contains("document")
        );
        options.limits.document = 8000;
        assert!(with(&options, Extent::Whole).is_ok());
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_that_names_it() {
        assert!(read("no-such-file.pcap").unwrap_err().to_string().contains("no-such-file.pcap"));
    }
}
