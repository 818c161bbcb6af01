//! An empty `libpcap.a` for the linker: the pcap crate asks for `-lpcap`, and this crate has its functions.

#![expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let loads = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if let Some(folder) = env::var_os("OUT_DIR").filter(|_| loads) {
        fs::write(Path::new(&folder).join("libpcap.a"), b"!<arch>\n")?;
        println!("cargo::rustc-link-search=native={}", Path::new(&folder).display());
    }
    Ok(())
}
