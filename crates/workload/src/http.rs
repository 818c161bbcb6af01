//! What stands before WebSocket frames, and what is none: HTTP, the shape of TLS, DNS.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

use crate::body::Noise;
use crate::random::Random;

/// Which extension an upgrade asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    None,
    /// permessage-deflate with context takeover both ways.
    Deflate,
}

/// How the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    Refused,
}

/// An upgrade request and its answer.
pub(crate) fn upgrade(random: &mut Random, extension: Extension, answer: Answer) -> [Vec<u8>; 2] {
    let key = STANDARD.encode(random.bytes::<16>());
    let (offer, choice) = match extension {
        Extension::None => ("", ""),
        Extension::Deflate => (
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
            "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        ),
    };
    let request = format!(
        "GET /live/rooms/{}?device={:x} HTTP/1.1\r\nHost: live.example.org\r\n{BROWSER}\
         Origin: https://www.example.org\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{offer}\r\n",
        random.below(5000),
        random.u64(),
    );
    let response = match answer {
        Answer::Accepted => format!(
            "HTTP/1.1 101 Switching Protocols\r\nServer: example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {}\r\n{choice}\r\n",
            accept(&key),
        ),
        Answer::Refused => {
            "HTTP/1.1 403 Forbidden\r\nServer: example\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\
             Connection: close\r\n\r\nForbidden\n"
                .to_owned()
        }
    };
    [request.into_bytes(), response.into_bytes()]
}

/// A plain request and its answer.
pub(crate) fn exchange(random: &mut Random, noise: &Noise) -> [Vec<u8>; 2] {
    let request = format!(
        "GET /static/{:016x}.bin HTTP/1.1\r\nHost: www.example.org\r\n{BROWSER}Accept: */*\r\n\r\n",
        random.u64(),
    );
    let most = if random.permille(100) { 400_000 } else { 30_000 };
    let length = random.between(200, most) as usize;
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: example\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\
         Cache-Control: max-age=86400\r\n\r\n",
    );
    let mut response = head.into_bytes();
    response.extend(noise.bytes(random, length));
    [request.into_bytes(), response]
}

/// The hellos of TLS 1.3, with keys and random numbers that are made up. RFC 8446 §4.1
pub(crate) fn tls_hellos(random: &mut Random, noise: &Noise) -> [Vec<u8>; 2] {
    let session = [&[32][..], &random.bytes::<32>()].concat();
    let key_share = [&[0, 29, 0, 32][..], &random.bytes::<32>()].concat();
    let offers = extensions(&[
        (0, b"\x00\x11\x00\x00\x0esecure.example"),
        (10, &[0, 2, 0, 29]),
        (13, &[0, 2, 4, 3]),
        (43, &[2, 3, 4]),
        (51, &[&[0, 36], &key_share[..]].concat()),
    ]);
    let suites = [0, 6, 0x13, 1, 0x13, 2, 0x13, 3];
    let client = [&random.bytes::<32>()[..], &session, &suites, &[1, 0], &offers].concat();
    let choices = extensions(&[(43, &[3, 4]), (51, &key_share)]);
    let server = [&random.bytes::<32>()[..], &session, &[0x13, 1, 0], &choices].concat();
    let change_cipher = [20, 3, 3, 0, 1, 1];
    let rest = tls_records(random, noise, 3000);
    [hello(1, &client), [&hello(2, &server)[..], &change_cipher, &rest].concat()]
}

/// A hello in a record of its own.
fn hello(kind: u8, rest: &[u8]) -> Vec<u8> {
    let body = (2 + rest.len()) as u16;
    let [record, body] = [(4 + body).to_be_bytes(), body.to_be_bytes()];
    [&[22, 3, 1][..], &record, &[kind, 0], &body, &[3, 3], rest].concat()
}

fn extensions(list: &[(u8, &[u8])]) -> Vec<u8> {
    let length = |bytes: &[u8]| (bytes.len() as u16).to_be_bytes();
    let one = |(kind, body): &(u8, &[u8])| [&[0, *kind][..], &length(body), body].concat();
    let all: Vec<u8> = list.iter().flat_map(one).collect();
    [&length(&all)[..], &all].concat()
}

/// Application data of `length` bytes in records of at most 16 KiB. RFC 8446 §5.1
pub(crate) fn tls_records(random: &mut Random, noise: &Noise, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 64);
    for piece in noise.bytes(random, length).chunks(1 << 14) {
        out.extend([23, 3, 3]);
        out.extend((piece.len() as u16).to_be_bytes());
        out.extend(piece);
    }
    out
}

/// A question and its answer. RFC 1035 §4
pub(crate) fn dns(random: &mut Random) -> [Vec<u8>; 2] {
    let [high, low, last] = random.bytes::<3>();
    let mut question = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 6];
    question.extend(format!("{:06x}", random.below(1 << 24)).into_bytes());
    question.extend(b"\x07example\x03org\x00\x00\x01\x00\x01");
    let mut answer = question.clone();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[7] = 1;
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, last]);
    [question, answer]
}

/// RFC 6455 §4.2.2, step 5.4
fn accept(key: &str) -> String {
    STANDARD
        .encode(Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize())
}

const BROWSER: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Example/140.0\r\nAccept-Language: en-GB,en;q=0.8\r\n\
     Accept-Encoding: gzip, deflate, br\r\nCache-Control: no-cache\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_rfc_6455_is_accepted_as_there() {
        // RFC 6455 §1.3
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
