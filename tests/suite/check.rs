//! `wspect check`: exit status, expectations, baselines, levels and formats.

#![expect(
    clippy::disallowed_methods,
    reason = "small files, and a folder of schemas that the environment names"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{IpVersion, Scenario, Upgrade, Wire, binary, close, ping, pong, testdata, text, wspect};

const CHAT: &str = "testdata/01_seed_ws_hello.pcap";
const FAULTY: &str = "testdata/14_accept_errors.pcap";

#[test]
fn the_committed_examples_end_as_documented() {
    for (status, arguments) in [
        (0, vec![CHAT]),
        (0, vec![CHAT, "--expect", "testdata/checks/chat.toml", "--fail-on", "note"]),
        (0, vec![CHAT, "--baseline", "testdata/checks/chat.json"]),
        (0, vec![FAULTY, "--config", "testdata/checks/wspect.toml"]),
        (1, vec![FAULTY]),
        (0, vec![FAULTY, "--where", "c.handshake.outcome == \"refused\""]),
        (1, vec![FAULTY, "--where", "c.handshake.outcome == \"invalid\""]),
        (2, vec![CHAT, "--where", "m.length >"]),
        (1, vec![CHAT, "--expect", "testdata/checks/wrong.toml"]),
        (1, vec![CHAT, "--expect", "testdata/checks/chat.toml", "--expect", "testdata/checks/wrong.toml"]),
        (
            1,
            vec![
                FAULTY,
                "--baseline",
                "testdata/checks/chat.json",
                "--rule",
                "handshake-accept-mismatch=allow",
            ],
        ),
        (2, vec![CHAT, "--expect", "testdata/checks/broken.toml"]),
        (2, vec![CHAT, "--expect", "testdata/checks/none.toml"]),
        (2, vec![CHAT, "--baseline", "testdata/checks/none.json"]),
        (2, vec![CHAT, "--baseline", "testdata/checks/chat.toml"]),
        (2, vec![CHAT, "--config", "testdata/checks/chat.toml"]),
        (2, vec![CHAT, "--bless"]),
        (2, vec!["testdata/INDEX.md"]),
        (2, vec![]),
    ] {
        let output = check(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert_eq!(said.is_empty(), status < 2, "{arguments:?}: {said}");
    }
}

#[test]
fn the_examples_of_the_page_are_real() {
    let page = include_str!("../../docs/ci.md");
    let blocks = |kind: &'static str| page.split(kind).skip(1).filter_map(|rest| rest.split("```").next());
    let commands: Vec<_> = blocks("```sh\n").flat_map(str::lines).collect();
    assert!(commands.len() >= 5);
    for command in commands {
        wspect().current_dir(root()).args(command.split(' ').skip(1)).assert().code(0);
    }
    let (command, shown) = blocks("```console\n$ ").next().unwrap().split_once('\n').unwrap();
    let output = wspect().current_dir(root()).args(command.split(' ').skip(1)).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), shown);
}

#[test]
fn a_mistake_in_an_expectation_is_said_with_its_place() {
    let said = refused(&[CHAT, "--expect", "testdata/checks/broken.toml"]);
    assert!(
        said.starts_with("wspect: testdata/checks/broken.toml:5: expectation 'someone speaks': column 1: "),
        "{said}"
    );
    assert!(said.contains("`connections`, `messages`, `findings`, `totals`"), "{said}");
}

#[test]
fn a_rule_that_does_not_exist_is_answered_with_the_nearest() {
    assert!(refused(&[CHAT, "--rule", "tcp-gab=error"]).contains("there is tcp-gap"));
    assert!(refused(&[CHAT, "--rule", "tcp-gap=fatal"]).contains("error, warning, note, info or allow"));
    assert!(refused(&[CHAT, "--rule", "tcp-gap"]).contains("NAME=LEVEL"));
}

#[test]
fn rules_are_raised_lowered_and_allowed() {
    let status = |rules: &[&str]| {
        let mut command = check(&[FAULTY]);
        command.args(rules.iter().flat_map(|rule| ["--rule", rule]));
        command.output().unwrap().status.code().unwrap()
    };
    assert_eq!(status(&["handshake-accept-mismatch=allow"]), 1);
    assert_eq!(status(&["handshake-accept-mismatch=allow", "handshake-accept-missing=warning"]), 0);
    let all = [
        "handshake-accept-mismatch=allow",
        "handshake-accept-missing=allow",
        "client-closed-tcp-first=error",
    ];
    assert_eq!(status(&all), 1);
}

#[test]
fn the_configuration_of_the_current_directory_counts_and_the_command_line_more() {
    let folder = scratch("configured");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(testdata("checks/wspect.toml"), folder.join("wspect.toml")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = wspect();
        command.arg("check").arg(testdata("14_accept_errors.pcap")).args(arguments).current_dir(&folder);
        command.output().unwrap().status.code().unwrap()
    };
    assert_eq!(run(&[]), 0);
    assert_eq!(run(&["--fail-on", "note"]), 1);
    assert_eq!(run(&["--rule", "handshake-accept-mismatch=error"]), 1);
    std::fs::write(folder.join("wspect.toml"), "[rules]\ntcp-gab = 'error'\n").unwrap();
    assert_eq!(run(&[]), 2);
}

#[test]
fn a_baseline_passes_on_another_recording_of_the_same_scenario() {
    let (first, second) = (scratch("first.pcap"), scratch("second.pcap"));
    std::fs::write(&first, Recording::first().pcap("bye")).unwrap();
    std::fs::write(&second, Recording::second().pcap("bye")).unwrap();
    let baseline = scratch("recorded.json");
    bless(&first, &baseline);
    let json = std::fs::read_to_string(&baseline).unwrap();
    for varies in ["192.0.2", "50001", "2026", "Wed, 21 Oct"] {
        assert!(!json.contains(varies), "{varies}: {json}");
    }
    for capture in [&first, &second] {
        let output = against(capture, &baseline);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    }
    bless(&second, &scratch("second.json"));
    let again = std::fs::read_to_string(scratch("second.json")).unwrap();
    assert_eq!(again.len(), json.len(), "only the order of the connections differs");
}

/// The same conversation with the same server over many links, by real endpoints, each at another time.
#[test]
fn a_baseline_passes_on_real_recordings_of_the_same_scenario() {
    let captures = root().join("../shared/captures");
    if !captures.is_dir() {
        println!("skipped: {} is not there", captures.display());
        return;
    }
    let baseline = scratch("real.json");
    bless(&captures.join("17_raw_ip_tun.pcap"), &baseline);
    for name in [
        "17_any_sll2.pcap",
        "17_bigendian.pcap",
        "17_gzip.pcap.gz",
        "17_ip_fragments.pcap",
        "17_ipv6_loopback.pcap",
        "17_vlan.pcap",
    ] {
        let output = against(&captures.join(name), &baseline);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(against(&captures.join("17_missing_segments.pcap"), &baseline).status.code(), Some(1));
}

#[test]
fn a_difference_from_the_baseline_says_where_what_was_and_what_is() {
    let (first, other) = (scratch("before.pcap"), scratch("after.pcap"));
    std::fs::write(&first, Recording::first().pcap("bye")).unwrap();
    std::fs::write(&other, Recording::second().pcap("good bye")).unwrap();
    let baseline = scratch("before.json");
    bless(&first, &baseline);
    let output = against(&other, &baseline);
    assert_eq!(output.status.code(), Some(1));
    let table = String::from_utf8(output.stdout).unwrap();
    let expected = "differs  connection 2 (/chat): client_to_server[2].reason\n         was  \"bye\"\n         is   \"good bye\"\n";
    assert!(table.starts_with(expected), "{table}");
    assert!(table.contains("2 differences from "), "{table}");
}

#[test]
fn json_says_what_the_table_says() {
    let output = check(&[
        FAULTY,
        "--expect",
        "testdata/checks/wrong.toml",
        "--baseline",
        "testdata/checks/chat.json",
        "-f",
        "json",
    ])
    .output()
    .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["passed"], false);
    assert_eq!(
        document["findings"].as_array().unwrap().iter().filter(|each| each["fails"] == true).count(),
        3
    );
    assert_eq!(document["expectations"][0]["reason"], "3 == 2");
    assert!(!document["baseline"]["differences"].as_array().unwrap().is_empty());
}

#[test]
fn a_level_of_a_rule_is_what_formats_show() {
    let output = check(&[FAULTY, "--rule", "handshake-accept-mismatch=note", "-f", "json"]).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let mismatch: Vec<_> =
        findings.iter().filter(|each| each["rule"] == "handshake-accept-mismatch").collect();
    assert!(!mismatch.is_empty() && mismatch.iter().all(|each| each["severity"] == "note"));
}

#[test]
fn github_gets_a_command_a_line() {
    let output = check(&[FAULTY, "--expect", "testdata/checks/wrong.toml", "-f", "github"]).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(
        lines.lines().all(|line| ["::error ", "::warning ", "::notice "].iter().any(|c| line.starts_with(c))),
        "{lines}"
    );
    assert!(lines.contains("::error file=testdata/14_accept_errors.pcap,title=handshake-accept-mismatch::connection 1, packet 6: "));
    assert!(lines.contains(
        "::error file=testdata/checks/wrong.toml,line=5,title=two clients::both clients have to connect%0A"
    ));
}

#[test]
fn standard_input_is_a_capture_too() {
    let capture = std::fs::read(testdata("01_seed_ws_hello.pcap")).unwrap();
    let mut command = wspect();
    command.args(["check", "-", "--fail-on", "note"]).write_stdin(capture).assert().code(0);
}

#[test]
fn an_output_file_gets_what_stdout_would_have_and_never_replaces_a_capture() {
    let file = scratch("check.xml");
    let path = file.to_str().unwrap();
    check(&[FAULTY, "-f", "junit", "-o", path]).assert().code(1).stdout("");
    let expected = check(&[FAULTY, "-f", "junit"]).output().unwrap().stdout;
    assert_eq!(std::fs::read(&file).unwrap(), expected);
    let before = std::fs::read(testdata("01_seed_ws_hello.pcap")).unwrap();
    check(&[CHAT, "--baseline", CHAT, "--bless"]).assert().code(2);
    assert_eq!(std::fs::read(testdata("01_seed_ws_hello.pcap")).unwrap(), before);
}

/// `WSPECT_SCHEMAS` is a folder with `junit-10.xsd` (in the source distribution of pytest on PyPI, `testing/example_scripts/`)
/// and `sarif.json` (`src/schema.json` of the crate serde-sarif); `python3` has the packages xmlschema and jsonschema.
#[test]
fn junit_and_sarif_fit_their_schemas() {
    let Ok(folder) = std::env::var("WSPECT_SCHEMAS") else {
        println!("skipped: WSPECT_SCHEMAS does not name a folder with junit-10.xsd and sarif.json");
        return;
    };
    let hostile = scratch("hostile.pcap");
    let script = Scenario::new().upgrade("/\u{1b}[31m<&\"]]>").client(close(4999, "\u{0}\u{ffff}<![CDATA["));
    std::fs::write(&hostile, script.pcap()).unwrap();
    let baseline = ["--baseline", "testdata/checks/chat.json"];
    for capture in [CHAT, FAULTY, "testdata/19_violations_framing.pcap", hostile.to_str().unwrap()] {
        let [junit, sarif] = ["junit", "sarif"].map(|format| {
            let file = scratch(&format!("valid.{format}"));
            let mut command = check(&[capture, "--expect", "testdata/checks/wrong.toml", "-f", format]);
            command.args(baseline).arg("-o").arg(&file).assert().code(1);
            file
        });
        let python = std::process::Command::new("python3")
            .args(["-c", VALIDATE, &folder])
            .args([junit, sarif])
            .output()
            .unwrap();
        assert!(python.status.success(), "{capture}: {}", String::from_utf8_lossy(&python.stderr));
    }
}

const VALIDATE: &str = "
import json, sys, xmlschema, jsonschema
folder, junit, sarif = sys.argv[1:]
xmlschema.XMLSchema(folder + '/junit-10.xsd').validate(junit)
checker = jsonschema.Draft7Validator.FORMAT_CHECKER
schema = json.load(open(folder + '/sarif.json'))
jsonschema.Draft7Validator(schema, format_checker=checker).validate(json.load(open(sarif)))
";

/// What differs from one run of the same scenario to the next.
struct Recording {
    number: u64,
    host: &'static str,
    date: &'static str,
    /// Connection numbers of the chat and the news, which choose their ports, and with them who opens first.
    chat: u16,
    news: u16,
    wire: Wire,
    pause: i64,
}

impl Recording {
    fn first() -> Self {
        let (host, date) = ("localhost:8080", "Wed, 21 Oct 2026 07:28:00 GMT");
        Self { number: 1, host, date, chat: 1, news: 2, wire: Wire::new(), pause: 0 }
    }

    fn second() -> Self {
        let (host, date) = ("localhost:41234", "Thu, 22 Oct 2026 17:02:59 GMT");
        let wire = Wire::new().ip(IpVersion::V6).segments_of(7).initial_sequence(77, u32::MAX - 3);
        Self { number: 1000, host, date, chat: 90, news: 30, wire, pause: 7_000_000_000 }
    }

    fn upgrade(&self, target: &str, number: u64) -> Upgrade {
        let upgrade = Upgrade::new(target).numbered(self.number + number);
        upgrade
            .request("Host", self.host)
            .request("Origin", "http://localhost")
            .also_response("Date", self.date)
    }

    /// A chat and news at the same time; the one with the smaller number opens first.
    fn pcap(&self, reason: &str) -> Vec<u8> {
        let open_chat = |script: Scenario| {
            script.connection(self.chat).upgrade_as(&self.upgrade("/chat", 1)).client(text("LUOZHOU"))
        };
        let open_news = |script: Scenario| {
            let script = script.connection(self.news).upgrade_as(&self.upgrade("/news", 2));
            script.server(binary([7; 5000])).wait(self.pause)
        };
        let script = if self.chat < self.news {
            open_news(open_chat(Scenario::new()))
        } else {
            open_chat(open_news(Scenario::new()))
        };
        let script = script.connection(self.chat).server(text("Hello, LUOZHOU")).wait(self.pause);
        let script = script
            .server(ping("1"))
            .client(pong("1"))
            .client(close(1000, reason))
            .server(close(1000, ""))
            .fin();
        script
            .connection(self.news)
            .server(close(1001, ""))
            .client(close(1001, ""))
            .fin()
            .wire(self.wire.clone())
            .pcap()
    }
}

fn bless(capture: &Path, baseline: &Path) {
    wspect().arg("check").arg(capture).arg("--baseline").arg(baseline).arg("--bless").assert().code(0);
}

fn against(capture: &Path, baseline: &Path) -> std::process::Output {
    wspect().arg("check").arg(capture).arg("--baseline").arg(baseline).output().unwrap()
}

/// Run in the root of the repository, as the paths are written.
fn check(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = wspect();
    command.arg("check").args(arguments).current_dir(root());
    command
}

/// What is said on standard error with exit status 2.
fn refused(arguments: &[&str]) -> String {
    let output = check(arguments).assert().code(2).stdout("").get_output().clone();
    String::from_utf8(output.stderr).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of this test run.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}
