//! Numbers of the whole capture → what is wrong with the capture itself.

use super::clock::StepsBack;
use crate::connection::Options;
use crate::event::Totals;
use crate::limits::Limits;
use crate::packet::PacketRef;
use crate::rules::capture::{DROPPED_PACKETS, LIMIT_REACHED, backwards, damage};
use crate::rules::transport::{HTTP2_NOT_READ, TLS_NO_KEYS};
use crate::rules::{Blame, Finding};

/// What is known at the end.
pub(super) struct Summary<'a> {
    pub(super) options: &'a Options,
    pub(super) totals: &'a Totals,
    /// The last packet.
    pub(super) last: PacketRef,
    pub(super) steps_back: StepsBack,
    pub(super) cut: Cut,
}

/// How much was given up because of limits.
pub(super) struct Cut {
    pub(super) flows: u64,
    pub(super) relieved: u64,
    pub(super) forgotten: u64,
    pub(super) handshakes: u64,
    pub(super) overlooked: u64,
    pub(super) datagrams: u64,
    pub(super) undecided: u64,
}

impl Summary<'_> {
    /// What is wrong with the capture itself.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for input in &self.totals.inputs {
            if let Some(what) = &input.damage {
                findings.push(damage(input, what, self.last));
            }
            if let Some(dropped) = input.dropped.filter(|dropped| *dropped > 0) {
                let detail = format!("{dropped} packets were dropped while the capture was made");
                findings.push(DROPPED_PACKETS.broken(Blame::Capture, self.last, detail));
            }
            if input.overrun > 0 {
                let detail =
                    format!("{} more were dropped by wspect: analysis could not keep up", input.overrun);
                findings.push(DROPPED_PACKETS.broken(Blame::Capture, self.last, detail));
            }
        }
        let StepsBack { count, longest, at } = self.steps_back;
        findings.extend(backwards(count, longest, at, &self.options.thresholds));
        let cuts = self.cut.details(&self.options.limits);
        findings.extend(cuts.map(|detail| LIMIT_REACHED.broken(Blame::Capture, self.last, detail)));
        findings.extend(not_read(self.totals));
        findings
    }
}

/// What was encrypted, or in a protocol that is not looked into.
fn not_read(totals: &Totals) -> impl Iterator<Item = Finding> {
    let tls = (totals.tls_connections > 0).then(|| {
        let number = totals.tls_connections;
        let connections = if number == 1 { "connection" } else { "connections" };
        let detail = format!("{number} TLS {connections}, not decrypted");
        TLS_NO_KEYS.broken(Blame::Capture, PacketRef::default(), detail)
    });
    let http2 = (totals.http2_connections > 0).then(|| {
        let number = totals.http2_connections;
        let connections = if number == 1 { "connection speaks" } else { "connections speak" };
        let detail = format!("{number} TCP {connections} HTTP/2, which is not looked into");
        HTTP2_NOT_READ.broken(Blame::Capture, PacketRef::default(), detail)
    });
    tls.into_iter().chain(http2)
}

impl Cut {
    /// What limits cut that belongs to no connection.
    fn details(&self, limits: &Limits) -> impl Iterator<Item = String> {
        let Self { flows, relieved, forgotten, handshakes, overlooked, datagrams, undecided } = self;
        let cuts = [
            (
                *flows,
                format!(
                    "{flows} times a TCP connection was given up early: more than {} at the same time (--max-connections); what came of it later counts as another one",
                    limits.flows
                ),
            ),
            (
                *relieved,
                format!(
                    "{relieved} times a TCP connection was given up early: all together held more than {} bytes (--max-memory); what came of it later counts as another one",
                    limits.memory
                ),
            ),
            (
                *forgotten,
                format!(
                    "{forgotten} TCP connections that had ended were forgotten early: more than {} at the same time (lingering); a late repetition of theirs counts as another one",
                    limits.lingering
                ),
            ),
            (
                *handshakes,
                format!(
                    "{handshakes} opening handshakes were forgotten: there were more than {} (handshakes); later ones were not compared with them",
                    limits.handshakes
                ),
            ),
            (
                *overlooked,
                format!(
                    "{overlooked} connections were not looked at for reconnects: more than {} bytes of earlier ones (reconnects)",
                    limits.reconnects
                ),
            ),
            (
                *datagrams,
                format!(
                    "{datagrams} IP datagrams were given up early: more than {} bytes of fragments (fragment_bytes) or {} datagrams (fragment_datagrams) at the same time",
                    limits.fragment_bytes, limits.fragment_datagrams
                ),
            ),
            (
                *undecided,
                format!(
                    "{undecided} packets were not stored (--write): it was not known yet whether their connections are WebSocket, and more than {} bytes of such packets waited (undecided_packets)",
                    limits.undecided_packets
                ),
            ),
        ];
        cuts.into_iter().filter(|(count, _)| *count > 0).map(|(_, detail)| detail)
    }
}
