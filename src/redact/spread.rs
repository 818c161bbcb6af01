//! Secrets of a connection → text that quotes them, cleaned.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};

use super::fingerprint::PREFIX;
use super::names::announces_secret;

/// What was replaced in the heads of a connection. Findings quote parts of heads, as they are or escaped.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    replaced: HashMap<String, String>,
    /// Made when the first text comes: most connections have none.
    search: Option<Search>,
}

#[derive(Clone, Debug)]
enum Search {
    Nothing,
    For {
        automaton: AhoCorasick,
        replacements: Vec<String>,
    },
    /// There are too many for an automaton.
    Impossible,
}

impl Spread {
    pub(super) const fn new(replaced: HashMap<String, String>) -> Self {
        Self { replaced, search: None }
    }

    /// `text` with each secret in it replaced. The work is linear, whatever the secrets are.
    pub(super) fn clean(&mut self, text: &str) -> String {
        let search = self.search.get_or_insert_with(|| Search::new(&self.replaced));
        match search {
            Search::Nothing => text.to_owned(),
            Search::For { automaton, replacements } => automaton.replace_all(text, replacements),
            Search::Impossible => PREFIX.to_owned(),
        }
    }
}

impl Search {
    fn new(replaced: &HashMap<String, String>) -> Self {
        let mut pairs: Vec<_> = replaced.iter().flat_map(|(secret, shown)| patterns(secret, shown)).collect();
        pairs.sort_unstable();
        pairs.dedup_by(|one, other| one.0 == other.0);
        let (patterns, replacements): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        if replacements.is_empty() {
            return Self::Nothing;
        }
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns);
        built.map_or(Self::Impossible, |automaton| Self::For { automaton, replacements })
    }
}

/// A secret as findings quote it, and its parts but for names, where they quote an element of a list. Very short ones are looked for between
/// quotation marks only: they would be found in any text.
fn patterns(secret: &str, shown: &str) -> Vec<(String, String)> {
    let quoted = (format!("{secret:?}"), format!("\"{shown}\""));
    let parts = secret.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '=' | '"'));
    let parts = parts.filter(|part| !announces_secret(part));
    let long = parts.chain([secret]).filter(|part| part.chars().count() >= SHORT);
    let unquoted = long.flat_map(|part| [part.escape_debug().to_string(), part.to_owned()]);
    unquoted.map(|part| (part, shown.to_owned())).chain([quoted]).collect()
}

const SHORT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_as_it_is_quoted_and_escaped() {
        let secrets = [("hunter2", "*"), ("a", "+"), ("line\nend", "-"), ("hunter22", "/")];
        let replaced = secrets.map(|(secret, shown)| (secret.to_owned(), shown.to_owned()));
        let mut spread = Spread::new(HashMap::from(replaced));
        assert_eq!(
            spread.clean("\"hunter2\" is not a, hunter22, \"line\\nend\", \"a\""),
            "\"*\" is not a, /, \"-\", \"+\""
        );
        let parts = HashMap::from([("x; token=\"hunter2\", close".to_owned(), "*".to_owned())]);
        assert_eq!(Spread::new(parts).clean("\"token=\\\"hunter2\\\"\""), "\"token=\\\"*\\\"\"");
        assert_eq!(Spread::new(HashMap::new()).clean("a \"b\""), "a \"b\"");
    }
}
