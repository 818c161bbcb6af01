//! The end of a connection → one sentence: who, how, after what, and what both sides were told.

use super::words;
use crate::event::{Close, CloseHow, Initiator};

/// `closed by the server: TCP reset without a Close, 42.0 s after the last message; both APIs report 1006`
pub(super) fn verdict(close: &Close) -> String {
    let how = match close.how {
        CloseHow::CloseHandshake => format!("{}: {}, answered", who(close), first_close(close)),
        CloseHow::CloseUnanswered => format!("{}: {}, not answered", who(close), first_close(close)),
        CloseHow::CloseAnswerUnknown => {
            format!("{}: {}; whether it was answered is not in the capture", who(close), first_close(close))
        }
        CloseHow::Fin => format!("{}: TCP FIN without a Close", who(close)),
        CloseHow::Reset => format!("{}: TCP reset without a Close", who(close)),
        CloseHow::Idle | CloseHow::CaptureEnded if close.initiator != Initiator::Unknown => {
            format!("{}: {}, still open at the end of the capture", who(close), first_close(close))
        }
        CloseHow::Idle => "given up after a long silence".to_owned(),
        CloseHow::GivenUp => "given up while it was open, because a limit was reached".to_owned(),
        CloseHow::CaptureEnded => "still open when the capture ended".to_owned(),
    };
    let ended = close.initiator != Initiator::Unknown;
    let silence = close.silence.filter(|_| ended).map(|silence| {
        let since = if close.last_message.is_some() { "last message" } else { "opening" };
        format!(", {} after the {since}", words::span(silence))
    });
    let told = [reported(close), unanswered(close)].into_iter().flatten();
    let told: String = told.map(|part| format!("; {part}")).collect();
    format!("{how}{}{told}", silence.unwrap_or_default())
}

fn who(close: &Close) -> &'static str {
    match close.initiator {
        Initiator::Client => "closed by the client",
        Initiator::Server => "closed by the server",
        Initiator::Both => "closed by both at once",
        Initiator::Unknown => "closed",
    }
}

fn first_close(close: &Close) -> String {
    format!("Close {}", words::status(close))
}

fn reported(close: &Close) -> Option<String> {
    Some(match close.reported {
        [Some(client), Some(server)] if client == server => format!("both APIs report {client}"),
        [Some(client), Some(server)] => format!("the client's API reports {client}, the server's {server}"),
        [Some(client), None] => format!("the client's API reports {client}"),
        [None, Some(server)] => format!("the server's API reports {server}"),
        [None, None] => return None,
    })
}

fn unanswered(close: &Close) -> Option<String> {
    let of = |who: &str, pings: u64| format!("{} of the {who}", words::counted(pings, "Ping"));
    let who = match close.unanswered_pings {
        [0, 0] => return None,
        [client, 0] => of("client", client),
        [0, server] => of("server", server),
        [client, server] => format!("{} and {}", of("client", client), of("server", server)),
    };
    Some(format!("{who} not answered"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abrupt_end_says_who_how_after_what_and_what_is_reported() {
        let reset = Close {
            initiator: Initiator::Server,
            how: CloseHow::Reset,
            reported: [Some(1006); 2],
            last_message: Some(3),
            silence: Some(42_000_000_000),
            unanswered_pings: [1, 2],
            ..Close::default()
        };
        assert_eq!(
            verdict(&reset),
            "closed by the server: TCP reset without a Close, 42.0 s after the last message; both APIs report 1006; \
             1 Ping of the client and 2 Pings of the server not answered"
        );
        let fin = Close { how: CloseHow::Fin, last_message: None, reported: [None; 2], ..reset };
        assert_eq!(
            verdict(&Close { unanswered_pings: [0; 2], ..fin }),
            "closed by the server: TCP FIN without a Close, 42.0 s after the opening"
        );
    }

    #[test]
    fn a_closing_handshake_says_the_code_and_whether_it_was_answered() {
        let both = Close {
            initiator: Initiator::Both,
            how: CloseHow::CloseHandshake,
            code: Some(1000),
            reason: "A".into(),
            reported: [Some(1001), Some(1000)],
            ..Close::default()
        };
        assert_eq!(
            verdict(&both),
            "closed by both at once: Close 1000 \"A\", answered; the client's API reports 1001, the server's 1000"
        );
        let unanswered = Close {
            initiator: Initiator::Client,
            how: CloseHow::CloseUnanswered,
            reported: [Some(1006), None],
            ..Close::default()
        };
        assert_eq!(
            verdict(&unanswered),
            "closed by the client: Close without code, not answered; the client's API reports 1006"
        );
    }

    #[test]
    fn what_is_still_open_has_no_end() {
        assert_eq!(verdict(&Close::default()), "still open when the capture ended");
        let closing = Close { initiator: Initiator::Client, code: Some(1001), ..Close::default() };
        assert_eq!(
            verdict(&closing),
            "closed by the client: Close 1001, still open at the end of the capture"
        );
    }
}
