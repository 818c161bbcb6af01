//! One TCP connection joined.
