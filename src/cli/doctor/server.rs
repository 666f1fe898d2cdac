//! The checks of a server on this machine.

use std::path::Path;

use serde_json::Value;

use super::check::DoctorCheck;
use crate::cli::error::CliError;
use crate::cli::overview::{OVERVIEW, size_of};
use crate::cli::remote::Remote;
use crate::cli::together::count;
use crate::connect::is_loopback_url;
use crate::server::offline::{self, Inspection};
use crate::shell_word::shell_word;

/// Free room in bytes below which the doctor warns.
const LITTLE_ROOM: u64 = 1 << 30;

/// The checks of the server with this data directory.
pub(super) async fn checks(data_dir: &Path) -> Result<Vec<DoctorCheck>, CliError> {
    let found = offline::inspect(data_dir).map_err(CliError::Offline)?;
    if !found.foreign.is_empty() {
        // Other checks would open files of somebody else.
        let remedy = "do it, and run `gatepass doctor` again: it opens no file before";
        return Ok(found
            .foreign
            .iter()
            .map(|problem| DoctorCheck::failed("files", problem, remedy))
            .collect());
    }
    let mut checks = vec![DoctorCheck::ok("files", "only their owner can write to them")];
    checks.extend(running(data_dir).await);
    checks.push(first_secrets(data_dir, &found));
    checks.push(root_key(&found));
    checks.extend(found.directory.disk.map(|room| disk(room.free_bytes, room.size_bytes)));
    Ok(checks)
}

/// The checks that the running server answers.
async fn running(data_dir: &Path) -> Vec<DoctorCheck> {
    let here = shell_word(&data_dir.display().to_string());
    let answer = match Remote::connect_local(data_dir) {
        Ok(api) => api.get(OVERVIEW).await.map_err(CliError::from),
        Err(error) => Err(error),
    };
    let overview = match answer {
        Ok(overview) => overview,
        Err(error) => {
            let remedy = format!(
                "if it is stopped, start it: `systemctl start gatepass`, or `gatepass serve --data-dir {here}`; otherwise its log has \
                 the reason"
            );
            return vec![DoctorCheck::failed("server", error, remedy)];
        }
    };
    let url = overview["url"].as_str().unwrap_or_default();
    let version = overview["version"].as_str().unwrap_or_default();
    let mut checks = vec![DoctorCheck::ok("server", format!("gatepass {version} answers")), reach(url)];
    let judged = overview["checks"].as_array().into_iter().flatten();
    checks.extend(judged.filter_map(|check| readiness(check, data_dir)));
    checks.extend(expiring_tokens(&overview, data_dir));
    checks
}

/// Warns of tokens that many hosts share and that expire soon.
fn expiring_tokens(overview: &Value, data_dir: &Path) -> Option<DoctorCheck> {
    let number = overview["tokens_expiring_soon"].as_u64().filter(|number| *number > 0)?;
    let here = shell_word(&data_dir.display().to_string());
    Some(DoctorCheck::warning(
        "tokens",
        format!("{} that many hosts use will expire within 30 days", count(number, "token")),
        format!("`gatepass token list --data-dir {here}` names them and the command for each"),
    ))
}

/// Warns of a URL that leads other machines to themselves.
fn reach(url: &str) -> DoctorCheck {
    match is_loopback_url(url) {
        false => DoctorCheck::ok("url", url),
        true => DoctorCheck::warning(
            "url",
            format!("{url} leads other machines to themselves"),
            "start with --listen 0.0.0.0:8443 --external-url https://NAME:8443, where NAME is in DNS",
        ),
    }
}

/// A check of readiness with its remedy. One with a detail that passed warns.
fn readiness(check: &Value, data_dir: &Path) -> Option<DoctorCheck> {
    let (name, remedy) = REMEDIES.iter().find(|(name, _)| check["name"] == *name)?;
    let remedy = remedy.replace("{DIR}", &shell_word(&data_dir.display().to_string()));
    let detail = check["detail"].as_str().unwrap_or_default();
    Some(match (check["ok"].as_bool(), detail) {
        (Some(true), "") => DoctorCheck::ok(name, "good"),
        (Some(true), detail) => DoctorCheck::warning(name, detail, remedy),
        _ => DoctorCheck::failed(name, detail, remedy),
    })
}

/// The remedy of each check of readiness. `{DIR}` stands for the data directory.
const REMEDIES: [(&str, &str); 8] = [
    (
        "store",
        "`gatepass doctor --integrity --data-dir {DIR}` reads the database; `df` and `ls -l` show the room and the owner of its disk",
    ),
    (
        "clock",
        "set the clock, or accept the time that it has now with `gatepass clock accept --data-dir {DIR}`",
    ),
    ("crl", "the log of the server names the reason; a restart tries again"),
    (
        "ca",
        "`gatepass ca status --data-dir {DIR}` shows the dates; `gatepass ca rotate --data-dir {DIR}` makes a new issuing CA",
    ),
    ("status_lists", "the log of the server names the reason; it tries again every minute"),
    (
        "ledger_mark",
        "give the server's user the right to write to its keys directory; the server tries again every minute",
    ),
    ("backup", "`gatepass backup FILE --with-keys --data-dir {DIR}` makes one while the server runs"),
    ("expiry", "`gatepass ca rotate --data-dir {DIR}` makes a new issuing CA, and with --root a new root"),
];

fn first_secrets(data_dir: &Path, found: &Inspection) -> DoctorCheck {
    let files = &found.directory.first_secrets;
    match files.is_empty() {
        true => DoctorCheck::ok("first secrets", "none left here"),
        false => DoctorCheck::warning(
            "first secrets",
            format!("{} in the data directory", files.join(", ")),
            format!(
                "copy to a safe, then remove: `cd {} && rm {}`",
                shell_word(&data_dir.display().to_string()),
                files.join(" ")
            ),
        ),
    }
}

fn root_key(found: &Inspection) -> DoctorCheck {
    let keys = shell_word(&found.keys_dir.display().to_string());
    match found.has_root_key {
        false => DoctorCheck::ok("root key", "not on this machine"),
        true => DoctorCheck::warning(
            "root key",
            format!("the root's private key is in {keys}"),
            format!("move it offline: `gatepass ca export-root --key-to FILE --remove --keys-dir {keys}`"),
        ),
    }
}

fn disk(free_bytes: u64, size_bytes: u64) -> DoctorCheck {
    let free = format!("{} free of {}", size_of(free_bytes), size_of(size_bytes));
    match free_bytes < LITTLE_ROOM {
        false => DoctorCheck::ok("disk", free),
        true => DoctorCheck::warning("disk", free, "make room: on a full disk the server refuses writes"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::doctor::check::CheckState;

    #[test]
    fn a_passed_check_with_a_detail_warns() {
        let state = |check: Value| readiness(&check, Path::new("data")).map(|check| check.state);
        assert_eq!(state(json!({ "name": "ca", "ok": true, "detail": "" })), Some(CheckState::Ok));
        assert_eq!(
            state(json!({ "name": "expiry", "ok": true, "detail": "soon" })),
            Some(CheckState::Warning)
        );
        assert_eq!(
            state(json!({ "name": "clock", "ok": false, "detail": "ahead" })),
            Some(CheckState::Failed)
        );
    }

    #[test]
    fn a_disk_with_little_room_warns() {
        let state = |free_bytes| disk(free_bytes, 1 << 40).state;
        assert_eq!((state(1 << 30), state((1 << 30) - 1)), (CheckState::Ok, CheckState::Warning));
    }
}
