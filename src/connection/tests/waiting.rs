//! What has to wait for the other side, and what becomes of it.

use super::*;
use crate::rules::Blame;

const CONNECT: &[u8] = b"CONNECT a:1 HTTP/1.1\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

#[test]
fn tunnels_inside_each_other_are_followed_as_far_as_the_limit() {
    let tunnels = |count| {
        let mut fed = Fed::opened();
        fed.options.limits.tunnels = 4;
        fed.client(&[&CONNECT.repeat(count), GET].concat());
        fed.server(&[&OK.repeat(count), SWITCH, &from_server("Hi")].concat()).end()
    };
    assert_eq!(tunnels(4).messages(), ["Server 1 Hi"]);
    let told = tunnels(5);
    assert_eq!(told.outcomes(), []);
    assert_eq!(told.rules(), [("limit-reached", None)]);
    assert_eq!(told.0[0].connection, None);
}

#[test]
fn tunnels_without_end_take_no_stack() {
    let mut fed = Fed::opened();
    fed.options.limits.tunnels = usize::MAX;
    fed.client(&CONNECT.repeat(8000)).server(&OK.repeat(8000));
    assert_eq!(fed.out.protocols().http, 1);
    assert_eq!(fed.client(GET).server(SWITCH).end().outcomes(), [Outcome::Accepted]);
}

#[test]
fn a_connection_counts_once_for_each_protocol_however_many_tunnels_it_has() {
    let mut fed = Fed::opened();
    fed.client(CONNECT).server(OK).client(CONNECT).server(OK).client(&[0x16, 3, 1, 2, 0, 1]);
    assert_eq!((fed.out.protocols().http, fed.out.protocols().tls), (1, 1));
}

#[test]
fn a_draft_s_101_with_bytes_behind_it_ends_the_reading() {
    let draft = String::from_utf8(GET.to_vec()).unwrap().replace("Version: 13", "Version: 6");
    let told = Fed::opened().client(draft.as_bytes()).server(&[SWITCH, b"\x04\x02Hi"].concat()).end();
    assert_eq!(told.outcomes(), [Outcome::Accepted]);
    assert_eq!(told.messages(), Vec::<String>::new());
}

#[test]
fn a_chunk_of_many_requests_that_wait_for_their_answers_is_kept_once() {
    let mut fed = Fed::opened();
    fed.client(&b"GET / HTTP/1.1\nUpgrade:websocket\n\n".repeat(1000));
    for _ in 0..999 {
        fed.server(b"HTTP/1.1 204 \n\n");
    }
    let told = fed.end();
    assert_eq!(told.outcomes().iter().filter(|outcome| **outcome == Outcome::Refused).count(), 999);
    assert_eq!(told.outcomes().last(), Some(&Outcome::Unanswered));
}

#[test]
fn the_body_of_an_upgrade_request_is_no_frame() {
    let with_body =
        String::from_utf8(GET.to_vec()).unwrap().replace("\r\n\r\n", "\r\nContent-Length: 9\r\n\r\nBODY");
    let told = Fed::opened()
        .client(with_body.as_bytes())
        .client(&[b"BODY2", &from_client("Hi")[..]].concat())
        .server(SWITCH)
        .client(&from_client("Ho"))
        .end();
    assert_eq!(told.messages(), ["Client 1 Hi", "Client 1 Ho"]);
    assert_eq!(told.rules(), [("handshake-body-present", None)]);
}

/// The handshake of another try: its own key, and the accept value for it.
fn retry() -> (Vec<u8>, Vec<u8>) {
    let replaced = |bytes: &[u8], from: &str, to: &str| {
        String::from_utf8(bytes.to_vec()).unwrap().replace(from, to).into_bytes()
    };
    (
        replaced(GET, "AQIDBAUGBwgJCgsMDQ4PEA==", "dGhlIHNhbXBsZSBub25jZQ=="),
        replaced(SWITCH, "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    )
}

const REFUSED: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_lost_refusal_does_not_make_the_next_try_look_wrong() {
    let (get, switch) = retry();
    let mut fed = Fed::opened();
    fed.client(GET).client(&get).gap(Direction::Backward, 60).server(&switch);
    let told = fed.client(&from_client("Hi")).server(&from_server("Ho")).end();
    assert_eq!(told.outcomes(), [Outcome::Unanswered, Outcome::Accepted]);
    assert_eq!(told.messages(), ["Client 1 Hi", "Server 1 Ho"]);
    assert_eq!(told.rules(), [("handshake-no-response", None), ("handshake-key-sample", None)]);
    assert_eq!(told.blames()[0], Blame::Capture);
}

#[test]
fn a_refusal_that_is_lost_without_a_trace_is_no_mismatch_either() {
    let (get, switch) = retry();
    let (begun, rest) = get.split_at(9);
    let mut fed = Fed::opened();
    fed.client(GET).client(begun).client(rest).server(&switch).client(&from_client("Hi"));
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::Unanswered, Outcome::Accepted]);
    assert_eq!(told.messages(), ["Client 1 Hi"]);
}

#[test]
fn a_wrong_accept_value_is_held_against_the_server_only_where_nothing_is_lost() {
    let (_, switch) = retry();
    let told = Fed::opened().client(GET).server(&switch).end();
    assert_eq!(told.outcomes(), [Outcome::Invalid]);
    assert_eq!(told.rules(), [("handshake-accept-mismatch", None)]);
    let told = Fed::opened().client(GET).gap(Direction::Backward, 60).server(&switch).end();
    assert_eq!(told.outcomes(), [Outcome::Unanswered, Outcome::Accepted]);
    assert_eq!(told.rules(), [("handshake-no-response", None)]);
}

#[test]
fn a_refusal_behind_a_lost_one_is_for_the_request_before_it() {
    let (get, switch) = retry();
    let mut fed = Fed::opened();
    fed.client(GET).gap(Direction::Backward, 60);
    fed.client(GET).server(REFUSED).client(&get).client(&from_client("Hi")).server(&switch);
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::Unanswered, Outcome::Refused, Outcome::Accepted]);
    assert_eq!(told.messages(), ["Client 1 Hi"]);
}

#[test]
fn an_answer_to_a_lost_request_is_matched_with_no_other() {
    let (_, switch) = retry();
    let mut fed = Fed::opened();
    fed.client(GET).gap(Direction::Forward, 300).gap(Direction::Backward, 60).server(&switch);
    let told = fed.server(&from_server("Hi")).end();
    assert_eq!(told.outcomes(), [Outcome::Unanswered, Outcome::Accepted]);
    assert_eq!(told.messages(), ["Server 1 Hi"]);
    assert!(!told.rules().contains(&("handshake-accept-mismatch", None)));
}

#[test]
fn a_lost_refusal_and_a_lost_answer_leave_frames_behind_the_last_request() {
    let (get, _) = retry();
    let mut fed = Fed::opened();
    fed.client(GET).client(&get).client(&from_client("Hi")).gap(Direction::Backward, 60);
    for text in ["the first one after the hole", "the second one", "and a third that is longer"] {
        fed.server(&from_server(text));
    }
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::Unanswered, Outcome::NotCaptured]);
    assert_eq!(told.messages().len(), 4);
    assert!(told.messages().contains(&"Client 1 Hi".to_owned()));
}

#[test]
fn what_a_server_says_without_its_client_in_the_capture_is_read_whole() {
    let mut fed = Fed::opened();
    fed.server(SWITCH);
    for _ in 0..60 {
        fed.server(&frame(0x82, &[7; 20_000], None));
    }
    let told = fed.end();
    assert_eq!(told.messages().len(), 60);
    assert_eq!(told.rules(), []);
}

#[test]
fn what_a_client_says_without_its_server_in_the_capture_is_read_whole() {
    let mut fed = Fed::opened();
    fed.client(GET);
    for number in 0..60 {
        fed.client(&frame(0x82, &[number; 20_000], Some([1, 2, 3, number])));
    }
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::NotCaptured]);
    assert_eq!(told.messages().len(), 60);
    assert_eq!(told.rules()[..2], [("limit-reached", None), ("handshake-missing-midstream", None)]);

    let mut fed = Fed::opened();
    fed.client(GET);
    for number in 0..6 {
        fed.client(&from_client(&format!("one of few messages, number {number}")));
    }
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::NotCaptured]);
    assert_eq!((told.messages().len(), told.rules().len()), (6, 1));
}

#[test]
fn a_hole_stays_where_it_is_in_what_was_held() {
    let mut fed = Fed::opened();
    fed.client(GET);
    for number in 0..6 {
        fed.client(&from_client(&format!("one of few messages, number {number}")));
    }
    let long = from_client("a message with a hole that reaches into the next one");
    fed.client(&long[..20]).gap(Direction::Forward, 41).client(&[0xff; 5]);
    let told = fed.end();
    assert_eq!(told.messages().last().unwrap(), "Client 1 a message with (incomplete)");
    assert_eq!(told.timeline().last().unwrap().message.missing_bytes, 38);
}

#[test]
fn many_requests_wait_for_their_answers_in_order() {
    let mut fed = Fed::opened();
    let request =
        |n: usize| if n.is_multiple_of(2) { "HEAD / HTTP/1.1\r\n\r\n" } else { "GET / HTTP/1.1\r\n\r\n" };
    let answer = |n: usize| {
        let body = if n.is_multiple_of(2) { "" } else { "HTTP/1.1 101" };
        format!("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{body}")
    };
    for number in 0..2000 {
        fed.client(request(number).as_bytes());
    }
    fed.client(GET);
    for number in 0..2000 {
        fed.server(answer(number).as_bytes());
    }
    let told = fed.server(SWITCH).client(&from_client("Hi")).end();
    assert_eq!(told.outcomes(), [Outcome::Accepted]);
    assert_eq!(told.messages(), ["Client 1 Hi"]);
    assert_eq!(told.rules(), []);
}

#[test]
fn requests_without_any_answer_are_given_up_at_the_bound_and_said_to_be() {
    let mut fed = Fed::opened();
    fed.options.limits.held_bytes = 10_000;
    for _ in 0..1000 {
        fed.client(b"GET / HTTP/1.1\r\n\r\n");
    }
    fed.client(GET).server(SWITCH).client(&from_client("Hi"));
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::Accepted]);
    assert_eq!(told.rules()[0], ("limit-reached", None));
}

#[test]
fn a_101_to_a_request_that_asked_for_nothing_is_invalid_and_its_frames_are_read() {
    let plain = b"GET /chat HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut fed = Fed::opened();
    fed.client(plain).server(SWITCH).server(&from_server("Hi")).client(&from_client("Ho"));
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::Invalid]);
    assert_eq!(told.rules(), [("handshake-unsolicited-101", None)]);
    assert_eq!(told.messages(), ["Server 1 Hi", "Client 1 Ho"]);
    let EventKind::Opened(opening) = &told.0[0].kind else { panic!("{:?}", told.0) };
    assert_eq!(opening.handshake.request.as_ref().unwrap().target, "/chat");
}

#[test]
fn a_101_without_upgrade_but_with_the_right_accept_value_begins_frames() {
    let stripped = String::from_utf8(SWITCH.to_vec()).unwrap().replace("Upgrade: websocket\r\n", "");
    let told = Fed::opened().client(GET).server(stripped.as_bytes()).server(&from_server("Hi")).end();
    assert_eq!(told.outcomes(), [Outcome::Invalid]);
    assert_eq!(told.rules(), [("handshake-upgrade-missing", None)]);
    assert_eq!(told.messages(), ["Server 1 Hi"]);
}

#[test]
fn a_head_beyond_the_limit_costs_only_itself() {
    let cookies = format!("\r\nCookie: {}\r\n\r\n", "x".repeat(400));
    let with_cookies = |head: &[u8]| String::from_utf8(head.to_vec()).unwrap().replace("\r\n\r\n", &cookies);
    let mut fed = Fed::opened();
    fed.options.limits.head = 300;
    let request = with_cookies(GET);
    let (one, two) = request.split_at(350);
    fed.client(one.as_bytes()).client(two.as_bytes()).server(SWITCH).server(&from_server("Hi"));
    let told = fed.end();
    assert_eq!(told.outcomes(), [Outcome::Accepted]);
    assert_eq!(told.messages(), ["Server 1 Hi"]);
    // The second is about the rest of the head.
    assert_eq!(told.rules(), [("limit-reached", None), ("frame-desync", None)]);

    let mut fed = Fed::opened();
    fed.options.limits.headers = 3;
    fed.client(b"GET / HTTP/1.1\r\n\r\n").server(with_cookies(SWITCH).as_bytes());
    let told = fed.end();
    assert_eq!((told.outcomes(), told.rules()), (vec![], vec![("limit-reached", None)]));
}

#[test]
fn a_long_target_many_fields_and_a_control_character_are_no_reason_to_stop() {
    let get = String::from_utf8(GET.to_vec()).unwrap();
    let fields: String = (0..300).map(|n| format!("X-{n}: 1\r\n")).collect();
    let long = format!("X-Long: {}\r\n\r\n", "x".repeat(70_000));
    for request in [
        get.replace("/chat", &format!("/chat?t={}", "x".repeat(17_000))),
        get.replace("\r\n\r\n", &format!("\r\n{fields}\r\n")),
        get.replace("\r\n\r\n", &format!("\r\n{long}")),
        get.replace("/chat", "/chat\x1b[31m"),
    ] {
        let mut fed = Fed::opened();
        request.as_bytes().chunks(1400).for_each(|chunk| _ = fed.client(chunk));
        let told = fed.server(SWITCH).server(&from_server("Hi")).end();
        assert_eq!(told.outcomes(), [Outcome::Accepted]);
        let odd = request.contains('\x1b').then_some(("handshake-header-folded-or-invalid", None));
        assert_eq!(told.rules(), odd.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_message_whose_beginning_is_a_guess_is_held_against_nobody() {
    let mut fed = Fed::opened();
    fed.client(GET).server(SWITCH).client(&from_client("before")).gap(Direction::Forward, 40);
    // Text that is none, behind frames enough to be sure of the place.
    fed.client(&frame(0x01, b"the first one after the hole", Some([9, 8, 7, 6])));
    fed.client(&frame(0x80, b"\xff\xff", Some([9, 8, 7, 5])));
    fed.client(&from_client("the second one")).client(&frame(0x81, b"\xff", Some([9, 8, 7, 4])));
    let told = fed.end();
    let faults = told.rules().into_iter().filter(|(name, _)| *name == "text-invalid-utf8");
    assert_eq!(faults.collect::<Vec<_>>(), [("text-invalid-utf8", Some(3))]);
}
