use std::process::Command;

use serde_json::Value;

use crate::network::{LINK, Network};
use crate::watcher::program;

#[test]
fn what_can_be_captured_is_listed() {
    let Some(network) = Network::new() else { return };
    let output =
        network.command("server", &program()).args(["interfaces", "--format", "json"]).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let wire = listed.as_array().unwrap().iter().find(|each| each["name"] == LINK).unwrap();
    assert_eq!((&wire["up"], &wire["loopback"]), (&Value::Bool(true), &Value::Bool(false)));
    assert_eq!(wire["addresses"][0], crate::network::SERVER);
    assert!(listed.as_array().unwrap().iter().any(|each| each["name"] == "any"));
}

#[test]
fn what_is_typed_wrong_is_said_in_one_line() {
    let Some(network) = Network::new() else { return };
    for (arguments, words) in [
        (&["-i", "nothere0"][..], &["nothere0: ", "No such device", "wspect interfaces"][..]),
        (&["-i", LINK, "tcp", "prot", "80"], &[LINK, "filter \"tcp prot 80\"", "syntax error"]),
        (&["-i", LINK, "--user", "nobody-at-all"], &["--user", "no user 'nobody-at-all'"]),
        (&["-i", LINK, "--where", "c.close.code == 1000"], &["--where", "only when a connection has ended"]),
    ] {
        let output = network.command("server", &program()).arg("live").args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        // An expression is shown on two more, with the place.
        let lines = if arguments.contains(&"--where") { 3 } else { 1 };
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), lines), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

/// With an empty file in the place of the library, which only this process and its children see.
#[test]
fn without_libpcap_files_are_read_and_live_says_which_package_is_missing() {
    let Some(_) = Network::new() else { return };
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/01_seed_ws_hello.pcap");
    let script = format!(
        "for library in $(ldconfig -p | grep -o '/.*libpcap.so.*'); do mount --bind /dev/null $(readlink -f $library); done && \
         {program} read {capture} > /dev/null && {program} live -i any",
        program = program(),
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("wspect: libpcap is not installed: apt-get install libpcap0.8"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
