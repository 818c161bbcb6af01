//! An open WebSocket connection: both directions' bytes → events.

mod judge;
mod lane;
mod searching;

use std::mem::{self, offset_of};

use lane::Lane;

use super::extensions::{Extensions, Framing};
use super::history::{Cut, History};
use super::outbox::{Outbox, Tally};
use super::search::{Found, Search};
use super::{Ending, Footprint, Options};
use crate::ahead::fetch;
use crate::event::{Closing, ConnectionId, EventKind, PayloadNote, TimelineMessage, Traffic};
use crate::http::Handshake;
use crate::packet::{PacketRef, Side};
use crate::rules::capture::{CutPayloads, CutReleases};
use crate::rules::frame::Rsv1;
use crate::rules::{self, Finding};
use crate::tcp::{Conflict, Gap, Stalls};
use crate::websocket::message::{AfterGap, FrameStart, Glance, Step, Whole};
use crate::websocket::mux::Channels;
use crate::websocket::{Message, Opcode};

/// One WebSocket connection after its opening.
#[derive(Debug)]
pub(super) struct Session {
    id: ConnectionId,
    client: Lane,
    server: Lane,
    rsv1: Rsv1,
    framing: Framing,
    /// May messages be compressed?
    compresses: bool,
    /// Does the handshake say so?
    agreed: bool,
    messages: u64,
    history: History,
    tally: Tally,
    cuts: CutPayloads,
    releases: CutReleases,
    /// Of the request and of the response.
    handshake_bytes: [u64; 2],
    /// Of the multiplexing extension, where that was agreed.
    channels: Option<Box<Channels>>,
    /// Came anything since that was asked that may have left something behind, beside a few bytes of statistics?
    has_grown: bool,
}

/// Where the reading of one direction begins.
#[derive(Debug)]
pub(super) enum LaneStart {
    /// The next byte begins a frame, as the handshake says.
    Frame,
    /// The next byte begins a frame, as the search says.
    FoundFrame(Found),
    /// The boundary is unknown.
    Searching(Box<Search>),
}

impl Session {
    /// A connection that opened at this packet.
    pub(super) fn new(
        (id, opened): (ConnectionId, PacketRef),
        handshake: &Handshake,
        client: LaneStart,
        server: LaneStart,
        options: &Options,
    ) -> Self {
        let from_start = [&client, &server].map(|start| matches!(start, LaneStart::Frame));
        let extensions = Extensions::of(handshake, options);
        let handshake_bytes = handshake.sizes();
        let mut history = History::new(opened, from_start).opened_after(handshake.latency_ns());
        for (side, start) in [(Side::Client, &client), (Side::Server, &server)] {
            if let LaneStart::Searching(search) = start {
                history.unread(side, search.first().unwrap_or_default());
            }
        }
        Self {
            id,
            client: Lane::new(client, extensions.client, options),
            server: Lane::new(server, extensions.server, options),
            rsv1: extensions.rsv1,
            framing: extensions.framing,
            compresses: extensions.client.is_some(),
            agreed: extensions.client.is_some_and(|compression| compression.certain),
            messages: 0,
            history,
            tally: Tally::default(),
            cuts: CutPayloads::default(),
            releases: CutReleases::default(),
            handshake_bytes,
            channels: (extensions.framing == Framing::Multiplexed).then(Box::default),
            has_grown: true,
        }
    }

    #[inline(always)]
    pub(super) fn chunk(
        &mut self,
        sender: Side,
        bytes: &[u8],
        at: PacketRef,
        options: &Options,
        out: &mut Outbox,
    ) {
        if self.framing == Framing::Hidden {
            return;
        }
        match &mut self.lane(sender).search {
            None => self.read(sender, bytes, at, options, out),
            Some(search) => {
                search.push(bytes, at);
                self.has_grown = true;
                self.search_on(sender, at, options, out);
            }
        }
    }

    pub(super) fn gap(&mut self, sender: Side, gap: &Gap, options: &Options, out: &mut Outbox) {
        rules::transport::gap(gap, &mut |finding| self.report(finding, options, out));
        self.look(sender, true, gap.at, options, out);
        self.history.bytes_lost(sender);
        let lane = self.lane(sender);
        let after = lane.reader.gap(gap.length);
        if let Some(search) = &mut lane.search {
            search.interrupt(gap.length);
        } else if after == AfterGap::Lost {
            lane.search = Some(Box::<Search>::default().know());
            lane.start_known = false;
            self.history.frames_lost(sender);
        }
        // The messages that the hole ended.
        self.read(sender, &[], gap.at, options, out);
    }

    pub(super) fn conflict(&mut self, conflict: &Conflict, options: &Options, out: &mut Outbox) {
        rules::transport::conflict(conflict, &mut |finding| self.report(finding, options, out));
    }

    /// Nothing more comes: what was begun comes out, then the connection's end.
    pub(super) fn finish(mut self: Box<Self>, ending: &Ending, options: &Options, out: &mut Outbox) {
        let mut cuts = [Cut::default(); 2];
        for (side, cut) in [Side::Client, Side::Server].into_iter().zip(&mut cuts) {
            self.look(side, true, ending.at, options, out);
            let reader = &mut self.lane(side).reader;
            *cut = Cut { in_frame: reader.in_frame(), message_open: reader.message_open() };
            for message in reader.finish() {
                self.message(side, Box::new(message), options, out);
            }
            self.say_lost(side, ending.at, options, out);
        }
        let mut findings = Vec::new();
        let mut close =
            self.history.finish(ending, cuts, &options.thresholds, &mut |finding| findings.push(finding));
        if self.framing == Framing::Hidden {
            // There may have been Close frames.
            findings.clear();
            close.reported = [None; 2];
        }
        for finding in findings {
            self.report(finding, options, out);
        }
        self.judge_whole(ending.at, options, out);
        self.tally.close(self.id, ending.at, &options.limits, out);
        let (traffic, statistics) = (self.traffic(), self.history.statistics());
        let closing = Closing { end: ending.at, close: Some(close), traffic, statistics };
        out.say(self.id, ending.at, EventKind::Closed(Box::new(closing)));
    }

    /// Asks for all of it but the lane of the other side.
    pub(super) fn fetch(&self, sender: Side) {
        const LANE: usize = size_of::<Lane>();
        const ALL: usize = size_of::<Session>();
        const CLIENT: usize = offset_of!(Session, client);
        const SERVER: usize = offset_of!(Session, server);
        let fetch = |bytes| fetch(&self.messages, offset_of!(Self, messages), bytes);
        match sender {
            Side::Client => {
                fetch(0..SERVER);
                fetch(SERVER + LANE..ALL);
            }
            Side::Server => {
                fetch(0..CLIENT);
                fetch(CLIENT + LANE..ALL);
            }
        }
    }

    /// Has it grown since this was asked last?
    pub(super) const fn take_growth(&mut self) -> bool {
        mem::replace(&mut self.has_grown, false)
    }

    pub(super) fn footprint(&self) -> Footprint {
        let lanes = [&self.client, &self.server];
        let channels = self.channels.as_ref().map_or(0, |channels| channels.memory());
        let bytes = size_of::<Self>() + self.history.memory() + self.tally.memory() + channels;
        let bytes = bytes + lanes.iter().map(|lane| lane.memory()).sum::<usize>();
        Footprint {
            bytes,
            inflating: lanes.iter().any(|lane| lane.reader.is_inflating()),
            is_strict: lanes.iter().any(|lane| lane.reader.is_strict()),
            inflates: self.compresses,
        }
    }

    /// What comes now is of another packet, or was set free by it.
    pub(super) const fn next_packet(&mut self) {
        self.releases.next_packet();
    }

    /// Between messages, puts away what is only needed to inflate. Nothing is lost that messages may refer to.
    pub(super) fn sleep(&mut self) {
        self.client.reader.sleep();
        self.server.reader.sleep();
    }

    /// Forgets what compressed messages to come may refer to, and says so.
    pub(super) fn forget(&mut self, at: PacketRef, options: &Options, out: &mut Outbox) {
        for side in [Side::Client, Side::Server] {
            if self.lane(side).reader.forget() {
                self.report(rules::capture::forgotten(side, at, &options.limits), options, out);
            }
        }
    }

    /// The Close that waits for an answer: its side and packet.
    pub(super) fn unanswered_close(&self) -> Option<(Side, PacketRef)> {
        self.history.closes().unanswered()
    }

    pub(super) fn stalled(&mut self, receivers: [Stalls; 2]) {
        self.history.stalled(receivers);
    }

    pub(super) fn order_is_open(&mut self) {
        self.history.order_is_open();
    }

    pub(super) fn order_is_settled(&mut self) {
        // What a search holds was sent before what the other side sends meanwhile.
        if self.client.search.is_none() && self.server.search.is_none() {
            self.history.order_is_settled();
        }
    }

    pub(super) fn close_acknowledged(&mut self, by: Option<PacketRef>) {
        self.history.close_acknowledged(by);
    }

    /// The sides in the middle of whose frames the capture stands.
    pub(super) fn in_frame(&self) -> impl Iterator<Item = Side> + use<> {
        let (client, server) = (self.client.reader.in_frame(), self.server.reader.in_frame());
        [(Side::Client, client), (Side::Server, server)].into_iter().filter(|side| side.1).map(|side| side.0)
    }

    pub(super) fn report(&mut self, finding: Finding, options: &Options, out: &mut Outbox) {
        self.tally.report(self.id, finding, &options.limits, out);
    }

    fn lane(&mut self, side: Side) -> &mut Lane {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn read(&mut self, sender: Side, mut bytes: &[u8], at: PacketRef, options: &Options, out: &mut Outbox) {
        if let Some(whole) = self.lane(sender).reader.whole(&mut bytes, at) {
            self.whole(sender, whole, at, options, out);
            // Nearly always that was all.
            if bytes.is_empty() {
                return;
            }
        }
        self.read_on(sender, bytes, at, options, out);
    }

    #[inline(never)]
    fn read_on(
        &mut self,
        sender: Side,
        mut bytes: &[u8],
        at: PacketRef,
        options: &Options,
        out: &mut Outbox,
    ) {
        self.has_grown = true;
        while let Some(step) = self.lane(sender).reader.next(&mut bytes, at) {
            match step {
                Step::Frame(frame) => self.frame(sender, &frame, options, out),
                Step::Message(message) => self.message(sender, message, options, out),
                Step::Whole(whole) => self.whole(sender, whole, at, options, out),
            }
        }
    }

    /// A message in one frame. Of most of them no rule has anything to say.
    #[inline(always)]
    fn whole(&mut self, sender: Side, whole: Whole, at: PacketRef, options: &Options, out: &mut Outbox) {
        self.frame(sender, &whole.frame(), options, out);
        if !self.is_ordinary(sender, &whole, options) {
            return self.message(sender, whole.message, options, out);
        }
        let (index, message) = (self.count(sender, &whole.message), whole.message);
        self.history.whole(sender, at, whole.header.length, index);
        let is_printable = whole.glance == Glance::PrintableText;
        let note = if is_printable { PayloadNote::Printable } else { PayloadNote::None };
        self.say(sender, index, message, note, options, out);
    }

    #[inline(always)]
    fn is_ordinary(
        &mut self,
        sender: Side,
        Whole { message, glance, .. }: &Whole,
        options: &Options,
    ) -> bool {
        *glance != Glance::Other
            // Else its only frame is cut.
            && options.limits.frames > 0
            && self.channels.is_none()
            && self.lane(sender).is_quiet()
            && rules::message::is_ordinary(message, &options.thresholds)
    }

    #[inline(always)]
    fn frame(&mut self, sender: Side, frame: &FrameStart, options: &Options, out: &mut Outbox) {
        let opcode = frame.header.opcode;
        let is_alone = !frame.message_open && !self.history.closes().any();
        if !is_alone || !rules::frame::is_ordinary(&frame.header, sender) {
            self.judge_frame(sender, *frame, options, out);
        }
        if let Some(fault) = self.history.frame(sender, frame) {
            self.judge_key(sender, fault, *frame, options, out);
        }
        self.lane(sender).start_known |= !opcode.is_control() && opcode != Opcode::CONTINUATION;
    }

    #[inline(never)]
    fn message(&mut self, sender: Side, message: Box<Message>, options: &Options, out: &mut Outbox) {
        self.has_grown = true;
        let index = self.count(sender, &message);
        if let Some(channels) = &mut self.channels {
            channels.note(&message);
        }
        let mut findings = self.lane(sender).waiting(message.opcode);
        self.judge(sender, &message, index, options, &mut findings);
        self.say(sender, index, message, PayloadNote::None, options, out);
        for mut finding in findings {
            finding.message.get_or_insert(index);
            self.report(finding, options, out);
        }
    }

    /// Counts a message, and gives it its index.
    fn count(&mut self, sender: Side, message: &Message) -> u64 {
        let index = self.messages;
        self.messages += 1;
        let lane = self.lane(sender);
        lane.messages += 1;
        lane.control_frames += u64::from(message.opcode.is_control());
        index
    }

    fn say(
        &mut self,
        sender: Side,
        index: u64,
        mut message: Box<Message>,
        note: PayloadNote,
        options: &Options,
        out: &mut Outbox,
    ) {
        self.releases.cut(&mut message, index, &options.limits);
        let at = message.last;
        out.say(self.id, at, EventKind::Message(TimelineMessage { index, sender, message, note }));
    }

    fn traffic(&self) -> [Traffic; 2] {
        let [request, response] = self.handshake_bytes;
        [
            Traffic { handshake_bytes: request, ..self.client.traffic() },
            Traffic { handshake_bytes: response, ..self.server.traffic() },
        ]
    }
}
