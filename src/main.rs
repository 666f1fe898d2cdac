//! The `gatepass` binary: parse the command line, dispatch.

fn main() {}
