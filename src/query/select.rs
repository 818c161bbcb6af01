//! Events → those that an expression selects, and their neighbours.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use foldhash::fast::RandomState;

use super::object::{Connection, End};
use super::{Faults, Filter, Problem};
use crate::document::Gathering;
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

impl Selected for Gathering {
    fn event(&mut self, event: Event, _: Standing) -> ControlFlow<()> {
        Sink::event(self, event)
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
            None => self.filter.connection(Connection::opened(id, &opening), &mut self.faults),
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
        let end = self.ends.as_ref().and_then(|ends| ends.known.get(&id)).map(Ended::borrowed);
        let connection = Connection { end, ..Connection::opened(id, &open.opening) };
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

/// What is known of a connection when it has ended.
#[derive(Debug)]
struct Ended {
    closing: Closing,
    findings: Vec<Finding>,
}

impl Ended {
    fn borrowed(&self) -> End<'_> {
        End { closing: &self.closing, findings: &self.findings }
    }
}

/// How the selected connections of a capture ended: what a second reading of it selects by.
#[derive(Debug, Default)]
pub struct Ends {
    known: ById<Ended>,
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
                    let ended = Ended { closing: *closing, findings };
                    let end = Some(ended.borrowed());
                    let connection = Connection { end, ..Connection::opened(id, &opening) };
                    if self.filter.connection(connection, &mut self.faults) {
                        self.ends.known.insert(id, ended);
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::statistics::Statistics;
    use crate::event::{Closing, PayloadNote, Traffic};
    use crate::packet::{Endpoint, Side};
    use crate::rules::Blame;
    use crate::websocket::{Message, Opcode, TextState};

    impl Selected for Vec<(Event, Standing)> {
        fn event(&mut self, event: Event, standing: Standing) -> ControlFlow<()> {
            self.push((event, standing));
            ControlFlow::Continue(())
        }
    }

    #[test]
    fn an_expression_over_messages_passes_their_connections_and_findings() {
        let said = selected(
            "m.text == 'yes'",
            0,
            None,
            &[conversation(1, &["no", "yes", "no"]), conversation(2, &["no"])],
        );
        assert_eq!(
            said,
            ["1 opened", "1 finding of the connection", "1 message 1", "1 finding of 1", "1 closed"]
        );
    }

    #[test]
    fn an_expression_over_connections_passes_all_of_them() {
        let said = selected("c.id == 2", 0, None, &[conversation(1, &["a"]), conversation(2, &["b"])]);
        assert_eq!(
            said,
            ["2 opened", "2 finding of the connection", "2 message 0", "2 finding of 0", "2 closed"]
        );
    }

    #[test]
    fn neighbours_are_those_of_the_same_connection_and_come_once() {
        let said = selected(
            "m.text == 'yes'",
            1,
            None,
            &[conversation(1, &["a", "b", "yes", "c", "yes", "d", "e"]), conversation(2, &["f"])],
        );
        let messages: Vec<_> = said.iter().filter(|line| line.contains("message")).collect();
        assert_eq!(
            messages,
            ["1 message 1 beside", "1 message 2", "1 message 3 beside", "1 message 4", "1 message 5 beside"]
        );
        assert!(said.contains(&"1 finding of 3".to_owned()) && !said.contains(&"1 finding of 6".to_owned()));
    }

    #[test]
    fn no_more_messages_are_kept_than_may_be_neighbours() {
        let mut selector = Selector::new(filter("m.text == 'yes'"), 3, None, Vec::new());
        for event in conversation(1, &["no"; 50]).into_iter().take(100) {
            let _ = selector.event(event);
        }
        assert_eq!(selector.open[&ConnectionId(1)].before.len(), 3);
    }

    #[test]
    fn a_first_reading_knows_what_the_second_selects_by() {
        let expression = "c.findings.exists(f, f.message == 1) && m.text == 'b'";
        let capture = [conversation(1, &["b"]), conversation(2, &["a", "b"])];
        let filter_of_ends = filter(expression);
        let mut ends = EndsOf::new(&filter_of_ends);
        for event in capture.iter().flatten() {
            let _ = ends.event(event.clone());
        }
        let said = selected(expression, 0, Some(ends.finish().0), &capture);
        let messages: Vec<_> = said.iter().filter(|line| line.contains("message")).collect();
        assert_eq!(messages, ["2 message 1"]);
    }

    fn filter(source: &str) -> Filter {
        Filter::new(source).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// What is passed on, a line each.
    fn selected(source: &str, neighbours: usize, ends: Option<Ends>, capture: &[Vec<Event>]) -> Vec<String> {
        let mut selector = Selector::new(filter(source), neighbours, ends, Vec::new());
        for event in capture.iter().flatten() {
            let _ = selector.event(event.clone());
        }
        assert!(selector.open.is_empty(), "a closed connection is forgotten");
        selector.out.iter().map(|(event, standing)| line(event, *standing)).collect()
    }

    fn line(event: &Event, standing: Standing) -> String {
        let id = event.connection.unwrap().0;
        match &event.kind {
            EventKind::Opened(_) => format!("{id} opened"),
            EventKind::Message(message) if standing == Standing::Neighbour => {
                format!("{id} message {} beside", message.index)
            }
            EventKind::Message(message) => format!("{id} message {}", message.index),
            EventKind::Finding(finding) => match finding.message {
                Some(index) => format!("{id} finding of {index}"),
                None => format!("{id} finding of the connection"),
            },
            EventKind::Closed(_) => format!("{id} closed"),
        }
    }

    /// A connection with one finding of its own, texts with a finding each, and an end.
    fn conversation(id: u64, texts: &[&str]) -> Vec<Event> {
        let event = |kind| Event { at: PacketRef::default(), connection: Some(ConnectionId(id)), kind };
        let finding = |message| {
            let finding =
                crate::rules::message::EMPTY.broken(Blame::Client, PacketRef::default(), String::new());
            event(EventKind::Finding(Box::new(Finding { message, ..finding })))
        };
        let endpoint = Endpoint { address: [192, 0, 2, 1].into(), port: 80 };
        let opening = Opening {
            client: endpoint,
            server: endpoint,
            transport: crate::event::Transport::Tcp,
            start: PacketRef::default(),
            handshake: crate::http::Handshake::default(),
            tunnel: None,
        };
        let mut events = vec![event(EventKind::Opened(Box::new(opening))), finding(None)];
        for (index, text) in (0..).zip(texts) {
            let message = Message {
                opcode: Opcode::TEXT,
                payload: (*text).into(),
                text: TextState::Valid,
                ..Message::default()
            };
            let message = TimelineMessage {
                index,
                sender: Side::Client,
                message: Box::new(message),
                note: PayloadNote::None,
            };
            events.extend([event(EventKind::Message(message)), finding(Some(index))]);
        }
        let closing = Closing {
            end: PacketRef::default(),
            close: None,
            traffic: [Traffic::default(); 2],
            statistics: Statistics::default(),
        };
        events.push(event(EventKind::Closed(Box::new(closing))));
        events
    }
}
