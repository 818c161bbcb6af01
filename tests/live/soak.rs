use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::network::Network;
use crate::peers::{Log, Peer};
use crate::watcher::Watcher;

/// Run by `scripts/soak`, which says how long (`SOAK_MINUTES`) and how many connections a second (`SOAK_RATE`).
#[test]
#[ignore = "half an hour; run scripts/soak"]
fn memory_stays_level_while_connections_come_and_go() {
    let Some(network) = Network::new() else { return };
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |value| value.parse().unwrap());
    let (minutes, rate) = (number("SOAK_MINUTES", 30), number("SOAK_RATE", 30));
    let server = Peer::server(&network);
    let mut watcher = Watcher::start(&network, &["--payload", "none"]);
    let process = watcher.child.id();
    let client = Peer::client(&network, &["churn", &(minutes * 60).to_string(), &rate.to_string()]);
    let begin = Instant::now();
    let sampling = std::thread::spawn(move || {
        for minute in 1..=minutes {
            let due = begin + Duration::from_secs(minute * 60 - 1);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            println!("{minute:>3} min: {}", memory(process));
        }
    });
    let reading = std::thread::spawn(move || {
        let mut counts = [0_u64; 2];
        let mut findings = BTreeMap::<String, (u64, String)>::new();
        let mut line = String::new();
        while std::io::BufRead::read_line(&mut watcher.lines, &mut line).is_ok_and(|read| read > 0) {
            counts[0] += u64::from(line.starts_with("{\"event\":\"connection\""));
            counts[1] += u64::from(line.starts_with("{\"event\":\"message\""));
            if line.starts_with("{\"event\":\"finding\"") {
                let finding: serde_json::Value = serde_json::from_str(&line).unwrap();
                let of_rule = findings.entry(finding["rule"].to_string()).or_default();
                of_rule.0 += 1;
                of_rule.1 = format!("{} {}", finding["severity"], finding["detail"]);
            }
            if line.starts_with("{\"event\":\"totals\"") || line.contains("capture-dropped") {
                println!("{}", line.trim());
            }
            line.clear();
        }
        for (rule, (count, last)) in findings {
            println!("{count} findings {rule}, the last one {last}");
        }
        (counts, watcher.wait())
    });
    client.finish(&mut Log::new());
    sampling.join().unwrap();
    assert!(
        std::process::Command::new("kill").args(["-INT", &process.to_string()]).status().unwrap().success()
    );
    let ([connections, messages], (_, status, errors)) = reading.join().unwrap();
    println!("{connections} connections, {messages} messages");
    server.stop(&mut Log::new());
    assert_eq!((status, errors.as_str()), (Some(0), ""));
}

/// `RSS 12345 kB, of it 67 kB the kernel's buffer`
fn memory(process: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let field =
        |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    ["VmRSS", "RssAnon", "RssFile", "RssShmem"]
        .map(|name| field(name).split_whitespace().collect::<Vec<_>>().join(" "))
        .join(", ")
}
