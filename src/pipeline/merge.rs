//! What all shards say → one order, with the ids of connections, and what only all of them together show.

use std::collections::VecDeque;
use std::mem;
use std::ops::ControlFlow;

use super::hold::{LifeId, Worth};
use super::reconnects::{Begun, Lives};
use super::said::{News, Place, Said, What};
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
    /// What the comparison of a handshake with those before found, until the connection was told.
    compared: Vec<Finding>,
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
    /// What is known of the beginnings of these; beside them, since each message asks for an id.
    begun: Vec<Option<Begun>>,
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
            compared: Vec::new(),
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
                Some(What::Line { connection, news, before_id, length }) => {
                    self.heed(shard, connection, news);
                    let Some(lane) = self.lanes.get_mut(shard) else { return ControlFlow::Continue(any) };
                    let id = lane.known(connection);
                    self.sink.written(
                        id,
                        lane.text(length),
                        usize::try_from(before_id).unwrap_or(usize::MAX),
                    )?;
                    self.say_compared(id)?;
                }
                Some(What::Event(news)) => {
                    let event = lane.said.events.pop_front();
                    event.map_or(ControlFlow::Continue(()), |event| self.event(shard, news, event))?;
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

    fn event(&mut self, shard: usize, news: News, event: Event) -> ControlFlow<()> {
        let Some(local) = event.connection else { return self.of_capture(event) };
        self.heed(shard, local, news);
        let id = self.lanes.get(shard).map_or(local, |lane| lane.known(local));
        self.sink.event(Event { connection: Some(id), ..event })?;
        self.say_compared(id)
    }

    /// Counts it, and takes note of connections that begin and end.
    #[inline]
    fn heed(&mut self, shard: usize, local: ConnectionId, news: News) {
        count(&mut self.totals, news);
        match news {
            News::Message { .. } | News::Finding(_) => {}
            News::Opened => self.opened(shard, local),
            News::Closed => self.closed(shard, local),
        }
    }

    /// Gives a connection its id, and compares its handshake with those before.
    fn opened(&mut self, shard: usize, local: ConnectionId) {
        let Some(lane) = self.lanes.get_mut(shard) else { return };
        let (asked, answered) = (lane.said.asked.pop_front(), lane.said.answered.pop_front());
        let mut begun = None;
        if let Some(((asked, target), answered)) = asked.flatten().zip(answered) {
            let (bound, compared) = (self.options.limits.handshakes, &mut self.compared);
            self.handshakes.judge(&asked, answered, bound, &mut |finding| compared.push(finding));
            begun = self.lives.open(&asked, &target, &lane.said.targets);
        }
        lane.know(local, ConnectionId(self.totals.websocket_connections), begun);
    }

    fn closed(&mut self, shard: usize, local: ConnectionId) {
        let Some(lane) = self.lanes.get_mut(shard) else { return };
        let Some((end, frames)) = lane.said.ends.pop_front() else { return };
        self.totals.frames += frames;
        if let Some(begun) = lane.begun.get(place(local)).copied().flatten() {
            self.lives.close(begun, end);
        }
    }

    /// What the handshake of a connection, told just now, breaks in regard to those before.
    #[inline]
    fn say_compared(&mut self, id: ConnectionId) -> ControlFlow<()> {
        if self.compared.is_empty() { ControlFlow::Continue(()) } else { self.say_all_compared(id) }
    }

    #[cold]
    fn say_all_compared(&mut self, id: ConnectionId) -> ControlFlow<()> {
        mem::take(&mut self.compared).into_iter().try_for_each(|finding| self.report(Some(id), finding))
    }

    /// A finding that belongs to no connection is said as often in a capture as others in a connection.
    fn of_capture(&mut self, event: Event) -> ControlFlow<()> {
        let EventKind::Finding(finding) = event.kind else { return self.pass_on(event) };
        let mut out = Outbox::default();
        self.of_capture.report(None, *finding, &self.options.limits, &mut out);
        out.drain().try_for_each(|event| self.pass_on(event))
    }

    fn pass_on(&mut self, event: Event) -> ControlFlow<()> {
        if let EventKind::Finding(finding) = &event.kind {
            count(&mut self.totals, News::Finding(finding.rule.severity));
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
            begun: Vec::new(),
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

    fn know(&mut self, local: ConnectionId, id: ConnectionId, begun: Option<Begun>) {
        let place = place(local);
        if place >= self.ids.len() {
            self.ids.resize(place + 1, id);
            self.begun.resize(place + 1, None);
        }
        if let (Some(known), Some(of_known)) = (self.ids.get_mut(place), self.begun.get_mut(place)) {
            (*known, *of_known) = (id, begun);
        }
    }

    /// The text of the next line.
    fn text(&mut self, length: usize) -> &mut [u8] {
        let start = self.passed_text;
        self.passed_text += length;
        self.said.text.get_mut(start..self.passed_text).unwrap_or_default()
    }
}

fn place(local: ConnectionId) -> usize {
    usize::try_from(local.0.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn count(totals: &mut Totals, news: News) {
    match news {
        News::Opened => totals.websocket_connections += 1,
        News::Closed => {}
        News::Message { is_control } => {
            totals.messages += 1;
            totals.control_frames += u64::from(is_control);
        }
        News::Finding(of) => {
            let place = Severity::ALL.iter().position(|severity| *severity == of);
            if let Some(counter) = place.and_then(|place| totals.findings.get_mut(place)) {
                *counter += 1;
            }
        }
    }
}
