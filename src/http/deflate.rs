//! An offer or answer of permessage-deflate → its parameters, and what is wrong with them (RFC 7692 §7.1).

use std::collections::BTreeSet;
use std::fmt;

use super::Extension;

/// The parameters of one `permessage-deflate` element, read as leniently as makes sense: what is faulty is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeflateParams {
    /// `server_no_context_takeover`: the server begins each message with an empty window.
    pub server_no_context_takeover: bool,
    /// `client_no_context_takeover`: the client does.
    pub client_no_context_takeover: bool,
    /// `server_max_window_bits`: 8 to 15.
    pub server_max_window_bits: Option<u8>,
    /// `client_max_window_bits`, which an offer may leave without a value.
    pub client_max_window_bits: Option<Option<u8>>,
}

/// Who says it, which decides what a parameter may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The client's request.
    Offer,
    /// The server's response.
    Answer,
}

/// A fault of a single parameter, for which a server has to decline an offer and a client to fail the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamFault {
    /// RFC 7692 does not define it. // §7.1
    Unknown(String),
    /// It stands there more than once. // §7.1
    Duplicate(String),
    /// Not a number from 8 to 15 without leading zeros, or none where one is needed. // §7.1.2
    WindowBits(String, Option<String>),
    /// A parameter that takes no value has one. // §7.1.1
    ValueGiven(String, String),
}

/// A way in which an answer does not fit an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// `client_max_window_bits` is answered, but was not offered. // §7.1.2.2
    ClientBitsNotOffered,
    /// `server_no_context_takeover` was asked for, but is not answered. // §7.1.1.1
    ServerTakeoverIgnored,
    /// The server's window is larger than was asked for. // §7.1.2.1
    ServerBitsLarger {
        /// Bits that the client asked for.
        offered: u8,
        /// Bits that the server answered; 15 where it said nothing.
        answered: u8,
    },
}

impl DeflateParams {
    /// Reads an element of `Sec-WebSocket-Extensions`; `None` when it is another extension.
    pub fn of(extension: &Extension, said: Said) -> Option<(Self, Vec<ParamFault>)> {
        if extension.name != NAME {
            return None;
        }
        let mut params = Self::default();
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for (name, value) in &extension.params {
            if seen.insert(name) {
                faults.extend(params.set(name, value.as_deref(), said));
            } else {
                faults.push(ParamFault::Duplicate(name.clone()));
            }
        }
        Some((params, faults))
    }

    /// In which ways it is no answer to `offer`.
    pub fn misfits(&self, offer: &Self) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        if self.client_max_window_bits.is_some() && offer.client_max_window_bits.is_none() {
            misfits.push(Misfit::ClientBitsNotOffered);
        }
        if offer.server_no_context_takeover && !self.server_no_context_takeover {
            misfits.push(Misfit::ServerTakeoverIgnored);
        }
        let answered = self.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS);
        if let Some(offered) = offer.server_max_window_bits.filter(|offered| answered > *offered) {
            misfits.push(Misfit::ServerBitsLarger { offered, answered });
        }
        misfits
    }

    fn set(&mut self, name: &str, value: Option<&str>, said: Said) -> Option<ParamFault> {
        let bits = value.and_then(window_bits);
        let bad_bits = || Some(ParamFault::WindowBits(name.to_owned(), value.map(str::to_owned)));
        match name {
            "server_no_context_takeover" => self.server_no_context_takeover = true,
            "client_no_context_takeover" => self.client_no_context_takeover = true,
            "server_max_window_bits" => {
                self.server_max_window_bits = bits;
                return bits.map_or_else(bad_bits, |_| None);
            }
            "client_max_window_bits" => {
                self.client_max_window_bits = Some(bits);
                let may_be_absent = said == Said::Offer && value.is_none();
                return if bits.is_none() && !may_be_absent { bad_bits() } else { None };
            }
            _ => return Some(ParamFault::Unknown(name.to_owned())),
        }
        value.map(|value| ParamFault::ValueGiven(name.to_owned(), value.to_owned()))
    }
}

impl fmt::Display for ParamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "parameter {name:?} is not known"),
            Self::Duplicate(name) => write!(f, "parameter {name} is given more than once"),
            Self::WindowBits(name, None) => write!(f, "{name} has no value, expected 8 to 15"),
            Self::WindowBits(name, Some(value)) => write!(f, "{name} is {value:?}, expected 8 to 15"),
            Self::ValueGiven(name, value) => write!(f, "{name} has the value {value:?}, expected none"),
        }
    }
}

/// A decimal number from 8 to 15 without leading zeros. // RFC 7692 §7.1.2
fn window_bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok().filter(|bits| (8..=MAX_WINDOW_BITS).contains(bits))?;
    (value == bits.to_string()).then_some(bits)
}

const NAME: &str = "permessage-deflate";

/// What holds where nothing is said. // RFC 7692 §7.1.2
pub const MAX_WINDOW_BITS: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(text: &str) -> Extension {
        let mut parts = text.split("; ");
        let name = parts.next().unwrap().to_owned();
        let param = |part: &str| match part.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (part.to_owned(), None),
        };
        Extension { name, params: parts.map(param).collect() }
    }

    fn read(text: &str, said: Said) -> (DeflateParams, Vec<ParamFault>) {
        DeflateParams::of(&extension(text), said).unwrap()
    }

    fn params(text: &str, said: Said) -> DeflateParams {
        let (params, faults) = read(text, said);
        assert_eq!(faults, [], "{text}");
        params
    }

    fn faults(text: &str, said: Said) -> Vec<String> {
        read(text, said).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_four_parameters_are_read() {
        let all = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                   server_max_window_bits=8; client_max_window_bits=15";
        let expected = DeflateParams {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: Some(8),
            client_max_window_bits: Some(Some(15)),
        };
        assert_eq!(params(all, Said::Answer), expected);
        assert_eq!(params("permessage-deflate", Said::Offer), DeflateParams::default());
        assert_eq!(DeflateParams::of(&extension("x-webkit-deflate-frame"), Said::Offer), None);
    }

    #[test]
    fn only_an_offer_may_leave_the_clients_bits_without_a_value() {
        let text = "permessage-deflate; client_max_window_bits";
        assert_eq!(params(text, Said::Offer).client_max_window_bits, Some(None));
        assert_eq!(faults(text, Said::Answer), ["client_max_window_bits has no value, expected 8 to 15"]);
        let text = "permessage-deflate; server_max_window_bits";
        assert_eq!(faults(text, Said::Offer), ["server_max_window_bits has no value, expected 8 to 15"]);
    }

    #[test]
    fn window_bits_are_8_to_15_without_leading_zeros() {
        for value in ["7", "16", "08", "+9", "", "9.0", "ten", "265"] {
            let text = format!("permessage-deflate; server_max_window_bits={value}");
            let (params, faults) = read(&text, Said::Answer);
            assert_eq!((params.server_max_window_bits, faults.len()), (None, 1), "{text}");
        }
    }

    #[test]
    fn what_is_unknown_doubled_or_has_a_value_too_many_is_a_fault() {
        let text = "permessage-deflate; mux; server_no_context_takeover=1; server_max_window_bits=9; \
                    server_max_window_bits=10";
        let expected = [
            "parameter \"mux\" is not known",
            "server_no_context_takeover has the value \"1\", expected none",
            "parameter server_max_window_bits is given more than once",
        ];
        assert_eq!(faults(text, Said::Offer), expected);
        let (params, _) = read(text, Said::Offer);
        assert!(params.server_no_context_takeover);
        assert_eq!(params.server_max_window_bits, Some(9));
    }

    #[test]
    fn an_answer_has_to_fit_the_offer() {
        let misfits = |offer: &str, answer: &str| {
            let [offer, answer] = [(offer, Said::Offer), (answer, Said::Answer)]
                .map(|(text, said)| params(&format!("permessage-deflate{text}"), said));
            answer.misfits(&offer)
        };
        assert_eq!(misfits("; client_max_window_bits", "; client_max_window_bits=12"), []);
        // RFC 7692 §7.1.2.2: a value that the client offers may be ignored
        assert_eq!(misfits("; client_max_window_bits=9", "; client_max_window_bits=12"), []);
        assert_eq!(misfits("", "; server_max_window_bits=9; server_no_context_takeover"), []);
        assert_eq!(misfits("; server_max_window_bits=12", "; server_max_window_bits=12"), []);
        assert_eq!(misfits("; server_max_window_bits=15", ""), []);
        assert_eq!(misfits("", "; client_max_window_bits=12"), [Misfit::ClientBitsNotOffered]);
        assert_eq!(misfits("; server_no_context_takeover", ""), [Misfit::ServerTakeoverIgnored]);
        assert_eq!(
            misfits("; server_max_window_bits=10", ""),
            [Misfit::ServerBitsLarger { offered: 10, answered: 15 }]
        );
        assert_eq!(
            misfits("; server_max_window_bits=10", "; server_max_window_bits=11"),
            [Misfit::ServerBitsLarger { offered: 10, answered: 11 }]
        );
    }
}
