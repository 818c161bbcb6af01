use wspect::http::{
    Extension, ExtensionList, Handshake, Header, RequestHead, RequestReader, ResponseHead, ResponseReader,
    Step,
};
use wspect::limits::Limits;
use wspect::packet::PacketRef;

use super::feed::{Feed, pieces};

/// HTTP gives the same heads in whatever pieces it comes, and those that another parser finds.
pub fn http(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let (seed, head, fields) = (feed.byte(), feed.byte(), feed.byte());
    let limits = Limits { head: 64 << (head % 9), headers: 1 << (fields % 9), ..Limits::default() };
    let bytes = feed.rest();
    let at_once = requests(&limits, &[bytes]);
    assert_eq!(at_once, requests(&limits, &pieces(bytes, seed)), "requests");
    assert_eq!(responses(&limits, &[bytes]), responses(&limits, &pieces(bytes, seed)), "responses");
    as_another_parser(bytes, &requests(&Limits::default(), &[bytes]));
}

fn requests(limits: &Limits, pieces: &[&[u8]]) -> Vec<Step<RequestHead>> {
    let mut reader = RequestReader::new(limits);
    let mut steps = Vec::new();
    for mut piece in pieces.iter().copied() {
        while let Some(step) = reader.next(&mut piece, PacketRef::default()) {
            steps.push(step);
        }
        assert!(piece.is_empty() || reader.is_over());
    }
    steps
}

/// What a server sends, as the answers to GET.
fn responses(limits: &Limits, pieces: &[&[u8]]) -> Vec<Step<ResponseHead>> {
    let mut reader = ResponseReader::new(limits);
    let mut steps = Vec::new();
    for mut piece in pieces.iter().copied() {
        while let Some(step) = reader.next(&mut piece, PacketRef::default()) {
            steps.push(step);
        }
        assert!(piece.is_empty() || reader.is_over());
    }
    steps
}

/// What httparse takes for a request is one, and says the same.
fn as_another_parser(bytes: &[u8], ours: &[Step<RequestHead>]) {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut theirs = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(size)) = theirs.parse(bytes) else { return };
    // No protocol has a method as long as that.
    if theirs.method.is_none_or(|method| method.len() > 32) {
        return;
    }
    let Some(Step::Head(ours)) = ours.first() else { panic!("{theirs:?} is {ours:?}") };
    let fields = |field: Header<'_>| (field.name.to_owned(), field.value.to_owned());
    let expected: Vec<_> =
        theirs.headers.iter().map(|field| (field.name.to_owned(), read(field.value))).collect();
    assert_eq!(ours.headers.iter().map(fields).collect::<Vec<_>>(), expected);
    // Empty lines before the request are no part of it. // RFC 9112 §2.2
    let before = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    assert_eq!((Some(ours.method.as_str()), ours.size), (theirs.method, (size - before) as u64));
    assert_eq!(Some(ours.target.as_str()), theirs.path);
}

fn read(value: &[u8]) -> String {
    let value = value.trim_ascii();
    std::str::from_utf8(value).map_or_else(|_| value.iter().copied().map(char::from).collect(), str::to_owned)
}

/// A list of extensions written out reads as itself.
pub fn extensions(bytes: &[u8]) {
    let read = list(&String::from_utf8_lossy(bytes));
    let written: Vec<String> = read.extensions.iter().map(Extension::to_string).collect();
    let again = list(&written.join(", "));
    assert_eq!(again.extensions, read.extensions, "{written:?}");
    assert!(written.is_empty() || again.faults.is_empty(), "{again:?}");
}

fn list(value: &str) -> ExtensionList {
    let headers = [("Sec-WebSocket-Extensions", value)].into_iter().collect();
    let request = RequestHead { headers, ..RequestHead::default() };
    Handshake { request: Some(request), ..Handshake::default() }.extensions_offered()
}
