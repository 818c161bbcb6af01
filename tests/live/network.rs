//! Network namespaces that are gone when the test is.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A server at [`SERVER`] and clients at [`CLIENT`], each in its namespace, with a wire between.
pub(crate) struct Network {
    name: String,
}

pub(crate) const SERVER: &str = "10.77.0.1";
pub(crate) const CLIENT: &str = "10.77.0.2";

/// The interface in either namespace.
pub(crate) const LINK: &str = "wire";

impl Network {
    /// Both ends of a veth pair; `None`, with the reason printed, where that is not allowed.
    pub(crate) fn new() -> Option<Self> {
        let network = Self::spaces(&["server", "client"])?;
        network.link(("server", LINK), ("client", LINK));
        network.address();
        Some(network)
    }

    /// With a third namespace in the middle, whose `one` and `two` nothing connects yet.
    pub(crate) fn with_middle() -> Option<Self> {
        let network = Self::spaces(&["server", "middle", "client"])?;
        network.link(("server", LINK), ("middle", "one"));
        network.link(("middle", "two"), ("client", LINK));
        network.address();
        Some(network)
    }

    /// A new wire in place of one that was deleted.
    pub(crate) fn rewire(&self) {
        self.link(("server", LINK), ("client", LINK));
        self.address();
    }

    fn spaces(spaces: &[&str]) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("wspect{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let network = Self { name };
        for space in spaces {
            let made = Command::new("ip").args(["netns", "add", &network.space(space)]).output();
            let refused = match &made {
                Err(error) => Some(format!("ip: {error}")),
                Ok(output) if !output.status.success() => {
                    Some(String::from_utf8_lossy(&output.stderr).into_owned())
                }
                Ok(_) => None,
            };
            if let Some(reason) = refused {
                println!("skipped: no network namespaces here: {}", reason.trim());
                return None;
            }
            ip(&["-n", &network.space(space), "link", "set", "lo", "up"]);
        }
        if let Err(missing) = libpcap_loader::available() {
            println!("skipped: {missing}");
            return None;
        }
        Some(network)
    }

    fn space(&self, space: &str) -> String {
        format!("{}-{space}", self.name)
    }

    fn link(&self, (one, first): (&str, &str), (other, second): (&str, &str)) {
        let (one, other) = (self.space(one), self.space(other));
        let ends = ["name", first, "netns", &one, "type", "veth", "peer", "name", second, "netns", &other];
        ip(&[&["link", "add"], &ends[..]].concat());
        for (space, name) in [(&one, first), (&other, second)] {
            // Without an IPv6 address nothing speaks but the endpoints.
            ip(&["-n", space, "link", "set", name, "addrgenmode", "none"]);
            ip(&["-n", space, "link", "set", name, "up"]);
        }
    }

    fn address(&self) {
        for (space, address) in [("server", SERVER), ("client", CLIENT)] {
            ip(&["-n", &self.space(space), "address", "add", &format!("{address}/24"), "dev", LINK]);
        }
    }

    /// `ip` in one of the namespaces.
    pub(crate) fn ip(&self, space: &str, arguments: &[&str]) {
        ip(&[&["-n", &self.space(space)], arguments].concat());
    }

    /// A command that runs in one of the namespaces.
    pub(crate) fn command(&self, space: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(space), program]).stdin(Stdio::null());
        command
    }

    /// Packets that the interface of a namespace has sent and received.
    pub(crate) fn packets(&self, space: &str) -> u64 {
        let count = |what: &str| {
            let path = format!("/sys/class/net/{LINK}/statistics/{what}");
            let output = self.command(space, "cat").arg(path).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse::<u64>().unwrap()
        };
        count("rx_packets") + count("tx_packets")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for space in ["server", "middle", "client"] {
            let _ = Command::new("ip").args(["netns", "delete", &self.space(space)]).output();
        }
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
