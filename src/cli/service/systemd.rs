//! The systemd of this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::unit::Kind;
use crate::cli::error::CliError;

/// Directory of the administrator's units.
pub(super) const UNITS: &str = "/etc/systemd/system";

/// The directory of units: the chosen one, or this machine's.
pub(super) fn units(chosen: Option<&Path>) -> &Path {
    chosen.unwrap_or(Path::new(UNITS))
}

/// Returns true if systemd is the init system that runs, as sd_booted(3) does.
pub(crate) fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Checks that this process can change services.
pub(super) fn check(act: &str, kind: Kind) -> Result<(), CliError> {
    if !is_running() {
        return Err(CliError::Unsound(format!(
            "systemd does not run on this machine: use `gatepass service print {kind} --for` openrc, runit or cron, or name the \
             directory of an image with --unit-dir"
        )));
    }
    match geteuid().is_root() {
        true => Ok(()),
        false => Err(CliError::Unsound(format!("run it as root: sudo gatepass service {act} {kind} …"))),
    }
}

/// Runs `systemctl`.
pub(super) fn systemctl(words: &[&str]) -> Result<(), CliError> {
    run(Command::new("systemctl").args(words))
}

/// Stops and disables the unit in this file. The file of the variables is not a unit.
pub(super) fn disable(file: &str) -> Result<(), CliError> {
    if file.ends_with(".env") { Ok(()) } else { systemctl(&["disable", "--now", file]) }
}

/// Returns true if the unit runs or waits for its time.
pub(super) fn is_active(unit: &str) -> bool {
    systemctl(&["is-active", "--quiet", unit]).is_ok()
}

/// Starts an enabled unit that has ended. Returns true if it runs.
pub(super) fn start_again(unit: &str) -> bool {
    let enabled = geteuid().is_root() && systemctl(&["is-enabled", "--quiet", unit]).is_ok();
    // A unit that has failed too often does not start before.
    enabled && systemctl(&["reset-failed", unit]).is_ok() && systemctl(&["start", unit]).is_ok()
}

/// Creates the system user if it is missing and has the usual name.
pub(super) fn need_user(name: &str, home: &Path) -> Result<(), CliError> {
    let found = Command::new("id").args(["-u", name]).stdin(Stdio::null()).output();
    let create = format!("useradd --system --home-dir {} --shell /usr/sbin/nologin {name}", home.display());
    match found {
        Ok(found) if found.status.success() => Ok(()),
        Ok(_) if name == Kind::Serve.user() => {
            let words = create.split(' ').collect::<Vec<_>>();
            run(Command::new(words[0]).args(&words[1..]))
        }
        Ok(_) => Err(CliError::Unsound(format!("there is no user {name}: create it with `{create}`"))),
        Err(error) => Err(CliError::Unsound(format!("id -u {name}: {error}"))),
    }
}

/// Creates a directory for the user alone.
pub(super) fn need_directory(path: &Path, user: &str) -> Result<(), CliError> {
    let owner = ["-d", "-m", "0700", "-o", user];
    run(Command::new("install").args(owner).arg(path))
}

fn run(command: &mut Command) -> Result<(), CliError> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    // Its output is not a result of this command.
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(CliError::Unsound(format!("`{line}` ended with {status}"))),
        Err(error) => Err(CliError::Unsound(format!("`{line}` did not start: {error}"))),
    }
}
