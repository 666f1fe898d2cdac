//! The `gatepass` binary: parse the command line, dispatch.

use std::process::ExitCode;

#[cfg(feature = "cli")]
fn main() -> ExitCode {
    gatepass::cli::main()
}

#[cfg(not(feature = "cli"))]
fn main() -> ExitCode {
    eprintln!("this gatepass was built without its command line: build it with --features cli");
    ExitCode::from(2)
}
