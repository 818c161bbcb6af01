//! A file → the same file compressed.

use std::io::Write;

/// The compressions that wspect reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    Lz4,
    Xz,
}

impl Compression {
    pub(crate) const ALL: [Self; 4] = [Self::Gzip, Self::Zstd, Self::Lz4, Self::Xz];

    pub(crate) fn compress(self, file: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(file).unwrap();
                encoder.finish().unwrap()
            }
            Self::Zstd => {
                ruzstd::encoding::compress_to_vec(file, ruzstd::encoding::CompressionLevel::Fastest)
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(file).unwrap();
                encoder.finish().unwrap()
            }
            Self::Xz => {
                let options = lzma_rust2::XzOptions::with_preset(0);
                let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
                encoder.write_all(file).unwrap();
                encoder.finish().unwrap()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_file_begins_with_its_magic() {
        let begins =
            |compression: Compression, magic: &[u8]| compression.compress(b"capture").starts_with(magic);
        assert!(begins(Compression::Gzip, b"\x1f\x8b"));
        assert!(begins(Compression::Zstd, b"\x28\xb5\x2f\xfd"));
        assert!(begins(Compression::Lz4, b"\x04\x22\x4d\x18"));
        assert!(begins(Compression::Xz, b"\xfd7zXZ\0"));
    }
}
