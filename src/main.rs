//! The `wspect` command.

fn main() {}
