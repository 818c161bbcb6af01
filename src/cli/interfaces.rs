//! `wspect interfaces`.

use std::io::{self, Write};

use serde::Serialize;

use super::args::{InterfacesArguments, ListFormat};
use super::say;
use crate::capture::live::{Listed, interfaces};

/// Lists what can be captured; says why, where nothing can.
pub(super) fn run(arguments: &InterfacesArguments) -> anyhow::Result<()> {
    let (listed, trouble) = interfaces()?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match arguments.format {
        ListFormat::Table => table(&listed, &mut out)?,
        ListFormat::Json => {
            let listed: Vec<_> = listed.iter().map(Shape::from).collect();
            serde_json::to_writer_pretty(&mut out, &listed).map_err(io::Error::from)?;
            writeln!(out)?;
        }
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
        writeln!(out, "{:widest$}  {parts}", each.name)?;
    }
    Ok(())
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
