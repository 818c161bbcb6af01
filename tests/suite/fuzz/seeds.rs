//! Scripts → a few small inputs for each fuzz target, from which mutations begin.

use wspect::packet::Side;

use super::read;

use crate::support::{
    ByteOrder, Capture, Compression, Encapsulation, Frame, IpVersion, PacketBlock, Pcap, Pcapng, Scenario,
    Upgrade, Wire, binary, close, continuation, ping, pong, testdata, text,
};

/// Target, name and bytes.
pub(super) fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let lists: [(_, Seeds); 13] = [
        ("capture", files()),
        ("chain", chains()),
        ("link", links()),
        ("tcp", segments()),
        ("http", heads()),
        ("extensions", extensions()),
        ("frames", with_prefix(&[7])),
        ("search", with_prefix(&[0x12, 0, 20, 0, 3, 0, 9])),
        ("messages", messages()),
        ("inflate", deflated()),
        ("expression", expressions()),
        ("config", configs()),
        ("conversation", conversations()),
    ];
    let named = lists
        .into_iter()
        .flat_map(|(target, list)| list.into_iter().map(move |(name, bytes)| (target, name, bytes)));
    named.collect()
}

type Seeds = Vec<(String, Vec<u8>)>;

/// One small conversation in every kind of file.
fn files() -> Seeds {
    let capture = Scenario::new().upgrade("/").client(text("LUOZHOU")).capture();
    let mut files = vec![
        ("micros".to_owned(), capture.pcap()),
        ("nanos_big_endian".to_owned(), capture.pcap_as(Pcap::Nanos, ByteOrder::Big)),
        ("modified".to_owned(), capture.pcap_as(Pcap::Modified, ByteOrder::Little)),
        ("cut".to_owned(), capture.pcap()[..400].to_vec()),
    ];
    let blocks =
        [("enhanced", PacketBlock::Enhanced), ("simple", PacketBlock::Simple), ("old", PacketBlock::Old)];
    for (name, block) in blocks {
        files.push((
            format!("pcapng_{name}"),
            Pcapng::new().block(block).file(std::slice::from_ref(&capture)),
        ));
    }
    let odd = Pcapng::new().order(ByteOrder::Big).resolutions(&[9, 0x8a]).with_unknown_blocks();
    files.push(("pcapng_odd".to_owned(), odd.file(std::slice::from_ref(&capture))));
    let compressed =
        Compression::ALL.map(|each| (format!("{each:?}").to_lowercase(), capture.compressed(each)));
    files.extend(compressed);
    files
}

/// Whole conversations: what is below TCP, and what is wrong above it.
fn chains() -> Seeds {
    let wrapped = Encapsulation::ALL.map(|over| {
        let capture = Scenario::new().upgrade("/").client(text("Hi")).over(over).pcap();
        (format!("{over:?}").to_lowercase(), capture)
    });
    let wires = [
        ("small_segments", Wire::new().segments_of(20)),
        ("shuffled", Wire::new().segments_of(60).shuffled(8, 3).duplicated(3)),
        ("lost", Wire::new().segments_of(60).lost(9..=10)),
        ("snapped", Wire::new().snap_length(90)),
        ("ipv6_from_the_middle", Wire::new().ip(IpVersion::V6).lost(1..=6)),
    ];
    let disturbed = wires.map(|(name, wire)| (name.to_owned(), talk().wire(wire).pcap()));
    let recorded = [
        "01_seed_ws_hello_deflate.pcap",
        "05_frag_pings.pcap",
        "14_accept_errors.pcap",
        "13_connect_proxy.pcap",
    ]
    .map(|name| (name.replace('.', "_"), read(&testdata(name))));
    wrapped.into_iter().chain(disturbed).chain(recorded).collect()
}

fn talk() -> Scenario {
    let upgrade = Upgrade::new("/chat?token=a").agreed("Sec-WebSocket-Extensions", "permessage-deflate");
    let opened = Scenario::new().open().upgrade_as(&upgrade);
    let said = opened
        .client(text("LUOZHOU").deflated())
        .server(text("Hello, LUOZHOU").fragments(6))
        .client(ping("a"));
    said.server(pong("a")).client(close(1000, "bye")).server(close(1000, "")).fin()
}

fn links() -> Seeds {
    let packets = |capture: &Capture| {
        let records = capture.packets.iter().take(8).map(|packet| {
            let length = u16::try_from(packet.data.len()).unwrap().to_be_bytes();
            [&capture.link.0.to_be_bytes()[..], &[0], &length, &packet.data].concat()
        });
        records.collect::<Vec<_>>().concat()
    };
    let named = Encapsulation::ALL.map(|over| {
        let capture = Scenario::new().upgrade("/").over(over).capture();
        (format!("{over:?}").to_lowercase(), packets(&capture))
    });
    let mut bare = Scenario::new().upgrade("/").over(Encapsulation::RawIp).capture();
    bare.link = wspect::packet::LinkType::IPV4;
    named.into_iter().chain([("ipv4".to_owned(), packets(&bare))]).collect()
}

/// Choice, flags, sequence number, acknowledgement, length; see the target.
fn segments() -> Seeds {
    let limits = [16, 4];
    let isns = [0xff, 0xff, 0xff, 0, 0, 0, 0, 9];
    let open = [[0, 2, 0, 0, 0, 0, 0], [1, 0x12, 0, 0, 0, 1, 0], [0, 0x10, 0, 1, 0, 1, 0]].concat();
    let in_order =
        [[0, 0x18, 0, 1, 0, 1, 50], [1, 0x10, 0, 1, 0, 51, 30], [0, 0x11, 0, 51, 0, 31, 9]].concat();
    let early = [[0, 0x18, 1, 44, 0, 1, 90], [0, 0x18, 0, 1, 0, 1, 60], [1, 0x14, 0, 1, 1, 134, 0]].concat();
    let seed = |parts: &[&[u8]]| [&limits[..], &isns, &parts.concat()].concat();
    vec![
        ("in_order".to_owned(), seed(&[&open, &in_order])),
        ("early".to_owned(), seed(&[&open, &early])),
        ("without_syn".to_owned(), seed(&[&early, &in_order])),
        ("lives".to_owned(), seed(&[&open, &in_order, &open, &early])),
    ]
}

fn heads() -> Seeds {
    let upgrade = Upgrade::new("/chat?x=1").agreed("Sec-WebSocket-Extensions", "permessage-deflate");
    let bodies: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.0\r\n\r\n";
    let odd: &[u8] =
        b"GET /a b HTTP/1.1\nHost : x\n folded\r\nnonsense\r\nX: \xff\xfe\r\nContent-Length: 3\r\n\r\nabc";
    let answers: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\n\r\nall";
    let seed = |bytes: &[u8]| [&[3, 9, 9], bytes].concat();
    vec![
        ("request".to_owned(), seed(&upgrade.request_bytes())),
        ("response".to_owned(), seed(&upgrade.response_bytes())),
        ("bodies".to_owned(), seed(bodies)),
        ("odd".to_owned(), seed(odd)),
        ("answers".to_owned(), seed(answers)),
    ]
}

fn extensions() -> Seeds {
    let lists = [
        "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover, x-webkit-deflate-frame; no_context_takeover",
        "foo; bar=\"a, b\\\"\"; baz = 7, ,permessage-deflate; =, @",
    ];
    lists.iter().enumerate().map(|(n, list)| (format!("list_{n}"), list.as_bytes().to_vec())).collect()
}

/// What one side says, in frames of all kinds.
fn directions() -> Vec<(&'static str, Vec<u8>)> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let wire = |side, frames: &[Frame]| frames.iter().flat_map(|frame| frame.bytes(side, key)).collect();
    let plain = [text("LUOZHOU"), text("柳州"), binary([0xaa; 300]), ping("a"), close(1000, "bye")];
    let compressed = [text("LUOZHOU").deflated(), text("Hello, LUOZHOU, LUOZHOU").deflated(), pong("")];
    let fragments =
        [text("Hello, ").more(), ping("between"), continuation("LUOZHOU").more(), continuation("!")];
    let broken = [
        Frame::new(3, "reserved").rsv(7),
        continuation("nothing"),
        text("too long").claiming(1 << 40).unmasked(),
    ];
    let faulty =
        [Frame::new(1, b"\xf0\x9f\x98"), close(1005, ""), Frame::new(8, b"\x03"), Frame::new(1, "a").rsv(4)];
    vec![
        ("plain_client", wire(Side::Client, &plain)),
        ("plain_server", wire(Side::Server, &plain)),
        ("compressed", wire(Side::Server, &compressed)),
        ("fragments", wire(Side::Client, &fragments)),
        ("broken", wire(Side::Client, &broken)),
        ("faulty", wire(Side::Server, &faulty)),
    ]
}

fn with_prefix(prefix: &[u8]) -> Seeds {
    directions().into_iter().map(|(name, wire)| (name.to_owned(), [prefix, &wire].concat())).collect()
}

fn messages() -> Seeds {
    let options: [(&str, &[u8]); 4] = [
        ("plain", &[0, 3, 0]),
        ("deflate", &[0x39, 5, 0]),
        ("small_window", &[0x07, 9, 9]),
        ("gap", &[0xb9, 11, 0, 0, 12, 0, 3]),
    ];
    let all = options.iter().flat_map(|(option, prefix)| {
        with_prefix(prefix).into_iter().map(move |(name, bytes)| (format!("{option}_{name}"), bytes))
    });
    all.collect()
}

/// Payloads to deflate, and payloads that are deflated.
fn deflated() -> Seeds {
    let record = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let said = [&b"LUOZHOU"[..], b"Hello, LUOZHOU, LUOZHOU, LUOZHOU", b"", b"LUOZHOU"].map(record).concat();
    let block = record(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    let final_block = record(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]);
    let stored = record(&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]);
    vec![
        ("round_trip".to_owned(), [&[24], &said[..]].concat()),
        ("round_trip_alone".to_owned(), [&[5], &said[..]].concat()),
        ("blocks".to_owned(), [&[2], &block[..], &block, &stored, &final_block, &block].concat()),
        ("blocks_alone".to_owned(), [&[3], &final_block[..], &stored, &block].concat()),
    ]
}

fn expressions() -> Seeds {
    let sources = [
        "m.type == \"text\" && m.text.contains(\"subscribe\") || !m.compressed",
        "messages.all(m, m.length < 100 && m.direction in [\"client_to_server\"])",
        "size(connections) == 1 && connections[0].handshake.outcome == 'accepted'",
        "findings.exists(f, f.severity == \"error\" && f.rule.matches('^frame-.*'))",
        "c.id == 1 ? m.length * 2 / 3 - 1 > 7 : has(m.close.code)",
        "totals.messages >= 3 && \"\\u00e9\\n\" + 'b' != r'\\d'",
    ];
    sources
        .iter()
        .enumerate()
        .map(|(n, source)| (format!("source_{n}"), source.as_bytes().to_vec()))
        .collect()
}

fn configs() -> Seeds {
    let checks = ["chat.toml", "chat.json", "broken.toml", "wrong.toml", "wspect.toml"];
    let read = |name: &str| read(&testdata("checks").join(name));
    checks.iter().map(|name| (name.replace('.', "_"), read(name))).collect()
}

fn conversations() -> Seeds {
    let turn = |side: u16, said: &[u8]| {
        let head = u16::try_from(said.len()).unwrap() << 1 | side;
        [&head.to_be_bytes()[..], said].concat()
    };
    let named = directions().into_iter().enumerate().map(|(n, (name, wire))| {
        let side = u16::from(!name.contains("client") && !matches!(name, "fragments" | "broken"));
        let answer = turn(1 - side, &[0x81, 0x02, 0x48, 0x69]);
        let choice = u8::try_from(n % 3).unwrap();
        (name.to_owned(), [&[choice, 11], &turn(side, &wire)[..], &answer].concat())
    });
    named.collect()
}
