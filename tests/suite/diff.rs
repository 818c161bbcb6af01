//! `wspect diff`: what is the same, what differs, what can't be told.

#![expect(clippy::disallowed_methods, reason = "small files")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use wspect::packet::Side;

use super::support::{
    IpVersion, Scenario, Upgrade, Wire, Written, binary, close, ping, pong, testdata, text, wspect,
};

#[test]
fn a_capture_is_the_same_as_itself() {
    for entry in std::fs::read_dir(testdata("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|name| name == "pcap" || name == "pcapng") {
            let table = diff(&[&path, &path], &[], 0);
            assert!(table.contains("\nsame  ") && !table.contains("carried"), "{}: {table}", path.display());
        }
    }
}

#[test]
fn both_legs_of_a_proxied_connection_have_every_message() {
    let mut captures = vec![testdata("13_connect_proxy.pcap")];
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/13_nginx.pcap");
    if shared.is_file() {
        captures.push(shared);
    } else {
        println!("skipped: {} is not there", shared.display());
    }
    for capture in captures {
        let document = json(&[&capture], &[], 0);
        let [pair] = document["connections"].as_array().unwrap().as_slice() else { panic!("{document}") };
        assert_eq!((&pair["paired_by"], &pair["clock"]["basis"]), (&"key".into(), &"one_clock".into()));
        let messages = pair["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 12);
        assert!(
            messages
                .iter()
                .all(|each| each["a"].is_object() && each["b"].is_object() && each["verdict"] == "same")
        );
        // The leg of the client is A: what it sends comes later on the other one.
        let lag = &document["timing"]["lag"];
        assert!(lag["client_to_server"]["median_ns"].as_i64().unwrap() > 0, "{lag}");
        assert!(lag["server_to_client"]["median_ns"].as_i64().unwrap() < 0, "{lag}");
        assert!(diff(&[&capture], &["--strict"], 1).contains("DIFFERS"));
    }
}

#[test]
fn the_legs_can_be_named_by_expressions_also_from_standard_input() {
    let capture = std::fs::read(testdata("13_connect_proxy.pcap")).unwrap();
    let legs = ["--where-a", "c.server.port == 3128", "--where-b", "c.server.port == 8095"];
    let named = wspect().args(["diff", "-"]).args(legs).write_stdin(capture.clone()).assert().code(0);
    let table = String::from_utf8(named.get_output().stdout.clone()).unwrap();
    let found = diff(&[&testdata("13_connect_proxy.pcap")], &legs, 0);
    assert_eq!(table.split_once("\n\n").unwrap().1, found.split_once("\n\n").unwrap().1);
    let path = testdata("13_connect_proxy.pcap");
    wspect().args(["diff", "-"]).arg(path).write_stdin(capture).assert().code(0);
}

#[test]
fn the_examples_of_the_page_are_real() {
    let page = include_str!("../../docs/diff.md");
    let blocks = |kind: &'static str| page.split(kind).skip(1).filter_map(|rest| rest.split("```").next());
    let run = |command: &str| {
        let arguments = command.split(' ').skip(1).map(|word| word.trim_matches('\''));
        wspect()
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("COLUMNS", "100")
            .output()
            .unwrap()
    };
    let commands: Vec<_> = blocks("```sh\n").flat_map(str::lines).collect();
    assert!(commands.len() >= 3);
    for command in commands {
        assert_eq!(run(command).status.code(), Some(0), "{command}");
    }
    let (command, shown) = blocks("```console\n$ ").next().unwrap().split_once('\n').unwrap();
    let output = run(command);
    assert_eq!((String::from_utf8_lossy(&output.stdout).as_ref(), output.status.code()), (shown, Some(1)));
}

/// Another run of the same program: other addresses, keys and clocks, and another library below.
#[test]
fn another_run_is_the_same_however_it_was_carried() {
    let (one, other) = (Run::default(), Run::carried_differently());
    let (a, b) = (one.write("carried_a"), other.write("carried_b"));
    let table = diff(&[&a, &b], &[], 0);
    for said in [
        "request header Via only in B: 1.1 proxy",
        "target /chat → /v2/chat",
        "compression of 1 message only in B",
        "fragmentation of 1 message 1 frame → 4 frames",
    ] {
        assert!(table.contains(said), "{said}: {table}");
    }
    assert!(table.contains("same, carried differently"), "{table}");
    diff(&[&a, &b], &["--strict"], 1);
}

#[test]
fn what_was_said_differently_is_shown_with_its_neighbours() {
    let (a, b) = (Run::default().write("said_a"), Run::changed().write("said_b"));
    let shown = |columns: &str| {
        let table = diff_at(columns, &[&a, &b], &[], 1);
        table.replace(a.to_str().unwrap(), "a.pcap").replace(b.to_str().unwrap(), "b.pcap")
    };
    insta::assert_snapshot!("what_differs_at_80_columns", shown("80"));
    insta::assert_snapshot!("what_differs_at_200_columns", shown("200"));
    let mut document = json(&[&a, &b], &[], 1);
    assert_eq!(document["verdict"], "differs");
    let messages = document["connections"][0]["messages"].as_array_mut().unwrap();
    assert_eq!(messages.len(), 20);
    messages.retain(|each| each["verdict"] != "same" || each["a"]["index"] == 0);
    let changed: Vec<_> = messages.iter().filter(|each| each["verdict"] != "same").collect();
    assert_eq!(changed.len(), 3);
    assert_eq!(changed[0]["changes"][0]["what"], "content");
    assert_eq!(
        (&changed[0]["a"]["text"], &changed[0]["b"]["text"]),
        (&"{\"id\":7,\"name\":\"ada\"}".into(), &"{\"id\":8,\"name\":\"bob\"}".into())
    );
    insta::assert_snapshot!("the_document_of_a_difference", pretty(&document, &a, &b));
}

#[test]
fn a_long_message_is_shown_from_where_it_differs() {
    let script = |name: &str, said: &str, end: &str| {
        let script = Scenario::new().upgrade("/").client(text(&format!("{}{said}", "x".repeat(900))));
        write(name, &script.client(text(&format!("{}{end}", "y".repeat(5000)))).fin())
    };
    let (a, b) = (script("long_a", "this", "one"), script("long_b", "that", "two"));
    let table = diff_at("80", &[&a, &b], &[], 1);
    assert!(
        table.contains("  …xxxxxxxxxxxxxxthis\n") && table.contains("  …xxxxxxxxxxxxxxthat\n"),
        "{table}"
    );
    assert!(table.contains("the first 1,024 bytes are the same\n"), "{table}");
}

#[test]
fn only_what_an_expression_selects_is_compared() {
    let (a, b) = (Run::default().write("selected_a"), Run::changed().write("selected_b"));
    let without = "!(m.text.contains('name') || m.text == 'extra' || m.type == 'ping' || m.type == 'pong') && m.type != 'close'";
    diff(&[&a, &b], &["--where", without], 0);
    let conversation = |name: &str, extra: bool| {
        let script = Scenario::new().upgrade("/").client(text("a"));
        let script = if extra { script.server(ping("1")).client(pong("1")) } else { script };
        write(name, &script.client(close(1000, "")).server(close(1000, "")).fin())
    };
    let (a, b) = (conversation("pings_a", false), conversation("pings_b", true));
    diff(&[&a, &b], &[], 1);
    diff(&[&a, &b], &["--where", "m.type != 'ping' && m.type != 'pong'"], 0);
}

#[test]
fn order_counts_within_a_direction_and_not_between_them() {
    let script = |name: &str, order: [usize; 3]| {
        let steps = [(Side::Client, "a"), (Side::Client, "b"), (Side::Server, "c")];
        let script = order.iter().fold(Scenario::new().upgrade("/"), |script, step| match steps[*step] {
            (Side::Client, said) => script.client(text(said)),
            (Side::Server, said) => script.server(text(said)),
        });
        write(name, &script.client(close(1000, "")).server(close(1000, "")).fin())
    };
    let a = script("order_a", [0, 1, 2]);
    diff(&[&a, &script("order_b", [2, 0, 1])], &[], 0);
    assert!(
        diff(&[&a, &script("order_c", [1, 0, 2])], &[], 1)
            .contains("1 message only in A, 1 message only in B")
    );
}

#[test]
fn lost_bytes_are_no_difference_and_no_sameness() {
    let script =
        Scenario::new().upgrade("/").client(text("before")).client(binary([7; 3000])).client(text("after"));
    let script = script.client(close(1000, "")).server(close(1000, "")).fin();
    let whole = write("whole", &script);
    // The second of three segments of the long message; then the message behind it.
    let holed = write("holed", &script.clone().wire(Wire::new().segments_of(1400).lost(8..=8)));
    let table = diff(&[&whole, &holed], &[], 1);
    assert!(table.ends_with("\ncan't tell  1 message can't be compared\n"), "{table}");
    assert!(table.contains("can't tell, B: 1400 bytes missing"), "{table}");
    let lost = write("lost", &script.wire(Wire::new().lost(8..=8)));
    let table = diff(&[&whole, &lost], &[], 1);
    assert!(table.ends_with("\ncan't tell  1 message can't be compared\n"), "{table}");
    assert!(table.contains("can't tell, B: 11 bytes of this direction are missing"), "{table}");
    for capture in [holed, lost] {
        diff(&[&capture, &capture], &[], 0);
    }
}

#[test]
fn what_a_damaged_file_was_meant_to_hold_is_not_called_the_same() {
    let whole = testdata("13_connect_proxy.pcap");
    let damaged = whole_with_garbage("damaged.pcap", &whole);
    let table = diff(&[&whole, &damaged], &["--where-a", "c.id == 1", "--where-b", "c.id == 1"], 1);
    assert!(table.contains("   damaged at byte "), "{table}");
    assert!(table.contains("; what follows is not compared\n"), "{table}");
    assert!(table.ends_with("\ncan't tell  what a damaged file lacks can't be compared\n"), "{table}");
    let document = json(&[&whole, &damaged], &[], 1);
    assert_eq!((&document["verdict"], &document["a"].get("damage")), (&"unknown".into(), &None));
    assert!(document["b"]["damage"]["offset"].as_u64().is_some(), "{document}");
    let table = diff(&[&damaged, &damaged], &["--where-a", "c.id == 1", "--where-b", "c.id == 1"], 0);
    assert_eq!(table.matches("   damaged at byte ").count(), 2, "{table}");
}

/// The same capture, with more behind it that is no packet.
fn whole_with_garbage(name: &str, whole: &Path) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, [std::fs::read(whole).unwrap(), vec![0xff; 100]].concat()).unwrap();
    path
}

#[test]
fn what_was_agreed_and_how_it_ended_counts() {
    let script = |name: &str, subprotocol: &str, code: u16| {
        let upgrade = Upgrade::new("/").request("Sec-WebSocket-Protocol", "v1, v2");
        let script = Scenario::new().upgrade_as(&upgrade.response("Sec-WebSocket-Protocol", subprotocol));
        write(name, &script.client(text("a")).client(close(code, "bye")).server(close(code, "")).fin())
    };
    let a = script("agreed_a", "v1", 1000);
    let table = diff(&[&a, &script("agreed_b", "v2", 1001)], &[], 1);
    assert!(
        table.contains("  ~  subprotocol v1 → v2\n") && table.contains("  ~  close code 1000 → 1001\n"),
        "{table}"
    );
    let refused = Upgrade::new("/").status_line("HTTP/1.1 403 Forbidden");
    let refused = write("agreed_c", &Scenario::new().upgrade_as(&refused).fin());
    assert!(diff(&[&a, &refused], &[], 1).contains("  ~  outcome accepted → refused\n"));
}

#[test]
fn concurrent_connections_find_their_like_in_whatever_order_they_opened() {
    // Three with the same target, of which the second recording has another order, other keys, and one with a change.
    let script = |name: &str, order: [u16; 3], changed: &str| {
        let script = order.iter().fold(Scenario::new(), |script, number| {
            let upgrade = Upgrade::new("/feed").numbered(u64::from(*number) + name.len() as u64 * 100);
            let script = script.connection(*number).upgrade_as(&upgrade);
            script.client(text(&format!("I am {number}"))).server(text(&format!("Welcome {number}")))
        });
        let script = script.connection(2).server(text(changed));
        write(name, &order.iter().fold(script, |script, number| script.connection(*number).fin()))
    };
    let (a, b) = (script("many_a", [1, 2, 3], "as it was"), script("many_bb", [3, 2, 1], "as it is"));
    let document = json(&[&a, &b], &[], 1);
    let pairs: Vec<_> = document["connections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            (
                pair["a"]["id"].as_u64().unwrap(),
                pair["b"]["id"].as_u64().unwrap(),
                pair["paired_by"].as_str().unwrap(),
                pair["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        pairs,
        [(1, 3, "messages", "same"), (2, 2, "likeness", "differs"), (3, 1, "messages", "same")]
    );
}

#[test]
fn a_connection_more_or_less_is_a_difference_of_its_own() {
    let one = Scenario::new().upgrade("/a").client(text("a")).fin();
    let two = one.clone().connection(2).upgrade("/b").client(text("b")).fin();
    let (a, b) = (write("less", &one), write("more", &two));
    let table = diff(&[&a, &b], &[], 1);
    assert!(table.contains("only in B\n") && table.contains("DIFFERS  1 connection only in B"), "{table}");
}

#[test]
fn what_can_not_be_compared_is_said_in_a_line() {
    let chat = testdata("01_seed_ws_hello.pcap");
    let (chat, missing) = (chat.to_str().unwrap(), "no-such-file.pcap");
    for (arguments, said) in [
        (vec![chat, missing], "no-such-file.pcap: "),
        (vec![chat], "no two connections in it have the same Sec-WebSocket-Key"),
        (vec![chat, "--where-a", "c.id == 1"], "--where-a and --where-b go together"),
        (vec![chat, chat, "--where-b", "c.id == 9"], "c.id == 9 selects none of 1 WebSocket connections"),
        (vec![chat, chat, "--where", "m.txt == 'a'"], "--where: column 3: message has no field `txt`"),
        (vec!["-", "-"], "standard input can be one of the two captures only"),
        (vec![], "required"),
        (vec![chat, chat, chat], "unexpected"),
    ] {
        let output = wspect()
            .arg("diff")
            .args(&arguments)
            .write_stdin("")
            .assert()
            .code(2)
            .stdout("")
            .get_output()
            .clone();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn nothing_of_a_capture_reaches_the_terminal_unsafe() {
    let script = |name: &str, said: &str| {
        let hostile = format!("\u{1b}[31m{said}\u{202e}\n{}", "柳".repeat(300));
        let upgrade = Upgrade::new("/\u{1b}]0;x\u{7}").also_response("X-Odd", &format!("\u{9b}{said}"));
        write(
            name,
            &Scenario::new()
                .upgrade_as(&upgrade)
                .client(text(&hostile))
                .client(close(4000, &format!("\u{1b}]0;{said}\u{202e}")))
                .fin(),
        )
    };
    let (a, b) = (script("hostile_a", "one"), script("hostile_b", "two"));
    for columns in ["60", "80", "133"] {
        let table = diff_at(columns, &[&a, &b], &["--strict"], 1);
        assert!(!table.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{table:?}");
    }
}

/// A conversation, and what differs from one run to the next.
#[derive(Default)]
struct Run {
    carried_differently: bool,
    changed: bool,
}

impl Run {
    fn carried_differently() -> Self {
        Self { carried_differently: true, ..Self::default() }
    }

    fn changed() -> Self {
        Self { changed: true, ..Self::default() }
    }

    fn write(&self, name: &str) -> PathBuf {
        write(name, &self.script())
    }

    fn script(&self) -> Scenario {
        let (name, pause) = if self.changed {
            ("{\"id\":8,\"name\":\"bob\"}", 40_000_000)
        } else {
            ("{\"id\":7,\"name\":\"ada\"}", 0)
        };
        let mut script = Scenario::new().upgrade_as(&self.upgrade());
        for number in 0..6 {
            script = script
                .client(text(&format!("subscribe {number}")))
                .server(text(&format!("subscribed {number}")));
        }
        script = script.wait(pause).server(text(name)).server(self.long_text()).server(self.packed_text());
        if self.changed {
            script = script.client(text("extra"));
        } else {
            script = script.server(ping("alive?"));
        }
        let script = script.client(text("thanks")).client(close(1000, "bye")).server(close(1000, "")).fin();
        if self.carried_differently {
            script.wire(Wire::new().ip(IpVersion::V6).segments_of(11))
        } else {
            script
        }
    }

    fn upgrade(&self) -> Upgrade {
        let plain = Upgrade::new(if self.carried_differently { "/v2/chat" } else { "/chat" })
            .request("Host", "localhost:8080");
        if !self.carried_differently {
            return plain.numbered(if self.changed { 3 } else { 1 });
        }
        let upgrade = plain.request("Host", "localhost:9090").numbered(2).also_request("Via", "1.1 proxy");
        upgrade.agreed("Sec-WebSocket-Extensions", "permessage-deflate")
    }

    fn long_text(&self) -> Written {
        let long = text(&"long ".repeat(20));
        if self.carried_differently { long.fragments(25).into() } else { long.into() }
    }

    fn packed_text(&self) -> Written {
        let packed = text("packed packed packed");
        if self.carried_differently { packed.deflated().into() } else { packed.into() }
    }
}

fn write(name: &str, script: &Scenario) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diff");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}.pcap"));
    std::fs::write(&path, script.pcap()).unwrap();
    path
}

fn diff(captures: &[&PathBuf], options: &[&str], status: i32) -> String {
    diff_at("120", captures, options, status)
}

fn diff_at(columns: &str, captures: &[&PathBuf], options: &[&str], status: i32) -> String {
    let output = wspect().arg("diff").args(captures).args(options).env("COLUMNS", columns).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{captures:?} {options:?}: {table}{error}");
    assert_eq!(error, "");
    table
}

fn json(captures: &[&PathBuf], options: &[&str], status: i32) -> Value {
    let options: Vec<_> = options.iter().copied().chain(["--format", "json"]).collect();
    serde_json::from_str(&diff(captures, &options, status)).unwrap()
}

fn pretty(document: &Value, a: &Path, b: &Path) -> String {
    let text = serde_json::to_string_pretty(document).unwrap();
    text.replace(a.to_str().unwrap(), "a.pcap").replace(b.to_str().unwrap(), "b.pcap")
}
