//! The bytes of a whole head → `RequestHead`, `ResponseHead`: what stood on the wire, and where it leaves the
//! grammar (RFC 9112 §2 to §5).

use std::ops::Range;

use compact_str::CompactString;
use memchr::memchr;

use super::body::Body;
use super::headers::{is_token_byte, printable};
use super::{Anomaly, AnomalyKind, Headers, RequestHead, ResponseHead};
use crate::packet::PacketRef;

/// What the two kinds of heads have in common for their reader.
pub(super) trait Head: Sized {
    /// Can a head begin with these bytes, as far as they go? A few dozen of them tell.
    fn may_begin(bytes: &[u8]) -> bool;

    /// Is this line, given with its line end, a start line of HTTP/1?
    fn is_start_line(line: &[u8]) -> bool;

    /// A head that has no more than this start line yet, and what is odd about that.
    fn begin(line: &[u8]) -> Option<(Self, Odd)>;

    /// The same with its fields, and its size in bytes.
    fn with(self, headers: Headers, anomalies: Vec<Anomaly>, size: usize) -> Self;

    /// Says which packets it came from.
    fn place(&mut self, first: PacketRef, last: PacketRef);

    /// What follows it.
    fn body(&self) -> Body;
}

/// What is odd about a start line.
type Odd = [Option<Anomaly>; 2];

/// Reads a head whose start line is one and which ends with an empty line. `None` when it has more than
/// `bound` fields.
pub(super) fn parse<H: Head>(bytes: &[u8], bound: usize) -> Option<H> {
    let (line, fields) = Piece::of(bytes).line()?;
    let (head, odd) = H::begin(line.bytes)?;
    let (headers, anomalies) = Fields::behind(line, odd, fields).parse(bound)?;
    Some(head.with(headers, anomalies, bytes.len()))
}

/// The head that these bytes begin with, and its size, where it is one by the grammar and written as nearly all are: it is
/// gone through once. `None` where it is not, or not all there.
pub(super) fn plain<H: Head>(bytes: &[u8], bound: usize) -> Option<(H, usize)> {
    let (line, fields) = plain_line(bytes)?;
    let (head, _) = H::begin(line).filter(|(_, odd)| *odd == [None; 2])?;
    let (headers, size) = Headers::plain(fields, bound)?;
    let size = line.len() + size;
    Some((head.with(headers, Vec::new(), size), size))
}

/// A start line with its line end, and what is behind it, where that line is printable ASCII up to CRLF.
fn plain_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = printable(bytes);
    bytes.get(end..)?.starts_with(b"\r\n").then(|| bytes.split_at_checked(end + 2)).flatten()
}

impl Head for RequestHead {
    fn may_begin(bytes: &[u8]) -> bool {
        let unfinished = bytes.len() <= LONGEST_METHOD && bytes.iter().copied().all(is_token_byte);
        unfinished || method(bytes).is_some()
    }

    fn is_start_line(line: &[u8]) -> bool {
        request_line(line).is_some()
    }

    fn begin(line: &[u8]) -> Option<(Self, Odd)> {
        let (method, target, protocol) = request_line(line)?;
        let odd = [protocol.anomaly(), odd_target(target)];
        let method = if method == b"GET" { CompactString::const_new("GET") } else { text(method) };
        let (target, version) = (text(target), protocol.version());
        Some((Self { method, target, version, ..Self::default() }, odd))
    }

    fn with(self, headers: Headers, anomalies: Vec<Anomaly>, size: usize) -> Self {
        Self { headers, anomalies, size: size as u64, ..self }
    }

    fn place(&mut self, first: PacketRef, last: PacketRef) {
        (self.first, self.last) = (first, last);
    }

    fn body(&self) -> Body {
        Body::of_request(self)
    }
}

impl Head for ResponseHead {
    fn may_begin(bytes: &[u8]) -> bool {
        let mut begun = *b"HTTP/1.1 101 ";
        begun.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        status_line(&begun).is_some()
    }

    fn is_start_line(line: &[u8]) -> bool {
        status_line(line).is_some()
    }

    fn begin(line: &[u8]) -> Option<(Self, Odd)> {
        let (protocol, status, reason) = status_line(line)?;
        let odd = [protocol.anomaly(), odd_reason(reason)];
        let reason = text(reason.strip_prefix(b" ").unwrap_or(reason));
        Some((Self { status, reason, version: protocol.version(), ..Self::default() }, odd))
    }

    fn with(self, headers: Headers, anomalies: Vec<Anomaly>, size: usize) -> Self {
        Self { headers, anomalies, size: size as u64, ..self }
    }

    fn place(&mut self, first: PacketRef, last: PacketRef) {
        (self.first, self.last) = (first, last);
    }

    fn body(&self) -> Body {
        Body::of_response(self)
    }
}

/// `HTTP/1.1` as it was written.
struct Protocol<'a> {
    name: &'a [u8],
    version: &'a [u8],
}

impl<'a> Protocol<'a> {
    /// Only version 1.x has heads that are text: `PRI * HTTP/2.0` must not pass. // RFC 9112 §2.3, RFC 9113 §3.4
    fn of(text: &'a [u8; 8]) -> Option<Self> {
        let (name, version) = text.split_at_checked(5)?;
        let is_known = name.eq_ignore_ascii_case(b"HTTP/") && matches!(version, [b'1', b'.', b'0'..=b'9']);
        is_known.then_some(Self { name, version })
    }

    fn version(&self) -> CompactString {
        // Nearly all are: no need to look at the text.
        if self.version == b"1.1" { CompactString::const_new("1.1") } else { text(self.version) }
    }

    fn anomaly(&self) -> Option<Anomaly> {
        (self.name != b"HTTP/").then_some(Anomaly { kind: AnomalyKind::ProtocolCase, field: None })
    }
}

/// `GET`, and what is behind the space after it. // RFC 9112 §3.1
fn method(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line.iter().position(|byte| !is_token_byte(*byte))?;
    let (method, rest) = line.split_at_checked(end)?;
    Some((method, rest.strip_prefix(b" ")?)).filter(|_| (1..=LONGEST_METHOD).contains(&end))
}

/// Method, target and protocol. The target is all between the first and the last space, so that one which
/// holds spaces is shown as it was. // RFC 9112 §3
fn request_line(line: &[u8]) -> Option<(&[u8], &[u8], Protocol<'_>)> {
    let (method, rest) = method(line)?;
    let (target, version) = trim_end(without_line_end(rest)).split_last_chunk()?;
    let target = target.strip_suffix(b" ").filter(|target| !trim_end(target).is_empty())?;
    Some((method, target, Protocol::of(version)?))
}

/// Protocol, status code and reason, with the space before that. Reason and space are often missing. // RFC 9112 §4
fn status_line(line: &[u8]) -> Option<(Protocol<'_>, u16, &[u8])> {
    let (protocol, rest) = line.split_first_chunk()?;
    let ([b' ', code @ ..], reason) = rest.split_first_chunk::<4>()? else { return None };
    let is_status =
        code.iter().all(u8::is_ascii_digit) && matches!(reason, [b' ' | b'\t' | b'\r' | b'\n', ..]);
    let status = code.iter().fold(0, |value, digit| value * 10 + u16::from(digit.wrapping_sub(b'0')));
    is_status.then_some((Protocol::of(protocol)?, status, without_line_end(reason)))
}

/// Header fields while their lines come in.
struct Fields<'a> {
    /// The lines that are left.
    rest: Piece<'a>,
    headers: Headers,
    /// Of the start line.
    odd: Odd,
    has_bare_lf: bool,
    /// Of the fields.
    anomalies: Vec<Anomaly>,
}

impl<'a> Fields<'a> {
    /// Those behind a start line, of which this is odd.
    fn behind(line: Piece<'_>, odd: Odd, rest: Piece<'a>) -> Self {
        let has_bare_lf = ends_with_bare_lf(line.bytes);
        Self { rest, headers: Headers::default(), odd, has_bare_lf, anomalies: Vec::new() }
    }

    /// The fields up to the empty line, and the anomalies of the whole head; `None` when there are more than `bound`.
    fn parse(mut self, bound: usize) -> Option<(Headers, Vec<Anomaly>)> {
        while let Some(line) = self.line() {
            if self.headers.count() == bound {
                return None;
            }
            if is_indented(line) {
                self.note(AnomalyKind::LeadingSpace);
            }
            self.field(line.trim());
        }
        let bare_lf = self.has_bare_lf.then_some(Anomaly { kind: AnomalyKind::BareLf, field: None });
        let anomalies = self.odd.into_iter().chain([bare_lf]).flatten().chain(self.anomalies);
        let mut anomalies: Vec<_> = anomalies.collect();
        // What waits for its answer is counted by what is in it.
        anomalies.shrink_to_fit();
        self.headers.shrink();
        Some((self.headers, anomalies))
    }

    /// The next line, without its end; `None` at the empty one.
    fn line(&mut self) -> Option<Piece<'a>> {
        let (line, rest) = self.rest.line()?;
        self.rest = rest;
        self.has_bare_lf |= ends_with_bare_lf(line.bytes);
        let line = line.slice(0..without_line_end(line.bytes).len());
        (!line.bytes.is_empty()).then_some(line)
    }

    fn field(&mut self, line: Piece<'a>) {
        let (written, value) = line.field();
        let name = written.trim();
        if value.is_none() {
            self.note(AnomalyKind::NoColon);
        } else if name.bytes.len() < written.bytes.len() {
            self.note(AnomalyKind::SpaceBeforeColon);
        }
        if name.bytes.is_empty() || !name.bytes.iter().copied().all(is_token_byte) {
            self.note(AnomalyKind::Name);
        }
        let value = value.unwrap_or_default();
        let value = if is_indented(self.rest) {
            let folded = self.folded(value.bytes.to_vec());
            self.value(Piece::of(&folded))
        } else {
            self.value(value)
        };
        let name = name.utf8().unwrap_or_else(|| latin_1(name.bytes));
        self.headers.push(&name, &value);
    }

    /// The value with the lines that continue it.
    fn folded(&mut self, mut value: Vec<u8>) -> Vec<u8> {
        while is_indented(self.rest)
            && let Some(line) = self.line()
        {
            self.note(AnomalyKind::ObsFold);
            value.push(b' ');
            value.extend_from_slice(line.trim().bytes);
        }
        value
    }

    fn value(&mut self, value: Piece<'_>) -> CompactString {
        let value = value.trim();
        if has_control_character(value.bytes) {
            self.note(AnomalyKind::ControlCharacter);
        }
        value.utf8().unwrap_or_else(|| {
            self.note(AnomalyKind::NotUtf8);
            latin_1(value.bytes)
        })
    }

    /// Notes an anomaly of the field that comes next.
    fn note(&mut self, kind: AnomalyKind) {
        let anomaly = Anomaly { kind, field: Some(self.headers.count()) };
        if self.anomalies.last() != Some(&anomaly) {
            self.anomalies.push(anomaly);
        }
    }
}

fn is_indented(line: Piece<'_>) -> bool {
    matches!(line.bytes, [b' ' | b'\t', ..])
}

/// A part of a head: its bytes, and the same as text where all of the head is UTF-8, as nearly all are: that is
/// looked through once, not part by part.
#[derive(Clone, Copy, Default)]
struct Piece<'a> {
    bytes: &'a [u8],
    text: Option<&'a str>,
}

impl<'a> Piece<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, text: std::str::from_utf8(bytes).ok() }
    }

    fn slice(self, range: Range<usize>) -> Self {
        let text = self.text.and_then(|text| text.get(range.clone()));
        Self { bytes: self.bytes.get(range).unwrap_or_default(), text }
    }

    /// One line with its line end, and the rest.
    fn line(self) -> Option<(Self, Self)> {
        let end = memchr(b'\n', self.bytes)? + 1;
        Some((self.slice(0..end), self.slice(end..self.bytes.len())))
    }

    /// A name as it was written, and the value behind its colon, if there is one. // RFC 9112 §5
    fn field(self) -> (Self, Option<Self>) {
        let colon = memchr(b':', self.bytes);
        let value = |colon: usize| self.slice(colon + 1..self.bytes.len());
        (self.slice(0..colon.unwrap_or(self.bytes.len())), colon.map(value))
    }

    fn trim(self) -> Self {
        let end = trim_end(self.bytes).len();
        let start = self.bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.slice(start.min(end)..end)
    }

    /// `None` where this part is none.
    fn utf8(self) -> Option<CompactString> {
        self.text.or_else(|| std::str::from_utf8(self.bytes).ok()).map(CompactString::new)
    }
}

fn odd_target(target: &[u8]) -> Option<Anomaly> {
    // Without a branch, so that many bytes are judged at once.
    let odd = target.iter().fold(false, |odd, byte| odd | !byte.is_ascii_graphic());
    odd.then_some(Anomaly { kind: AnomalyKind::Target, field: None })
}

fn odd_reason(reason: &[u8]) -> Option<Anomaly> {
    has_control_character(reason).then_some(Anomaly { kind: AnomalyKind::ControlCharacter, field: None })
}

/// Other than HTAB, which is white space. // RFC 9110 §5.5
fn has_control_character(text: &[u8]) -> bool {
    // Without a branch, so that many bytes are judged at once.
    text.iter().fold(false, |found, byte| found | (byte.is_ascii_control() & (*byte != b'\t')))
}

fn ends_with_bare_lf(line: &[u8]) -> bool {
    !line.ends_with(b"\r\n")
}

/// A recipient may take a bare LF for a line end. // RFC 9112 §2.2
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// UTF-8 as it is; other bytes as Latin-1, which loses none of them.
fn text(bytes: &[u8]) -> CompactString {
    std::str::from_utf8(bytes).map_or_else(|_| latin_1(bytes), CompactString::new)
}

fn latin_1(bytes: &[u8]) -> CompactString {
    bytes.iter().copied().map(char::from).collect()
}

/// Registered methods have up to 17 letters (`UPDATEREDIRECTREF`); text protocols show by a long first word
/// that they are no HTTP.
const LONGEST_METHOD: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use AnomalyKind::*;
    use proptest::prelude::*;

    fn request(bytes: &[u8]) -> RequestHead {
        parse(bytes, 256).unwrap()
    }

    fn response(bytes: &[u8]) -> ResponseHead {
        parse(bytes, 256).unwrap()
    }

    type NameAndValue = (String, String);

    /// The fields of a request with these lines, and its anomalies.
    fn fields(lines: &[u8]) -> (Vec<NameAndValue>, Vec<(AnomalyKind, Option<usize>)>) {
        let head = request(&[b"GET / HTTP/1.1\r\n", lines, b"\r\n"].concat());
        let fields = head.headers.iter().map(|field| field_of(field.name, field.value));
        (fields.collect(), head.anomalies.iter().map(|anomaly| (anomaly.kind, anomaly.field)).collect())
    }

    fn field_of(name: &str, value: &str) -> NameAndValue {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_head_by_the_grammar_has_no_anomalies() {
        let head =
            request(b"GET /chat?x=1 HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nsec-websocket-KEY:\tk==  \r\n\r\n");
        assert_eq!(
            (head.method.as_str(), head.target.as_str(), head.version.as_str()),
            ("GET", "/chat?x=1", "1.1")
        );
        let fields: Vec<_> = head.headers.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(fields, [("Host", "a"), ("X-Empty", ""), ("sec-websocket-KEY", "k==")]);
        assert_eq!(head.anomalies, []);
    }

    #[test]
    fn a_target_is_all_between_the_first_and_the_last_space() {
        for (line, target) in [
            ("GET /a b  c HTTP/1.1\r\n\r\n", "/a b  c"),
            ("GET /a HTTP/1.1 HTTP/1.1\r\n\r\n", "/a HTTP/1.1"),
            ("CONNECT example.com:443 HTTP/1.0\n\n", "example.com:443"),
            ("GET ws://example.com/x HTTP/1.1\r\n\r\n", "ws://example.com/x"),
            ("OPTIONS * http/1.2 \r\n\r\n", "*"),
            ("GET /柳 HTTP/1.1\r\n\r\n", "/柳"),
        ] {
            assert!(RequestHead::is_start_line(line.trim_end_matches(['\r', '\n']).as_bytes()), "{line}");
            assert_eq!(request(line.as_bytes()).target, target);
        }
        assert_eq!(request(b"GET /\xfc HTTP/1.1\r\n\r\n").target, "/ü");
    }

    #[test]
    fn an_odd_start_line_is_read_and_noted() {
        let head = request(b"get /a b http/1.2\n\n");
        assert_eq!((head.method.as_str(), head.version.as_str()), ("get", "1.2"));
        let kinds: Vec<_> = head.anomalies.iter().map(|anomaly| anomaly.kind).collect();
        assert_eq!(kinds, [ProtocolCase, Target, BareLf]);
    }

    #[test]
    fn a_request_line_needs_a_target_and_version_1() {
        for line in [
            "GET /\r\n",
            "GET HTTP/1.1\r\n",
            "GET  HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n",
            "GET / HTTP/1.\r\n",
            "GET / HTTP/1.1x\r\n",
            "GET / HTTP/1.10\r\n",
            "GET / HTCPCP/1.0\r\n",
            " / HTTP/1.1\r\n",
            "G(T / HTTP/1.1\r\n",
            "GET /HTTP/1.1\r\n",
            "EHLO example.com\r\n",
        ] {
            assert!(!RequestHead::is_start_line(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_reason_may_be_empty_or_missing() {
        for (bytes, status, reason) in [
            (&b"HTTP/1.1 101 Switching Protocols\r\n\r\n"[..], 101, "Switching Protocols"),
            (b"HTTP/1.0 204 \r\n\r\n", 204, ""),
            (b"http/1.1 200\n\n", 200, ""),
            (b"HTTP/1.1 404 Nicht gefunden: \xfc\r\n\r\n", 404, "Nicht gefunden: ü"),
            (b"HTTP/1.1 999 \xe6\x9f\xb3\r\n\r\n", 999, "柳"),
        ] {
            let head = response(bytes);
            assert_eq!((head.status, head.reason.as_str()), (status, reason));
        }
        for line in [
            "HTTP/1.1 20\r\n",
            "HTTP/1.1 2000\r\n",
            "HTTP/2 200\r\n",
            "HTTP/1.1  200 OK\r\n",
            "ICY 200 OK\r\n",
        ] {
            assert!(!ResponseHead::is_start_line(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn an_opening_is_refused_at_the_first_byte_that_does_not_fit() {
        let fits = RequestHead::may_begin;
        assert!(fits(b"") && fits(b"G") && fits(b"GET") && fits(b"GET ") && fits(&[b'a'; 32]));
        assert!(!fits(b"\x16") && !fits(b"GE\0") && !fits(b" ") && !fits(b"*3\r") && !fits(&[b'a'; 33]));
        let fits = ResponseHead::may_begin;
        assert!(fits(b"h") && fits(b"HTTP/1.") && fits(b"HTTP/1.1 10") && fits(b"HTTP/1.1 101\r"));
        assert!(!fits(b"HTTQ") && !fits(b"HTTP/2") && !fits(b"HTTP/1.1 1x") && !fits(b"\x81"));
    }

    #[test]
    fn a_folded_value_is_joined_with_a_space() {
        let (found, anomalies) = fields(b"A: x;\r\n\t y\r\n  z \r\nB:\r\n b\r\n");
        assert_eq!(found, [field_of("A", "x; y z"), field_of("B", "b")]);
        assert_eq!(anomalies, [(ObsFold, Some(0)), (ObsFold, Some(1))]);
    }

    #[test]
    fn a_field_outside_the_grammar_is_kept_and_noted() {
        let (found, anomalies) =
            fields(b" A: a\r\nB \t: b\r\nC c: c\r\n: d\r\nno colon\r\nF: \0f\x7f\r\nG: \xfc\rg\n");
        let expected = [
            field_of("A", "a"),
            field_of("B", "b"),
            field_of("C c", "c"),
            field_of("", "d"),
            field_of("no colon", ""),
            field_of("F", "\0f\x7f"),
            field_of("G", "ü\rg"),
        ];
        assert_eq!(found, expected);
        let expected = [
            (BareLf, None),
            (LeadingSpace, Some(0)),
            (SpaceBeforeColon, Some(1)),
            (Name, Some(2)),
            (Name, Some(3)),
            (NoColon, Some(4)),
            (Name, Some(4)),
            (ControlCharacter, Some(5)),
            (ControlCharacter, Some(6)),
            (NotUtf8, Some(6)),
        ];
        assert_eq!(anomalies, expected);
    }

    #[test]
    fn a_value_is_utf_8_or_latin_1_as_a_whole() {
        let (found, _) = fields("A: 柳\r\n".as_bytes());
        assert_eq!(found, [field_of("A", "柳")]);
        let (found, _) = fields(b"A: \xe6\x9f\xb3\r\n \xfc\r\n");
        assert_eq!(found, [field_of("A", "æ\u{9f}³ ü")]);
    }

    #[test]
    fn the_number_of_fields_is_bounded_and_continuation_lines_are_none() {
        let bytes = b"GET / HTTP/1.1\r\nA: 1\r\n 2\r\n 3\r\nB: 4\r\n\r\n";
        assert!(parse::<RequestHead>(bytes, 2).is_some());
        assert!(parse::<RequestHead>(bytes, 1).is_none());
        assert!(parse::<RequestHead>(b"GET / HTTP/1.1\r\n\r\n", 0).is_some());
    }

    fn line_end() -> impl Strategy<Value = String> {
        prop_oneof![4 => Just("\r\n".to_owned()), 1 => Just("\n".to_owned())]
    }

    /// Mostly by the grammar, so that httparse takes most of them.
    fn field_lines() -> impl Strategy<Value = String> {
        let name = prop_oneof![30 => "[-!#$%&'*+.^_`|~0-9A-Za-z]{1,8}", 1 => "[ -~]{1,8}", 1 => "\\PC{1,4}"];
        let value =
            prop_oneof![30 => "[ \t]{0,2}[ -~\t]{0,12}\\PC{0,3}[ \t]{0,2}", 1 => "[\u{0}-\u{ff}]{1,3}"];
        let line = (name, value, line_end()).prop_map(|(name, value, end)| format!("{name}:{value}{end}"));
        (proptest::collection::vec(line, 0..6), line_end()).prop_map(|(lines, end)| lines.concat() + &end)
    }

    proptest! {
        #[test]
        fn a_plain_head_is_read_as_any_other(
            line in prop_oneof![
                Just("GET /chat?x=1 HTTP/1.1"), Just("G3T a:b HTTP/1.9"), Just("GET /a b HTTP/1.1"),
                Just("HTTP/1.1 101 Switching Protocols"), Just("HTTP/1.0 200"), Just("http/1.1 101 x"),
            ],
            plain_lines in proptest::collection::vec("(Host|cookie|X-Y|A): ?[ -~]{0,20}\r\n", 0..6),
            other_lines in prop_oneof![3 => Just("\r\n".to_owned()), 1 => field_lines()],
            behind in "[\r\n\u{0}-z]{0,3}",
        ) {
            let head = format!("{line}\r\n{}{other_lines}", plain_lines.concat());
            let bytes = [head.as_bytes(), behind.as_bytes()].concat();
            prop_assert_eq!(plain::<RequestHead>(&bytes, 8), read_as_any_other(&bytes, plain(&bytes, 8)));
            prop_assert_eq!(plain::<ResponseHead>(&bytes, 8), read_as_any_other(&bytes, plain(&bytes, 8)));
        }

        #[test]
        fn a_request_that_httparse_accepts_is_read_the_same(
            method in "[-!#$%&'*+.^_`|~0-9A-Za-z]{1,32}", target in "(/|[a-z]{1,4}:)[!-~\\PC]{0,12}",
            version in "HTTP/1\\.[01]", end in line_end(), fields in field_lines(),
        ) {
            let bytes = format!("{method} {target} {version}{end}{fields}");
            let mut slots = [httparse::EMPTY_HEADER; 16];
            let mut theirs = httparse::Request::new(&mut slots);
            prop_assume!(theirs.parse(bytes.as_bytes()) == Ok(httparse::Status::Complete(bytes.len())));
            let ours = request(bytes.as_bytes());
            prop_assert_eq!(ours.method.as_str(), theirs.method.unwrap());
            prop_assert_eq!(ours.target.as_str(), theirs.path.unwrap());
            prop_assert_eq!(ours.version, format!("1.{}", theirs.version.unwrap()));
            prop_assert_eq!(ours.headers, read_by_httparse(theirs.headers));
        }

        #[test]
        fn a_response_that_httparse_accepts_is_read_the_same(
            status in "[0-9]{3}", reason in "( [ -~\t]{0,12})?", version in "HTTP/1\\.[01]", end in line_end(), fields in field_lines(),
        ) {
            let bytes = format!("{version} {status}{reason}{end}{fields}");
            let mut slots = [httparse::EMPTY_HEADER; 16];
            let mut theirs = httparse::Response::new(&mut slots);
            prop_assume!(theirs.parse(bytes.as_bytes()) == Ok(httparse::Status::Complete(bytes.len())));
            let ours = response(bytes.as_bytes());
            prop_assert_eq!(ours.status, theirs.code.unwrap());
            prop_assert_eq!(ours.reason.as_str(), theirs.reason.unwrap());
            prop_assert_eq!(ours.version, format!("1.{}", theirs.version.unwrap()));
            prop_assert_eq!(ours.headers, read_by_httparse(theirs.headers));
        }
    }

    /// A head that was found plain, read like any other.
    fn read_as_any_other<H: Head>(bytes: &[u8], found: Option<(H, usize)>) -> Option<(H, usize)> {
        let size = super::super::reader::head_size::<H>(bytes);
        found.map(|_| (parse(&bytes[..size.unwrap()], 8).unwrap(), size.unwrap()))
    }

    fn read_by_httparse(headers: &[httparse::Header<'_>]) -> Headers {
        headers.iter().map(|field| (field.name, text(field.value))).collect()
    }
}
