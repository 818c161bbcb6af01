//! The registry of rules → `docs/rules/` and the table in the README, held in step.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use wspect::rules::{Group, Rule, Severity, groups};

#[test]
fn the_pages_of_the_rules_are_those_of_the_registry() {
    let folder = root().join("docs/rules");
    let wanted: BTreeMap<PathBuf, String> =
        pages().into_iter().map(|(name, page)| (folder.join(name), page)).collect();
    if blesses() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        wanted.iter().for_each(|(path, page)| std::fs::write(path, page).unwrap());
    }
    let present = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let stale = present.filter(|path| !wanted.contains_key(path));
    let other = wanted.iter().filter(|(path, page)| text_of(path).as_ref() != Some(*page));
    let wrong: Vec<_> = stale.chain(other.map(|(path, _)| path.clone())).collect();
    assert!(wrong.is_empty(), "not as the registry has it; {BLESS}\n{wrong:#?}");
}

#[test]
fn the_table_of_the_readme_is_that_of_the_registry() {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a place for the table of rules");
    let (_, after) = rest.split_once(END).expect("that place has an end");
    let wanted = format!("{before}{BEGIN}\n{}{END}{after}", counts("docs/rules/README.md"));
    if blesses() {
        std::fs::write(&path, &wanted).unwrap();
        return;
    }
    assert!(readme == wanted, "README.md: the table of rules is not as the registry has it; {BLESS}");
}

/// Each file of `docs/rules/`.
fn pages() -> Vec<(String, String)> {
    let groups = groups();
    let rules = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group.name, *rule)));
    let pages = rules.map(|(group, rule)| (format!("{}.md", rule.name), page(group, rule)));
    pages.chain([("README.md".to_owned(), index(&groups))]).collect()
}

fn page(group: &str, rule: &Rule) -> String {
    let facts = [rule.severity.name(), group, rule.reference];
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    format!(
        "# {}\n\n{}\n\n{}\n\n[All rules](README.md)\n",
        rule.name,
        facts.join(" · "),
        rule.markdown().trim()
    )
}

fn index(groups: &[Group]) -> String {
    let mut text = format!(
        "# Rules\n\nWhat wspect finds, and the page of each. Generated from the registry; `wspect rules` shows the same.\n\n{}",
        counts("")
    );
    for group in groups {
        writeln!(text, "\n## {}\n\n| rule | severity | stands on | |\n|---|---|---|---|", titled(group.name))
            .unwrap();
        for rule in &group.rules {
            let (name, severity, summary) = (rule.name, rule.severity.name(), rule.summary());
            writeln!(text, "| [{name}]({name}.md) | {severity} | {} | {summary} |", rule.reference).unwrap();
        }
    }
    text
}

/// How many rules of each severity each group has; the groups are links into `index`.
fn counts(index: &str) -> String {
    let mut text = "| | error | warning | note | info | all |\n|---|--:|--:|--:|--:|--:|\n".to_owned();
    for group in groups() {
        let link = format!("[{}]({index}#{})", titled(group.name), group.name.replace(' ', "-"));
        text.push_str(&row(&link, &group.rules));
    }
    let all: Vec<_> = wspect::rules::all().collect();
    text + &row("All", &all)
}

fn row(head: &str, rules: &[&Rule]) -> String {
    let of = |severity| rules.iter().filter(|rule| rule.severity == severity).count();
    let [error, warning, note, info] = Severity::ALL.map(of);
    format!("| {head} | {error} | {warning} | {note} | {info} | {} |\n", rules.len())
}

fn titled(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

fn text_of(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::disallowed_methods, reason = "who runs the tests asks for the files to be written")]
fn blesses() -> bool {
    std::env::var_os("WSPECT_BLESS").is_some()
}

const BLESS: &str = "write it with `WSPECT_BLESS=1 cargo test --test suite rule_pages`";
const BEGIN: &str = "<!-- rules: generated -->";
const END: &str = "<!-- rules: end -->";
