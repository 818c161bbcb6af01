//! Every bound of the analysis, with its default and its reason. A bound limits what is kept, never what is
//! decoded; reaching one is a finding (`limit-reached`), never an error (but for
//! `document`, where a part would be judged as the whole).

/// Bounds on memory and work. Sizes are in bytes, times in nanoseconds of capture time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A captured packet longer than this is taken for garbage in the file. 16 MiB is 64 times the largest
    /// snap length that libpcap writes, and room for loopback and offloaded super-packets.
    pub packet: usize,
    /// Nested headers (VLAN tags, MPLS labels, tunnels) that are looked through to reach TCP. Real networks
    /// stay below six; a packet that repeats a header for ever must end.
    pub encapsulation: usize,
    /// Bytes of IP fragments held while waiting for the rest, in all datagrams together.
    pub fragment_bytes: usize,
    /// IP datagrams put together at the same time.
    pub fragment_datagrams: usize,
    /// How long an unfinished IP datagram is waited for. RFC 8200 §4.5 says 60 s, Linux uses 30.
    pub fragment_timeout: i64,
    /// TCP flows followed at the same time (`--max-connections`); the one that was quiet longest is given up for a new one.
    pub flows: usize,
    /// Memory of all flows together (`--max-memory`): what waits in them, unfinished messages, what compressed messages may
    /// refer to, and the flows themselves. Beyond it the one that was quiet longest forgets what its messages may refer to,
    /// and is given up if it holds more than that. A laptop has several times this.
    pub memory: usize,
    /// Connections that keep all that inflating takes (110 KiB a direction), and not only what their messages may refer to (at most
    /// 32 KiB): those with the latest messages. As many as the processor's cache holds: of others it is faster to read what they may
    /// refer to from end to end than to look for each reference in memory.
    pub awake: usize,
    /// The same of connections that agreed on a smaller window, or on none between messages: whose sender does not keep to that is
    /// followed all the same as long as more is kept.
    pub inflating: usize,
    /// Bytes of one direction kept because bytes before them have not come yet (out-of-order segments).
    pub early_bytes: usize,
    /// Packets of a connection that are waited for before a hole that the peer has acknowledged counts as lost,
    /// and before the lowest sequence number seen counts as the start of a flow without SYN. Captures
    /// reorder packets by a few places; 32 is beyond what merged interfaces and multi-queue cards show.
    pub reorder_packets: u32,
    /// The longest wait for the same, in time: for who watches a network, where the next packet of a quiet connection may be far away.
    /// Bytes that nobody has acknowledged are waited for thirty times as long. In a file time is no matter.
    pub hole_time: i64,
    /// A flow that is no WebSocket connection is forgotten after this silence (10 minutes).
    pub idle_flow: i64,
    /// An open WebSocket connection is ended, as `idle`, after this silence (24 hours: connections with rare
    /// pings are real, and the number of flows is bounded anyway).
    pub idle_websocket: i64,
    /// How long a closed connection is remembered, so that late retransmissions do not look like a new
    /// one: twice the round trip of a bad path, well under the quarter minute after which ports come again.
    pub linger: i64,
    /// Closed connections that are remembered that long: the latest. A host that closes more in these seconds is quick to repeat
    /// what was lost.
    pub lingering: usize,
    /// Size of an HTTP head. Most servers refuse at 8 to 64 KiB, but what they refuse is worth showing too.
    pub head: usize,
    /// Header fields of an HTTP head. Node.js keeps 2000, other servers 100 or as many as the size allows.
    pub headers: usize,
    /// Tunnels of HTTP CONNECT inside each other that are followed. Chains of proxies have two or three links; a client
    /// that asks for tunnels without end must not be followed without end.
    pub tunnels: usize,
    /// Memory for one direction while the other has to speak first: what follows an upgrade request before its answer, an
    /// answer whose request is not there yet, requests without an answer. Beyond it reading goes on without waiting.
    pub held_bytes: usize,
    /// Memory for packets that wait, with `--write`, for it to be known whether their connection is a WebSocket: some ten thousand
    /// handshakes at the same time.
    pub undecided_packets: usize,
    /// Bytes of a direction (of both, where nobody knows who the client is) in which frames are looked for when a
    /// handshake is missing: room for the largest of common messages, little enough that a long download that was
    /// caught in its middle costs nothing.
    pub search: u64,
    /// Payload bytes of a message that are kept (`--max-payload`); its length and UTF-8 are checked to the end.
    pub payload: usize,
    /// Payload bytes of all messages that one packet completes: one that fills a hole sets free what waited behind it, and
    /// `early_bytes` can inflate to a thousand times as much. The payloads of those that follow are not kept; common messages of
    /// `early_bytes` inflate to some 40 MiB.
    pub released: usize,
    /// Bytes that one compressed message may give. DEFLATE reaches 1,032 times the size: 1 GiB is far beyond what
    /// endpoints accept, and inflated in seconds.
    pub inflated: u64,
    /// Frames of one message whose headers are kept, where frames are asked for.
    pub frames: usize,
    /// Opening handshakes of other connections that are remembered to compare later ones with: their keys, and when
    /// they were answered. A client that reconnects does so soon, so that the latest are enough.
    pub handshakes: usize,
    /// Memory for when clients connected to what, to tell how they reconnect: some hundred thousand connections of a
    /// few thousand clients. Later ones are not looked at.
    pub reconnects: usize,
    /// Errors and warnings of one rule that one side of a connection gets; more are counted, and the count is reported.
    pub findings: u64,
    /// The same for notes and infos, which are about what is legal and comes again: three show the habit.
    pub notes: u64,
    /// Memory of a capture that is kept whole, for `wspect check` and [`crate::read`] alone: some 2.5 million short
    /// messages, and well within what a CI machine has. What is larger is refused: half of it would be judged as the whole.
    pub document: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet: 16 << 20,
            encapsulation: 16,
            fragment_bytes: 16 << 20,
            fragment_datagrams: 4096,
            fragment_timeout: 30 * SECOND,
            flows: 1 << 20,
            memory: 1 << 30,
            awake: 16,
            inflating: 256,
            early_bytes: 4 << 20,
            reorder_packets: 32,
            hole_time: i64::MAX,
            idle_flow: 600 * SECOND,
            idle_websocket: 86_400 * SECOND,
            linger: 5 * SECOND,
            lingering: 1 << 14,
            head: 256 << 10,
            headers: 2048,
            tunnels: 4,
            held_bytes: 256 << 10,
            undecided_packets: 32 << 20,
            search: 1 << 20,
            payload: 16 << 20,
            released: 128 << 20,
            inflated: 1 << 30,
            frames: 1 << 16,
            handshakes: 1 << 16,
            reconnects: 8 << 20,
            findings: 100,
            notes: 3,
            document: 1 << 30,
        }
    }
}

const SECOND: i64 = crate::packet::NANOS_PER_SECOND;
