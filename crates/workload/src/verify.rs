//! The NDJSON of `wspect read` → what it found, held against what there is.

use std::borrow::Cow;
use std::io::{self, BufRead};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::expected::{Expected, Frames, Messages, Ways, crc32};

/// What lines of NDJSON say, counted. Keeps none of them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    opened: u64,
    refused: u64,
    frames: Frames,
    messages: Messages,
    message_bytes: Ways,
    digest: u64,
    /// Payload bytes as the traffic of each connection has them.
    payload: Ways,
    whole: Whole,
    cut_payloads: u64,
    without_content: u64,
    totals: Option<Totals>,
}

/// What was captured without a hole.
#[derive(Clone, Copy, Debug, Default)]
struct Whole {
    messages: u64,
    digest: u64,
    /// Only where frames are listed.
    frames: Option<u64>,
    payload: u64,
}

/// Is the content of messages in the output?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It was written with `--payload full`.
    Full,
    /// Only lengths are compared.
    Absent,
}

/// One number, as it has to be and as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name in [`Expected`].
    pub name: &'static str,
    /// How it has to be.
    pub expected: u64,
    /// How it is.
    pub found: u64,
    /// May `found` also be less?
    pub at_most: bool,
}

impl Row {
    /// Is it as it has to be?
    pub const fn holds(&self) -> bool {
        self.found == self.expected || self.at_most && self.found < self.expected
    }
}

/// What of a line counts. The names are those of `docs/output.md`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    // message
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    direction: Option<Cow<'a, str>>,
    length: u64,
    frames: u64,
    compressed: bool,
    incomplete: bool,
    unfinished: bool,
    truncated: bool,
    undecoded: bool,
    missing_bytes: u64,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    base64: Option<Cow<'a, str>>,
    fragments: Option<Vec<Fragment>>,
    // connection
    #[serde(borrow)]
    handshake: Option<Handshake<'a>>,
    // connection_end
    traffic: Option<Traffic>,
    // totals
    packets: Option<serde_json::Value>,
    tcp_connections: u64,
    websocket_connections: u64,
    messages: u64,
    control_frames: u64,
}

#[derive(Debug, Deserialize)]
struct Fragment {
    length: u64,
    #[serde(default)]
    missing_bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Handshake<'a> {
    #[serde(borrow)]
    outcome: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct Traffic {
    client_to_server: Sent,
    server_to_client: Sent,
}

#[derive(Debug, Deserialize)]
struct Sent {
    payload_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    packets: u64,
    tcp_connections: u64,
    websocket_connections: u64,
    frames: u64,
    data_messages: u64,
}

impl Tally {
    /// Reads lines to their end, one at a time.
    ///
    /// # Errors
    /// The reader fails, or a line is not one of wspect's.
    pub fn read(mut lines: impl BufRead) -> io::Result<Self> {
        let mut tally = Self::default();
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            tally.line(&serde_json::from_slice(&line)?)?;
            line.clear();
        }
        Ok(tally)
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        match &*line.event {
            "connection" => {
                let outcome = line.handshake.as_ref().map(|handshake| &*handshake.outcome);
                self.opened += u64::from(outcome == Some("accepted"));
                self.refused += u64::from(outcome == Some("refused"));
            }
            "message" => self.message(line)?,
            "connection_end" => {
                if let Some(traffic) = &line.traffic {
                    self.payload.c2s += traffic.client_to_server.payload_bytes;
                    self.payload.s2c += traffic.server_to_client.payload_bytes;
                    self.payload.total = self.payload.c2s + self.payload.s2c;
                }
            }
            "totals" => {
                let packets = line.packets.as_ref().and_then(serde_json::Value::as_u64);
                self.totals = Some(Totals {
                    packets: packets.unwrap_or_default(),
                    tcp_connections: line.tcp_connections,
                    websocket_connections: line.websocket_connections,
                    frames: line.frames,
                    data_messages: line.messages - line.control_frames,
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, line: &Line<'_>) -> io::Result<()> {
        let first = match line.kind.as_deref() {
            Some("text") => &mut self.frames.text,
            Some("binary") => &mut self.frames.binary,
            Some("close") => &mut self.frames.close,
            Some("ping") => &mut self.frames.ping,
            Some("pong") => &mut self.frames.pong,
            _ => &mut self.frames.continuation,
        };
        *first += 1;
        self.frames.total += line.frames;
        self.frames.continuation += line.frames.saturating_sub(1);
        if let Some(fragments) = &line.fragments {
            self.whole.fragments(fragments, line.unfinished);
        }
        match line.kind.as_deref() {
            Some("text") => self.messages.text += 1,
            Some("binary") => self.messages.binary += 1,
            _ => return Ok(()),
        }
        self.data(line)
    }

    fn data(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.messages.total += 1;
        self.messages.fragmented += u64::from(line.frames > 1);
        self.messages.compressed += u64::from(line.compressed);
        self.cut_payloads += u64::from(line.truncated || line.undecoded);
        self.message_bytes.total += line.length;
        match line.direction.as_deref() {
            Some("client_to_server") => self.message_bytes.c2s += line.length,
            _ => self.message_bytes.s2c += line.length,
        }
        let content = line.content()?;
        let is_whole = !line.incomplete && line.missing_bytes == 0;
        if is_whole && content.len() as u64 != line.length {
            self.without_content += 1;
        }
        let crc = crc32(&content);
        self.digest = self.digest.wrapping_add(crc);
        if is_whole {
            self.whole.messages += 1;
            self.whole.digest = self.whole.digest.wrapping_add(crc);
        }
        Ok(())
    }

    /// What has to agree, in the order in which it is worth reading.
    pub fn against(&self, expected: &Expected, content: Content) -> Vec<Row> {
        let totals = self.totals.unwrap_or_default();
        let mut rows = Rows::default();
        rows.exact("packets", expected.packets, totals.packets);
        rows.exact("tcp_connections", expected.tcp_connections, totals.tcp_connections);
        let asked = expected.ws_connections + expected.ws_upgrades_refused;
        rows.exact("upgrades asked for", asked, totals.websocket_connections);
        rows.exact("ws_connections", expected.ws_connections, self.opened);
        rows.exact("ws_upgrades_refused", expected.ws_upgrades_refused, self.refused);
        if expected.is_lossless() {
            rows.exact("frames in totals", expected.frames.total, totals.frames);
            rows.exact("messages in totals", expected.messages.total, totals.data_messages);
            self.all(expected, &mut rows);
        } else {
            self.what_is_whole(expected, content, &mut rows);
        }
        if content == Content::Full {
            rows.exact("payloads cut or not as long as said", 0, self.cut_payloads + self.without_content);
            if expected.is_lossless() {
                rows.exact("message_crc32_sum", expected.message_crc32_sum, self.digest);
            }
        }
        rows.0
    }

    fn all(&self, expected: &Expected, rows: &mut Rows) {
        rows.exact("frames", expected.frames.total, self.frames.total);
        rows.exact("frames.continuation", expected.frames.continuation, self.frames.continuation);
        rows.exact("frames.text", expected.frames.text, self.frames.text);
        rows.exact("frames.binary", expected.frames.binary, self.frames.binary);
        rows.exact("frames.close", expected.frames.close, self.frames.close);
        rows.exact("frames.ping", expected.frames.ping, self.frames.ping);
        rows.exact("frames.pong", expected.frames.pong, self.frames.pong);
        rows.exact("messages", expected.messages.total, self.messages.total);
        rows.exact("messages.text", expected.messages.text, self.messages.text);
        rows.exact("messages.binary", expected.messages.binary, self.messages.binary);
        rows.exact("messages.fragmented", expected.messages.fragmented, self.messages.fragmented);
        rows.exact("messages.compressed", expected.messages.compressed, self.messages.compressed);
        rows.exact("frame_payload_bytes.c2s", expected.frame_payload_bytes.c2s, self.payload.c2s);
        rows.exact("frame_payload_bytes.s2c", expected.frame_payload_bytes.s2c, self.payload.s2c);
        rows.exact("message_bytes.c2s", expected.message_bytes.c2s, self.message_bytes.c2s);
        rows.exact("message_bytes.s2c", expected.message_bytes.s2c, self.message_bytes.s2c);
    }

    /// Of a capture with holes: all that it holds whole is found, and no more than was sent.
    fn what_is_whole(&self, expected: &Expected, content: Content, rows: &mut Rows) {
        let loss = &expected.loss;
        rows.at_most("frames", expected.frames.total, self.frames.total);
        if let Some(frames) = self.whole.frames {
            rows.exact("frames_wholly_captured", loss.frames_wholly_captured, frames);
            rows.exact("payload_wholly_captured", loss.payload_wholly_captured, self.whole.payload);
        }
        match loss.messages_wholly_captured {
            Some(messages) => rows.exact("messages_wholly_captured", messages, self.whole.messages),
            None => rows.at_most("messages", expected.messages.total, self.whole.messages),
        }
        if let (Some(digest), Content::Full) = (loss.message_crc32_sum_wholly_captured, content) {
            rows.exact("message_crc32_sum_wholly_captured", digest, self.whole.digest);
        }
    }
}

impl Line<'_> {
    fn content(&self) -> io::Result<Cow<'_, [u8]>> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Ok(Cow::Borrowed(text.as_bytes())),
            (None, Some(base64)) => STANDARD.decode(&**base64).map(Cow::Owned).map_err(io::Error::other),
            (None, None) => Ok(Cow::Borrowed(&[])),
        }
    }
}

impl Whole {
    fn fragments(&mut self, fragments: &[Fragment], unfinished: bool) {
        let whole = self.frames.get_or_insert_default();
        for (left, fragment) in fragments.iter().rev().enumerate() {
            // Nothing of an unfinished message says whether its last frame came to its end.
            if fragment.missing_bytes == 0 && !(unfinished && left == 0) {
                *whole += 1;
                self.payload += fragment.length;
            }
        }
    }
}

#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn exact(&mut self, name: &'static str, expected: u64, found: u64) {
        self.0.push(Row { name, expected, found, at_most: false });
    }

    fn at_most(&mut self, name: &'static str, expected: u64, found: u64) {
        self.0.push(Row { name, expected, found, at_most: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"{"event":"capture","schema":1,"path":"x","format":"pcap"}
{"event":"connection","id":1,"handshake":{"outcome":"accepted"}}
{"event":"message","connection":1,"index":0,"direction":"client_to_server","type":"text","opcode":1,"length":5,"wire_length":15,"frames":2,"masked":true,"packets":{"first":1,"last":2},"text":"H\u00e9llo"}
{"event":"message","connection":1,"index":1,"direction":"server_to_client","type":"binary","opcode":2,"length":3,"frames":1,"base64":"AAEC"}
{"event":"message","connection":1,"index":2,"direction":"server_to_client","type":"ping","opcode":9,"length":0,"frames":1}
{"event":"connection_end","id":1,"traffic":{"client_to_server":{"payload_bytes":6},"server_to_client":{"payload_bytes":3}}}
{"event":"totals","packets":9,"tcp_connections":1,"websocket_connections":1,"messages":3,"control_frames":1,"frames":4}
"#;

    fn expected() -> Expected {
        Expected {
            packets: 9,
            tcp_connections: 1,
            ws_connections: 1,
            frames: Frames { total: 4, continuation: 1, text: 1, binary: 1, ping: 1, ..Frames::default() },
            messages: Messages { total: 2, text: 1, binary: 1, fragmented: 1, compressed: 0 },
            frame_payload_bytes: Ways { total: 9, c2s: 6, s2c: 3 },
            message_bytes: Ways { total: 9, c2s: 6, s2c: 3 },
            message_crc32_sum: crc32("Héllo".as_bytes()) + crc32(&[0, 1, 2]),
            ..Expected::default()
        }
    }

    fn differing(lines: &str, expected: &Expected) -> Vec<&'static str> {
        let rows = Tally::read(lines.as_bytes()).unwrap().against(expected, Content::Full);
        rows.iter().filter(|row| !row.holds()).map(|row| row.name).collect()
    }

    fn lines() -> String {
        LINES.replace("\"length\":5", "\"length\":6")
    }

    #[test]
    fn lines_that_say_what_there_is_differ_in_nothing() {
        assert_eq!(differing(&lines(), &expected()), [""; 0]);
    }

    #[test]
    fn one_wrong_byte_of_content_is_found() {
        assert_eq!(differing(&lines().replace("llo", "lla"), &expected()), ["message_crc32_sum"]);
        assert_eq!(differing(&lines().replace("AAEC", "AAED"), &expected()), ["message_crc32_sum"]);
    }

    #[test]
    fn a_missing_payload_a_missing_frame_and_a_missing_end_are_found() {
        let without = differing(&lines().replace(",\"base64\":\"AAEC\"", ""), &expected());
        assert_eq!(without, ["payloads cut or not as long as said", "message_crc32_sum"]);
        let frames = differing(&lines().replace("\"frames\":2", "\"frames\":1"), &expected());
        assert_eq!(frames, ["frames", "frames.continuation", "messages.fragmented"]);
        let (before, _) = LINES.split_at(LINES.find("{\"event\":\"totals\"").unwrap());
        assert!(differing(before, &expected()).contains(&"packets"));
    }

    #[test]
    fn a_length_that_is_not_that_of_the_payload_is_found() {
        assert!(differing(LINES, &expected()).contains(&"payloads cut or not as long as said"));
    }

    #[test]
    fn of_a_capture_with_holes_what_it_holds_whole_has_to_be_found() {
        let mut expected = expected();
        expected.loss.dropped = 1;
        expected.loss.messages_wholly_captured = Some(1);
        expected.loss.message_crc32_sum_wholly_captured = Some(crc32(&[0, 1, 2]));
        let cut = lines().replace("\"frames\":2", "\"frames\":2,\"incomplete\":true,\"missing_bytes\":1");
        assert_eq!(differing(&cut, &expected), [""; 0]);
        let wrong = ["messages_wholly_captured", "message_crc32_sum_wholly_captured"];
        assert_eq!(differing(&lines(), &expected), wrong);
    }

    #[test]
    fn what_is_no_line_of_wspect_is_an_error() {
        assert!(Tally::read(&b"not json\n"[..]).is_err());
        assert!(Tally::read(&b"{\"event\":\"message\",\"type\":\"text\",\"base64\":\"?\"}\n"[..]).is_err());
    }
}
