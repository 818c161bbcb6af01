//! Chunks of one direction → heads, as soon as each is whole; bodies are stepped over.

use memchr::memchr;

use super::body::{Body, Progress};
use super::head::{self, Head, without_line_end};
use super::headers::LARGEST_HEAD;
use super::{RequestHead, ResponseHead};
use crate::limits::Limits;
use crate::packet::PacketRef;

/// What a direction of an HTTP/1 connection shows next. After `NotHttp` and `TooLarge` the reader is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<H> {
    /// A whole head; its body, if any, is stepped over by the next calls.
    Head(H),
    /// What follows is not HTTP/1, or the end of a body can't be known. Where a head was expected, the chunk
    /// that shows it stays in the input.
    NotHttp,
    /// A head with more bytes or fields than the limits allow.
    TooLarge,
}

/// What a client sends.
pub type RequestStep = Step<RequestHead>;

/// What a server sends.
pub type ResponseStep = Step<ResponseHead>;

/// The client's direction of an HTTP/1 connection, from the first byte of a request on.
#[derive(Debug)]
pub struct RequestReader(Reader);

impl RequestReader {
    /// A reader before the first request. It holds up to `limits.head` bytes of a head that is not whole.
    pub fn new(limits: &Limits) -> Self {
        Self(Reader::new(limits))
    }

    /// Takes bytes off the front of `input`, which came with packet `at`, up to the end of the next head.
    /// `None`: all of it is used up, or the reader [is over](Self::is_over).
    pub fn next(&mut self, input: &mut &[u8], at: PacketRef) -> Option<RequestStep> {
        self.0.next(input, at)
    }

    /// Goes on behind `missing` bytes that were lost. True when they all lay in a body or chunk of known
    /// length; false when the place in the stream is lost, and then this reader is over.
    pub fn skip(&mut self, missing: u64) -> bool {
        self.0.skip(missing)
    }

    /// Takes the rest of a body, if one is open, off the front of `input`, and nothing behind it.
    pub fn step_over_body(&mut self, input: &mut &[u8]) {
        self.0.step_over_body(input);
    }

    /// Between messages, with nothing begun?
    pub fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    /// Has it the beginning of a head, but not its end?
    pub fn is_in_head(&self) -> bool {
        matches!(self.0.state, State::InHead(_))
    }

    /// Will it never consume another byte?
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }

    /// Bytes of memory that it takes beside itself.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }
}

/// The server's direction of an HTTP/1 connection, from the first byte of a response on. After a 101, and after
/// a 2xx to CONNECT, it is over and leaves the rest of the input.
#[derive(Debug)]
pub struct ResponseReader {
    reader: Reader,
    /// Of the latest head; 0 before the first.
    status: u16,
}

impl ResponseReader {
    /// A reader before the first response. It holds up to `limits.head` bytes of a head that is not whole.
    pub fn new(limits: &Limits) -> Self {
        Self { reader: Reader::new(limits), status: 0 }
    }

    /// Takes bytes off the front of `input`, which came with packet `at`, up to the end of the next head.
    /// `None`: all of it is used up, or the reader [is over](Self::is_over). A head with status 1xx is an
    /// interim one (101 excepted): the request that it belongs to is still unanswered.
    pub fn next(&mut self, input: &mut &[u8], at: PacketRef) -> Option<ResponseStep> {
        let step = self.reader.next::<ResponseHead>(input, at);
        if let Some(Step::Head(head)) = &step {
            self.status = head.status;
        }
        step
    }

    /// Says which method the latest head answers, before `next` is called again. Not needed for methods other
    /// than HEAD and CONNECT. // RFC 9112 §6.3
    pub fn answers(&mut self, method: &str) {
        match (method, self.status) {
            _ if self.is_over() => {}
            ("HEAD", _) => self.reader.expect(Body::NONE),
            ("CONNECT", 200..=299) => self.reader.expect(Body::Switched),
            _ => {}
        }
    }

    /// Goes on behind `missing` bytes that were lost. True when they all lay in a body, or chunk of a body,
    /// whose end is known or is the connection's; false when the place in the stream is lost, and then this
    /// reader is over.
    pub fn skip(&mut self, missing: u64) -> bool {
        self.reader.skip(missing)
    }

    /// Between messages, with nothing begun?
    pub fn is_idle(&self) -> bool {
        self.reader.is_idle()
    }

    /// Will it never consume another byte?
    pub fn is_over(&self) -> bool {
        self.reader.is_over()
    }

    /// Bytes of memory that it takes beside itself.
    pub fn memory(&self) -> usize {
        self.reader.memory()
    }
}

/// One direction, of either kind.
#[derive(Debug)]
struct Reader {
    state: State,
    /// Most bytes of a head.
    size: usize,
    /// Most fields of a head.
    fields: usize,
}

#[derive(Debug)]
enum State {
    Between,
    InHead(Partial),
    InBody(Body),
    Over,
}

impl Reader {
    fn new(limits: &Limits) -> Self {
        Self { state: State::Between, size: limits.head.min(LARGEST_HEAD), fields: limits.headers }
    }

    fn next<H: Head>(&mut self, input: &mut &[u8], at: PacketRef) -> Option<Step<H>> {
        if let State::InBody(body) = &mut self.state {
            match body.step_over(input) {
                Progress::Inside => return None,
                Progress::Over => self.state = State::Between,
                Progress::Lost => return self.end(Step::NotHttp),
            }
        }
        if self.is_idle() {
            *input = without_empty_lines(input);
        }
        if input.is_empty() {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::InHead(partial) => self.head(partial, input, at),
            State::Between => self.head(Partial::new(at), input, at),
            State::InBody(_) | State::Over => None,
        }
    }

    /// A body whose end is lost stays open: `next` says so.
    fn step_over_body(&mut self, input: &mut &[u8]) {
        if let State::InBody(body) = &mut self.state
            && body.step_over(input) == Progress::Over
        {
            self.state = State::Between;
        }
    }

    fn head<H: Head>(&mut self, mut partial: Partial, input: &mut &[u8], at: PacketRef) -> Option<Step<H>> {
        partial.last = partial.last.max(at);
        let known = partial.bytes.len();
        let room = self.size.saturating_sub(known);
        let fresh = input.get(..room).unwrap_or(input);
        if known == 0
            && let Some((head, size)) = head::plain(fresh, self.fields)
        {
            *input = input.get(size..).unwrap_or_default();
            return Some(self.whole(head, &partial));
        }
        let bytes = joined(&mut partial.bytes, fresh);
        match partial.scan.end::<H>(bytes) {
            Err(NotHttp) => return self.end(Step::NotHttp),
            Ok(Some(end)) => {
                let head = bytes.get(..end).and_then(|bytes| head::parse(bytes, self.fields));
                let Some(head) = head else { return self.end(Step::TooLarge) };
                *input = input.get(end.saturating_sub(known)..).unwrap_or_default();
                return Some(self.whole(head, &partial));
            }
            Ok(None) if fresh.len() < input.len() => return self.end(Step::TooLarge),
            Ok(None) => {}
        }
        if known == 0 {
            partial.bytes = fresh.to_vec();
        }
        *input = &[];
        self.state = State::InHead(partial);
        None
    }

    fn whole<H: Head>(&mut self, mut head: H, partial: &Partial) -> Step<H> {
        head.place(partial.first, partial.last);
        self.expect(head.body());
        Step::Head(head)
    }

    fn expect(&mut self, body: Body) {
        self.state = match body {
            Body::NONE => State::Between,
            Body::Switched => State::Over,
            body => State::InBody(body),
        };
    }

    fn end<H>(&mut self, step: Step<H>) -> Option<Step<H>> {
        self.state = State::Over;
        Some(step)
    }

    fn skip(&mut self, missing: u64) -> bool {
        let within = match &mut self.state {
            _ if missing == 0 => return true,
            State::InBody(body) => body.skip(missing),
            _ => false,
        };
        match self.state {
            State::InBody(body) if within => self.expect(body),
            _ => self.state = State::Over,
        }
        within
    }

    fn memory(&self) -> usize {
        match &self.state {
            State::InHead(partial) => partial.bytes.capacity(),
            State::Between | State::InBody(_) | State::Over => 0,
        }
    }

    fn is_idle(&self) -> bool {
        matches!(self.state, State::Between)
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }
}

/// The bytes of a head that came so far. One that lies in a single chunk, as most do, is read from there.
fn joined<'a>(held: &'a mut Vec<u8>, fresh: &'a [u8]) -> &'a [u8] {
    if held.is_empty() {
        return fresh;
    }
    held.extend_from_slice(fresh);
    held
}

/// Clients of old send a CRLF after a body; a robust recipient passes over it. // RFC 9112 §2.2
fn without_empty_lines(mut input: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = input {
        input = rest;
    }
    input
}

/// A head that is not whole.
#[derive(Debug)]
struct Partial {
    bytes: Vec<u8>,
    scan: Scan,
    first: PacketRef,
    /// The latest packet, not the last one: segments may have come out of order.
    last: PacketRef,
}

impl Partial {
    fn new(at: PacketRef) -> Self {
        Self { bytes: Vec::new(), scan: Scan::default(), first: at, last: at }
    }
}

/// The search for the end of a head. It looks at each byte once, however small the chunks are.
#[derive(Debug, Default)]
struct Scan {
    /// Bytes before this place need no second look.
    at: usize,
    /// Where the line begins that holds this place; 0 while that is the start line.
    line: usize,
}

/// The bytes can't begin a head.
struct NotHttp;

/// As the reader finds it.
#[cfg(test)]
pub(super) fn head_size<H: Head>(bytes: &[u8]) -> Option<usize> {
    Scan::default().end::<H>(bytes).ok().flatten()
}

impl Scan {
    /// The size of the head that `bytes` begin with; `None` while its end is missing.
    fn end<H: Head>(&mut self, bytes: &[u8]) -> Result<Option<usize>, NotHttp> {
        if self.line == 0 && !self.start_line::<H>(bytes)? {
            return Ok(None);
        }
        Ok(self.empty_line(bytes))
    }

    /// Is the start line whole? Anything else than HTTP is refused at the first byte that shows it.
    fn start_line<H: Head>(&mut self, bytes: &[u8]) -> Result<bool, NotHttp> {
        if !H::may_begin(bytes) {
            return Err(NotHttp);
        }
        let fresh = bytes.get(self.at..).unwrap_or_default();
        let Some(end) = memchr(b'\n', fresh) else {
            self.at = bytes.len();
            return Ok(false);
        };
        self.at += end + 1;
        self.line = self.at;
        if bytes.get(..self.at).is_some_and(H::is_start_line) { Ok(true) } else { Err(NotHttp) }
    }

    fn empty_line(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(end) = memchr(b'\n', bytes.get(self.at..)?) {
            let next = self.at + end + 1;
            if without_line_end(bytes.get(self.line..next)?).is_empty() {
                return Some(next);
            }
            (self.at, self.line) = (next, next);
        }
        self.at = bytes.len();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(number: u64) -> PacketRef {
        PacketRef { number, ..PacketRef::default() }
    }

    /// All steps that the chunks give, each chunk in its own packet.
    fn steps<H: Head>(reader: &mut Reader, chunks: &[&[u8]]) -> Vec<Step<H>> {
        let mut steps = Vec::new();
        for (chunk, number) in chunks.iter().zip(1..) {
            let mut input = *chunk;
            while let Some(step) = reader.next(&mut input, packet(number)) {
                steps.push(step);
            }
            assert!(input.is_empty() || reader.is_over());
        }
        steps
    }

    /// In short: the targets of requests, the status codes of responses.
    fn shown<H: Head>(steps: &[Step<H>], name: fn(&H) -> String) -> Vec<String> {
        let show = |step: &Step<H>| match step {
            Step::Head(head) => name(head),
            Step::NotHttp => "not http".to_owned(),
            Step::TooLarge => "too large".to_owned(),
        };
        steps.iter().map(show).collect()
    }

    fn requests(chunks: &[&[u8]]) -> Vec<String> {
        let mut reader = Reader::new(&Limits::default());
        shown(&steps(&mut reader, chunks), |head: &RequestHead| head.target.to_string())
    }

    fn responses(chunks: &[&[u8]]) -> Vec<String> {
        let mut reader = Reader::new(&Limits::default());
        shown(&steps(&mut reader, chunks), |head: &ResponseHead| head.status.to_string())
    }

    #[test]
    fn a_body_can_be_stepped_over_without_what_is_behind_it() {
        let mut reader = RequestReader::new(&Limits::default());
        let mut input = &b"GET / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"[..];
        assert!(matches!(reader.next(&mut input, packet(1)), Some(Step::Head(_))));
        reader.step_over_body(&mut input);
        assert!(input.is_empty() && !reader.is_idle());
        let mut input = &b"cd\x81\x80"[..];
        reader.step_over_body(&mut input);
        assert_eq!(input, b"\x81\x80");
        assert!(reader.is_idle());
        reader.step_over_body(&mut input);
        assert_eq!(input.len(), 2);
    }

    #[test]
    fn pipelined_requests_come_one_at_a_time() {
        let bytes =
            b"GET /1 HTTP/1.1\r\n\r\n\r\nPOST /2 HTTP/1.1\nContent-Length: 3\n\nabcGET /3 HTTP/1.1\r\n\r\n";
        assert_eq!(requests(&[bytes]), ["/1", "/2", "/3"]);
        let mut reader = RequestReader::new(&Limits::default());
        let mut input = &bytes[..];
        assert!(matches!(reader.next(&mut input, packet(1)), Some(Step::Head(_))));
        assert_eq!(input.len(), bytes.len() - b"GET /1 HTTP/1.1\r\n\r\n".len());
    }

    #[test]
    fn a_head_names_the_packets_of_its_first_and_last_byte() {
        let chunks: [&[u8]; 4] = [b"\r\n", b"GET / HTTP/1.1\r\n", b"A: b\r\n", b"\r\nGET / HTTP/1.1\r\n\r\n"];
        let steps: Vec<RequestStep> = steps(&mut Reader::new(&Limits::default()), &chunks);
        let [Step::Head(one), Step::Head(two)] = &steps[..] else { panic!("{steps:?}") };
        assert_eq!((one.first.number, one.last.number), (2, 4));
        assert_eq!((two.first.number, two.last.number), (4, 4));
    }

    #[test]
    fn a_segment_that_came_too_late_completes_the_head() {
        let mut reader = RequestReader::new(&Limits::default());
        assert_eq!(reader.next(&mut &b"GET / HTTP/1.1\r\n"[..], packet(9)), None);
        let Some(Step::Head(head)) = reader.next(&mut &b"\r\n"[..], packet(8)) else { panic!("no head") };
        assert_eq!((head.first.number, head.last.number), (9, 9));
    }

    #[test]
    fn a_binary_flow_is_refused_at_once_and_its_bytes_are_left() {
        for bytes in [
            &b"\x16\x03\x01\x02\0"[..],
            b"\x81\x05hello",
            b"SSH-2.0-x\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM",
            b"GET /\r\n",
            b"EHLO a\r\n",
            b"GET / HTTP/1.1\r\r\n",
        ] {
            let mut reader = RequestReader::new(&Limits::default());
            let mut input = bytes;
            assert_eq!(reader.next(&mut input, packet(1)), Some(Step::NotHttp), "{bytes:?}");
            assert_eq!(input, bytes);
            assert!(reader.is_over());
            assert_eq!(reader.next(&mut input, packet(1)), None);
        }
        assert_eq!(responses(&[b"HTTP/1.1 20", b"x"]), ["not http"]);
        assert_eq!(responses(&[b"220 mail ESMTP\r\n"]), ["not http"]);
    }

    #[test]
    fn a_control_character_inside_a_first_line_is_read_wherever_the_line_is_cut() {
        for cut in 0..12 {
            let (one, two) = b"GET /a\rb\x1b HTTP/1.1\r\n\r\n".split_at(cut);
            assert_eq!(requests(&[one, two]), ["/a\rb\x1b"], "{cut}");
            let (one, two) = b"HTTP/1.1 200 O\rK\r\n\r\n".split_at(cut + 5);
            assert_eq!(responses(&[one, two]), ["200"], "{cut}");
        }
    }

    #[test]
    fn a_first_line_without_end_is_held_as_far_as_the_bound() {
        let limits = Limits { head: 30, ..Limits::default() };
        let line = [&b"GET /"[..], &[b'a'; 25]].concat();
        let steps = |chunks: &[&[u8]]| steps::<RequestHead>(&mut Reader::new(&limits), chunks);
        assert_eq!(steps(&[&line]), []);
        assert_eq!(steps(&[&line, b"a"]), [Step::TooLarge]);
    }

    #[test]
    fn a_head_past_its_bounds_is_too_large() {
        let limits = Limits { head: 30, headers: 2, ..Limits::default() };
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\nA: 1234567\r\n\r\n"[..], "/"),
            (b"GET / HTTP/1.1\r\nA: 12345678\r\n\r\n", "too large"),
            (b"GET / HTTP/1.1\na:\nb:\nc:\n\n", "too large"),
        ] {
            for size in 1..=bytes.len() {
                let chunks: Vec<_> = bytes.chunks(size).collect();
                let steps: Vec<RequestStep> = steps(&mut Reader::new(&limits), &chunks);
                let expected = if bytes.len() == 31 && expected == "/" { "too large" } else { expected };
                assert_eq!(shown(&steps, |head| head.target.to_string()), [expected]);
            }
        }
    }

    #[test]
    fn a_response_without_length_reaches_to_the_close() {
        assert_eq!(responses(&[b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 404", b" x\r\n\r\n"]), ["200"]);
    }

    #[test]
    fn interim_heads_are_given_and_have_no_body() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 \r\n\r\nHTTP/1.1 304\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(responses(&[bytes]), ["100", "103", "204", "304"]);
    }

    #[test]
    fn a_length_that_cannot_be_known_ends_the_reading() {
        assert_eq!(
            requests(&[b"POST /1 HTTP/1.1\r\nContent-Length: x\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"]),
            ["/1", "not http"]
        );
        assert_eq!(
            responses(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!"]),
            ["200", "not http"]
        );
    }

    #[test]
    fn after_a_101_the_rest_is_left_to_the_caller() {
        let mut reader = ResponseReader::new(&Limits::default());
        let mut input = &b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 3\r\n\r\n\r\n\x81\x00"[..];
        assert!(matches!(reader.next(&mut input, packet(1)), Some(Step::Head(_))));
        reader.answers("HEAD");
        assert!(reader.is_over() && !reader.is_idle());
        assert_eq!(reader.next(&mut input, packet(1)), None);
        assert_eq!(input, b"\r\n\x81\x00");
        assert!(!reader.skip(1));
    }

    /// The status codes when all responses answer that method.
    fn answers(method: &str, mut input: &[u8]) -> (Vec<u16>, usize) {
        let (mut reader, mut found) = (ResponseReader::new(&Limits::default()), Vec::new());
        while let Some(Step::Head(head)) = reader.next(&mut input, packet(1)) {
            found.push(head.status);
            reader.answers(method);
        }
        (found, input.len())
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 404 No\r\n\r\n";
        assert_eq!(answers("HEAD", bytes), (vec![200, 200, 404], 0));
    }

    #[test]
    fn a_2xx_to_connect_opens_a_tunnel_and_a_refusal_does_not() {
        let bytes = b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 101 \r\n\r\n";
        assert_eq!(answers("CONNECT", bytes), (vec![407, 200], b"HTTP/1.1 101 \r\n\r\n".len()));
        assert_eq!(answers("GET", bytes), (vec![407, 200, 101], 0));
    }

    #[test]
    fn lost_bytes_of_a_body_do_not_lose_the_place() {
        let mut reader = RequestReader::new(&Limits::default());
        assert!(reader.is_idle());
        reader.next(&mut &b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n123"[..], packet(1));
        assert_eq!(reader.next(&mut &b""[..], packet(1)), None);
        assert!(reader.skip(6) && !reader.is_over());
    }

    #[test]
    fn a_body_lost_to_its_last_byte_is_over() {
        let mut reader = RequestReader::new(&Limits::default());
        reader.next(&mut &b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"[..], packet(1));
        assert!(!reader.is_idle());
        assert!(reader.skip(0) && reader.skip(9) && reader.is_idle());
        assert!(matches!(reader.next(&mut &b"GET / HTTP/1.1\r\n\r\n"[..], packet(2)), Some(Step::Head(_))));
    }

    #[test]
    fn lost_bytes_elsewhere_lose_the_place() {
        let begun: [&[u8]; 4] = [
            b"",
            b"GET / HT",
            b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ];
        for bytes in begun {
            let mut reader = RequestReader::new(&Limits::default());
            reader.next(&mut &*bytes, packet(1));
            assert!(!reader.skip(3) && reader.is_over(), "{bytes:?}");
        }
    }

    /// Messages with all kinds of bodies, whole ones and odd ones.
    fn conversation() -> impl Strategy<Value = Vec<u8>> {
        let start = prop_oneof![
            Just("GET / HTTP/1.1\r\n"),
            Just("HTTP/1.1 200 OK\r\n"),
            Just("POST /a b http/1.0\n"),
            Just("HTTP/1.1 304\r\n"),
            Just("\r\nHTTP/1.1 100 \r\n"),
        ];
        let rest = prop_oneof![
            Just("\r\n"),
            Just("Content-Length: 12\r\n\r\nHTTP/1.1 200"),
            Just("A : b\n c\nContent-Length: 2, 2\n\n\n\n"),
            Just(
                "Transfer-Encoding: chunked\r\n\r\n5;x\r\nGET /\r\n10\r\n0123456789abcdef\r\n0\r\nT: t\r\n\r\n"
            ),
            Just("Content-Length: 0\r\nB: \u{fc}\r\n\r\n"),
        ];
        let message = (start, rest).prop_map(|(start, rest)| [start, rest].concat().into_bytes());
        let noise = proptest::collection::vec(any::<u8>(), 0..3);
        proptest::collection::vec(prop_oneof![12 => message, 1 => noise], 0..8)
            .prop_map(|parts| parts.concat())
    }

    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            "(GET|HTTP/1.1|[0-9]{3}|/| |\r|\n|\r\n|:|;|chunked|Content-Length: |Transfer-Encoding: |[0-9a-f])".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..4),
        ];
        proptest::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
    }

    /// The steps for the bytes cut at these places, without the packets, which depend on the cuts.
    fn cut_at<H: Head>(limits: &Limits, bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Step<H>> {
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.sort_unstable();
        let (mut reader, mut from, mut chunks) = (Reader::new(limits), 0, Vec::new());
        for place in places.into_iter().chain([bytes.len()]) {
            chunks.push(&bytes[from..place]);
            from = place;
        }
        let mut steps = steps::<H>(&mut reader, &chunks);
        for step in &mut steps {
            if let Step::Head(head) = step {
                head.place(PacketRef::default(), PacketRef::default());
            }
        }
        if let State::InHead(partial) = &reader.state {
            assert!(partial.bytes.len() <= limits.head);
        }
        steps
    }

    fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
        proptest::collection::vec(any::<prop::sample::Index>(), 0..40)
    }

    proptest! {
        #[test]
        fn any_segmentation_gives_the_same_requests(bytes in conversation(), cuts in cuts(), head in 20_usize..200) {
            let limits = Limits { head, headers: 2, ..Limits::default() };
            prop_assert_eq!(cut_at::<RequestHead>(&limits, &bytes, &cuts), cut_at(&limits, &bytes, &[]));
        }

        #[test]
        fn any_segmentation_gives_the_same_responses(bytes in conversation(), cuts in cuts(), head in 20_usize..200) {
            let limits = Limits { head, headers: 2, ..Limits::default() };
            prop_assert_eq!(cut_at::<ResponseHead>(&limits, &bytes, &cuts), cut_at(&limits, &bytes, &[]));
        }

        #[test]
        fn any_bytes_are_read_within_bounds(bytes in soup(), cuts in cuts(), head in 0_usize..60) {
            let limits = Limits { head, headers: 2, ..Limits::default() };
            prop_assert_eq!(cut_at::<RequestHead>(&limits, &bytes, &cuts), cut_at(&limits, &bytes, &[]));
            prop_assert_eq!(cut_at::<ResponseHead>(&limits, &bytes, &cuts), cut_at(&limits, &bytes, &[]));
        }
    }
}
