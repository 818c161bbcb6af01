//! `wspect interfaces`.

use std::io::{self, Write};

use serde::Serialize;

use super::args::{InterfacesArguments, ListFormat};
use super::say;
use crate::capture::live::{Listed, interfaces};
use crate::report::escaped_json;
use crate::report::text::{Rest, fit};

/// Lists what can be captured; says why, where nothing can.
pub(super) fn run(arguments: &InterfacesArguments) -> anyhow::Result<()> {
    let (listed, trouble) = interfaces()?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match arguments.format {
        ListFormat::Table => table(&listed, &mut out)?,
        ListFormat::Json => json(&listed, &mut out)?,
    }
    out.flush()?;
    if let Some(trouble) = trouble {
        say(&format!("wspect: capturing would fail: {trouble}"));
    }
    Ok(())
}

fn table(listed: &[Listed], out: &mut impl Write) -> io::Result<()> {
    let widest = listed.iter().map(|each| each.name.chars().count()).max().unwrap_or_default();
    for each in listed {
        let addresses = each.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let parts = [kind(each).to_owned(), addresses, each.description.clone().unwrap_or_default()];
        let parts = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
        writeln!(
            out,
            "{}",
            fit(format!("{:widest$}  {parts}", each.name).as_bytes(), usize::MAX, Rest::End)
        )?;
    }
    Ok(())
}

fn json(listed: &[Listed], out: &mut impl Write) -> io::Result<()> {
    escaped_json(&listed.iter().map(Shape::from).collect::<Vec<_>>(), out)
}

const fn kind(each: &Listed) -> &'static str {
    match (each.up, each.loopback, each.wireless) {
        (false, ..) => "down",
        (true, true, _) => "up, loopback",
        (true, false, true) => "up, wireless",
        (true, false, false) => "up",
    }
}

/// An interface in JSON.
#[derive(Serialize)]
struct Shape<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    addresses: &'a [std::net::IpAddr],
    up: bool,
    loopback: bool,
    wireless: bool,
}

impl<'a> From<&'a Listed> for Shape<'a> {
    fn from(listed: &'a Listed) -> Self {
        Self {
            name: &listed.name,
            description: listed.description.as_deref(),
            addresses: &listed.addresses,
            up: listed.up,
            loopback: listed.loopback,
            wireless: listed.wireless,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_driver_says_steers_no_terminal() {
        let description = Some("a\u{1b}[2J\u{9b}\u{202e}\u{feff}".to_owned());
        let listed = [Listed {
            name: "eth0\u{7f}".to_owned(),
            description,
            addresses: Vec::new(),
            up: true,
            loopback: false,
            wireless: false,
            connected: true,
        }];
        let (mut text, mut document) = (Vec::new(), Vec::new());
        table(&listed, &mut text).unwrap();
        json(&listed, &mut document).unwrap();
        for shown in [text, document] {
            let shown = String::from_utf8(shown).unwrap();
            assert!(shown.contains("eth0") && shown.contains("[2J"), "{shown}");
            assert!(shown.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{shown:?}");
        }
    }
}
