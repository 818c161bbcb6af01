//! The first bytes of a file that is no capture → what it looks like.

/// A name for the user: `empty file`, `a JPEG image`, `begins with 89 50 4e 47`.
pub(crate) fn describe(first: &[u8]) -> String {
    if first.is_empty() {
        return "empty file".to_owned();
    }
    let known = MAGICS.iter().find(|(magic, _)| first.starts_with(magic)).map(|&(_, name)| name);
    match known.or_else(|| text(first)).or_else(|| erf(first)) {
        Some(name) => name.to_owned(),
        None => format!("begins with {}", hex(first)),
    }
}

/// By the first words of it; control characters rule text out.
fn text(first: &[u8]) -> Option<&'static str> {
    let text = match str::from_utf8(first) {
        Ok(text) => text,
        // The end may stand in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(first.get(..error.valid_up_to())?).ok().filter(|text| !text.is_empty())?
        }
        Err(_) => return None,
    };
    if text.chars().any(|char| char.is_control() && !char.is_whitespace()) {
        return None;
    }
    let start = text.trim_start().to_ascii_lowercase();
    let named = TEXTS.iter().find(|(begin, _)| start.starts_with(begin)).map(|&(_, name)| name);
    Some(named.unwrap_or("text"))
}

/// ERF has no magic number: a plausible time, type, flags and length tell it; of random bytes one in sixty looks so.
fn erf(first: &[u8]) -> Option<&'static str> {
    let (_, [seconds @ .., kind, flags, high, low]) = first
        .split_first_chunk::<4>()
        .and_then(|(fraction, rest)| rest.first_chunk::<8>().map(|fields| (fraction, *fields)))?;
    let year = u32::from_le_bytes(seconds) / (365 * 86_400) + 1970;
    let length = u16::from_be_bytes([high, low]);
    let plausible = (2000..2060).contains(&year) && (1..=48).contains(&(kind & 0x7f));
    (plausible && flags & 0xc0 == 0 && (16..=LONGEST_ERF).contains(&length))
        .then_some("an ERF capture; editcap -F pcap converts it")
}

/// Larger records than those of jumbo frames would be odd.
const LONGEST_ERF: u16 = 16 << 10;

fn hex(first: &[u8]) -> String {
    let bytes: Vec<String> = first.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

const MAGICS: [(&[u8], &str); 36] = [
    (b"snoop\0\0\0", "a snoop capture; editcap -F pcap converts it"),
    (b"btsnoop\0", "a Bluetooth btsnoop log"),
    (b"RTSS", "a Network Monitor 1 capture; editcap -F pcap converts it"),
    (b"GMBU", "a Network Monitor 2 capture; editcap -F pcapng converts it"),
    (b"TRSNIFF data    \x1a", "a Sniffer capture; editcap -F pcap converts it"),
    (b"XCP\0", "a Sniffer or NetXRay capture; editcap -F pcap converts it"),
    (b"iptrace ", "an AIX iptrace capture; editcap -F pcap converts it"),
    (b"ElfFile\0", "a Windows event log"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF file: sound, video or WebP"),
    (b"%PDF-", "a PDF document"),
    (b"\x7fELF", "an ELF program or library"),
    (b"MZ", "a Windows program or library"),
    (b"\xcf\xfa\xed\xfe", "a macOS program or library"),
    (b"\xca\xfe\xba\xbe", "a Java class or a macOS program"),
    (b"\0asm", "a WebAssembly module"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"BZh", "bzip2 data; unpack it first"),
    (b"\x1f\x9d", "data packed by compress; unpack it first"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\x04\x22\x4d\x18", "lz4 data"),
    (b"\x02\x21\x4c\x18", "lz4 data of the legacy format; pack it again"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"\x5d\0\0", "lzma data of the old format; unpack it first"),
    (b"LZIP", "lzip data; unpack it first"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"!<arch>\n", "a library or Debian package"),
    (b"PAR1", "a Parquet file"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];

const TEXTS: [(&str, &str); 15] = [
    ("version https://git-lfs", "a Git LFS pointer; git lfs pull fetches the file"),
    ("<!doctype html", "an HTML page"),
    ("<html", "an HTML page"),
    ("<?xml", "XML"),
    ("{\"log\"", "JSON, maybe HAR"),
    ("{", "JSON"),
    ("[{", "JSON"),
    ("[\"", "JSON"),
    ("client_random ", "a TLS key log"),
    ("client_handshake_traffic_secret ", "a TLS key log"),
    ("client_traffic_secret_0 ", "a TLS key log"),
    ("server_handshake_traffic_secret ", "a TLS key log"),
    ("# ssl", "a TLS key log"),
    ("#!", "a script"),
    ("%!ps", "a PostScript document"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_files_have_a_name() {
        let named = |bytes: &[u8], name: &str| {
            let found = describe(bytes);
            assert!(found.contains(name), "{found} should say {name}");
        };
        named(b"", "empty file");
        named(b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG");
        named(b"\x89PNG\r\n\x1a\n\0\0", "PNG");
        named(b"%PDF-1.7\n%\xe2\xe3", "PDF");
        named(b"PK\x03\x04\x14\0", "ZIP");
        named(b"\x7fELF\x02\x01", "ELF");
        named(b"snoop\0\0\0\0\0\0\x02", "snoop");
        named(b"GMBU\0\x02", "Network Monitor");
        named(b"<!DOCTYPE HTML><html>", "HTML");
        named(b"  \n{\"log\": {}}", "HAR");
        named(b"[{}, 2]", "JSON");
        named("grüß".as_bytes(), "text");
        named(&"grüß".as_bytes()[..3], "text");
        named(b"CLIENT_RANDOM 00", "TLS key log");
        named(b"version https://git-lfs.github.com/spec/v1", "Git LFS");
        named(b"\x12\x34\x56\x78\0\xf1\x53\x65\x02\x04\0\x50\0\0\0\x3e", "ERF");
        named(b"\x12\x34\x56\x78\0\xf1\x53\x65\x02\xc4\0\x50\0\0\0\x3e", "begins with 12 34 56 78");
        named(b"\x01\x02\x03\x04\x05", "begins with 01 02 03 04");
        named(b"\x01", "begins with 01");
    }
}
