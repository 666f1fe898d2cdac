//! Programs of the system, and chance.

use std::process::Command;

use gatepass::id::random;

use crate::Fault;

/// Runs a program to its end. Its error output becomes the error.
pub(crate) fn run(command: &mut Command) -> Result<String, Fault> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Fails unless this process is root.
pub(crate) fn need_root() -> Result<(), Fault> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err("mounting a file system of its own needs root: run it with sudo".into())
}

/// A random number below `bound`.
pub(crate) fn below(bound: u32) -> u32 {
    u32::from_be_bytes(random()) % bound
}
