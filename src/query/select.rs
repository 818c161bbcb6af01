//! Events → those that an expression selects, and their neighbours.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use foldhash::fast::RandomState;

use super::object::{Connection, End};
use super::{Faults, Filter, Problem};
use crate::event::{Closing, ConnectionId, Event, EventKind, Opening, Sink, TimelineMessage};
use crate::packet::PacketRef;
use crate::rules::Finding;

/// Why an event is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The expression selects it, or what it belongs to.
    Selected,
    /// It stands beside a message that is selected.
    Neighbour,
}

/// Takes what is selected.
pub trait Selected {
    /// Takes one event; `Break` when no more is wanted.
    fn event(&mut self, event: Event, standing: Standing) -> ControlFlow<()>;
}

impl<S: Selected> Selected for &mut S {
    fn event(&mut self, event: Event, standing: Standing) -> ControlFlow<()> {
        (**self).event(event, standing)
    }
}

/// Passes selected connections on with all that belongs to them; with an expression over messages only those that are
/// selected, and the connections that have one. A finding goes with its message, any other with its connection.
///
/// It keeps, for each open connection, the opening until something of it is selected, with the findings up to there (which
/// `Limits::findings` bounds), and as many messages as there may be neighbours.
#[derive(Debug)]
pub struct Selector<S> {
    filter: Filter,
    neighbours: usize,
    ends: Option<Ends>,
    open: ById<Open>,
    faults: Faults,
    out: S,
}

/// Looked up for every event, and never walked.
type ById<T> = HashMap<ConnectionId, T, RandomState>;

/// A connection that may be passed on.
#[derive(Debug)]
struct Open {
    opening: Box<Opening>,
    /// Events that wait for the first selected message; `None` when the connection was passed on.
    waiting: Option<Vec<Event>>,
    /// Messages not selected, with their findings: the last ones, that may become neighbours.
    before: VecDeque<Vec<Event>>,
    /// How many of the next messages are neighbours.
    after: usize,
    /// The last message, and how it stands.
    last: Option<(u64, Option<Standing>)>,
}

impl<S: Selected> Selector<S> {
    /// With `neighbours` messages before and after each selected one. `ends` where the expression needs them
    /// ([`Filter::needs_end`]).
    pub fn new(filter: Filter, neighbours: usize, ends: Option<Ends>, out: S) -> Self {
        Self { filter, neighbours, ends, open: ById::default(), faults: Faults(None), out }
    }

    /// How often the expression had no result, and the first reason.
    pub const fn faults(&self) -> Option<&(u64, Problem)> {
        self.faults.0.as_ref()
    }

    fn opened(&mut self, id: ConnectionId, at: PacketRef, opening: Box<Opening>) -> ControlFlow<()> {
        let selected = match &self.ends {
            Some(ends) => ends.known.contains_key(&id),
            None => self.filter.connection(Connection { id, opening: &opening, end: None }, &mut self.faults),
        };
        if !selected {
            return ControlFlow::Continue(());
        }
        let event = Event { at, connection: Some(id), kind: EventKind::Opened(opening.clone()) };
        let mut waiting = Some(vec![event]);
        let passed = if self.filter.judges_messages() { None } else { waiting.take() };
        let open = Open { opening, waiting, before: VecDeque::new(), after: 0, last: None };
        self.open.insert(id, open);
        pass(&mut self.out, passed.into_iter().flatten(), Standing::Selected)
    }

    fn message(&mut self, id: ConnectionId, at: PacketRef, message: TimelineMessage) -> ControlFlow<()> {
        let Some(open) = self.open.get_mut(&id) else { return ControlFlow::Continue(()) };
        if !self.filter.judges_messages() {
            let event = Event { at, connection: Some(id), kind: EventKind::Message(message) };
            return self.out.event(event, Standing::Selected);
        }
        let end = self.ends.as_ref().and_then(|ends| ends.known.get(&id));
        let connection = Connection { id, opening: &open.opening, end };
        let index = message.index;
        let selected = self.filter.message(connection, &message, &mut self.faults);
        let event = Event { at, connection: Some(id), kind: EventKind::Message(message) };
        open.last = Some((index, open.standing(selected, self.neighbours)));
        match open.last {
            Some((_, Some(standing))) => {
                pass(&mut self.out, open.waiting.take().into_iter().flatten(), Standing::Selected)?;
                pass(&mut self.out, open.before.drain(..).flatten(), Standing::Neighbour)?;
                self.out.event(event, standing)
            }
            _ => {
                open.keep(event, self.neighbours);
                ControlFlow::Continue(())
            }
        }
    }

    fn finding(&mut self, id: ConnectionId, at: PacketRef, finding: Box<Finding>) -> ControlFlow<()> {
        let Some(open) = self.open.get_mut(&id) else { return ControlFlow::Continue(()) };
        let of_last = open.last.filter(|(last, _)| finding.message == Some(*last));
        let event = Event { at, connection: Some(id), kind: EventKind::Finding(finding) };
        match (of_last, &mut open.waiting) {
            (Some((_, None)), _) if self.filter.judges_messages() => {
                if let Some(message) = open.before.back_mut() {
                    message.push(event);
                }
            }
            (_, Some(waiting)) => waiting.push(event),
            (_, None) => return self.out.event(event, Standing::Selected),
        }
        ControlFlow::Continue(())
    }

    fn closed(&mut self, id: ConnectionId, at: PacketRef, closing: Box<Closing>) -> ControlFlow<()> {
        match self.open.remove(&id) {
            Some(Open { waiting: None, .. }) => {
                let event = Event { at, connection: Some(id), kind: EventKind::Closed(closing) };
                self.out.event(event, Standing::Selected)
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

impl<S: Selected> Sink for Selector<S> {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        match (event.connection, event.kind) {
            (None, kind) => self.out.event(Event { kind, ..event }, Standing::Selected),
            (Some(id), EventKind::Opened(opening)) => self.opened(id, event.at, opening),
            (Some(id), EventKind::Message(message)) => self.message(id, event.at, message),
            (Some(id), EventKind::Finding(finding)) => self.finding(id, event.at, finding),
            (Some(id), EventKind::Closed(closing)) => self.closed(id, event.at, closing),
        }
    }
}

impl Open {
    fn standing(&mut self, selected: bool, neighbours: usize) -> Option<Standing> {
        if selected {
            self.after = neighbours;
            return Some(Standing::Selected);
        }
        self.after = self.after.checked_sub(1)?;
        Some(Standing::Neighbour)
    }

    fn keep(&mut self, message: Event, neighbours: usize) {
        if self.before.len() == neighbours {
            self.before.pop_front();
        }
        if neighbours > 0 {
            self.before.push_back(vec![message]);
        }
    }
}

fn pass(
    out: &mut impl Selected,
    mut events: impl Iterator<Item = Event>,
    standing: Standing,
) -> ControlFlow<()> {
    events.try_for_each(|event| out.event(event, standing))
}

/// How the selected connections of a capture ended: what a second reading of it selects by.
#[derive(Debug, Default)]
pub struct Ends {
    known: ById<End>,
}

/// Reads a capture for [`Ends`]. Keeps the end and the findings of each connection that the expression selects, as
/// far as it judges connections.
#[derive(Debug)]
pub struct EndsOf<'f> {
    filter: &'f Filter,
    open: ById<(Box<Opening>, Vec<Finding>)>,
    ends: Ends,
    faults: Faults,
}

impl<'f> EndsOf<'f> {
    /// For an expression that needs them.
    pub fn new(filter: &'f Filter) -> Self {
        Self { filter, open: ById::default(), ends: Ends::default(), faults: Faults::default() }
    }

    /// The ends, how often the expression had no result, and the first reason.
    pub fn finish(self) -> (Ends, Option<(u64, Problem)>) {
        (self.ends, self.faults.0)
    }
}

impl Sink for EndsOf<'_> {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        let Some(id) = event.connection else { return ControlFlow::Continue(()) };
        match event.kind {
            EventKind::Opened(opening) => {
                self.open.insert(id, (opening, Vec::new()));
            }
            EventKind::Message(_) => {}
            EventKind::Finding(finding) => {
                if let Some((_, findings)) = self.open.get_mut(&id) {
                    findings.push(*finding);
                }
            }
            EventKind::Closed(closing) => {
                if let Some((opening, findings)) = self.open.remove(&id) {
                    let end = End { closing: *closing, findings };
                    let connection = Connection { id, opening: &opening, end: Some(&end) };
                    if self.filter.connection(connection, &mut self.faults) {
                        self.ends.known.insert(id, end);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
}
