//! What is taken for granted where the capture shows no handshake.

use super::*;
use crate::http::ExtensionList;

/// Too little to prove anything: one binary frame of two bytes, from each side.
const SHORT: [&[u8]; 2] = [&[0x82, 0x82, 9, 8, 7, 6, 1, 2], &[0x82, 2, 5, 6]];

fn assuming(websocket: Assumed) -> Fed {
    let mut fed = Fed::midstream();
    fed.options.assume.websocket = websocket;
    fed
}

#[test]
fn frames_that_prove_nothing_are_read_where_somebody_says_so() {
    let told = Fed::midstream().client(SHORT[0]).server(SHORT[1]).end();
    assert_eq!(told.0.len(), 0);
    for assumed in [Assumed::All, Assumed::Ports(vec![80])] {
        let told = assuming(assumed).client(SHORT[0]).server(SHORT[1]).end();
        assert_eq!(told.messages(), ["Client 2 \u{8}\u{a}", "Server 2 \u{5}\u{6}"]);
        let missing = told.rules().iter().filter(|rule| rule.0 == "handshake-missing-midstream").count();
        assert_eq!(missing, 1);
    }
    assert_eq!(assuming(Assumed::Ports(vec![81])).client(SHORT[0]).server(SHORT[1]).end().0.len(), 0);
}

#[test]
fn with_its_syn_in_the_capture_the_first_byte_begins_a_frame() {
    let mut fed = Fed::opened();
    fed.options.assume.websocket = Assumed::All;
    // The client does not mask: the SYN says who it is.
    let told = fed.client(SHORT[1]).server(SHORT[1]).end();
    assert_eq!(told.messages(), ["Client 2 \u{5}\u{6}", "Server 2 \u{5}\u{6}"]);
}

#[test]
fn the_port_says_who_the_server_is() {
    let told = assuming(Assumed::Ports(vec![80])).client(SHORT[1]).end();
    assert_eq!(told.messages(), ["Client 2 \u{5}\u{6}"]);
    let told = assuming(Assumed::All).client(SHORT[1]).end();
    assert_eq!(told.messages(), ["Server 2 \u{5}\u{6}"], "where only masking tells");
}

#[test]
fn http_and_tls_are_read_as_what_they_are() {
    let mut fed = Fed::opened();
    fed.options.assume.websocket = Assumed::All;
    let told = fed.client(GET).server(SWITCH).client(&from_client("Hi")).end();
    assert_eq!(told.outcomes(), [Outcome::Accepted]);
    assert_eq!(told.messages(), ["Client 1 Hi"]);
    for mut fed in [Fed::opened(), Fed::midstream()] {
        fed.options.assume.websocket = Assumed::All;
        assert_eq!(
            fed.client(b"\x16\x03\x01\0\x02\x01\0").server(b"\x16\x03\x03\0\x02\x02\0").end().0.len(),
            0
        );
    }
}

#[test]
fn what_can_be_no_frame_is_none() {
    let told = assuming(Assumed::All).client(b"\x30\x0a\0\x02ab1234567").server(b"\xff\xff\xff\xff").end();
    assert_eq!(told.0.len(), 0);
}

#[test]
fn extensions_that_are_assumed_say_what_rsv1_means() {
    // RFC 7692 §7.2.3.2: "Hello", then "Hello" once more by its context
    let frames =
        [&[0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], &[0xc1, 5, 0xf2, 0x00, 0x11, 0, 0]]
            .concat();
    let says = |extensions: Option<&str>| {
        let mut fed = assuming(Assumed::Ports(vec![80]));
        fed.options.assume.extensions = extensions.map(|text| ExtensionList::read(text).extensions);
        let told = fed.server(&frames).end();
        let compressed = told.timeline().map(|message| message.message.compressed).collect::<Vec<_>>();
        (told.messages(), compressed, told.rules().iter().any(|rule| rule.0.starts_with("frame-rsv1")))
    };
    let hello = vec!["Server 1 Hello".to_owned(); 2];
    assert_eq!(says(None), (hello.clone(), vec![true; 2], false));
    assert_eq!(says(Some("permessage-deflate")), (hello, vec![true; 2], false));
    let (_, compressed, blamed) = says(Some(""));
    assert_eq!((compressed, blamed), (vec![false; 2], true));
}
