//! Bytes from a capture → text that is safe to print, cut to the columns that there are.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Does a source go on after the bytes at hand?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// They are all.
    End,
    /// More follows: the text ends in `…` even where it would fit.
    More,
}

/// `bytes` as text of at most `width` columns, in which nothing can steer a terminal or mislead a reader: control
/// characters, bidirectional and other invisible ones and bytes that are not UTF-8 stand as escapes (`\n`, `\x1b`,
/// `\u{202e}`, `\xff`). A backslash stands for itself. What does not fit is cut, and `…` says so.
pub fn fit(bytes: &[u8], width: usize, rest: Rest) -> String {
    let mut line = Fitted::new(width);
    // A capture can hold megabytes: no column takes more bytes than this, because of `CLUSTER`.
    let most = width.saturating_add(1).saturating_mul(CLUSTER * 4);
    let (shown, rest) = match bytes.get(..most) {
        Some(shown) if shown.len() < bytes.len() => (shown, Rest::More),
        _ => (bytes, rest),
    };
    for chunk in shown.utf8_chunks() {
        line.text(chunk.valid());
        // Where more follows, an unfinished code point at the end is our cut, not the sender's fault.
        let cut = rest == Rest::More && is_tail(shown, chunk.invalid()) && unfinished(chunk.invalid());
        if !cut {
            line.invalid(chunk.invalid());
        }
        if line.full {
            break;
        }
    }
    if rest == Rest::More {
        line.overflow();
    }
    line.text
}

/// Does `part`, a slice of `whole`, stand at its end?
fn is_tail(whole: &[u8], part: &[u8]) -> bool {
    whole.as_ptr_range().end == part.as_ptr_range().end
}

fn unfinished(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` as safe lines of at most `width` columns each, broken at spaces where that is possible. Nothing is cut.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(LEAST_WRAP);
    let safe = fit(text.as_bytes(), usize::MAX, Rest::End);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in safe.split_inclusive(' ') {
        let wide = word.trim_end().width();
        // A word that no line can hold begins where it stands.
        if used > 0 && used + wide > width && wide <= width {
            lines.push(String::new());
            used = 0;
        }
        for cluster in word.graphemes(true) {
            let wide = cluster.width();
            if used + wide > width && cluster != " " {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(cluster);
            }
            used += wide;
        }
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// All of `bytes` as lines of at most `width` columns each, safe as those of [`fit`]: a line feed ends a line, and is shown.
pub fn fold(bytes: &[u8], width: usize, rest: Rest) -> impl Iterator<Item = String> + use<'_> {
    let width = width.max(LEAST_WRAP);
    let mut pieces = bytes.split_inclusive(|byte| *byte == b'\n').peekable();
    let safe = std::iter::from_fn(move || {
        let piece = pieces.next()?;
        let rest = if pieces.peek().is_none() { rest } else { Rest::End };
        Some(fit(piece, usize::MAX, rest))
    });
    safe.flat_map(move |line| chopped(&line, width))
}

fn chopped(line: &str, width: usize) -> Vec<String> {
    let (mut lines, mut used) = (vec![String::new()], 0);
    for cluster in line.graphemes(true) {
        let wide = cluster.width();
        if used + wide > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(cluster);
        }
        used += wide;
    }
    lines
}

/// All of `bytes` as a hex dump: `000000  48 65 6c 6c 6f 0a                                 Hello.`
pub fn dump(bytes: &[u8], width: usize, rest: Rest) -> impl Iterator<Item = String> + use<'_> {
    let digits = if bytes.len() <= 1 << 24 { 6 } else { 8 };
    // Each byte takes two digits, a space and its character.
    let a_line = if digits + 2 + 16 * 4 < width { 16 } else { 8 };
    let lines = bytes.chunks(a_line).enumerate().map(move |(n, bytes)| {
        let mut line = format!("{:0digits$x}  ", n * a_line);
        for byte in bytes {
            // Writing to a String can't fail.
            let _ = write!(line, "{byte:02x} ");
        }
        line.extend(std::iter::repeat_n(' ', (a_line - bytes.len()) * 3 + 1));
        line.extend(bytes.iter().copied().map(printable));
        line
    });
    lines.chain((rest == Rest::More).then(|| "…".to_owned()))
}

const fn printable(byte: u8) -> char {
    if matches!(byte, 0x20..=0x7e) { byte as char } else { '.' }
}

/// The first of `bytes` as a short hex dump of at most `width` columns: `48 65 6c 6c 6f 0a  Hello.`
pub fn hex(bytes: &[u8], width: usize, rest: Rest) -> String {
    // Each byte takes two digits, a space and its character; between dump and characters is one space more.
    let whole = rest == Rest::End && bytes.len() < width.div_ceil(4);
    let fits = if whole { bytes.len() } else { width.saturating_sub(3) / 4 };
    let shown = bytes.get(..fits).unwrap_or(bytes);
    let mut text = String::with_capacity(width);
    for byte in shown {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x} ");
    }
    if bytes.is_empty() || shown.is_empty() {
        return fit(b"", width, if bytes.is_empty() { rest } else { Rest::More });
    }
    if !whole {
        text.push_str("… ");
    }
    text.push(' ');
    text.extend(shown.iter().copied().map(printable));
    text
}

/// A line in the making that knows its columns.
#[derive(Debug)]
struct Fitted {
    text: String,
    used: usize,
    width: usize,
    /// How much of `text` stays when `…` has to follow.
    keep: usize,
    full: bool,
}

impl Fitted {
    fn new(width: usize) -> Self {
        Self { text: String::new(), used: 0, width, keep: 0, full: false }
    }

    fn text(&mut self, text: &str) {
        for cluster in text.graphemes(true) {
            if self.full {
                return;
            }
            if is_plain(cluster) {
                self.piece(cluster, cluster.width());
            } else {
                cluster.chars().for_each(|c| self.character(c));
            }
        }
    }

    fn character(&mut self, c: char) {
        let mut buffer = [0; 4];
        let plain: &str = c.encode_utf8(&mut buffer);
        if is_plain(plain) {
            self.piece(plain, plain.width());
        } else {
            let escape = escape(c);
            self.piece(&escape, escape.width());
        }
    }

    fn invalid(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.piece(&format!("\\x{byte:02x}"), 4);
        }
    }

    fn piece(&mut self, piece: &str, width: usize) {
        if self.full {
            return;
        }
        if self.used.saturating_add(width) > self.width {
            self.overflow();
            return;
        }
        self.text.push_str(piece);
        self.used += width;
        if self.used < self.width {
            self.keep = self.text.len();
        }
    }

    fn overflow(&mut self) {
        if self.full {
            return;
        }
        self.full = true;
        if self.used >= self.width {
            self.text.truncate(self.keep);
        }
        if self.width > 0 {
            self.text.push('…');
        }
    }
}

/// Can this grapheme cluster be printed as it is? One that takes no column would change the one before it, and one
/// of very many combining marks would paint over the lines around it.
fn is_plain(cluster: &str) -> bool {
    cluster.width() > 0 && cluster.chars().count() <= CLUSTER && !cluster.chars().any(is_unsafe)
}

/// Characters that move the cursor, change the order or the look of those around them, or can't be seen.
fn is_unsafe(c: char) -> bool {
    c.is_control() || INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

fn escape(c: char) -> Cow<'static, str> {
    match c {
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        _ if c.is_ascii() => format!("\\x{:02x}", u32::from(c)).into(),
        _ => format!("\\u{{{:x}}}", u32::from(c)).into(),
    }
}

/// Most code points of a cluster that is printed as it is. Scripts need up to six or so; emoji are joined by an
/// invisible character, which is shown.
const CLUSTER: usize = 8;

/// Lines shorter than this would hold no word.
const LEAST_WRAP: usize = 20;

/// Unicode's format characters (Cf), the line and paragraph separators, and letters and fillers that are blank.
const INVISIBLE: [(char, char); 28] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{f0000}', '\u{ffffd}'),
    ('\u{100000}', '\u{10ffff}'),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> String {
        fit(text.as_bytes(), 1000, Rest::End)
    }

    #[test]
    fn what_could_steer_a_terminal_is_shown_as_an_escape() {
        assert_eq!(whole("a\x1b[31mb\x07\x7f"), r"a\x1b[31mb\x07\x7f");
        assert_eq!(whole("\u{9b}2J"), r"\u{9b}2J");
        assert_eq!(whole("one\r\ntwo\tthree\0"), r"one\r\ntwo\tthree\x00");
    }

    #[test]
    fn what_could_mislead_a_reader_is_shown_as_an_escape() {
        assert_eq!(whole("exe\u{202e}fdp"), r"exe\u{202e}fdp");
        assert_eq!(whole("a\u{2028}b\u{2029}c\u{200b}d\u{feff}e"), r"a\u{2028}b\u{2029}c\u{200b}d\u{feff}e");
        assert_eq!(
            whole("\u{2066}x\u{2069}\u{61c}\u{200e}\u{200f}"),
            r"\u{2066}x\u{2069}\u{61c}\u{200e}\u{200f}"
        );
        assert_eq!(whole("\u{e0041}"), r"\u{e0041}");
    }

    #[test]
    fn letters_of_all_scripts_stay() {
        for text in ["Hello, 柳州", "Grüße", "приве\u{301}т", "नमस्ते", "😀", "שלום", r"C:\temp"]
        {
            assert_eq!(whole(text), text);
        }
    }

    #[test]
    fn a_mark_without_a_letter_and_a_heap_of_marks_are_shown() {
        assert_eq!(whole("\u{301}a"), r"\u{301}a");
        assert!(whole(&format!("a{}", "\u{301}".repeat(20))).starts_with(r"a\u{301}\u{301}"));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_shown_one_by_one() {
        assert_eq!(fit(b"ok\xff\xc3(", 80, Rest::End), r"ok\xff\xc3(");
        assert_eq!(fit(b"\xed\xa0\x80", 80, Rest::End), r"\xed\xa0\x80");
        assert_eq!(fit(b"end \xe6\x9f", 80, Rest::End), r"end \xe6\x9f");
    }

    #[test]
    fn a_code_point_that_the_keeper_cut_is_no_fault() {
        assert_eq!(fit(b"end \xe6\x9f", 80, Rest::More), "end …");
        assert_eq!(fit(b"\xffend \xe6\x9f", 80, Rest::More), r"\xffend …");
        assert_eq!(fit(b"end \xff", 80, Rest::More), r"end \xff…");
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(fit(b"12345", 5, Rest::End), "12345");
        assert_eq!(fit(b"123456", 5, Rest::End), "1234…");
        assert_eq!(fit(b"12345", 5, Rest::More), "1234…");
        assert_eq!(fit("柳州柳州".as_bytes(), 5, Rest::End), "柳州…");
        assert_eq!(fit("柳州柳州".as_bytes(), 4, Rest::End), "柳…");
        assert_eq!(fit(b"abc\n", 4, Rest::End), "abc…");
        assert_eq!(fit(b"abc", 1, Rest::End), "…");
        assert_eq!(fit(b"abc", 0, Rest::End), "");
    }

    #[test]
    fn a_hex_dump_has_its_characters_beside_it() {
        assert_eq!(hex(b"Hello\n", 80, Rest::End), "48 65 6c 6c 6f 0a  Hello.");
        assert_eq!(hex(b"Hello\n", 24, Rest::End), "48 65 6c 6c 6f …  Hello");
        assert_eq!(hex(b"Hello\n", 25, Rest::End).len(), 25);
        assert_eq!(hex(b"", 80, Rest::End), "");
    }

    #[test]
    fn folded_text_is_whole_and_a_line_feed_ends_a_line() {
        let lines: Vec<_> = fold(b"one\ntwo \x1b three four five six\n\n", 20, Rest::End).collect();
        assert_eq!(lines, [r"one\n", r"two \x1b three four ", r"five six\n", r"\n"]);
        assert_eq!(fold(b"cut", 20, Rest::More).collect::<Vec<_>>(), ["cut…"]);
        assert_eq!(fold(b"", 20, Rest::End).count(), 0);
    }

    #[test]
    fn a_whole_dump_has_its_offsets_and_its_characters() {
        let bytes: Vec<u8> = (0x30..0x42).collect();
        assert_eq!(
            dump(&bytes, 76, Rest::End).collect::<Vec<_>>(),
            [
                "000000  30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f  0123456789:;<=>?",
                "000010  40 41                                            @A",
            ]
        );
        assert_eq!(dump(&bytes, 72, Rest::More).collect::<Vec<_>>().len(), 4);
        assert!(dump(&bytes, 73, Rest::End).all(|line| line.len() <= 73));
    }

    #[test]
    fn wrapping_keeps_every_word() {
        let text = "Sec-WebSocket-Accept is wrong, expected s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert_eq!(
            wrap(text, 30),
            ["Sec-WebSocket-Accept is wrong,", "expected", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
        );
        assert_eq!(wrap(&"x".repeat(50), 20).concat(), "x".repeat(50));
        assert_eq!(wrap("", 20), [""]);
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let odd = prop::sample::select(vec![
            '\u{1b}',
            '\n',
            '\u{9b}',
            '\u{202e}',
            '\u{2066}',
            '\u{200d}',
            '\u{301}',
            '\u{fe0f}',
            '👩',
            '柳',
            'ﷺ',
            '\u{1f1e9}',
            '\u{644}',
            '\u{627}',
            '\u{1100}',
            '\u{1161}',
        ]);
        let text = prop::collection::vec(prop_oneof![odd, any::<char>()], 0..60)
            .prop_map(|chars| chars.into_iter().collect::<String>().into_bytes());
        prop_oneof![text, prop::collection::vec(any::<u8>(), 0..60)]
    }

    proptest! {
        #[test]
        fn nothing_printed_steers_misleads_or_overflows(bytes in hostile(), columns in 0_usize..100, more in any::<bool>()) {
            let rest = if more { Rest::More } else { Rest::End };
            for text in [fit(&bytes, columns, rest), hex(&bytes, columns.max(8), rest)] {
                prop_assert!(!text.chars().any(is_unsafe), "{text:?}");
                let bidi = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                prop_assert!(!text.chars().any(bidi), "{text:?}");
            }
            prop_assert!(width(&fit(&bytes, columns, rest)) <= columns);
            prop_assert!(width(&hex(&bytes, columns.max(8), rest)) <= columns.max(8));
        }

        #[test]
        fn folded_lines_fit_and_are_safe(bytes in hostile(), columns in 20_usize..60) {
            for line in fold(&bytes, columns, Rest::End) {
                prop_assert!(width(&line) <= columns && !line.chars().any(is_unsafe), "{line:?}");
            }
            let folded: String = fold(&bytes, columns, Rest::End).collect();
            let pieces = bytes.split_inclusive(|byte| *byte == b'\n');
            prop_assert_eq!(folded, pieces.map(|piece| fit(piece, usize::MAX, Rest::End)).collect::<String>());
        }

        #[test]
        fn what_fits_is_whole(bytes in hostile()) {
            let all = fit(&bytes, usize::MAX, Rest::End);
            prop_assert_eq!(&fit(all.as_bytes(), usize::MAX, Rest::End), &all);
            prop_assert_eq!(fit(&bytes, width(&all) + 400, Rest::End), all);
        }

        #[test]
        fn wrapped_lines_fit(bytes in hostile(), columns in 0_usize..60) {
            let text = String::from_utf8_lossy(&bytes);
            for line in wrap(&text, columns) {
                prop_assert!(width(&line) <= columns.max(LEAST_WRAP));
            }
        }
    }
}
