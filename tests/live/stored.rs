use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::network::Network;
use crate::peers::{Log, Peer};
use crate::watcher::{Watcher, messages, program};

fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Captures chats amid requests that are none for a WebSocket, with `--write`.
fn captured(network: &Network, arguments: &[&str]) -> (Vec<Value>, Log) {
    let mut logged = Log::new();
    let server = Peer::server(network);
    let mut watcher = Watcher::start(network, arguments);
    let noise = Peer::client(network, &["noise", "40"]);
    Peer::client(network, &["chat", "6"]).finish(&mut logged);
    noise.finish(&mut Log::new());
    let mut ended = 0;
    let mut lines = watcher.until(|line| {
        ended += usize::from(line["event"] == "connection_end");
        ended == 6
    });
    lines.extend(watcher.interrupt());
    server.stop(&mut logged);
    (lines, logged)
}

#[test]
fn the_stored_file_holds_the_websocket_connections_and_nothing_else() {
    let Some(network) = Network::new() else { return };
    let path = place("all").join("ws.pcapng");
    let (lines, logged) = captured(&network, &["--write", path.to_str().unwrap()]);
    assert_eq!(lines.last().unwrap()["http_connections"], 46, "chats and noise");
    // wspect reads the same from it.
    let again = Command::new(program()).args(["read", "--format", "ndjson"]).arg(&path).output().unwrap();
    let again: Vec<Value> = String::from_utf8(again.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(messages(&again), messages(&lines));
    assert_eq!(again.last().unwrap()["tcp_connections"], 6);
    let Some(ports) = tshark(&path, "tcp", "tcp.port") else { return };
    let ports: BTreeSet<u16> = ports.split([',', '\n']).filter_map(|port| port.parse().ok()).collect();
    assert_eq!(ports, logged.keys().copied().chain([80]).collect(), "no other connection");
    let shaken = tshark(&path, "tcp.flags.syn == 1 && tcp.flags.ack == 0", "tcp.srcport").unwrap();
    assert_eq!(shaken.lines().count(), 6, "from the first packet on");
    let upgrades = tshark(&path, "http.upgrade", "frame.number").unwrap();
    assert_eq!(upgrades.lines().count(), 12, "requests and answers");
    assert_eq!(tshark(&path, "_ws.malformed || tcp.analysis.lost_segment", "frame.number").unwrap(), "");
}

#[test]
fn files_rotate_by_size_and_only_the_latest_stay() {
    let Some(network) = Network::new() else { return };
    let folder = place("rotated");
    let path = folder.join("ws.pcapng");
    captured(&network, &["--write", path.to_str().unwrap(), "--rotate", "2MB", "--keep", "3"]);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 3, "{files:?}");
    assert_ne!(files[0].file_name().unwrap(), "ws.00001.pcapng");
    for (place, file) in files.iter().enumerate() {
        let size = std::fs::metadata(file).unwrap().len();
        assert!(size < 2_300_000 && (place == 2 || size >= 2_000_000), "{file:?}: {size}");
        let status = Command::new(program()).arg("read").arg(file).output().unwrap().status;
        assert!(status.success());
    }
}

/// One field of the packets that a display filter lets through; `None` where there is no tshark.
fn tshark(path: &Path, filter: &str, field: &str) -> Option<String> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path).args(["-Y", filter, "-T", "fields", "-e", field]);
    let Ok(output) = command.output() else {
        println!("not judged: tshark is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
