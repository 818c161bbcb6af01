//! What all shards say → one order, with the ids of connections, and what only all of them together show.

use std::collections::VecDeque;
use std::mem;
use std::ops::ControlFlow;

use super::hold::{LifeId, Worth};
use super::reconnects::Lives;
use super::said::{Place, Said, What};
use super::shard::MOST;
use crate::connection::Options;
use crate::connection::handshakes::Handshakes;
use crate::connection::outbox::{Outbox, Tally};
use crate::event::{ConnectionId, Event, EventKind, Sink, Totals};
use crate::packet::PacketRef;
use crate::rules::{Finding, Severity};

/// Gives what was said to the sink, and counts it.
pub(super) struct Merge<'a> {
    options: &'a Options,
    sink: &'a mut dyn Sink,
    lanes: Vec<Lane>,
    /// The place of what each lane has next.
    heads: [Place; MOST as usize],
    spent: Vec<Said>,
    pub(super) totals: Totals,
    pub(super) handshakes: Handshakes,
    pub(super) lives: Lives,
    /// Of the findings that belong to no connection.
    of_capture: Tally,
    /// What became of lives since it was asked for.
    pub(super) settled: Vec<(LifeId, Worth)>,
    /// The life of the last segment.
    pub(super) known: Option<(LifeId, Worth)>,
}

/// What came of one shard.
struct Lane {
    /// What is passed on now; without items when nothing is left.
    said: Said,
    /// How many of its items were passed on, and how much of its text.
    passed_items: usize,
    passed_text: usize,
    later: VecDeque<Said>,
    /// Nothing comes before this place, behind what was said.
    until: Place,
    /// Weight of what was passed on since it was asked for.
    passed: usize,
    /// The ids of connections that are open, in the places of the shard's own: these are 1, 2, 3 …, and free when a connection ends.
    ids: Vec<ConnectionId>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(options: &'a Options, shards: u8, sink: &'a mut dyn Sink) -> Self {
        let mut heads = [Place::LAST; MOST as usize];
        heads.iter_mut().zip(0..shards).for_each(|(head, shard)| *head = Place::at(0, shard));
        Self {
            options,
            sink,
            lanes: (0..shards).map(Lane::new).collect(),
            heads,
            spent: Vec::new(),
            totals: Totals::default(),
            handshakes: Handshakes::default(),
            lives: Lives::new(options.limits.reconnects),
            of_capture: Tally::default(),
            settled: Vec::new(),
            known: None,
        }
    }

    /// Takes what a shard said, and up to where that is all. Gives back the weight of what was passed on of it since.
    pub(super) fn take(&mut self, shard: usize, said: impl Iterator<Item = Said>, until: Place) -> usize {
        let Some(lane) = self.lanes.get_mut(shard) else { return 0 };
        for mut said in said {
            self.settled.append(&mut said.settled);
            self.known = said.known.or(self.known);
            if said.items.is_empty() {
                self.spent.push(said);
            } else {
                lane.take(said);
            }
        }
        lane.until = until;
        if let Some(head) = self.heads.get_mut(shard) {
            *head = lane.head();
        }
        mem::take(&mut lane.passed)
    }

    /// One that was passed on, to be filled again.
    pub(super) fn spent(&mut self) -> impl Iterator<Item = Said> {
        self.spent.drain(..)
    }

    /// Passes on what is known to be next. Was there anything?
    pub(super) fn advance(&mut self) -> ControlFlow<(), bool> {
        let mut any = false;
        loop {
            let shard = self.heads.iter().fold(Place::LAST, |least, head| least.min(*head)).shard();
            let Some(lane) = self.lanes.get_mut(shard) else { return ControlFlow::Continue(any) };
            match lane.next() {
                None => return ControlFlow::Continue(any),
                Some(What::Message { connection, is_control, length }) => {
                    self.totals.messages += 1;
                    self.totals.control_frames += u64::from(is_control);
                    let id = lane.known(connection);
                    self.sink.written(id, lane.text(length))?;
                }
                Some(What::Event) => {
                    let event = lane.said.events.pop_front();
                    event.map_or(ControlFlow::Continue(()), |event| self.event(shard, event))?;
                }
            }
            any = true;
            self.step(shard);
        }
    }

    /// Says how many findings about the capture were held back.
    pub(super) fn say_held_back(&mut self, last: PacketRef) -> ControlFlow<()> {
        let mut out = Outbox::default();
        self.of_capture.close(None, last, &self.options.limits, &mut out);
        out.drain().try_for_each(|event| self.pass_on(event))
    }

    /// Passes a finding on.
    pub(super) fn report(&mut self, connection: Option<ConnectionId>, finding: Finding) -> ControlFlow<()> {
        self.pass_on(Event { at: finding.at, connection, kind: EventKind::Finding(Box::new(finding)) })
    }

    fn event(&mut self, shard: usize, event: Event) -> ControlFlow<()> {
        let (Some(local), Some(lane)) = (event.connection, self.lanes.get_mut(shard)) else {
            return self.of_capture(event);
        };
        let id = match &event.kind {
            EventKind::Opened(_) => return self.opened(shard, local, event),
            EventKind::Message(_) | EventKind::Finding(_) | EventKind::Closed(_) => lane.known(local),
        };
        self.pass_on(Event { connection: Some(id), ..event })
    }

    /// Gives the connection its id, and compares its handshake with those before.
    fn opened(&mut self, shard: usize, local: ConnectionId, event: Event) -> ControlFlow<()> {
        let Some(lane) = self.lanes.get_mut(shard) else { return ControlFlow::Continue(()) };
        let id = ConnectionId(self.totals.websocket_connections + 1);
        lane.know(local, id);
        let answered = lane.said.answered.pop_front();
        let mut findings = Vec::new();
        if let (EventKind::Opened(opening), Some(answered)) = (&event.kind, answered) {
            let bound = self.options.limits.handshakes;
            self.handshakes.judge(opening, answered, bound, &mut |finding| findings.push(finding));
        }
        self.pass_on(Event { connection: Some(id), ..event })?;
        findings.into_iter().try_for_each(|finding| self.report(Some(id), finding))
    }

    /// A finding that belongs to no connection is said as often in a capture as others in a connection.
    fn of_capture(&mut self, event: Event) -> ControlFlow<()> {
        let EventKind::Finding(finding) = event.kind else { return self.pass_on(event) };
        let mut out = Outbox::default();
        self.of_capture.report(None, *finding, &self.options.limits, &mut out);
        out.drain().try_for_each(|event| self.pass_on(event))
    }

    fn pass_on(&mut self, event: Event) -> ControlFlow<()> {
        count(&mut self.totals, &event);
        if !matches!(event.kind, EventKind::Message(_)) {
            self.lives.event(&event);
        }
        self.sink.event(event)
    }

    /// The lane is one item further.
    fn step(&mut self, shard: usize) {
        let Some(lane) = self.lanes.get_mut(shard) else { return };
        if lane.is_spent() {
            self.spent.push(lane.turn());
        }
        if let Some(head) = self.heads.get_mut(shard) {
            *head = lane.head();
        }
    }
}

impl Lane {
    fn new(shard: u8) -> Self {
        Self {
            said: Said::new(),
            passed_items: 0,
            passed_text: 0,
            later: VecDeque::new(),
            until: Place::at(0, shard),
            passed: 0,
            ids: Vec::new(),
        }
    }

    fn take(&mut self, said: Said) {
        if self.is_spent() {
            self.said = said;
        } else {
            self.later.push_back(said);
        }
    }

    /// The place of what comes next.
    fn head(&self) -> Place {
        self.said.items.get(self.passed_items).map_or(self.until, |item| item.place)
    }

    fn next(&mut self) -> Option<What> {
        let item = self.said.items.get(self.passed_items)?;
        self.passed_items += 1;
        Some(item.what)
    }

    /// Was all passed on, but for what comes later?
    fn is_spent(&self) -> bool {
        self.passed_items == self.said.items.len()
    }

    /// Goes on with what comes later; gives back what was passed on.
    #[cold]
    fn turn(&mut self) -> Said {
        (self.passed_items, self.passed_text) = (0, 0);
        self.passed += self.said.weight;
        mem::replace(&mut self.said, self.later.pop_front().unwrap_or_else(Said::new))
    }

    fn known(&self, local: ConnectionId) -> ConnectionId {
        self.ids.get(place(local)).copied().unwrap_or(local)
    }

    fn know(&mut self, local: ConnectionId, id: ConnectionId) {
        let place = place(local);
        if place >= self.ids.len() {
            self.ids.resize(place + 1, id);
        }
        if let Some(known) = self.ids.get_mut(place) {
            *known = id;
        }
    }

    /// The text of the next message.
    fn text(&mut self, length: usize) -> &[u8] {
        let start = self.passed_text;
        self.passed_text += length;
        self.said.text.get(start..self.passed_text).unwrap_or_default()
    }
}

fn place(local: ConnectionId) -> usize {
    usize::try_from(local.0.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn count(totals: &mut Totals, event: &Event) {
    match &event.kind {
        EventKind::Message(message) => {
            totals.messages += 1;
            totals.control_frames += u64::from(message.message.opcode.is_control());
        }
        EventKind::Closed(closing) => {
            totals.frames += closing.traffic.iter().map(|traffic| traffic.frames).sum::<u64>();
        }
        EventKind::Finding(finding) => {
            let place = Severity::ALL.iter().position(|severity| *severity == finding.rule.severity);
            if let Some(counter) = place.and_then(|place| totals.findings.get_mut(place)) {
                *counter += 1;
            }
        }
        EventKind::Opened(_) => totals.websocket_connections += 1,
    }
}
