//! Source files → who imports whom: the layers of `docs/architecture.md` as data, held against `src/`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail by panicking, and so may what it is made of"
)]

use std::path::{Path, PathBuf};

/// Each module of the crate with the modules that it may import; `*` stands for all.
const LAYERS: &[(&str, &str)] = &[
    ("decimal", ""),
    ("packet", "decimal"),
    ("limits", "packet"), // its times are counted in `packet`'s nanoseconds
    ("ahead", ""),
    ("word", ""),
    ("room", ""),
    ("capture", "packet limits"),
    ("decode", "packet limits"),
    ("tcp", "packet limits decode"),
    ("tls", "packet limits"),
    ("http", "packet limits word"),
    ("http2", "packet limits http"),
    ("websocket", "packet limits word room"),
    ("subprotocol", "packet limits"),
    ("rules", "packet limits tcp tls http http2 websocket subprotocol"),
    ("event", "packet limits decode tcp tls http http2 websocket subprotocol rules"),
    ("connection", "ahead room packet limits decode tcp tls http http2 websocket subprotocol rules event"),
    ("pipeline", "ahead packet limits capture decode tcp rules event connection"),
    ("document", "packet limits capture http websocket rules event connection pipeline"),
    ("query", "packet decode http websocket rules event document"), // `decode` names what was skipped
    ("redact", "http websocket rules event document"),
    ("align", ""),
    ("check", "packet http websocket rules event document query align"),
    ("diff", "packet http websocket event pipeline document query redact align check"), // of `check`, what varies from one recording to the next
    (
        "report",
        "decimal word packet limits decode tcp http websocket subprotocol rules event document query check diff",
    ),
    ("cli", "*"),
    ("main", "*"),
    ("lib", "*"),
];

/// Lines of a file without its tests: what a reader holds in one sitting.
const MAX_LINES: usize = 400;

#[test]
fn no_module_imports_a_module_above_it() {
    let found: Vec<String> =
        sources().iter().flat_map(|source| violations(&source.path, &source.text)).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn no_file_is_longer_than_a_sitting() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source, product_lines(&source.text)))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(source, lines)| format!("{}: {lines} lines, at most {MAX_LINES}", source.path))
        .collect();
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
}

#[test]
fn a_planted_violation_is_found_with_its_line() {
    let says = |path: &str, text: &str| violations(path, text);
    let planted =
        says("src/websocket/frame.rs", "//! Frames.\n\nuse crate::{packet::Side, tcp::{\n  Gap}};\n");
    assert_eq!(planted.len(), 1);
    assert!(planted[0].starts_with("src/websocket/frame.rs:3: websocket imports tcp"), "{}", planted[0]);
    assert!(planted[0].contains("\"packet limits word room\""), "{}", planted[0]);
    assert_eq!(says("src/tcp/flow.rs", "fn f() { crate::event::x() }").len(), 1);
    assert_eq!(
        says("src/tcp/flow.rs", "use crate::{\n  limits::Limits,\n  event,\n};")[0].get(..18),
        Some("src/tcp/flow.rs:3:")
    );
    assert_eq!(says("src/tcp/mod.rs", "use super::event::Event;").len(), 1);
    assert_eq!(says("src/tcp/flow.rs", "use super::super::event::Event;").len(), 1);
    assert_eq!(says("src/tcp/flow.rs", "use crate::nowhere::Thing;").len(), 1);
    assert_eq!(says("src/somewhere.rs", "").len(), 1, "a module without a row of the table");
}

#[test]
fn what_may_be_imported_is_not_reported() {
    let says = |path: &str, text: &str| violations(path, text);
    let none: [String; 0] = [];
    assert_eq!(
        says("src/tcp/flow.rs", "use crate::tcp::Gap; use super::event; use crate::decode::Segment;"),
        none
    );
    assert_eq!(says("src/tcp/mod.rs", "#[cfg(test)]\nmod tests {\n use crate::event::Event; }\n"), none);
    assert_eq!(
        says("src/tcp/mod.rs", "// crate::event\n/* crate::event */ const A: &str = \"crate::event\";"),
        none
    );
    assert_eq!(
        says("src/tcp/mod.rs", "/// [`crate::event::Event`]\nconst A: char = '\"'; // crate::event"),
        none
    );
    assert_eq!(says("src/cli/run.rs", "use crate::pipeline::run;"), none);
}

#[test]
fn a_file_that_only_tests_use_is_known_by_its_declaration() {
    let modules = |path: &str, text: &str| test_modules(&Source { path: path.into(), text: text.into() });
    let declared = "mod a;\n#[cfg(test)]\nmod sample;\nmod b;\n#[cfg(test)]\nmod tests {\n  use a; }";
    assert_eq!(modules("src/report/mod.rs", declared), ["src/report/sample.rs", "src/report/sample/"]);
    assert_eq!(modules("src/tcp.rs", "#[cfg(test)] mod tests;"), ["src/tcp/tests.rs", "src/tcp/tests/"]);
    assert_eq!(modules("src/lib.rs", "#[cfg(test)] mod tests;"), ["src/tests.rs", "src/tests/"]);
}

#[test]
fn tests_at_the_foot_do_not_count_as_lines() {
    assert_eq!(product_lines("a\nb\n\n#[cfg(test)]\nmod tests {\nc\nd\n}\n"), 3);
    assert_eq!(product_lines("a\n#[cfg(test)]\nuse b;\nc\n"), 4);
}

struct Source {
    path: String,
    text: String,
}

/// Every Rust file below `src/`, with its path from the root of the repository.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no source files below {}", root.display());
    let sources: Vec<_> = files.iter().map(|file| source(root, file)).collect();
    let tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    let is_product = |source: &Source| !tests.iter().any(|stem| source.path.starts_with(stem));
    sources.into_iter().filter(is_product).collect()
}

/// The file and the folder of each module that `#[cfg(test)] mod name;` declares.
fn test_modules(source: &Source) -> Vec<String> {
    let folder = source.path.strip_suffix("mod.rs").map(str::to_owned);
    let folder = folder.unwrap_or_else(|| format!("{}/", source.path.trim_end_matches(".rs")));
    let folder = if folder == "src/lib/" || folder == "src/main/" { "src/".to_owned() } else { folder };
    let code = without_comments_and_strings(&source.text);
    let declared = code.split("#[cfg(test)]").skip(1).filter_map(|after| {
        let (item, _) = after.split_once(';')?;
        let name = item.rsplit("mod ").next()?;
        (item.contains("mod ") && name.chars().all(is_word)).then(|| name.to_owned())
    });
    declared.flat_map(|name| [format!("{folder}{name}.rs"), format!("{folder}{name}/")]).collect()
}

fn source(root: &Path, file: &Path) -> Source {
    let path = file.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
    Source { path, text: std::fs::read_to_string(file).unwrap() }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// One line for each import that the table does not allow.
fn violations(path: &str, text: &str) -> Vec<String> {
    let layers = module_path(path);
    let module = layers.first().copied().unwrap_or("lib");
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{path}:1: {module} has no row in the table of layers")];
    };
    let code = without_tests(&without_comments_and_strings(text));
    imports(&code, layers.len())
        .into_iter()
        .filter(|(_, used)| used != module && !allowed.split(' ').any(|name| name == "*" || name == used))
        .map(|(at, used)| {
            let line = code[..at].matches('\n').count() + 1;
            format!("{path}:{line}: {module} imports {used}; it may import {allowed:?}")
        })
        .collect()
}

/// `src/tcp/flow.rs` → `tcp`, `flow`; `src/tcp/mod.rs` → `tcp`.
fn module_path(path: &str) -> Vec<&str> {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    inner.split('/').filter(|part| *part != "mod").collect()
}

/// Modules at the root of the crate that `code` names, each with its byte offset. `depth` is how many times a
/// `super::` leads there.
fn imports(code: &str, depth: usize) -> Vec<(usize, String)> {
    let climb = "super::".repeat(depth);
    let roots = ["crate::", climb.as_str()];
    let starts = roots.iter().flat_map(|root| {
        code.match_indices(root)
            .filter(|(at, _)| !code[..*at].ends_with(|before: char| is_word(before) || before == ':'))
            .map(|(at, _)| at + root.len())
    });
    let mut found: Vec<_> =
        starts.flat_map(|at| first_names(code, at)).filter(|(_, n)| n != "super").collect();
    found.sort();
    found
}

/// The name at `at`, or each first name of the group that begins there.
fn first_names(code: &str, at: usize) -> Vec<(usize, String)> {
    let at = at + (code[at..].len() - code[at..].trim_start().len());
    if !code[at..].starts_with('{') {
        return word_at(code, at).into_iter().collect();
    }
    let mut depth = 0;
    let mut names = Vec::new();
    for (offset, character) in code[at..].char_indices() {
        let opens_an_item = depth == 1 && matches!(character, ',') || depth == 0 && character == '{';
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if opens_an_item {
            let next = at + offset + 1;
            names.extend(word_at(code, next + (code[next..].len() - code[next..].trim_start().len())));
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn word_at(code: &str, at: usize) -> Option<(usize, String)> {
    let word: String = code[at..].chars().take_while(|c| is_word(*c)).collect();
    (!word.is_empty()).then_some((at, word))
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Lines before the first `#[cfg(test)] mod`.
fn product_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let is_tests =
        |pair: &[&str]| pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod ");
    lines.windows(2).position(is_tests).unwrap_or(lines.len())
}

/// The code with every item behind `#[cfg(test)]` blanked, line breaks kept.
fn without_tests(code: &str) -> String {
    let mut rest = code;
    let mut kept = String::new();
    while let Some(at) = rest.find("#[cfg(test)]") {
        let end = at + item_length(&rest[at..]);
        kept.push_str(&rest[..at]);
        kept.extend(rest[at..end].chars().map(blank));
        rest = &rest[end..];
    }
    kept + rest
}

/// Up to the `;` or the closing brace that ends the item at the start of `code`.
fn item_length(code: &str) -> usize {
    let mut depth = 0;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The code with comments, strings and characters blanked, line breaks and byte offsets of what remains kept.
fn without_comments_and_strings(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = opaque_length(rest, kept.chars().last());
        if length == 0 {
            kept.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            kept.extend(rest[..length].chars().map(blank));
            rest = &rest[length..];
        }
    }
    kept
}

fn blank(character: char) -> char {
    if character == '\n' { '\n' } else { ' ' }
}

/// Length of the comment, string or character literal at the start of `code`, 0 when there is none.
fn opaque_length(code: &str, before: Option<char>) -> usize {
    if code.starts_with("//") {
        return code.find('\n').unwrap_or(code.len());
    }
    if code.starts_with("/*") {
        return code.find("*/").map_or(code.len(), |end| end + 2);
    }
    if code.starts_with('r') && !before.is_some_and(|c| is_word(c) && c != 'b') {
        return raw_string_length(code);
    }
    if code.starts_with('"') {
        return quoted_length(code, '"');
    }
    // A quote is a character literal when it closes at once; otherwise a lifetime.
    let mut after = code.chars().skip(1);
    let is_literal = match (code.starts_with('\''), after.next(), after.next()) {
        (true, Some('\\'), _) => true,
        (true, Some(_), Some(third)) => third == '\'',
        _ => false,
    };
    if is_literal { quoted_length(code, '\'') } else { 0 }
}

fn raw_string_length(code: &str) -> usize {
    let hashes = code[1..].chars().take_while(|c| *c == '#').count();
    let opening = hashes + 1;
    if !code[opening..].starts_with('"') {
        return 0;
    }
    let closing = format!("\"{}", "#".repeat(hashes));
    code[opening + 1..].find(&closing).map_or(code.len(), |end| opening + 1 + end + closing.len())
}

fn quoted_length(code: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in code.char_indices().skip(1) {
        if !escaped && character == quote {
            return at + 1;
        }
        escaped = !escaped && character == '\\';
    }
    code.len()
}

#[test]
fn the_features_of_zlib_rs_are_those_that_flate2_uses() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    // Another version beside it would have features of its own, and inflating would be slower.
    assert_eq!(lock.matches("name = \"zlib-rs\"").count(), 1);
}
