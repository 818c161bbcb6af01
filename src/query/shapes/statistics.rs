//! The fields of `statistics`, of a connection and of the whole.

use super::super::object::{Field, Known, Object, Shape, shape};
use super::super::value::{Kind, Value};
use super::{ENDPOINT, list, nonzero, owned};
use crate::event::statistics::{Distribution, SideStatistics};

pub(super) static STATISTICS: Shape = shape!("statistics", Statistics(all), {
    handshake_ns: Kind::Int => all.handshake.map(Value::count);
    client_to_server: Kind::Object(&SIDE_STATISTICS) => side_statistics(all.sides.first());
    server_to_client: Kind::Object(&SIDE_STATISTICS) => side_statistics(all.sides.last());
});

static SIDE_STATISTICS: Shape = shape!("statistics of a direction", SideStatistics(side), {
    message_length: Kind::Object(&DISTRIBUTION) => distribution(side.lengths.as_ref());
    messages_per_second: Kind::Object(&DISTRIBUTION) => distribution(side.rates.as_ref());
    transfer_ns: Kind::Object(&DISTRIBUTION) => distribution(side.transfers.as_ref());
    interleaved_control_frames: Kind::Int => nonzero(side.interleaved);
    delayed_pongs: Kind::Object(&DELAYS) => {
        (side.delayed_pongs.count > 0).then_some(Value::Object(Object::Delays(&side.delayed_pongs)))
    };
    round_trip_ns: Kind::Object(&DISTRIBUTION) => distribution(side.round_trips.as_ref());
    zero_window: Kind::Object(&ZERO_WINDOW) => {
        (side.stalls.count > 0).then_some(Value::Object(Object::ZeroWindow(side)))
    };
});

static DISTRIBUTION: Shape = shape!("distribution", Distribution(of), {
    count: Kind::Int => Some(Value::count(of.count));
    min: Kind::Int => Some(Value::count(of.min));
    p50: Kind::Int => Some(Value::count(of.p50));
    p90: Kind::Int => Some(Value::count(of.p90));
    p99: Kind::Int => Some(Value::count(of.p99));
    max: Kind::Int => Some(Value::count(of.max));
});

static DELAYS: Shape = shape!("delays", Delays(delays), {
    count: Kind::Int => Some(Value::count(delays.count));
    longest_ns: Kind::Int => Some(Value::count(delays.longest));
});

static ZERO_WINDOW: Shape = shape!("zero window", ZeroWindow(side), {
    count: Kind::Int => Some(Value::Int(side.stalls.count.into()));
    total_ns: Kind::Int => Some(Value::Int(side.stalls.total));
    longest_ns: Kind::Int => Some(Value::Int(side.stalls.longest));
});

pub(super) static CAPTURE_STATISTICS: Shape = shape!("statistics of the capture", CaptureStatistics(totals), {
    reconnects: Kind::List(&Kind::Object(&RECONNECTS)) => {
        Some(list(totals.reconnects.iter().map(|each| Value::Object(Object::Reconnects(each)))))
    };
});

static RECONNECTS: Shape = shape!("reconnects", Reconnects(again), {
    client_address: Kind::Text => Some(owned(again.client.to_string()));
    server: Kind::Object(&ENDPOINT) => Some(Value::Object(Object::Endpoint(again.server)));
    tunnel: Kind::Text => again.tunnel.as_deref().map(Value::text);
    host: Kind::Text => again.host.as_deref().map(Value::text);
    path: Kind::Text => Some(Value::text(&again.path));
    connections: Kind::Int => Some(Value::count(again.connections));
    interval_ns: Kind::Object(&DISTRIBUTION) => distribution(Some(&again.intervals));
    backoff: Kind::Text, [BACKOFFS] => again.backoff.map(|backoff| Value::text(backoff.name()));
});

const BACKOFFS: &[&str] = &["immediate", "constant", "growing", "irregular"];

fn side_statistics(side: Option<&Option<Box<SideStatistics>>>) -> Option<Value<'_>> {
    side?.as_deref().map(|side| Value::Object(Object::SideStatistics(side)))
}

fn distribution(of: Option<&Distribution>) -> Option<Value<'_>> {
    of.map(|of| Value::Object(Object::Distribution(of)))
}
