//! What two sides do, packet by packet → the verdict and the findings about the end.

use super::*;
use crate::packet::{NANOS_PER_SECOND, Timestamp};
use CloseHow::{CaptureEnded, CloseAnswerUnknown, CloseHandshake, CloseUnanswered, Fin, Reset};
use Side::{Client, Server};

/// A connection that is played by hand: a packet and a second for each action.
struct Play {
    history: History,
    at: PacketRef,
    findings: Vec<Finding>,
    messages: u64,
}

impl Play {
    fn new() -> Self {
        let at = packet(1);
        Self { history: History::new(at, [true; 2]), at, findings: Vec::new(), messages: 0 }
    }

    fn says(mut self, sender: Side, opcode: Opcode, payload: &[u8]) -> Self {
        self.step();
        let length = payload.len() as u64;
        let message = Message {
            opcode,
            length,
            payload: payload.into(),
            first: self.at,
            last: self.at,
            ..Message::default()
        };
        let thresholds = Thresholds::default();
        self.history.message(sender, &message, self.messages, &thresholds, &mut |finding| {
            self.findings.push(finding);
        });
        self.messages += 1;
        self
    }

    fn text(self, sender: Side) -> Self {
        self.says(sender, Opcode::TEXT, b"Hi")
    }

    fn close(self, sender: Side, code: u16) -> Self {
        let closed_before = self.history.closes().unanswered().is_some();
        let mut play = self.says(sender, Opcode::CLOSE, &code.to_be_bytes());
        if !closed_before {
            play.history.close_acknowledged(None);
        }
        play
    }

    /// What comes next is in this packet.
    fn in_packet(mut self, number: u64) -> Self {
        self.history.order_is_open();
        self.at = packet(number - 1);
        self
    }

    /// The first Close is acknowledged.
    fn acknowledged(mut self) -> Self {
        self.step();
        self.history.close_acknowledged(Some(self.at));
        self
    }

    fn does(mut self, action: impl FnOnce(&mut History)) -> Self {
        action(&mut self.history);
        self
    }

    fn step(&mut self) {
        self.at = packet(self.at.number + 1);
    }

    fn ends(mut self, how: CloseHow, side: Option<(Side, EndKind)>) -> Told {
        self.step();
        let at = self.at;
        let first = side.map(|(side, how)| TcpClose { side, how, at });
        let ending = Ending { at, how, first };
        let mut findings = self.findings;
        let close =
            self.history.finish(&ending, [Cut::default(); 2], &Thresholds::default(), &mut |finding| {
                findings.push(finding);
            });
        Told { close, findings: findings.iter().map(|finding| finding.rule.name).collect() }
    }

    fn fin(self, side: Side) -> Told {
        self.ends(Fin, Some((side, EndKind::Fin)))
    }

    fn reset(self, side: Side) -> Told {
        self.ends(Reset, Some((side, EndKind::Reset)))
    }
}

struct Told {
    close: Close,
    findings: Vec<&'static str>,
}

impl Told {
    fn how(&self) -> (Initiator, CloseHow, [Option<u16>; 2]) {
        (self.close.initiator, self.close.how, self.close.reported)
    }
}

fn packet(number: u64) -> PacketRef {
    let nanos = i64::try_from(number).unwrap() * NANOS_PER_SECOND / 10;
    PacketRef { number, time: Timestamp::from_nanos(nanos), file: 0 }
}

#[test]
fn a_closing_handshake_is_of_the_side_that_began_it() {
    let told = Play::new().text(Client).close(Client, 1000).acknowledged().close(Server, 1000).fin(Server);
    assert_eq!(told.how(), (Initiator::Client, CloseHandshake, [Some(1000); 2]));
    assert_eq!((told.close.last_message, told.close.begun.number), (Some(0), 3));
    assert_eq!(told.close.silence, Some(NANOS_PER_SECOND / 10));
    assert_eq!(told.findings, [""; 0]);
}

#[test]
fn both_closed_when_the_second_close_was_sent_before_the_first_was_acknowledged() {
    let told = Play::new().close(Client, 1000).close(Server, 1001).acknowledged().fin(Server);
    assert_eq!(told.how(), (Initiator::Both, CloseHandshake, [Some(1001), Some(1000)]));
    assert_eq!(told.findings, [""; 0], "no answer, so that it can't be another one");
}

#[test]
fn the_close_of_the_earlier_packet_was_first_however_late_it_was_delivered() {
    let play = Play::new().text(Client).in_packet(7).text(Server).close(Server, 1001).acknowledged();
    let play = play.in_packet(4).text(Client).close(Client, 4001).does(History::order_is_settled);
    let told = play.in_packet(12).fin(Server);
    assert_eq!(told.how(), (Initiator::Client, CloseHandshake, [Some(1001), Some(4001)]));
    assert_eq!((told.close.code, told.close.begun.number), (Some(4001), 5));
    assert_eq!((told.close.last_message, told.close.silence), (Some(3), Some(NANOS_PER_SECOND / 10)));
    assert_eq!(told.findings, ["close-abnormal-code"], "whether the other one is an answer is not known");
}

#[test]
fn pings_behind_the_beginning_of_the_end_need_no_answer() {
    let play = Play::new().in_packet(7).says(Server, Opcode::PING, b"").close(Server, 1001);
    let told = play.in_packet(4).close(Client, 1000).in_packet(200).fin(Server);
    assert_eq!((told.close.unanswered_pings, told.close.begun.number), ([0, 0], 4));
}

#[test]
fn where_bytes_of_the_other_side_could_not_be_read_nobody_was_first() {
    let lost = |history: &mut History| {
        history.frames_lost(Client);
        history.unread(Client, packet(3));
    };
    let told = Play::new().does(lost).in_packet(4).close(Server, 1000).fin(Server);
    assert_eq!(told.how(), (Initiator::Unknown, CloseAnswerUnknown, [Some(1000), None]));
    let told = Play::new().does(lost).in_packet(2).close(Server, 1000).in_packet(5).fin(Server);
    assert_eq!(told.how().0, Initiator::Server, "the Close was before them");
    let told = Play::new().does(lost).in_packet(4).text(Client).close(Server, 1000).fin(Server);
    assert_eq!(told.how().0, Initiator::Server, "no message follows a Close");
    let told = Play::new().does(lost).in_packet(4).reset(Server);
    assert_eq!(told.how().0, Initiator::Unknown);
    let silent = |history: &mut History| history.unread(Client, PacketRef::default());
    let told = Play::new().does(silent).close(Server, 1000).fin(Server);
    assert_eq!(told.how().0, Initiator::Unknown, "nothing of it was ever seen");
}

#[test]
fn without_a_close_both_apis_report_1006() {
    let told = Play::new().text(Server).text(Client).fin(Client);
    assert_eq!(told.how(), (Initiator::Client, Fin, [Some(1006); 2]));
    assert_eq!((told.close.last_message, told.findings), (Some(1), vec!["tcp-closed-without-close"]));
    let told = Play::new().reset(Server);
    assert_eq!(told.how(), (Initiator::Server, Reset, [Some(1006); 2]));
    assert_eq!((told.close.last_message, told.close.silence), (None, Some(NANOS_PER_SECOND / 10)));
    assert_eq!(told.findings, ["tcp-reset"]);
}

#[test]
fn a_close_that_is_not_answered_is_reported_by_one_side_only() {
    let told = Play::new().close(Server, 4001).acknowledged().fin(Client);
    assert_eq!(told.how(), (Initiator::Server, CloseUnanswered, [Some(4001), Some(1006)]));
    assert_eq!(told.findings, ["close-abnormal-code", "close-not-answered"]);
}

#[test]
fn an_empty_close_is_1005() {
    let told = Play::new().says(Client, Opcode::CLOSE, b"").says(Server, Opcode::CLOSE, b"").fin(Server);
    assert_eq!(told.how(), (Initiator::Client, CloseHandshake, [Some(1005); 2]));
}

#[test]
fn who_fails_the_connection_does_not_look_at_the_peers_close() {
    let told = Play::new().close(Server, 1002).acknowledged().close(Client, 1002).fin(Server);
    assert_eq!(told.close.reported, [Some(1002), None]);
    let crossed = Play::new().close(Client, 1000).close(Server, 1007).fin(Server);
    assert_eq!(crossed.close.reported, [Some(1007), Some(1006)]);
}

#[test]
fn a_fin_before_the_peers_close_was_first() {
    let mut play = Play::new();
    play.step();
    let fin = play.at;
    let mut play = play.close(Server, 1001);
    play.step();
    let first = Some(TcpClose { side: Client, how: EndKind::Fin, at: fin });
    let ending = Ending { at: play.at, how: Fin, first };
    let close = play.history.finish(&ending, [Cut::default(); 2], &Thresholds::default(), &mut |_| ());
    assert_eq!((close.initiator, close.how, close.code), (Initiator::Client, Fin, Some(1001)));
    assert_eq!(close.reported, [Some(1001), Some(1006)]);
}

#[test]
fn what_is_open_at_the_end_has_reported_nothing() {
    let told = Play::new().text(Client).ends(CaptureEnded, None);
    assert_eq!(told.how(), (Initiator::Unknown, CaptureEnded, [None; 2]));
    assert_eq!(told.findings, ["connection-open-at-end"]);
    let closing = Play::new().close(Client, 1001).ends(CaptureEnded, None);
    assert_eq!(closing.how(), (Initiator::Client, CaptureEnded, [None, Some(1001)]));
    assert_eq!(closing.findings, [""; 0]);
}

#[test]
fn an_end_behind_lost_bytes_proves_nothing() {
    for lost in [Client, Server] {
        let told = Play::new().text(lost).does(|history| history.frames_lost(lost)).fin(Server);
        assert_eq!(told.findings, [""; 0]);
        assert_eq!(
            told.close.reported.iter().flatten().count(),
            1,
            "the side that lost nothing closed abruptly"
        );
        let told = Play::new().does(|history| history.bytes_lost(lost)).text(lost).fin(Server);
        assert_eq!(told.findings, ["tcp-closed-without-close"], "a whole message came behind the hole");
    }
}

#[test]
fn an_answer_is_not_missed_where_bytes_are_missing() {
    let lost = |side| Play::new().text(Client).close(Client, 1000).does(|history| history.bytes_lost(side));
    let told = lost(Server).fin(Client);
    assert_eq!(told.how(), (Initiator::Client, CloseAnswerUnknown, [None, Some(1000)]));
    assert_eq!(lost(Client).fin(Client).how().1, CloseUnanswered);
    assert_eq!(lost(Server).text(Server).fin(Client).how().1, CloseUnanswered);
}

#[test]
fn a_close_counts_whose_reason_was_not_captured_whole() {
    let close = |change: fn(&mut Message)| {
        let mut message = Message {
            opcode: Opcode::CLOSE,
            length: 30,
            payload: b"\x03\xe8by".to_vec(),
            missing_bytes: 26,
            first_missing: Some(4),
            first: packet(2),
            last: packet(2),
            ..Message::default()
        };
        change(&mut message);
        let mut play = Play::new();
        play.step();
        play.history.message(Client, &message, 0, &Thresholds::default(), &mut |_| {});
        play.fin(Server).close
    };
    let cut = close(|_| ());
    assert_eq!((cut.initiator, cut.code, cut.reason.as_str()), (Initiator::Client, Some(1000), "by"));
    assert_eq!(close(|message| message.first_missing = Some(0)).initiator, Initiator::Client);
    // The peer got no Close of which the end was never sent.
    assert_eq!(close(|message| message.unfinished = true).how, Fin);
}

#[test]
fn unanswered_pings_are_counted_for_each_side() {
    let ping = |play: Play, side| play.says(side, Opcode::PING, b"a");
    let told = ping(ping(Play::new(), Server), Client).says(Server, Opcode::PONG, b"a").reset(Client);
    assert_eq!(told.close.unanswered_pings, [0, 1]);
}
