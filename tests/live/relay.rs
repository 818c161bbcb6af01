//! A link that loses one packet in a hundred each way, and holds back as many: for kernels without netem.

use std::collections::VecDeque;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use pcap::{Active, Capture, Direction};

use crate::network::Network;

/// The process that carries packets between `one` and `two` of the namespace in the middle.
pub(crate) struct Relay(Child);

impl Relay {
    pub(crate) fn start(network: &Network) -> Self {
        // What is sent must fit into a frame, as on a real wire: no segmentation by the (missing) card.
        for space in ["server", "client"] {
            network.ip(space, &["link", "set", "dev", crate::network::LINK, "gso_max_segs", "1"]);
        }
        let program = std::env::current_exe().unwrap();
        let mut command = network.command("middle", program.to_str().unwrap());
        command.args(["--exact", "relay::middle", "--nocapture"]).env(ROLE, "1");
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn stop(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

const ROLE: &str = "WSPECT_TEST_RELAY";

/// Not a test: what the relay's process runs.
#[test]
fn middle() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    thread::scope(|scope| {
        scope.spawn(|| carry("one", "two", 1));
        scope.spawn(|| carry("two", "one", 2));
    });
}

fn open(name: &str) -> Capture<Active> {
    let capture = Capture::from_device(name).unwrap().immediate_mode(true).snaplen(65_535).promisc(true);
    capture.buffer_size(16 << 20).open().unwrap().setnonblock().unwrap()
}

fn carry(from: &str, to: &str, seed: u64) {
    let (mut from, mut to) = (open(from), open(to));
    from.direction(Direction::In).unwrap();
    let mut dice = seed;
    let mut held: VecDeque<(u32, Vec<u8>)> = VecDeque::new();
    loop {
        let Ok(packet) = from.next_packet() else {
            // Nothing that could overtake: what is held goes.
            held.drain(..).for_each(|(_, data)| send(&mut to, data));
            thread::sleep(Duration::from_micros(500));
            continue;
        };
        let data = packet.data.to_vec();
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (dice >> 33) % 100 {
            0 => {}
            1 => held.push_back((3, data)),
            _ => send(&mut to, data),
        }
        held.iter_mut().for_each(|(wait, _)| *wait -= 1);
        while held.front().is_some_and(|(wait, _)| *wait == 0) {
            send(&mut to, held.pop_front().unwrap().1);
        }
    }
}

/// The sender left the checksum to its card, which there is none of.
fn send(to: &mut Capture<Active>, mut frame: Vec<u8>) {
    const ETHERNET: usize = 14;
    const TCP: u8 = 6;
    if frame.get(12..14) == Some(&[8, 0]) && frame.get(23) == Some(&TCP) {
        let header = ETHERNET + usize::from(frame[14] & 15) * 4;
        let end = ETHERNET + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        frame[header + 16..header + 18].fill(0);
        let length = u16::try_from(end - header).unwrap().to_be_bytes();
        let pseudo = [&frame[26..34], &[0, TCP], &length[..]].concat();
        let sum = !folded(pseudo.chunks(2).chain(frame[header..end].chunks(2)));
        frame[header + 16..header + 18].copy_from_slice(&sum.to_be_bytes());
    }
    let _ = to.sendpacket(frame);
}

fn folded<T: AsRef<[u8]>>(words: impl Iterator<Item = T>) -> u16 {
    let sum: u32 = words
        .map(|word| u32::from(word.as_ref()[0]) << 8 | u32::from(*word.as_ref().get(1).unwrap_or(&0)))
        .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap()
}
