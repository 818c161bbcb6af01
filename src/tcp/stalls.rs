//! Zero windows of a receiver → how long bytes for it had to wait.

use crate::packet::PacketRef;

/// Times in which a receiver offered no room while its peer had bytes for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// How many.
    pub count: u32,
    /// Nanoseconds of all together.
    pub total: i64,
    /// Nanoseconds of the longest.
    pub longest: i64,
    /// The packet that closed the window for the first of them.
    pub first: PacketRef,
}

/// Watches the windows of one receiver.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    stalls: Stalls,
    shut: Option<Shut>,
}

/// A window that was closed.
#[derive(Clone, Copy, Debug)]
struct Shut {
    since: PacketRef,
    /// Did the peer try to send meanwhile? Only then was anything stalled.
    awaited: bool,
    /// The packet that opened it, as long as the peer has not shown whether it waited for that.
    opened: Option<PacketRef>,
}

impl Watch {
    /// The receiver offers no room.
    pub(super) fn shut(&mut self, at: PacketRef) {
        self.shut.get_or_insert(Shut { since: at, awaited: false, opened: None }).opened = None;
    }

    /// The receiver offers room.
    pub(super) fn open(&mut self, at: PacketRef) {
        if let Some(shut) = &mut self.shut {
            shut.opened.get_or_insert(at);
            self.settle();
        }
    }

    /// The peer sends bytes, or asks whether there is room again.
    pub(super) fn awaited(&mut self) {
        if let Some(shut) = &mut self.shut {
            shut.awaited = true;
            self.settle();
        }
    }

    /// What is known at the end, at the packet `end`: a window that never opened again counts up to there.
    pub(super) fn at_end(mut self, end: PacketRef) -> Stalls {
        if self.shut.is_some_and(|shut| shut.awaited) {
            self.open(end);
        }
        self.stalls
    }

    /// Counts a stall that is over.
    fn settle(&mut self) {
        let Some(Shut { since, awaited: true, opened: Some(opened) }) = self.shut else { return };
        self.shut = None;
        let lasted = opened.time.nanos_since(since.time).max(0);
        if self.stalls.count == 0 {
            self.stalls.first = since;
        }
        self.stalls.count = self.stalls.count.saturating_add(1);
        self.stalls.total = self.stalls.total.saturating_add(lasted);
        self.stalls.longest = self.stalls.longest.max(lasted);
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::at;
    use super::*;

    fn stalls(watched: impl FnOnce(&mut Watch)) -> (u32, i64, i64, u64) {
        let mut watch = Watch::default();
        watched(&mut watch);
        let Stalls { count, total, longest, first } = watch.at_end(at(100));
        (count, total, longest, first.number)
    }

    #[test]
    fn a_stall_lasts_from_the_first_zero_window_to_the_update() {
        let twice = stalls(|watch| {
            watch.shut(at(10));
            watch.awaited();
            watch.shut(at(12));
            watch.open(at(15));
            watch.open(at(16));
            watch.shut(at(20));
            watch.open(at(22));
            watch.awaited();
        });
        assert_eq!(twice, (2, 7, 5, 10));
    }

    #[test]
    fn a_window_that_shuts_again_before_the_peer_could_send_is_one_stall() {
        let once = stalls(|watch| {
            watch.shut(at(10));
            watch.open(at(12));
            watch.shut(at(13));
            watch.open(at(19));
            watch.awaited();
        });
        assert_eq!(once, (1, 9, 9, 10));
    }

    #[test]
    fn nothing_is_stalled_when_nobody_wants_to_send() {
        assert_eq!(stalls(|watch| watch.shut(at(10))).0, 0);
        let opened = stalls(|watch| {
            watch.shut(at(10));
            watch.open(at(12));
        });
        assert_eq!(opened.0, 0);
    }

    #[test]
    fn a_window_that_stays_shut_counts_up_to_the_end() {
        let open_end = stalls(|watch| {
            watch.shut(at(10));
            watch.awaited();
        });
        assert_eq!(open_end, (1, 90, 90, 10));
    }
}
