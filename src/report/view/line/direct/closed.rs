//! The end of a connection → its line.

use super::Object;
use crate::event::statistics::{Distribution, SideStatistics, Statistics};
use crate::event::{Close, Closing, Traffic};

impl Object<'_> {
    /// Gives back how many bytes of it stand before the id.
    pub(super) fn closed(&mut self, closing: &Closing) -> usize {
        let before_id = self.id(b"{\"event\":\"connection_end\",\"id\":");
        self.time(b",\"end_time\":\"", closing.end.time);
        if let Some(close) = &closing.close {
            self.close(close);
        }
        let [client, server] = &closing.traffic;
        self.traffic(b",\"traffic\":{\"client_to_server\":{\"messages\":", client);
        self.traffic(b",\"server_to_client\":{\"messages\":", server);
        self.put(b"}");
        self.statistics(&closing.statistics);
        self.end(b"}\n");
        before_id
    }

    fn close(&mut self, close: &Close) {
        self.word(b",\"close\":{\"initiator\":\"", close.initiator.name());
        self.word(b",\"how\":\"", close.how.name());
        if let Some(code) = close.code {
            self.number(b",\"code\":", code.into());
            self.text(b",\"reason\":\"", &close.reason);
        }
        self.time(b",\"time\":\"", close.begun.time);
        self.packet(close.begun);
        self.sides(b",\"reported\":", close.reported.map(|code| code.map(u64::from)));
        self.known(b",\"last_message\":", close.last_message);
        self.signed(b",\"silence_ns\":", close.silence);
        let unanswered = close.unanswered_pings.map(|pings| Some(pings).filter(|pings| *pings > 0));
        self.sides(b",\"unanswered_pings\":", unanswered);
        self.put(b"}");
    }

    fn sides<const SIZE: usize>(&mut self, name: &[u8; SIZE], sides: [Option<u64>; 2]) {
        let [client, server] = sides;
        if client.is_some() || server.is_some() {
            self.object(name, |object| {
                object.known(b",\"client\":", client);
                object.known(b",\"server\":", server);
            });
        }
    }

    fn traffic<const SIZE: usize>(&mut self, name: &[u8; SIZE], sent: &Traffic) {
        self.number(name, sent.messages);
        self.number(b",\"control_frames\":", sent.control_frames);
        self.number(b",\"frames\":", sent.frames);
        self.number(b",\"payload_bytes\":", sent.payload_bytes);
        self.number(b",\"wire_bytes\":", sent.wire_bytes);
        self.number(b",\"header_bytes\":", sent.header_bytes());
        self.number(b",\"masking_key_bytes\":", sent.masking_bytes);
        self.counted(b",\"handshake_bytes\":", sent.handshake_bytes);
        if sent.compressed_messages > 0 {
            self.number(b",\"compression\":{\"messages\":", sent.compressed_messages);
            self.number(b",\"wire_bytes\":", sent.compressed_bytes);
            self.number(b",\"inflated_bytes\":", sent.inflated_bytes);
            self.put(b"}");
        }
        self.number(b",\"missing_bytes\":", sent.missing_bytes);
        self.counted(b",\"passed_over_bytes\":", sent.passed_over_bytes);
        self.put(b"}");
    }

    fn statistics(&mut self, statistics: &Statistics) {
        let [client, server] = &statistics.sides;
        if statistics.handshake.is_some() || client.is_some() || server.is_some() {
            self.object(b",\"statistics\":", |object| {
                object.known(b",\"handshake_ns\":", statistics.handshake);
                object.side(b",\"client_to_server\":", client.as_deref());
                object.side(b",\"server_to_client\":", server.as_deref());
            });
        }
    }

    fn side<const SIZE: usize>(&mut self, name: &[u8; SIZE], side: Option<&SideStatistics>) {
        let Some(side) = side else { return };
        self.object(name, |object| {
            object.distribution(b",\"message_length\":{\"count\":", side.lengths);
            object.distribution(b",\"messages_per_second\":{\"count\":", side.rates);
            object.distribution(b",\"transfer_ns\":{\"count\":", side.transfers);
            object.counted(b",\"interleaved_control_frames\":", side.interleaved);
            if side.delayed_pongs.count > 0 {
                object.number(b",\"delayed_pongs\":{\"count\":", side.delayed_pongs.count);
                object.number(b",\"longest_ns\":", side.delayed_pongs.longest);
                object.put(b"}");
            }
            object.distribution(b",\"round_trip_ns\":{\"count\":", side.round_trips);
            if side.stalls.count > 0 {
                object.number(b",\"zero_window\":{\"count\":", side.stalls.count.into());
                object.signed(b",\"total_ns\":", Some(side.stalls.total));
                object.signed(b",\"longest_ns\":", Some(side.stalls.longest));
                object.put(b"}");
            }
        });
    }

    fn distribution<const SIZE: usize>(&mut self, name: &[u8; SIZE], distribution: Option<Distribution>) {
        let Some(Distribution { count, min, p50, p90, p99, max }) = distribution else { return };
        self.number(name, count);
        self.number(b",\"min\":", min);
        self.number(b",\"p50\":", p50);
        self.number(b",\"p90\":", p90);
        self.number(b",\"p99\":", p99);
        self.number(b",\"max\":", max);
        self.put(b"}");
    }
}
