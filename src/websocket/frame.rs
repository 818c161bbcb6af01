//! Bytes → the header of a frame (RFC 6455 §5.2).

use nom::combinator::cond;
use nom::{IResult, Needed, Parser as _};

use super::{FrameHeader, LengthForm, Opcode};

/// The longest header: two bytes, a 64-bit length and a masking key.
pub const MAX_HEADER: usize = 14;

/// Reads one header. Every combination of bits is a header, reserved opcodes, lengths in a longer form than
/// needed and 64-bit lengths with the high bit included; what is wrong with it is for rules to say.
///
/// # Errors
/// Only `Incomplete`: the input ends before the header does.
pub fn frame_header(input: &[u8]) -> IResult<&[u8], FrameHeader> {
    let (input, [first, second]) = bytes(input)?;
    let (input, (length_form, length)) = payload_length(input, second & !MASK_BIT)?;
    let (input, masking_key) = cond(second & MASK_BIT != 0, bytes).parse(input)?;
    let header = FrameHeader {
        fin: first & FIN_BIT != 0,
        rsv: first >> 4 & 0b111,
        opcode: Opcode(first & 0b1111),
        masking_key,
        length,
        length_form,
    };
    Ok((input, header))
}

#[inline]
fn payload_length(input: &[u8], bits7: u8) -> IResult<&[u8], (LengthForm, u64)> {
    match bits7 {
        126 => {
            let (input, length) = bytes(input)?;
            Ok((input, (LengthForm::Bits16, u16::from_be_bytes(length).into())))
        }
        127 => {
            let (input, length) = bytes(input)?;
            Ok((input, (LengthForm::Bits64, u64::from_be_bytes(length))))
        }
        length => Ok((input, (LengthForm::Bits7, length.into()))),
    }
}

/// So many bytes at once: nom's numbers are read byte by byte, which took a twentieth of the time of a whole run.
#[inline]
fn bytes<const N: usize>(input: &[u8]) -> IResult<&[u8], [u8; N]> {
    match input.split_first_chunk() {
        Some((bytes, rest)) => Ok((rest, *bytes)),
        None => Err(nom::Err::Incomplete(Needed::new(N - input.len()))),
    }
}

const FIN_BIT: u8 = 0x80;
const MASK_BIT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use nom::Err::Incomplete;
    use proptest::prelude::*;

    use super::super::encoder::{any_header, header_bytes};
    use super::*;

    fn header(bytes: &[u8]) -> FrameHeader {
        frame_header(bytes).unwrap().1
    }

    #[test]
    fn the_examples_of_rfc_6455_are_read() {
        // RFC 6455 §5.7
        let hello = header(&[0x81, 0x05, 0x48]);
        assert_eq!((hello.fin, hello.opcode, hello.length), (true, Opcode::TEXT, 5));
        assert_eq!(hello.masking_key, None);
        let masked = header(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f]);
        assert_eq!(masked.masking_key, Some([0x37, 0xfa, 0x21, 0x3d]));
        let fragment = header(&[0x01, 0x03]);
        assert_eq!((fragment.fin, fragment.opcode), (false, Opcode::TEXT));
        let long = header(&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!((long.length, long.length_form, long.size()), (65_536, LengthForm::Bits64, 10));
    }

    #[test]
    fn values_that_break_the_rules_survive() {
        let longest = header(&[0xff, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]);
        assert_eq!((longest.length, longest.rsv, longest.opcode), (u64::MAX, 0b111, Opcode(15)));
        let not_minimal = header(&[0x82, 126, 0, 5]);
        assert_eq!((not_minimal.length, not_minimal.length_form), (5, LengthForm::Bits16));
        assert!(header(&[0xc1, 0]).rsv1());
    }

    proptest! {
        #[test]
        fn every_header_comes_back_from_its_bytes(header in any_header(), rest: Vec<u8>) {
            let mut bytes = header_bytes(&header);
            prop_assert_eq!(bytes.len() as u64, header.size());
            for cut in 0..bytes.len() {
                prop_assert!(matches!(frame_header(&bytes[..cut]), Err(Incomplete(_))));
            }
            bytes.extend(&rest);
            prop_assert_eq!(frame_header(&bytes), Ok((rest.as_slice(), header)));
        }

        #[test]
        fn any_bytes_are_a_header_or_too_few(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            match frame_header(&bytes) {
                Ok((rest, header)) => prop_assert_eq!(header_bytes(&header), &bytes[..bytes.len() - rest.len()]),
                Err(error) => prop_assert!(matches!(error, Incomplete(_)) && bytes.len() < MAX_HEADER),
            }
        }
    }
}
