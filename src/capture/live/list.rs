//! The interfaces that can be captured, and why one can't.

use std::net::IpAddr;

use pcap::{ConnectionStatus, Device};

use super::interface::{Interface, Settings};
use crate::capture::CaptureError;

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What `wspect live` takes.
    pub name: String,
    /// In words, where the system has some.
    pub description: Option<String>,
    /// Its own addresses.
    pub addresses: Vec<IpAddr>,
    /// Can packets come by now?
    pub up: bool,
    /// Is it the machine's own?
    pub loopback: bool,
    /// Is it without a cable?
    pub wireless: bool,
    /// Is it known to be connected?
    pub connected: bool,
}

/// Lists the interfaces, the likely ones first, and says why none can be captured, where that is so.
///
/// # Errors
/// libpcap is not there, or can't list them.
pub fn interfaces() -> Result<(Vec<Listed>, Option<CaptureError>), CaptureError> {
    libpcap_loader::available().map_err(|missing| CaptureError::Unavailable(missing.to_owned()))?;
    let devices = Device::list().map_err(|error| CaptureError::Unavailable(error.to_string()))?;
    // Some of what libpcap lists carries no IP: Bluetooth, netlink messages, firewall logs.
    let of_network = |device: &Device| !NO_NETWORK.iter().any(|prefix| device.name.starts_with(prefix));
    let listed: Vec<Listed> = devices.into_iter().filter(of_network).map(Listed::from).collect();
    let first = listed.iter().find(|each| each.up).or(listed.first());
    let trouble = match first {
        None => Some(CaptureError::Unavailable("no interface can be captured here".to_owned())),
        Some(first) => {
            Interface::open(&first.name, &Settings { buffer: 1 << 20, ..Settings::default() }).err()
        }
    };
    Ok((listed, trouble))
}

const NO_NETWORK: [&str; 6] = ["bluetooth", "dbus-", "nflog", "nfqueue", "usbmon", "nlmon"];

impl From<Device> for Listed {
    fn from(device: Device) -> Self {
        Self {
            up: device.flags.is_up() && device.flags.is_running(),
            loopback: device.flags.is_loopback(),
            wireless: device.flags.is_wireless(),
            connected: device.flags.connection_status == ConnectionStatus::Connected,
            name: device.name,
            description: device.desc,
            addresses: device.addresses.into_iter().map(|address| address.addr).collect(),
        }
    }
}

/// What to do where privileges are missing, with the path of this program.
pub(super) fn privileges() -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "wspect".to_owned(), |path| path.display().to_string());
    format!("run it with sudo, or once: sudo setcap cap_net_raw,cap_net_admin=eip {program}")
}
