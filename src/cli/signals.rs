//! Ctrl-C and SIGTERM → the wish to end.

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::capture::Stop;

/// The first signal asks to end, so that what was read is reported; a second one ends the program at once.
pub(super) fn stop_on_signals() -> io::Result<Stop> {
    let stop = Stop::new()?;
    for signal in [SIGINT, SIGTERM] {
        // In this order: the signal that sets the flag must not be the one that finds it set.
        flag::register_conditional_shutdown(signal, 128 + signal, stop.flag())?;
        flag::register(signal, stop.flag())?;
        #[cfg(unix)]
        signal_hook::low_level::pipe::register(signal, stop.waker()?)?;
    }
    Ok(stop)
}
