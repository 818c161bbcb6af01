//! The expressions of `docs/expressions.md`, and `--where` and `--context` as a user types them.

use serde_json::Value;

use super::support::{stdout_of, testdata, wspect};

#[test]
fn each_example_of_the_page_selects_something_and_not_everything() {
    let page = include_str!("../../docs/expressions.md");
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples: Vec<_> = blocks.flat_map(str::lines).map(example).collect();
    assert!(examples.len() >= 10);
    for (capture, expression) in examples {
        let all = lines(capture, &[]);
        let selected = lines(capture, &["--where", expression]);
        let of = |lines: &[Value], event: &str| lines.iter().filter(|line| line["event"] == event).count();
        let counts = |event| (of(&selected, event), of(&all, event));
        let (messages, all_messages) = counts("message");
        let (connections, all_connections) = counts("connection");
        assert!(connections > 0, "{expression} selects nothing");
        assert!(messages < all_messages || connections < all_connections, "{expression} selects everything");
        assert!(selected.iter().all(|line| all.contains(line)), "{expression} changes a line");
    }
}

/// `wspect read CAPTURE --where 'EXPRESSION'`
fn example(line: &str) -> (&str, &str) {
    let (capture, expression) =
        line.strip_prefix("wspect read testdata/").unwrap().split_once(" --where '").unwrap();
    (capture, expression.strip_suffix('\'').unwrap())
}

#[test]
fn the_mistake_of_the_page_is_said_as_the_page_says() {
    let page = include_str!("../../docs/expressions.md");
    let (_, shown) = page.split_once("m.txt == \"hello\"'\n").unwrap();
    let shown = shown.split("```").next().unwrap();
    refuses(&["--where", "m.txt == \"hello\""], shown);
}

#[test]
fn the_json_document_holds_the_same_selection() {
    let expression = "m.type == \"text\" && m.length > 100";
    let name = "17_pcapng_two_interfaces.pcapng";
    let lines = lines(name, &["--where", expression]);
    let expected: Vec<_> = lines.iter().filter(|line| line["event"] == "message").collect();
    let document = stdout_of(read(name).args(["--format", "json", "--where", expression]));
    let document: Value = serde_json::from_str(&document).unwrap();
    let connections = document["connections"].as_array().unwrap();
    let messages: Vec<_> =
        connections.iter().flat_map(|connection| connection["messages"].as_array().unwrap()).collect();
    assert!(!messages.is_empty() && messages.len() < 32);
    assert_eq!(messages.len(), expected.len());
    for (message, line) in messages.iter().zip(expected) {
        assert_eq!((&message["text"], &message["index"]), (&line["text"], &line["index"]));
    }
    assert_eq!(document["totals"]["messages"], 32, "totals are those of the whole capture");
}

#[test]
fn an_expression_over_connections_alone_keeps_all_their_messages() {
    let all = lines("19_abnormal_ends.pcap", &["--connection", "4"]);
    let selected =
        lines("19_abnormal_ends.pcap", &["--where", "c.handshake.request.target == \"/abn/half\""]);
    assert_eq!(selected, all);
}

#[test]
fn what_is_known_at_the_end_can_select_messages_too() {
    let selected = lines("19_abnormal_ends.pcap", &["--where", "m.type == \"text\" && c.close.code == 4003"]);
    let events: Vec<_> = selected.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events.iter().filter(|event| **event == "connection").count(), 1);
    assert!(selected.iter().filter(|line| line["event"] == "message").all(|line| line["type"] == "text"));
}

#[test]
fn what_is_known_at_the_end_needs_a_file() {
    let mut command = wspect();
    command.args(["read", "-", "--where", "c.close.code == 1000"]);
    let output = command.assert().code(2).get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("column 3: this is known only when a connection has ended"), "{said}");
    assert!(said.contains("read twice"), "{said}");
}

#[test]
fn a_text_is_searched_to_its_end_also_for_the_table() {
    let name = "17_pcapng_two_interfaces.pcapng";
    let table = stdout_of(read(name).args(["--where", "m.length == 6000 && m.text.size() > 4000"]));
    assert!(table.contains("--where selects 2 messages in 2 connections, of:"), "{table}");
}

#[test]
fn neighbours_are_shown_around_what_is_selected() {
    let arguments = ["--where", "m.length == 15 && m.type == \"text\" || m.length == 22", "--context", "1"];
    let table = stdout_of(read("05_frag_pings.pcap").args(arguments));
    let is_row = |line: &&str| *line == "--" || line.contains(" → ") || line.contains(" ← ");
    let rows: Vec<_> = table.lines().skip_while(|line| !line.contains("payload")).filter(is_row).collect();
    let marks: Vec<_> = rows.iter().map(|row| row.chars().next().unwrap()).collect();
    assert_eq!(marks, [' ', '▸', ' ', '-', ' ', '▸', ' '], "{table}");
    assert!(table.contains("--where selects 2 messages in 1 connection, of:"), "{table}");
}

#[test]
fn nothing_selected_is_said() {
    let table = stdout_of(read("01_seed_ws_hello.pcap").args(["--where", "m.length > 1000"]));
    assert!(table.starts_with("--where selects nothing.\n"), "{table}");
}

#[test]
fn context_is_for_the_table_and_for_expressions() {
    refuses(&["--where", "m.masked", "--context", "1", "--format", "json"], "--context is for the table");
    refuses(&["--context", "1"], "--where");
}

#[test]
fn what_has_no_result_is_said_once_and_selects_nothing() {
    let mut command = read("05_frag_pings.pcap");
    let output = command.args(["--where", "100 / m.length > 30"]).assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no result 4 times"), "{said}");
    assert!(said.contains("column 5: division by zero"), "{said}");
    assert_eq!(said.lines().count(), 3, "{said}");
}

fn read(name: &str) -> assert_cmd::Command {
    let mut command = wspect();
    command.arg("read").arg(testdata(name));
    command
}

fn lines(name: &str, arguments: &[&str]) -> Vec<Value> {
    let output = stdout_of(read(name).args(["--format", "ndjson"]).args(arguments));
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn refuses(arguments: &[&str], why: &str) {
    let output = read("01_seed_ws_hello.pcap").args(arguments).assert().code(2).get_output().clone();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(why), "{said}");
    assert!(output.stdout.is_empty());
}
