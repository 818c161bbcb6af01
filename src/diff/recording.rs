//! A capture → what is compared of it: of each payload a digest and its beginning.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sha1::Digest as _;

use crate::document::{Connection, Document, Extent, Gathering, ReadError};
use crate::event::{ConnectionId, Event, EventKind, Sink, TimelineMessage, Totals};
use crate::packet::{CaptureDamage, Side};
use crate::pipeline::Interrupted;
use crate::query::{Selected, Standing};
use crate::redact::Redactor;
use crate::websocket::Message;

/// SHA-1 of a payload as far as it is known: a collision would have to be meant.
pub type Digest = [u8; 20];

/// A capture as it is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    document: Document,
    /// For each connection, of each of its messages.
    digests: Vec<Vec<Digest>>,
    /// The same document without secrets, where they must not be shown.
    shown: Option<Document>,
}

impl Recording {
    /// What was read, as it may be shown. Of payloads only the beginning is there.
    pub fn document(&self) -> &Document {
        self.shown.as_ref().unwrap_or(&self.document)
    }

    /// Where and why its files could not be read to their ends.
    pub fn damage(&self) -> impl Iterator<Item = &CaptureDamage> {
        self.document.totals.inputs.iter().filter_map(|input| input.damage.as_ref())
    }

    /// One capture of both legs of proxied connections → the legs. Two connections with one `Sec-WebSocket-Key` are the same handshake
    /// on its way: the one that sent it first is in the former. `None` where no key was seen twice.
    pub fn legs(self) -> Option<[Self; 2]> {
        let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, connection) in self.document.connections.iter().enumerate() {
            if let Some(key) = connection.opening.handshake.key() {
                by_key.entry(key.to_owned()).or_default().push(place);
            }
        }
        let sent = |place: &usize| {
            let connection = self.document.connections.get(*place);
            connection.and_then(|each| each.opening.handshake.request.as_ref()).map(|head| head.last)
        };
        let mut leg = BTreeMap::new();
        for mut places in by_key.into_values().filter(|places| places.len() > 1) {
            places.sort_by_key(sent);
            leg.extend(places.into_iter().zip([0].into_iter().chain(std::iter::repeat(1))));
        }
        if leg.is_empty() {
            return None;
        }
        let totals = self.document.totals;
        let empty = || Document { totals: totals.clone(), ..Document::default() };
        let mut legs = [(); 2].map(|()| Self { document: empty(), ..Self::default() });
        let mut shown = self.shown.map(|shown| shown.connections.into_iter());
        for (place, (connection, digests)) in
            self.document.connections.into_iter().zip(self.digests).enumerate()
        {
            let shown = shown.as_mut().and_then(Iterator::next);
            let Some(recording) = leg.get(&place).and_then(|leg: &usize| legs.get_mut(*leg)) else {
                continue;
            };
            recording.document.connections.push(connection);
            recording.digests.push(digests);
            if let Some(connection) = shown {
                recording.shown.get_or_insert_with(empty).connections.push(connection);
            }
        }
        Some(legs)
    }

    pub(super) fn conversations(&self) -> Vec<Conversation<'_>> {
        let connections = self.document.connections.iter().zip(&self.document().connections);
        let both = connections.zip(&self.digests);
        both.map(|((connection, shown), digests)| Conversation { connection, shown, digests }).collect()
    }
}

impl From<Document> for Recording {
    fn from(mut document: Document) -> Self {
        let connections = document.connections.iter_mut();
        let digests = connections
            .map(|each| each.messages.iter_mut().map(|timeline| condense(&mut timeline.message)).collect())
            .collect();
        Self { document, digests, shown: None }
    }
}

/// The sink that records.
#[derive(Debug)]
pub struct Recorder {
    gathering: Gathering,
    /// Of each connection's messages, with their indices, which rise: the document has them in another order.
    digests: BTreeMap<ConnectionId, Vec<(u64, Digest)>>,
    /// The same without secrets.
    shown: Option<(Redactor, Gathering)>,
}

impl Recorder {
    /// Keeps at most `limit` bytes (`Limits::document`). With a redactor, secrets are compared and not shown, and what is shown takes
    /// as much again.
    pub fn new(limit: usize, redactor: Option<Redactor>) -> Self {
        let gathering = || Gathering::new(limit, Extent::Whole);
        let shown = redactor.map(|redactor| (redactor, gathering()));
        Self { gathering: gathering(), digests: BTreeMap::new(), shown }
    }

    /// The recording, when its source was read.
    ///
    /// # Errors
    /// When it could not be read to its end, or said more than was to be kept.
    pub fn finish(mut self, read: Result<Totals, Interrupted>) -> Result<Recording, ReadError> {
        let document = self.gathering.finish(read)?;
        let shown = self.shown.map(|(_, shown)| shown.finish(Ok(document.totals.clone()))).transpose()?;
        let in_order = |connection: &Connection| {
            let digests = self.digests.remove(&connection.id).unwrap_or_default();
            let of = |index| digests.binary_search_by_key(&index, |(index, _)| *index).ok();
            let places = connection.messages.iter().filter_map(|timeline| of(timeline.index));
            places.filter_map(|place| digests.get(place)).map(|(_, digest)| *digest).collect()
        };
        Ok(Recording { digests: document.connections.iter().map(in_order).collect(), document, shown })
    }
}

impl Sink for Recorder {
    fn event(&mut self, mut event: Event) -> ControlFlow<()> {
        if let Some((redactor, shown)) = &mut self.shown {
            let mut event = redactor.event(event.clone());
            if let EventKind::Message(timeline) = &mut event.kind {
                condense(&mut timeline.message);
            }
            Sink::event(shown, event)?;
        }
        if let (Some(id), EventKind::Message(timeline)) = (event.connection, &mut event.kind) {
            let digest = condense(&mut timeline.message);
            self.digests.entry(id).or_default().push((timeline.index, digest));
        }
        Sink::event(&mut self.gathering, event)
    }
}

impl Selected for Recorder {
    fn event(&mut self, event: Event, _: Standing) -> ControlFlow<()> {
        Sink::event(self, event)
    }
}

/// Takes the payload for its digest, but for the beginning.
fn condense(message: &mut Message) -> Digest {
    let digest = sha1::Sha1::digest(&message.payload).into();
    if message.payload.len() > BEGINNING {
        message.payload.truncate(BEGINNING);
        message.payload.shrink_to_fit();
        message.shortened = true;
    }
    digest
}

/// Most messages are shorter, and whole then: differences can be shown.
const BEGINNING: usize = 1024;

/// A connection with the digests of its messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversation<'a> {
    pub(super) connection: &'a Connection,
    /// As it may be shown.
    pub(super) shown: &'a Connection,
    digests: &'a [Digest],
}

impl<'a> Conversation<'a> {
    pub(super) fn target(self) -> &'a str {
        self.connection.opening.handshake.request.as_ref().map_or("", |head| head.target.as_str())
    }

    /// All messages, in the order of the timeline.
    pub(super) fn messages(self) -> impl Iterator<Item = Said<'a>> {
        let messages = self.connection.messages.iter().zip(&self.shown.messages);
        messages.zip(self.digests).enumerate().map(|(place, ((timeline, shown), digest))| Said {
            place,
            sender: timeline.sender,
            message: &timeline.message,
            shown,
            digest,
        })
    }

    pub(super) fn said_by(self, side: Side) -> Vec<Said<'a>> {
        self.messages().filter(|said| said.sender == side).collect()
    }
}

/// A message with its digest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    /// Among the messages of its connection.
    pub(super) place: usize,
    pub(super) sender: Side,
    pub(super) message: &'a Message,
    /// As it may be shown.
    pub(super) shown: &'a TimelineMessage,
    pub(super) digest: &'a Digest,
}
