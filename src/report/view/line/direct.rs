//! The events of a connection → their lines, written straight into bytes: of a short connection there is little else. What stands in
//! them is decided by [`Line`](super::Line) alone; a test holds both to the same bytes.

mod closed;
mod object;
mod opened;

use std::io;

use object::Object;

use super::Files;
use crate::event::{ConnectionId, Event, EventKind};
use crate::packet::Clock;
use crate::report::shown::{Detail, Shown};
use crate::report::view::message;
use crate::report::view::row::{Room, Row};
use crate::rules::Finding;

/// Writes lines, each with room for the id of its connection. Nothing in them can steer a terminal: see
/// [`compact`](crate::report::compact).
pub(in crate::report) struct Writer {
    detail: Detail,
    messages: message::Writer,
    files: Files,
    clock: Clock,
    room: Box<Room>,
}

impl Writer {
    pub(in crate::report) fn new(shown: Shown, files: Files) -> Self {
        Self {
            detail: shown.detail,
            messages: message::Writer::new(shown, files.clone()),
            files,
            clock: Clock::default(),
            room: Box::new([0; size_of::<Room>()]),
        }
    }

    /// Appends the line of an event; nothing for one that is not shown, or is a connection's and names none. Gives back how many of these
    /// bytes stand before the id of the connection.
    pub(in crate::report) fn event(&mut self, event: &Event, out: &mut Vec<u8>) -> io::Result<usize> {
        let Self { detail, messages, files, clock, room } = self;
        let mut object = Object { row: Row::new(room), clock, files, out };
        match (&event.kind, event.connection) {
            (EventKind::Finding(finding), id) => Ok(object.finding(id, finding)),
            (_, None) => Ok(0),
            (EventKind::Opened(opening), _) => object.opened(opening),
            (EventKind::Closed(closing), _) => Ok(object.closed(closing)),
            (EventKind::Message(_), _) if *detail == Detail::Summary => Ok(0),
            (EventKind::Message(message), _) => messages.message(message, out).map(|()| message::BEFORE_ID),
        }
    }
}

impl Object<'_> {
    fn finding(&mut self, connection: Option<ConnectionId>, finding: &Finding) -> usize {
        let rule = finding.rule;
        self.word(b"{\"event\":\"finding\",\"rule\":\"", rule.name);
        self.word(b",\"severity\":\"", rule.severity.name());
        self.word(b",\"blame\":\"", finding.blame.name());
        let before_id = connection.map_or(0, |_| self.id(b",\"connection\":"));
        self.known(b",\"message\":", finding.message);
        // Packets count from 1: number 0 is a finding that no single packet shows.
        if finding.at.number > 0 {
            self.time(b",\"time\":\"", finding.at.time);
            self.packet(finding.at);
        }
        self.text(b",\"detail\":\"", &finding.detail);
        if !rule.reference.is_empty() {
            self.word(b",\"reference\":\"", rule.reference);
        }
        self.end(b"}\n");
        before_id
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::object::FULL;
    use super::*;
    use crate::event::statistics::{Delays, Distribution, SideStatistics, Statistics};
    use crate::event::{Close, Closing, Traffic};
    use crate::http::{RequestReader, Step};
    use crate::limits::Limits;
    use crate::packet::{CaptureInfo, PacketRef, Timestamp};
    use crate::report::escaped::Escaped;
    use crate::report::sample;
    use crate::report::view::{Line, numbered};
    use crate::tcp::Stalls;

    fn both(event: &Event, files: &Files) -> (String, String) {
        let (mut general, mut direct) = (Vec::new(), Vec::new());
        let before_id = Writer::new(Shown::default(), files.clone()).event(event, &mut direct).unwrap();
        if let Some(line) = Line::event(event, &Shown::default(), files) {
            serde_json::to_writer(Escaped::new(&mut general), &line).unwrap();
            general.push(b'\n');
            if let Some(id) = event.connection {
                direct = numbered(&mut direct, before_id, id).to_vec();
            }
        }
        (String::from_utf8(general).unwrap(), String::from_utf8(direct).unwrap())
    }

    fn events() -> impl Iterator<Item = Event> {
        [sample::chat(), sample::trouble()].into_iter().flat_map(|sample| sample.events)
    }

    #[test]
    fn the_samples_are_written_as_the_general_serializer_writes_them() {
        let input = |path: &str| CaptureInfo { path: path.into(), ..CaptureInfo::default() };
        let two = Files::new(&[input("a \"quoted\" one"), input("b")]);
        for files in [Files::default(), two] {
            for event in events() {
                let (general, direct) = both(&event, &files);
                assert_eq!(direct, general);
            }
        }
    }

    #[test]
    fn a_connection_event_that_names_no_connection_is_not_written() {
        for event in events().filter(|event| !matches!(event.kind, EventKind::Finding(_))) {
            let (general, direct) = both(&Event { connection: None, ..event }, &Files::default());
            assert_eq!((general.as_str(), direct.as_str()), ("", ""));
        }
    }

    #[test]
    fn the_largest_numbers_have_room() {
        for length in (0..=FULL).step_by(8) {
            let closing = largest("r".repeat(length));
            let (at, kind) = (closing.end, EventKind::Closed(Box::new(closing)));
            let event = Event { at, connection: Some(ConnectionId(MOST)), kind };
            let (general, direct) = both(&event, &Files::default());
            assert_eq!(direct, general);
        }
    }

    fn largest(reason: String) -> Closing {
        let begun = PacketRef { number: MOST, time: Timestamp::MAX, file: 0 };
        let close = Close {
            code: Some(u16::MAX),
            reason,
            begun,
            reported: [Some(u16::MAX); 2],
            last_message: Some(MOST),
            silence: Some(i64::MIN),
            unanswered_pings: [MOST; 2],
            ..Close::default()
        };
        let sent = Traffic {
            messages: MOST,
            control_frames: MOST,
            frames: MOST,
            wire_bytes: MOST,
            handshake_bytes: MOST,
            compressed_messages: MOST,
            compressed_bytes: MOST,
            inflated_bytes: MOST,
            missing_bytes: MOST,
            passed_over_bytes: MOST,
            payload_bytes: MOST,
            masking_bytes: MOST,
        };
        let sides = [(), ()].map(|()| Some(Box::new(largest_side())));
        let statistics = Statistics { handshake: Some(MOST), sides };
        Closing { end: begun, close: Some(close), traffic: [sent; 2], statistics }
    }

    fn largest_side() -> SideStatistics {
        let most = Some(Distribution { count: MOST, min: MOST, p50: MOST, p90: MOST, p99: MOST, max: MOST });
        let first = PacketRef::default();
        SideStatistics {
            lengths: most,
            rates: most,
            transfers: most,
            interleaved: MOST,
            delayed_pongs: Delays { count: MOST, longest: MOST },
            round_trips: most,
            stalls: Stalls { count: u32::MAX, total: i64::MIN, longest: i64::MIN, first },
        }
    }

    const MOST: u64 = u64::MAX;

    /// The opening of a sample, with a request as it is read from a capture.
    fn asked(fields: &[(String, String)]) -> Event {
        let mut head = "GET / HTTP/1.1\r\n".to_owned();
        fields.iter().for_each(|(name, value)| head.extend([name.as_str(), ": ", value, "\r\n"]));
        head.push_str("\r\n");
        let step = RequestReader::new(&Limits::default()).next(&mut head.as_bytes(), PacketRef::default());
        let mut event = events().find(|event| matches!(event.kind, EventKind::Opened(_))).unwrap();
        let (Some(Step::Head(head)), EventKind::Opened(opening)) = (step, &mut event.kind) else { panic!() };
        opening.handshake.request = Some(head);
        event
    }

    #[test]
    fn a_head_of_printable_ascii_is_written_without_a_look_at_each_field() {
        let EventKind::Opened(opening) = asked(&[("Host".to_owned(), "a".to_owned())]).kind else { panic!() };
        assert!(opening.handshake.request.unwrap().headers.printable().is_some());
    }

    proptest! {
        #[test]
        fn any_head_is_written_as_the_general_serializer_writes_it(
            fields in prop::collection::vec(
                ("[A-Za-z-]{1,40}", prop_oneof!["[!-~]{0,80}", "[a-z]{0,80}", "[a-z]{0,9}[\"\\\\\u{7f}\u{e9}][a-z]{0,9}"]),
                0..30,
            ),
        ) {
            let (general, direct) = both(&asked(&fields), &Files::default());
            prop_assert_eq!(direct, general);
        }

        #[test]
        fn any_event_is_written_as_the_general_serializer_writes_it(
            text in prop_oneof![any::<String>(), "[ -~]{0,40}", "[a\"\\\\]{0,80}[\u{7f}\u{e9}a]?[a\"]{0,20}"], code: u16,
        ) {
            for mut event in events() {
                sample::spoil(&mut event, &text, code);
                let (general, direct) = both(&event, &Files::default());
                prop_assert_eq!(direct, general);
            }
        }
    }
}
