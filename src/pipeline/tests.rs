//! One thread or several, in batches or one by one: the same is said in the same order.

use std::io::Cursor;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::capture::{self, Inputs, Position};
use crate::event::{CloseHow, ConnectionId, Event, EventKind, Scribe};
use crate::limits::Limits;
use crate::packet::{CaptureInfo, Packet};
use crate::report::{Ndjson, Report, Shown};

/// All captures of `testdata/`: many connections, each of its own kind.
fn paths() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().display().to_string());
    let mut paths: Vec<_> = files.filter(|path| path.contains(".pcap")).collect();
    paths.sort();
    assert!(paths.len() > 5);
    paths
}

fn captures(paths: &[String]) -> Inputs {
    capture::open(paths, &Options::default().limits).unwrap()
}

fn threads(number: usize) -> Options {
    Options { threads: NonZero::new(number).unwrap(), ..Options::default() }
}

/// A source that may have to be waited for, and fails before a packet.
struct Odd<S> {
    source: S,
    waits: bool,
    fails_at: u64,
    packets: u64,
}

impl<S: Source> Odd<S> {
    fn waiting(source: S) -> Self {
        Self { source, waits: true, fails_at: u64::MAX, packets: 0 }
    }

    fn failing(source: S, fails_at: u64) -> Self {
        Self { source, waits: false, fails_at, packets: 0 }
    }
}

impl<S: Source> Source for Odd<S> {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        self.packets += 1;
        if self.packets == self.fails_at {
            return Err(CaptureError::Unavailable("gone".to_owned()));
        }
        self.source.next_packet()
    }

    fn inputs(&self) -> Vec<CaptureInfo> {
        self.source.inputs()
    }

    fn position(&self) -> Position {
        let position = self.source.position();
        Position { total: position.total.filter(|_| !self.waits), ..position }
    }
}

fn said(mut source: impl Source, options: &Options) -> (Vec<Event>, Totals) {
    let mut events = Vec::new();
    let totals = analyze(&mut source, options, &mut events).unwrap();
    (events, totals)
}

#[test]
fn any_number_of_threads_says_the_same_in_the_same_order() {
    let mut few = Options::default();
    few.limits.flows = 8;
    for options in [Options::default(), few] {
        let alone = said(captures(&paths()), &options);
        assert!(alone.1.websocket_connections > 5);
        assert_eq!(said(Odd::waiting(captures(&paths())), &options), alone, "packet by packet");
        for number in [2, 3, 8, 100] {
            let options = Options { threads: NonZero::new(number).unwrap(), ..options.clone() };
            assert_eq!(said(captures(&paths()), &options), alone, "{number} threads");
        }
    }
    for path in paths() {
        let alone = said(captures(std::slice::from_ref(&path)), &threads(1));
        assert_eq!(said(captures(std::slice::from_ref(&path)), &threads(3)), alone, "{path}");
    }
}

/// A report as a sink, as the command line joins them.
struct Joined<'a>(Ndjson<&'a mut Vec<u8>>);

impl Sink for Joined<'_> {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        self.0.event(&event).unwrap();
        ControlFlow::Continue(())
    }

    fn scribe(&self) -> Option<Box<dyn Scribe>> {
        self.0.scribe()
    }

    fn written(&mut self, connection: ConnectionId, text: &mut [u8], before_id: usize) -> ControlFlow<()> {
        self.0.written(connection, text, before_id).unwrap();
        ControlFlow::Continue(())
    }
}

#[test]
fn a_scribe_on_any_thread_writes_what_the_report_would_write() {
    let shown = [
        Shown::default(),
        Shown { connections: vec![ConnectionId(2), ConnectionId(5)], ..Shown::default() },
        Shown { detail: crate::report::Detail::Summary, ..Shown::default() },
    ];
    let (events, totals) = said(captures(&paths()), &threads(1));
    for shown in shown {
        let mut expected = Vec::new();
        let mut report = Ndjson::new(&mut expected, shown.clone());
        report.begin(&totals.inputs).unwrap();
        events.iter().for_each(|event| report.event(event).unwrap());
        for number in [1, 2, 8] {
            let mut written = Vec::new();
            let mut sink = Joined(Ndjson::new(&mut written, shown.clone()));
            sink.0.begin(&totals.inputs).unwrap();
            assert_eq!(analyze(&mut captures(&paths()), &threads(number), &mut sink).unwrap(), totals);
            assert!(written == expected, "{number} threads");
        }
    }
}

#[test]
fn an_input_that_fails_is_told_to_there_on_any_number_of_threads() {
    let run = |number, fails_at| {
        let mut events = Vec::new();
        let mut source = Odd::failing(captures(&paths()), fails_at);
        let interrupted = analyze(&mut source, &threads(number), &mut events).unwrap_err();
        (events, interrupted.totals, interrupted.error.to_string())
    };
    for fails_at in [1, 40, 700] {
        let alone = run(1, fails_at);
        assert_eq!(alone.2, "gone");
        assert_eq!(run(2, fails_at), alone);
        assert_eq!(run(8, fails_at), alone);
    }
}

#[test]
fn a_sink_that_wants_no_more_ends_all_threads() {
    struct Few(usize);
    impl Sink for Few {
        fn event(&mut self, _: Event) -> ControlFlow<()> {
            self.0 -= 1;
            if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    for wanted in [1, 2, 50, 400] {
        for number in [1, 2, 8] {
            let mut few = Few(wanted);
            let totals = analyze(&mut captures(&paths()), &threads(number), &mut few).unwrap();
            assert_eq!((few.0, totals.websocket_connections > 0), (0, true));
        }
    }
}

#[test]
fn a_thread_that_panics_is_not_waited_for() {
    struct Clumsy;
    impl Scribe for Clumsy {
        fn event(&mut self, event: &Event, _: &mut Vec<u8>) -> usize {
            assert!(!matches!(&event.kind, EventKind::Message(message) if message.index == 3), "out of ink");
            0
        }
    }
    impl Sink for Clumsy {
        fn event(&mut self, _: Event) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }

        fn scribe(&self) -> Option<Box<dyn Scribe>> {
            Some(Box::new(Self))
        }
    }
    for number in [1, 2, 8] {
        let run = || analyze(&mut captures(&paths()), &threads(number), &mut Clumsy);
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
}

#[test]
fn what_a_pipe_brings_is_said_before_more_is_asked_for() {
    struct Until<'a>(&'a std::cell::Cell<u64>, u64);
    impl Sink for Until<'_> {
        fn event(&mut self, event: Event) -> ControlFlow<()> {
            assert!(matches!(event.kind, EventKind::Closed(_)) || event.at.number == self.0.get());
            self.1 += 1;
            ControlFlow::Continue(())
        }
    }
    struct Counted<'a>(Inputs, &'a std::cell::Cell<u64>);
    impl Source for Counted<'_> {
        fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
            let packet = self.0.next_packet()?;
            packet.iter().for_each(|packet| self.1.set(packet.at.number));
            Ok(packet)
        }

        fn inputs(&self) -> Vec<CaptureInfo> {
            self.0.inputs()
        }

        fn position(&self) -> Position {
            self.0.position()
        }
    }
    let file = include_bytes!("../../testdata/01_seed_ws_hello.pcap");
    let input = capture::from_reader("pipe", Cursor::new(file), &Options::default().limits).unwrap();
    let reached = std::cell::Cell::new(0);
    let mut until = Until(&reached, 0);
    analyze(&mut Counted(input, &reached), &threads(2), &mut until).unwrap();
    assert!(until.1 > 4);
}

#[test]
fn of_a_connection_that_is_given_up_the_packets_that_brought_something_are_kept() {
    struct Kept(Vec<u64>);
    impl Keep for Kept {
        fn keep(&mut self, packet: &Packet<'_>) {
            self.0.push(packet.at.number);
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/01_seed_ws_hello.pcap").to_owned();
    let mut given_up = 0;
    for memory in (500..12_000).step_by(100) {
        let limits = Limits { memory, ..Limits::default() };
        let (options, mut kept, mut events) =
            (Options { limits, ..Options::default() }, Kept(Vec::new()), Vec::new());
        let mut source = captures(std::slice::from_ref(&path));
        analyze_and_keep(&mut source, &options, &mut events, Some(&mut kept)).unwrap();
        let said = events.iter().filter(|event| event.connection.is_some());
        let told = said.filter(|event| matches!(event.kind, EventKind::Opened(_) | EventKind::Message(_)));
        for event in told {
            assert!(kept.0.contains(&event.at.number), "{memory}: {:?}", event.at);
        }
        let ends = events.iter().filter(|event| {
            matches!(&event.kind, EventKind::Closed(end) if end.close.as_ref().is_some_and(|close| close.how == CloseHow::GivenUp))
        });
        given_up += ends.count();
    }
    assert!(given_up > 1);
}
