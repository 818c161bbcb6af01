//! Frames → bytes, for tests.

use proptest::prelude::*;

use super::{FrameHeader, LengthForm, Opcode};

/// A frame with its plain payload.
#[derive(Clone, Debug)]
pub(super) struct TestFrame {
    pub(super) fin: bool,
    pub(super) rsv: u8,
    pub(super) opcode: Opcode,
    pub(super) key: Option<[u8; 4]>,
    pub(super) payload: Vec<u8>,
}

impl TestFrame {
    pub(super) fn new(opcode: Opcode, payload: impl AsRef<[u8]>) -> Self {
        Self { fin: true, rsv: 0, opcode, key: None, payload: payload.as_ref().to_vec() }
    }

    pub(super) fn text(payload: impl AsRef<[u8]>) -> Self {
        Self::new(Opcode::TEXT, payload)
    }

    pub(super) fn binary(payload: impl AsRef<[u8]>) -> Self {
        Self::new(Opcode::BINARY, payload)
    }

    pub(super) fn continuation(payload: impl AsRef<[u8]>) -> Self {
        Self::new(Opcode::CONTINUATION, payload)
    }

    pub(super) fn more(self) -> Self {
        Self { fin: false, ..self }
    }

    pub(super) fn masked(self, key: [u8; 4]) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(super) fn rsv(self, rsv: u8) -> Self {
        Self { rsv, ..self }
    }

    /// With its length in the shortest form.
    pub(super) fn header(&self) -> FrameHeader {
        let length = self.payload.len() as u64;
        let length_form = match length {
            0..126 => LengthForm::Bits7,
            126..65_536 => LengthForm::Bits16,
            _ => LengthForm::Bits64,
        };
        let Self { fin, rsv, opcode, key: masking_key, .. } = *self;
        FrameHeader { fin, rsv, opcode, masking_key, length, length_form }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = header_bytes(&self.header());
        let key = self.key.unwrap_or_default();
        bytes.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }
}

/// The bytes of many frames.
pub(super) fn wire(frames: &[TestFrame]) -> Vec<u8> {
    frames.iter().flat_map(TestFrame::bytes).collect()
}

/// The bytes of a header, exactly as it says.
pub(super) fn header_bytes(header: &FrameHeader) -> Vec<u8> {
    let mask_bit = if header.masking_key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![u8::from(header.fin) << 7 | header.rsv << 4 | header.opcode.0];
    match header.length_form {
        LengthForm::Bits7 => bytes.push(mask_bit | u8::try_from(header.length).unwrap()),
        LengthForm::Bits16 => {
            bytes.push(mask_bit | 126);
            bytes.extend(u16::try_from(header.length).unwrap().to_be_bytes());
        }
        LengthForm::Bits64 => {
            bytes.push(mask_bit | 127);
            bytes.extend(header.length.to_be_bytes());
        }
    }
    bytes.extend(header.masking_key.iter().flatten());
    bytes
}

/// Any header that the wire can carry.
pub(super) fn any_header() -> impl Strategy<Value = FrameHeader> {
    let length = prop_oneof![
        (0_u64..126).prop_map(|length| (LengthForm::Bits7, length)),
        (0_u64..65_536).prop_map(|length| (LengthForm::Bits16, length)),
        any::<u64>().prop_map(|length| (LengthForm::Bits64, length)),
    ];
    (any::<bool>(), 0_u8..8, 0_u8..16, any::<Option<[u8; 4]>>(), length).prop_map(
        |(fin, rsv, opcode, masking_key, (length_form, length))| FrameHeader {
            fin,
            rsv,
            opcode: Opcode(opcode),
            masking_key,
            length,
            length_form,
        },
    )
}

/// Any frame, legal or not, with lengths around the borders of the three forms.
pub(super) fn any_frame() -> impl Strategy<Value = TestFrame> {
    let length = prop_oneof![
        8 => prop::sample::select(vec![0_usize, 1, 2, 3, 7, 8, 9, 60, 125, 126, 127]),
        1 => prop::sample::select(vec![65_535_usize, 65_536, 65_537]),
    ];
    let payload = (length, any::<bool>(), any::<u8>()).prop_map(|(length, text, seed)| {
        let byte = |i: usize| (i % 256).to_le_bytes()[0].wrapping_mul(31).wrapping_add(seed);
        (0..length).map(|i| if text { b' ' + byte(i) % 95 } else { byte(i) }).collect()
    });
    let opcode = prop_oneof![4 => 0_u8..3, 1 => 8_u8..11, 1 => 0_u8..16].prop_map(Opcode);
    let rsv = prop_oneof![3 => Just(0_u8), 1 => Just(4), 1 => 0_u8..8];
    (any::<bool>(), rsv, opcode, any::<Option<[u8; 4]>>(), payload)
        .prop_map(|(fin, rsv, opcode, key, payload)| TestFrame { fin, rsv, opcode, key, payload })
}

/// Cuts `bytes` at places that come again and again in the steps of `cuts`; each step is at least 1.
pub(super) fn pieces<'a>(bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        let size = cuts.next().copied().unwrap_or(rest.len()).clamp(1, rest.len().max(1));
        let (piece, after) = rest.split_at_checked(size)?;
        rest = after;
        Some(piece)
    })
}

/// Sizes of pieces: one byte at a time, a few, or whole segments.
pub(super) fn any_cuts() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![3 => 1_usize..4, 3 => 1_usize..40, 2 => 1000_usize..1500, 1 => Just(usize::MAX)];
    prop::collection::vec(size, 1..12)
}
