//! `wspect rules`.

use std::io::{self, Write};

use anyhow::anyhow;

use super::args::{ListFormat, RulesArguments};
use super::read::width;
use crate::report::catalogue;
use crate::rules::{Group, all, groups};

/// Lists all rules, or explains one.
pub(super) fn run(arguments: &RulesArguments) -> anyhow::Result<()> {
    let groups = match &arguments.name {
        None => groups(),
        Some(name) => vec![group_with(name)?],
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match (arguments.format, groups.as_slice()) {
        (ListFormat::Json, groups) => catalogue::json(groups, &mut out)?,
        (ListFormat::Table, [Group { name, rules }]) if arguments.name.is_some() => {
            for rule in rules {
                catalogue::explain(rule, name, width(false), &mut out)?;
            }
        }
        (ListFormat::Table, groups) => catalogue::list(groups, width(false), &mut out)?,
    }
    Ok(out.flush()?)
}

/// The group of one rule, with that rule only.
fn group_with(name: &str) -> anyhow::Result<Group> {
    for group in groups() {
        if let Some(rule) = group.rules.iter().find(|rule| rule.name == name) {
            return Ok(Group { rules: vec![*rule], ..group });
        }
    }
    Err(unknown(name))
}

/// That there is no such rule, and which may have been meant.
pub(super) fn unknown(name: &str) -> anyhow::Error {
    let all_of_them = "`wspect rules` lists all";
    match nearest(name).as_slice() {
        [] => anyhow!("no rule is named '{name}'; {all_of_them}"),
        similar => anyhow!("no rule is named '{name}', but there is {}; {all_of_them}", similar.join(", ")),
    }
}

/// The rules whose names are most like a mistyped one, best first.
fn nearest(name: &str) -> Vec<&'static str> {
    let name = name.to_lowercase();
    let likeness = |known: &str| {
        let part = if name.len() >= WORTH_A_PART && known.contains(&name) { 1.0 } else { 0.0 };
        strsim::jaro_winkler(&name, known).max(part)
    };
    let mut similar: Vec<_> =
        all().map(|rule| (likeness(rule.name), rule.name)).filter(|(likeness, _)| *likeness > 0.8).collect();
    similar.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    similar.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

const SUGGESTIONS: usize = 3;

/// Shorter parts stand in names by accident.
const WORTH_A_PART: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_told_its_nearest_ones() {
        assert_eq!(nearest("frame-rsv2-sett")[0], "frame-rsv2-set");
        assert_eq!(nearest("Handshake-Accept-Mismach")[0], "handshake-accept-mismatch");
        assert_eq!(nearest("server-masked"), ["frame-server-masked"]);
        assert_eq!(nearest("xyzzy"), [""; 0]);
    }

    #[test]
    fn a_name_finds_its_rule_and_group() {
        let group = group_with("tcp-gap").unwrap();
        assert_eq!((group.name, group.rules.len()), ("transport and capture", 1));
        let error = group_with("tcp-gab").unwrap_err().to_string();
        assert!(error.contains("tcp-gap") && !error.contains('\n'), "{error}");
    }
}
