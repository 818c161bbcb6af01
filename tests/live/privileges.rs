use std::path::Path;

use crate::network::{LINK, Network};
use crate::watcher::Watcher;

const LIVE: [&str; 5] = ["live", "-i", LINK, "--format", "ndjson"];

/// The fields of the process's status that say what it may do.
fn rights(watcher: &Watcher) -> String {
    let status = Path::new("/proc").join(watcher.child.id().to_string()).join("status");
    let status = std::fs::read_to_string(status).unwrap();
    let named = ["Uid:", "Gid:", "Groups:", "CapEff:", "CapPrm:", "NoNewPrivs:"];
    let lines = status.lines().filter(|line| named.iter().any(|name| line.starts_with(name)));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[test]
fn under_sudo_nothing_is_left_of_root_but_the_open_interface() {
    let Some(network) = Network::new() else { return };
    let sudo = [("SUDO_UID", "4321"), ("SUDO_GID", "1234")];
    let watcher = Watcher::run(&network, &LIVE, &sudo);
    assert_eq!(
        rights(&watcher),
        "Uid: 4321 4321 4321 4321\nGid: 1234 1234 1234 1234\nGroups: 1234\n\
         CapPrm: 0000000000000000\nCapEff: 0000000000000000\nNoNewPrivs: 1\n"
    );
    // It captures all the same.
    assert!(network.command("client", "ping").args(["-c1", "-W5", crate::network::SERVER]).output().is_ok());
    watcher.interrupt();
}

#[test]
fn a_user_can_be_named_and_root_can_stay() {
    let Some(network) = Network::new() else { return };
    let watcher =
        Watcher::run(&network, &[&LIVE[..], &["--user", "nobody"]].concat(), &[("SUDO_UID", "4321")]);
    let rights_of_nobody = rights(&watcher);
    assert!(rights_of_nobody.starts_with("Uid: 65534 65534 65534 65534\n"), "{rights_of_nobody}");
    assert!(rights_of_nobody.ends_with("CapEff: 0000000000000000\nNoNewPrivs: 1\n"), "{rights_of_nobody}");
    watcher.interrupt();
    let watcher = Watcher::run(&network, &[&LIVE[..], &["--user", "root"]].concat(), &[("SUDO_UID", "4321")]);
    assert!(rights(&watcher).starts_with("Uid: 0 0 0 0\n"));
    watcher.interrupt();
}

#[test]
fn who_waits_for_interfaces_keeps_what_opens_them_and_no_more() {
    let Some(network) = Network::new() else { return };
    let arguments = [&LIVE[..], &["--wait"]].concat();
    let watcher = Watcher::run(&network, &arguments, &[("SUDO_UID", "4321"), ("SUDO_GID", "1234")]);
    let rights = rights(&watcher);
    assert!(rights.starts_with("Uid: 4321 4321 4321 4321\n"), "{rights}");
    let net_raw = format!("{:016x}", 1 << 13);
    assert!(rights.contains(&format!("CapPrm: {net_raw}\nCapEff: {net_raw}\n")), "{rights}");
    watcher.interrupt();
}

#[test]
fn without_privileges_one_line_says_what_to_do() {
    let Some(network) = Network::new() else { return };
    let program = crate::watcher::program();
    let mut command = network.command("server", "setpriv");
    command.args(["--reuid", "4321", "--clear-groups", &program]).args(LIVE);
    let Ok(output) = command.output() else { return };
    let said = String::from_utf8(output.stderr).unwrap();
    if said.contains("setpriv") {
        return println!("skipped: {said}");
    }
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("sudo setcap cap_net_raw,cap_net_admin=eip /") && said.lines().count() == 1,
        "{said}"
    );
}
