//! A direction that lost the boundary of its frames → where they begin again.

use super::Session;
use crate::connection::Options;
use crate::connection::outbox::Outbox;
use crate::connection::search::masking_of;
use crate::packet::{PacketRef, Side};
use crate::rules::Blame;
use crate::rules::transport::DESYNC;

impl Session {
    pub(super) fn search_on(&mut self, sender: Side, at: PacketRef, options: &Options, out: &mut Outbox) {
        self.look(sender, false, at, options, out);
        if self.lane(sender).search.is_some() {
            self.history.unread(sender, at);
        }
    }

    /// Looks for the next frame of a direction that lost its boundary, and reads on from there.
    pub(super) fn look(
        &mut self,
        sender: Side,
        end: bool,
        at: PacketRef,
        options: &Options,
        out: &mut Outbox,
    ) {
        let compression = self.compresses;
        let lane = self.lane(sender);
        let Some(search) = lane.search.as_mut() else { return };
        let Some(found) = search.look(masking_of(sender), compression, end) else { return };
        let Some(search) = lane.search.take() else { return };
        lane.reader.resume(found.confidence);
        lane.passed_over = lane.passed_over.saturating_add(found.passed_over);
        if found.passed_over > 0 {
            let at = search.replay().next().map_or(at, |(_, at)| at);
            let detail = format!(
                "{} bytes passed over before frames made sense again ({} bits of evidence)",
                found.passed_over, found.confidence.0
            );
            self.report(DESYNC.broken(Blame::Capture, at, detail), options, out);
        }
        for (bytes, at) in search.replay() {
            self.read(sender, bytes, at, options, out);
        }
    }

    /// The boundary was lost, and never found again.
    pub(super) fn say_lost(&mut self, sender: Side, at: PacketRef, options: &Options, out: &mut Outbox) {
        let Some(search) = self.lane(sender).search.take() else { return };
        let lane = self.lane(sender);
        lane.passed_over = lane.passed_over.saturating_add(search.searched());
        if search.searched() > 0 {
            let detail =
                format!("{} bytes passed over: no frames were recognised in them", search.searched());
            self.report(DESYNC.broken(Blame::Capture, at, detail), options, out);
        }
    }
}
