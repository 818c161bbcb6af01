use serde_json::Value;

use crate::network::Network;
use crate::peers::{Log, Peer, SECRET};
use crate::watcher::Watcher;

#[test]
fn no_secret_leaves_a_live_capture() {
    let Some(network) = Network::new() else { return };
    let server = Peer::server(&network);
    let [plain, credentials, payloads] = [&[][..], &["--redact"], &["--redact=payloads"]].map(|options| {
        let mut watcher = Watcher::start(&network, options);
        Peer::client(&network, &["chat", "2"]).finish(&mut Log::new());
        let mut lines = watcher.until(|line| line["event"] == "connection_end");
        lines.extend(watcher.interrupt());
        lines
    });
    server.stop(&mut Log::new());
    let holds = |lines: &[Value], text: &str| lines.iter().any(|line| line.to_string().contains(text));
    assert!(holds(&plain, SECRET) && holds(&plain, "\"mmmm"));
    assert!(!holds(&credentials, SECRET) && holds(&credentials, "\"mmmm"));
    assert!(!holds(&payloads, SECRET) && !holds(&payloads, "\"mmmm"));
    let messages = payloads.iter().filter(|line| line["event"] == "message" && line["type"] != "close");
    for message in messages {
        let redacted = message["redacted"].as_str().is_some_and(|text| text.starts_with("redacted:"));
        assert!(redacted || message["length"] == 0, "{message}");
        assert!(message.get("text").is_none() && message.get("base64").is_none(), "{message}");
    }
}
