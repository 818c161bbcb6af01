use std::process::Stdio;

use crate::network::{LINK, Network, SERVER};
use crate::peers::{Log, Peer};
use crate::watcher::{Watcher, program};

#[test]
fn a_signal_ends_the_flows_and_writes_the_totals() {
    let Some(network) = Network::new() else { return };
    let server = Peer::server(&network);
    for signal in ["-INT", "-TERM"] {
        let mut watcher = Watcher::start(&network, &["--payload", "none"]);
        let client = Peer::client(&network, &["churn", "3", "20"]);
        watcher.until(|line| line["event"] == "message");
        watcher.signal(signal);
        let (lines, status, errors) = watcher.wait();
        assert_eq!((status, errors.as_str()), (Some(0), ""));
        let last = lines.last().unwrap();
        assert_eq!(last["event"], "totals");
        assert!(last["websocket_connections"].as_u64() > Some(0));
        client.finish(&mut Log::new());
    }
    server.stop(&mut Log::new());
}

#[test]
fn counts_end_a_capture_exactly() {
    let Some(network) = Network::new() else { return };
    let server = Peer::server(&network);
    for (option, number, event) in [("--count", 7, "message"), ("--connections", 3, "connection_end")] {
        let mut watcher = Watcher::start(&network, &[option, &number.to_string()]);
        let client = Peer::client(&network, &["churn", "3", "20"]);
        let lines = watcher.until(|line| line["event"] == "totals");
        let (rest, status, errors) = watcher.wait();
        assert_eq!((rest.len(), status, errors.as_str()), (0, Some(0), ""));
        let there = lines.iter().filter(|line| line["event"] == event).count();
        if option == "--count" {
            assert_eq!(there, number);
        } else {
            assert!(there >= number, "those that are open end with the capture");
        }
        client.finish(&mut Log::new());
    }
    server.stop(&mut Log::new());
}

#[test]
fn a_duration_ends_a_capture_of_a_silent_network() {
    let Some(network) = Network::new() else { return };
    let watcher = Watcher::start(&network, &["--duration", "300ms"]);
    let (lines, status, errors) = watcher.wait();
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    assert_eq!(lines.last().unwrap()["websocket_connections"], 0);
}

#[test]
fn a_broken_pipe_is_no_failure() {
    let Some(network) = Network::new() else { return };
    let server = Peer::server(&network);
    let mut watcher = Watcher::start(&network, &[]);
    drop(std::mem::replace(&mut watcher.lines, closed()));
    let client = Peer::client(&network, &["churn", "2", "20"]);
    assert_eq!(watcher.child.wait().unwrap().code(), Some(0));
    client.finish(&mut Log::new());
    server.stop(&mut Log::new());
}

/// The output of a process that has ended.
fn closed() -> std::io::BufReader<std::process::ChildStdout> {
    let child = std::process::Command::new("true").stdout(Stdio::piped()).spawn();
    std::io::BufReader::new(child.unwrap().stdout.take().unwrap())
}

#[test]
fn an_interface_that_goes_away_ends_its_capture_with_a_word() {
    let Some(network) = Network::new() else { return };
    let watcher = Watcher::start(&network, &[]);
    network.ip("client", &["link", "delete", LINK]);
    let (lines, status, errors) = watcher.wait();
    assert_eq!(lines.last().unwrap()["event"], "totals");
    assert_eq!(status, Some(2));
    assert!(errors.starts_with(&format!("wspect: {LINK}: the capture ended: ")), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn an_interface_is_waited_for_where_that_is_wanted() {
    let Some(network) = Network::new() else { return };
    // As a user with nothing but what it takes to open the interface again.
    let arguments = ["live", "-i", LINK, "--format", "ndjson", "--wait", "--user", "nobody"];
    let mut watcher = Watcher::run(&network, &arguments, &[]);
    network.ip("client", &["link", "delete", LINK]);
    let gone = watcher.next_notice();
    assert!(gone.contains(LINK) && gone.contains("waiting for it"), "{gone}");
    network.rewire();
    let back = watcher.next_notice();
    assert!(back.contains(&format!("{LINK}: capturing")), "{back}");
    let server = Peer::server(&network);
    Peer::client(&network, &["churn", "1", "10"]).finish(&mut Log::new());
    watcher.until(|line| line["event"] == "connection_end");
    watcher.signal("-INT");
    let (_, status, _) = watcher.wait();
    assert_eq!(status, Some(0));
    server.stop(&mut Log::new());
}

#[test]
fn an_interface_that_is_switched_off_is_gone_too() {
    let Some(network) = Network::new() else { return };
    let watcher = Watcher::start(&network, &[]);
    network.ip("server", &["link", "set", LINK, "down"]);
    let (_, status, errors) = watcher.wait();
    assert_eq!(
        (status, errors),
        (Some(2), format!("wspect: {LINK}: the capture ended: the interface went down\n"))
    );

    network.ip("server", &["link", "set", LINK, "up"]);
    let watcher = Watcher::start(&network, &["--wait"]);
    network.ip("server", &["link", "set", LINK, "down"]);
    assert!(watcher.next_notice().contains("the interface went down; waiting for it"));
    network.ip("server", &["link", "set", LINK, "up"]);
    assert!(watcher.next_notice().contains(&format!("{LINK}: capturing")));
    watcher.signal("-INT");
    assert_eq!(watcher.wait().1, Some(0));
}

#[test]
fn reading_from_a_pipe_shows_each_message_as_it_comes_and_ends_with_a_signal() {
    let Some(network) = Network::new() else { return };
    if std::process::Command::new("tcpdump").arg("--version").output().is_err() {
        return println!("skipped: tcpdump is not installed");
    }
    let server = Peer::server(&network);
    let mut tcpdump = network.command("server", "tcpdump");
    tcpdump.args(["-i", LINK, "--immediate-mode", "-U", "-w", "-", "tcp", "port", "80"]);
    let mut tcpdump = tcpdump.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut reader = std::process::Command::new(program());
    reader.args(["read", "-", "--format", "ndjson"]).stdin(tcpdump.stdout.take().unwrap());
    let mut watcher = Watcher::spawn(&mut reader);
    let client = Peer::client(&network, &["churn", "2", "10"]);
    // The pipe stays open: what comes now comes because it was captured, not because the input ended.
    watcher.until(|line| line["event"] == "connection_end");
    watcher.signal("-INT");
    let (lines, status, errors) = watcher.wait();
    tcpdump.kill().unwrap();
    tcpdump.wait().unwrap();
    assert_eq!(status, Some(0), "{errors}");
    assert!(errors.starts_with("wspect: stopped by a signal after "), "{errors}");
    assert_eq!(lines.last().unwrap()["event"], "totals", "to {SERVER}");
    client.finish(&mut Log::new());
    server.stop(&mut Log::new());
}
