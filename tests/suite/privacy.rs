//! `--redact` and what reaches a terminal: secrets and control characters planted everywhere, looked for in every format.

use std::ops::ControlFlow;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use wspect::connection::Options;
use wspect::event::{Event, Sink};
use wspect::redact::{Key, Redact, Redactor};
use wspect::report::{PayloadMode, Report, Scroll, Shown};

use super::support::{Frame, Scenario, Upgrade, binary, close, ping, stdout_of, text, wspect};

/// What the heads give away, each in a place of its own.
const CREDENTIALS: [&str; 53] = [
    "inTheCookie",
    "cookieWithoutName",
    "inTheAuthorization",
    "inTheProxyAuthorization",
    "inTheQueryToken",
    "inTheEncodedParameter",
    "inTheFragment",
    "inTheSetCookie",
    "afterTheBearer",
    "k8sBearer",
    "eyJhbGciOiJub25lIn0.e30.inTheSubprotocol",
    "inTheApiKey",
    "inTheAuthToken",
    "inTheReferer",
    "inTheLocation",
    "inALineWithoutColon",
    "inTheBarePiece",
    "behindTheSemicolon",
    "inTheNestedUser",
    "inTheEncodedJson",
    "inTheThriceEncoded",
    "inTheOrigin",
    "inThePath",
    "inTheRawJson",
    "behindTheColon",
    "behindTheScheme",
    "behindTheSpace",
    "behindTheComma",
    "inTheLink",
    "inTheQuotes",
    "inTheExtension",
    "inTheValueOfPath",
    "inThePhrase",
    "inThePasscode",
    "inTheAppkey",
    "inTheStreamkey",
    "inTheSign",
    "inTheHmac",
    "inThePw",
    "inTheCreds",
    "inTheSess",
    "inTheMac",
    "inTheNextSubprotocol",
    "behindTheApiKey",
    "behindTheAccess",
    "behindThePass",
    "behindTheEmpty",
    "inTheJoinedCookie",
    "inTheCookieBehindADate",
    "inThePort",
    "behindTheNoName",
    "inTheEncodedQuery",
    "inTheMethod",
];

/// What is said.
const SAID: [&str; 4] = ["inTheText", "inTheBinary", "inThePing", "inTheReason"];

#[test]
fn no_format_shows_a_credential() {
    for command in every_command("--redact") {
        let shown = command.output(&capture());
        for secret in CREDENTIALS {
            assert!(!shown.contains(secret), "{}: {secret}\n{shown}", command.name);
        }
        assert!(shown.contains("redacted:") || !command.shows_heads, "{}\n{shown}", command.name);
    }
}

#[test]
fn no_format_shows_what_was_said_either() {
    for command in every_command("--redact=payloads") {
        let shown = command.output(&capture());
        for secret in CREDENTIALS.iter().chain(&SAID) {
            let encoded = BASE64_STANDARD.encode(secret);
            assert!(
                !shown.contains(secret) && !shown.contains(&encoded),
                "{}: {secret}\n{shown}",
                command.name
            );
            let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
            assert!(!shown.contains(&hex), "{}: {secret}\n{shown}", command.name);
        }
    }
}

#[test]
fn the_secrets_are_there_to_be_found() {
    let shown: String =
        every_command("--color=never").iter().map(|command| command.output(&capture())).collect();
    for secret in CREDENTIALS.iter().chain(&SAID) {
        let encoded = BASE64_STANDARD.encode(secret);
        assert!(shown.contains(secret) || shown.contains(&encoded), "{secret}");
    }
    for rule in [
        "handshake-subprotocol-unrequested",
        "handshake-header-folded-or-invalid",
        "handshake-cleartext-cookie",
        "handshake-method-not-get",
    ] {
        assert!(shown.contains(rule), "{rule} would quote a secret\n{shown}");
    }
}

#[test]
fn equal_secrets_are_known_within_a_run_and_by_a_key_between_runs() {
    let twice = |options: &[&str]| {
        let capture =
            Scenario::new().upgrade("/").client(text("same")).server(text("same")).client(text("other"));
        let messages: Vec<_> = ndjson(&capture.pcap(), options)
            .into_iter()
            .filter(|line| line["event"] == "message")
            .map(|line| (line["length"].clone(), line["redacted"].as_str().unwrap().to_owned()))
            .collect();
        let [(length, one), (_, same), (_, other)] = &messages[..] else { panic!("{messages:?}") };
        assert!(one == same && one != other && *length == 4, "{messages:?}");
        one.clone()
    };
    let random = ["--redact=payloads"];
    assert_ne!(twice(&random), twice(&random));
    let keyed = ["--redact=payloads", "--redact-key", "ours"];
    assert_eq!(twice(&keyed), twice(&keyed));
    assert_ne!(twice(&keyed), twice(&["--redact=payloads", "--redact-key", "theirs"]));
}

#[test]
fn what_is_no_secret_stays() {
    let lines = ndjson(&capture(), &["--redact"]);
    let opened = lines.iter().find(|line| line["event"] == "connection").unwrap();
    let request = &opened["handshake"]["request"];
    assert!(request["target"].as_str().unwrap().starts_with("/chat/redacted:"), "{request}");
    let header = |name: &str| {
        let headers = request["headers"].as_array().unwrap();
        headers.iter().find(|header| header[0] == name).unwrap()[1].as_str().unwrap().to_owned()
    };
    assert!(header("Cookie").starts_with("sid=redacted:"));
    assert!(header("Authorization").starts_with("Basic redacted:"));
    assert_eq!(opened["handshake"]["accept"]["valid"], true);
    assert!(lines.iter().any(|line| line["text"] == "inTheText"));
    let closed = lines.iter().find(|line| line["event"] == "connection_end").unwrap();
    assert_eq!((&closed["close"]["code"], &closed["close"]["reason"]), (&1000.into(), &"inTheReason".into()));
    let closed = ndjson(&capture(), &["--redact=payloads"]);
    let reasons: Vec<_> = closed.iter().filter_map(|line| line["close"]["reason"].as_str()).collect();
    assert!(
        reasons.len() > 1
            && reasons.iter().all(|reason| *reason == reasons[0] && reason.starts_with("redacted:"))
    );
}

#[test]
fn findings_are_the_same_with_and_without_redaction() {
    let rules = |options: &[&str]| {
        let lines = ndjson(&capture(), options);
        let findings = lines.into_iter().filter(|line| line["event"] == "finding");
        findings.map(|line| (line["rule"].clone(), line["message"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(rules(&["--redact=payloads"]), rules(&[]));
}

#[test]
fn selection_and_expectations_see_what_is_not_shown() {
    let selected = ["--where", "m.text == \"inTheText\"", "--redact=payloads"];
    let shown = ndjson(&capture(), &selected);
    assert_eq!(shown.iter().filter(|line| line["event"] == "message").count(), 1);
    let check = |expression: &str, status| {
        let file = scratch("expect.toml");
        std::fs::write(&file, format!("[[expect]]\nname = 'it'\nexpr = '''{expression}'''")).unwrap();
        let mut command = wspect();
        command.args(["check", "-", "--redact=payloads", "--fail-on", "error", "--expect"]).arg(file);
        command.args(ALLOWED.iter().flat_map(|rule| ["--rule", rule]));
        let output = command.write_stdin(capture()).assert().code(status).get_output().clone();
        String::from_utf8(output.stdout).unwrap()
    };
    check("messages.exists(m, m.text == \"inTheText\")", 0);
    let broken = check("messages[0].text == \"other\"", 1);
    assert!(broken.contains("redacted:") && !broken.contains("inTheText"), "{broken}");
    let broken = check("!messages.exists(m, m.text.startsWith(\"inThe\"))", 1);
    assert!(broken.contains("what decides is redacted"), "{broken}");
}

#[test]
fn a_comparison_sees_what_it_does_not_show() {
    let (a, b) = (scratch("a.pcap"), scratch("b.pcap"));
    std::fs::write(&a, capture()).unwrap();
    std::fs::write(&b, conversation(other)).unwrap();
    let secrets = || CREDENTIALS.iter().chain(&SAID).flat_map(|secret| [(*secret).to_owned(), other(secret)]);
    let shown = |options: &[&str]| {
        let mut command = wspect();
        command.arg("diff").args([&a, &b]).args(["--strict"]).args(options).env("COLUMNS", "2000");
        let output = command.assert().code(1).get_output().clone();
        assert!(output.stderr.is_empty(), "{options:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let there = |shown: &str, secret: &str| {
        let hex = secret.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        [secret, &BASE64_STANDARD.encode(secret), &hex].iter().any(|form| shown.contains(*form))
    };
    let plain = ["table", "json"].map(|format| shown(&["-f", format])).concat();
    // What only one capture has is shown; a header field that is the same in both, or new in each run, is not.
    let missed: Vec<_> = secrets().filter(|secret| !there(&plain, secret)).collect();
    assert!(missed.len() <= 20 && !missed.contains(&"inTheText".to_owned()), "{missed:?}");
    for format in ["table", "json"] {
        let credentials = shown(&["-f", format, "--redact"]);
        let all = shown(&["-f", format, "--redact=payloads"]);
        assert!(there(&credentials, "inTheText") && credentials.contains("redacted:"), "{credentials}");
        assert!(!all.contains("SHA-1") && all.contains("redacted:"), "{all}");
        for secret in secrets() {
            assert!(!there(&all, &secret), "{format}: {secret}\n{all}");
            let is_said = SAID.iter().any(|said| secret == *said || secret == other(said));
            assert!(is_said || !there(&credentials, &secret), "{format}: {secret}\n{credentials}");
        }
    }
    // What differs is the same with and without.
    let outline = |options: &[&str]| {
        let document: Value = serde_json::from_str(&shown(options)).unwrap();
        let pair = document["connections"][0].clone();
        let weights = |changes: &Value| {
            changes.as_array().unwrap().iter().map(|change| change["weight"].clone()).collect::<Vec<_>>()
        };
        let messages: Vec<_> =
            pair["messages"].as_array().unwrap().iter().map(|each| weights(&each["changes"])).collect();
        (document["verdict"].clone(), pair["verdict"].clone(), weights(&pair["changes"]), messages)
    };
    assert_eq!(outline(&["-f", "json"]), outline(&["-f", "json", "--redact=payloads"]));
}

#[test]
fn the_scrolling_table_shows_no_secret_either() {
    let file = scratch("chat.pcap");
    std::fs::write(&file, capture()).unwrap();
    let shown = |extent: Option<Redact>| {
        let mut text = Vec::new();
        let report =
            Scroll::new(&mut text, Shown { width: 2000, payload: PayloadMode::Full, ..Shown::default() });
        let mut showing = Showing(report, extent.map(|extent| Redactor::new(extent, &Key::of("ours"))));
        let options = Options::default();
        let mut source = wspect::capture::open(&[file.display().to_string()], &options.limits).unwrap();
        wspect::pipeline::analyze(&mut source, &options, &mut showing).unwrap();
        String::from_utf8(text).unwrap()
    };
    let (plain, some, all) = (shown(None), shown(Some(Redact::Credentials)), shown(Some(Redact::Payloads)));
    assert!(plain.contains("inTheQueryToken") && plain.contains("inTheText") && some.contains("inTheText"));
    assert!(some.contains("redacted:") && all.contains("redacted:"), "{some}{all}");
    for secret in CREDENTIALS {
        assert!(!some.contains(secret) && !all.contains(secret), "{secret}\n{some}{all}");
    }
    assert!(SAID.iter().all(|secret| !all.contains(secret)), "{all}");
}

/// As `wspect live` shows events.
struct Showing<'a>(Scroll<&'a mut Vec<u8>>, Option<Redactor>);

impl Sink for Showing<'_> {
    fn event(&mut self, event: Event) -> ControlFlow<()> {
        let event = match &mut self.1 {
            Some(redactor) => redactor.event(event),
            None => event,
        };
        self.0.event(&event).unwrap();
        ControlFlow::Continue(())
    }
}

#[test]
fn two_parts_of_one_capture_have_fingerprints_that_can_be_compared() {
    let upgrade = |token: &str| Upgrade::new(&format!("/?token={token}&a=1"));
    let one = Scenario::new().open().upgrade_as(&upgrade("inTheQueryToken")).client(text("inTheText")).fin();
    let two =
        one.connection(2).open().upgrade_as(&upgrade("inTheQueryToken")).client(text("inTheText!")).fin();
    let file = scratch("both.pcap");
    std::fs::write(&file, two.pcap()).unwrap();
    for parts in [&[][..], &["--where-a", "c.id == 1", "--where-b", "c.id == 2"]] {
        let mut command = wspect();
        command.arg("diff").arg(&file).args(parts).args(["--redact=payloads", "-f", "json"]);
        let output = command.assert().code(1).get_output().stdout.clone();
        let document: Value = serde_json::from_slice(&output).unwrap();
        let pair = &document["connections"][0];
        let target = |side: &str| pair[side]["target"].as_str().unwrap().to_owned();
        assert!(target("a") == target("b") && target("a").contains("redacted:"), "{pair}");
        let change = &pair["messages"][0]["changes"][0];
        assert!(change["what"] == "content" && change["a"] != change["b"], "{change}");
    }
}

#[test]
fn what_stands_behind_the_option_is_no_third_capture() {
    let chat = "testdata/01_seed_ws_hello.pcap";
    let output =
        wspect().args(["diff", "--redact", "payloads", chat, chat]).assert().code(2).get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--redact=payloads"), "{said}");
}

#[test]
fn baselines_are_compared_by_the_key_that_they_were_recorded_with() {
    let file = scratch("baseline.json");
    let check = |options: &[&str], status| {
        let mut command = wspect();
        command.args(["check", "-", "--baseline"]).arg(&file).args(options);
        command.args(ALLOWED.iter().flat_map(|rule| ["--rule", rule]));
        let output = command.write_stdin(capture()).assert().code(status).get_output().clone();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let keyed = ["--redact=payloads", "--redact-key", "ours"];
    check(&[&keyed[..], &["--bless"]].concat(), 0);
    let recorded = std::fs::read_to_string(&file).unwrap();
    assert!(CREDENTIALS.iter().chain(&SAID).all(|secret| !recorded.contains(secret)), "{recorded}");
    check(&keyed, 0);
    for other in [&["--redact=payloads", "--redact-key", "x"][..], &["--redact", "--redact-key", "ours"], &[]]
    {
        assert!(check(other, 2).contains("was recorded with another --redact"), "{other:?}");
    }
    assert!(check(&["--redact"], 2).contains("needs --redact-key"));
}

#[test]
fn nothing_that_steers_a_terminal_reaches_it() {
    for name in ["esc\u{1b}]0;x\u{7}.pcap", "c1\u{9b}2J.pcap", "bidi\u{202e}pacp.pcap"] {
        let file = scratch(name);
        std::fs::write(&file, hostile()).unwrap();
        for command in every_command("--color=never") {
            let mut run = wspect();
            run.args(&command.arguments).arg(&file);
            let output = run.output().unwrap();
            for stream in [output.stdout, output.stderr] {
                let shown = String::from_utf8(stream).unwrap();
                assert_safe(&shown, &command.name);
            }
        }
    }
}

#[test]
fn nothing_that_steers_a_terminal_is_in_a_comparison_or_a_baseline() {
    let (a, b) = (scratch("esc\u{1b}]0;x\u{7}\u{9b}\u{feff}.pcap"), scratch("chat.pcap"));
    std::fs::write(&a, hostile()).unwrap();
    std::fs::write(&b, capture()).unwrap();
    for format in ["table", "json"] {
        for sides in [[&a, &b], [&b, &a]] {
            let output = wspect().arg("diff").args(sides).args(["--strict", "-f", format]).output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            assert_safe(&String::from_utf8(output.stdout).unwrap(), format);
        }
    }
    let baseline = scratch("baseline.json");
    let check = |option: Option<&str>| {
        let mut command = wspect();
        command.args(["check", "-f", "json", "--baseline"]).arg(&baseline).arg(&a).args(option);
        let output = command.output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["baseline"].clone()
    };
    check(Some("--bless"));
    assert_safe(&std::fs::read_to_string(&baseline).unwrap(), "baseline");
    assert_eq!(check(None)["differences"], serde_json::json!([]));
}

#[test]
fn errors_quote_nothing_that_steers_a_terminal() {
    let file = scratch("no\u{1b}[2J\u{202e}\u{9b}.pcap");
    std::fs::write(&file, b"no capture").unwrap();
    let file = file.to_string_lossy().into_owned();
    let config = scratch("expect.toml");
    std::fs::write(&config, "[[expect]]\nname = \"\\u001b[2J\\u202e\"\nexpr = 'no.such\u{9b}\u{202e}field'")
        .unwrap();
    let config = config.to_string_lossy().into_owned();
    let missing = format!("{file}.missing");
    let chat = "testdata/01_seed_ws_hello.pcap";
    for arguments in [
        vec!["read", &file],
        vec!["read", &missing],
        vec!["check", &missing],
        vec![&file],
        vec!["read", chat, "--where", "m.\u{202e}x\u{1b}[2J"],
        vec!["read", chat, "--where", "m.text == '\u{1b}[2J\u{202e}' &&"],
        vec!["read", chat, "--format", "\u{1b}[2J\u{202e}"],
        vec!["read", chat, "-o", "/none\u{1b}[2J/x"],
        vec!["read", chat, "-\u{1b}[2J"],
        vec!["check", chat, "--expect", &config],
        vec!["check", chat, "--expect", &missing],
        vec!["check", chat, "--baseline", &missing],
        vec!["check", chat, "--rule", "\u{1b}[2J\u{202e}=error"],
        vec!["rules", "\u{1b}[2J\u{202e}"],
    ] {
        let output = wspect().args(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && !said.is_empty(), "{arguments:?}: {said}");
        assert_safe(&said, &format!("{arguments:?}"));
    }
}

/// No character that moves the cursor or turns the direction of text.
fn assert_safe(shown: &str, what: &str) {
    let steers = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    let found = shown.char_indices().find(|(_, c)| steers(*c));
    assert_eq!(
        found,
        None,
        "{what}: {:?}",
        shown.get(found.map_or(0, |(at, _)| shown.floor_char_boundary(at.saturating_sub(60)))..)
    );
}

/// A run in one format.
struct Run {
    name: String,
    arguments: Vec<String>,
    shows_heads: bool,
}

impl Run {
    /// Of a capture that comes in on stdin.
    fn output(&self, capture: &[u8]) -> String {
        // Wide, so that no line break hides what is looked for.
        let mut command = wspect();
        let output = command
            .args(&self.arguments)
            .arg("-")
            .env("COLUMNS", "2000")
            .write_stdin(capture)
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Every format of every command, with an option that all of them have; `--color` is of `read` alone.
fn every_command(option: &str) -> Vec<Run> {
    let expectation = scratch("everything.toml");
    let shown = "messages[0].text == 'x'\", \"connections[0].handshake.request.target == 'x'\", \"messages.exists(m, m.close.reason == 'x')\", \"connections[0].handshake.subprotocols_offered == ['x']";
    let tables: String = shown
        .split("\", \"")
        .enumerate()
        .map(|(n, expr)| format!("[[expect]]\nname = 'e{n}'\nexpr = \"\"\"{expr}\"\"\"\n"))
        .collect();
    std::fs::write(&expectation, tables).unwrap();
    let expectation = expectation.to_string_lossy().into_owned();
    let read = [
        &["table"][..],
        &["table", "--payload", "full"],
        &["table", "--payload", "none", "--statistics"],
        &["table", "--summary"],
        &["table", "--where", "m.length > 0", "--context", "1"],
        &["json", "--frames"],
        &["json", "--payload", "preview"],
        &["ndjson"],
        &["ndjson", "--payload", "none"],
        &["ndjson", "--summary"],
    ];
    let read = read.iter().map(|options| {
        let arguments = [&["read", option, "-f"], *options].concat();
        Run {
            name: arguments.join(" "),
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            shows_heads: true,
        }
    });
    let check = ["table", "json", "junit", "sarif", "github"].map(|format| {
        let plain = ["check", "--fail-on", "note", "--expect", &expectation, "-f", format];
        let option = Some(option).filter(|option| !option.starts_with("--color"));
        let arguments: Vec<_> = plain.into_iter().chain(option).map(str::to_owned).collect();
        Run { name: arguments.join(" "), arguments, shows_heads: false }
    });
    read.chain(check).collect()
}

/// A conversation with a secret in every place, some of them where findings quote it.
fn capture() -> Vec<u8> {
    conversation(str::to_owned)
}

/// The same, each secret put in other words.
fn conversation(words: impl Fn(&str) -> String) -> Vec<u8> {
    let target = [
        "/chat/x%3Fa=inTheEncodedQuery?room=1&token=inTheQueryToken&%61pi_key=inTheEncodedParameter&inTheBarePiece&a=b;token=c;behindTheSemicolon",
        "=behindTheNoName&passcode=inThePasscode&appkey=inTheAppkey&STREAMKEY=inTheStreamkey&sign=inTheSign",
        "hmac=inTheHmac&pw=inThePw&creds=inTheCreds&sess=inTheSess",
        "to=//u:inTheNestedUser@h/&q=%7B%22token%22:%22inTheEncodedJson%22%7D&on=/%25253Ftoken%25253DinTheThriceEncoded",
    ];
    let target = words(&format!("{}#access_token=inTheFragment", target.join("&")));
    let upgrade = Upgrade::new(&target)
        .request_line(&words(&format!("TOKEN-inTheMethod {target} HTTP/1.1")))
        .request("X-Mac", &words("inTheMac"))
        .request("Cookie", &words("sid=inTheCookie; cookieWithoutName"))
        .request("Authorization", &words("Basic inTheAuthorization"))
        .request("Proxy-Authorization", &words("inTheProxyAuthorization"))
        .request("X-Api-Key", &words("inTheApiKey"))
        .request("X-Auth-Token", &words("inTheAuthToken"))
        .request("Referer", &words("http://a.example/?session=inTheReferer"))
        .request(&words("Cookie inALineWithoutColon"), "x")
        .request("Origin", &words("http:/u:inTheOrigin@a.example"))
        .request("Content-Location", &words("/token=a/inThePath"))
        .request("X-A", &words("token: behindTheColon"))
        .request("X-B", &words("Bearer behindTheScheme"))
        .request("X-C", &words("a, password behindTheSpace"))
        .request("X-D", &words("key=a,behindTheComma"))
        .request("X-E", &words("<http://u:inTheLink@h/>"))
        .request("X-F", &words("token=\"inTheQuotes\""))
        .request("Sec-WebSocket-Extensions", &words("x; token=\"inTheExtension\\\"\""))
        .request(
            "Sec-WebSocket-Protocol",
            &words("chat, bearer, afterTheBearer, base64url.bearer.authorization.k8s.io.k8sBearer, chat, eyJhbGciOiJub25lIn0.e30.inTheSubprotocol"),
        )
        .also_request("Sec-WebSocket-Protocol", "chat, bearer")
        .also_request("Sec-WebSocket-Protocol", &words("inTheNextSubprotocol, X-Api-Key, behindTheApiKey"))
        .also_request(
            "Sec-WebSocket-Protocol",
            &words("access-token-v1, behindTheAccess, pass, behindThePass, bearer,, behindTheEmpty"),
        )
        .response("Sec-WebSocket-Protocol", "nobodyOffered")
        .response("Location", &words("/?auth=inTheLocation"))
        .response("Content-Location", &words("/?q={\"token\":\"a;inTheRawJson?\"}"))
        .response("Set-Cookie", &words("sid=inTheSetCookie; Path=/"))
        .also_response("Set-Cookie", &words("a=1; Path=/, theme=inTheJoinedCookie; Path=/"))
        .also_response(
            "Set-Cookie",
            &words("a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, id=inTheCookieBehindADate"),
        )
        .also_response("Set-Cookie", &words("path=inTheValueOfPath; Path=/"))
        .status_line(&words("HTTP/1.1 101 token=inThePhrase"));
    let connect = words("CONNECT server.example.com:inThePort HTTP/1.1\r\nHost: a\r\n\r\n");
    let tunnel = Scenario::new().open().client(&*connect).server("HTTP/1.1 200 OK\r\n\r\n");
    let said = tunnel
        .upgrade_as(&upgrade)
        .client(text(&words("inTheText")))
        .server(binary(words("inTheBinary")))
        .client(ping(words("inThePing")));
    said.client(close(1000, &words("inTheReason"))).server(close(1000, &words("inTheReason"))).fin().pcap()
}

/// Of the same length.
fn other(text: &str) -> String {
    text.replace("The", "Xyz").replace("Without", "With0ut")
}

/// Findings of [`capture`] that would fail any check.
const ALLOWED: [&str; 3] = [
    "handshake-subprotocol-unrequested=allow",
    "handshake-subprotocol-invalid-token=allow",
    "handshake-method-not-get=allow",
];

/// A conversation with escape sequences, control and bidirectional characters in every place.
fn hostile() -> Vec<u8> {
    let steer = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{feff}\u{e0041}\r\u{8}\u{7f}\u{0}";
    let in_head = steer.replace(['\r', '\0'], "");
    let upgrade = Upgrade::new(&format!("/{in_head}"))
        .request("Host", &format!("a{in_head}"))
        .request("Origin", &in_head)
        .request("Cookie", &format!("{in_head}=1"))
        .request("User-Agent", &format!("Mozilla/{in_head}"))
        .request(&format!("X{in_head}"), &in_head)
        .request("Sec-WebSocket-Protocol", &format!("{in_head}, b"))
        .request("Sec-WebSocket-Extensions", &format!("{in_head}; {in_head}={in_head}"))
        .response("Sec-WebSocket-Protocol", &format!("c{in_head}"))
        .response("Sec-WebSocket-Extensions", &format!("x; {in_head}"))
        .response("Server", &in_head)
        .status_line(&format!("HTTP/1.1 101 {in_head}"));
    let opened = Scenario::new().open().upgrade_as(&upgrade);
    let said =
        opened.client(text(steer)).server(binary(steer)).client(ping(steer)).server(Frame::new(3, steer));
    let closed = said.client(close(1000, steer)).server(close(4000, steer)).fin();
    let refusal =
        Upgrade::new("/").status_line(&format!("HTTP/1.1 403 {in_head}")).response("Location", &in_head);
    closed.connection(2).open().upgrade_as(&refusal).fin().pcap()
}

fn ndjson(capture: &[u8], options: &[&str]) -> Vec<Value> {
    let mut command = wspect();
    command.args(["read", "-", "-f", "ndjson"]).args(options).write_stdin(capture);
    stdout_of(&mut command).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file of this name in a folder that is this thread's own.
fn scratch(name: &str) -> PathBuf {
    let test = std::thread::current().name().unwrap_or_default().replace("::", "_");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}
