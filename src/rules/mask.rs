//! Masking keys → findings (RFC 6455 §5.3).
//!
//! Keys of frames without payload are not judged: they mask nothing.

use super::{Finding, rules};
use crate::packet::{PacketRef, Side};

rules! {
    /// The masking key is zero: the payload stands on the wire as it is.
    ///
    /// The key has to be unpredictable, so that nobody can make a browser put chosen bytes before a proxy that takes
    /// them for HTTP. Test clients and embedded ones send 0 to save work. Said once a connection. Take each key from
    /// a random generator that is fit for secrets.
    ZERO = "frame-mask-zero", Warning, "RFC 6455 §5.3";

    /// Two frames in succession have the same masking key.
    ///
    /// The client must pick a fresh one for each frame. Usual cause: a constant, or a key that is made once a
    /// connection. Said once a connection. Take each key from a random generator.
    REUSED = "frame-mask-reused", Warning, "RFC 6455 §5.3";

    /// The next masking key can be foretold from those before.
    ///
    /// They count up in even steps, or some of their bits never change. Usual causes: a counter, the time, a generator
    /// of 15 or 31 random bits. Random keys look like this less than once in a million million connections. Take
    /// each key from a random generator that is fit for secrets.
    PREDICTABLE = "frame-mask-predictable", Note, "RFC 6455 §5.3";
}

/// What is wrong with the keys of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// This key is 0.
    Zero,
    /// It is that of the frame before.
    Reused([u8; 4]),
    /// Each of the last keys is the one before plus this, read as a number in network byte order.
    Step(u32),
    /// So many of the 32 bits were the same in all keys so far.
    FixedBits(u32),
}

/// What a masking key breaks.
pub fn check(fault: KeyFault, sender: Side, at: PacketRef, found: &mut impl FnMut(Finding)) {
    let (rule, detail) = match fault {
        KeyFault::Zero => (&ZERO, "the masking key is 00000000".into()),
        KeyFault::Reused(key) => {
            let key = u32::from_be_bytes(key);
            (&REUSED, format!("masking key {key:08x} is that of the frame before"))
        }
        KeyFault::Step(step) => (&PREDICTABLE, format!("masking keys go on in steps of {step:#x}")),
        KeyFault::FixedBits(bits) => {
            (&PREDICTABLE, format!("{bits} of the 32 bits of the masking keys never change"))
        }
    };
    found(rule.broken(sender, at, detail));
}
