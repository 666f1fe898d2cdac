//! The `gatepass` binary: parse the command line, dispatch.

use std::process::ExitCode;

/// Gives the memory of a flood back to the system. The C library's allocator keeps it.
#[cfg(feature = "cli")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(feature = "cli")]
fn main() -> ExitCode {
    gatepass::cli::main()
}

#[cfg(not(feature = "cli"))]
fn main() -> ExitCode {
    eprintln!("this gatepass was built without its command line: build it with --features cli");
    ExitCode::from(2)
}
