//! Commands of the operator: after a renewal, and after a change of the CRLs.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// Variables that a command does not get.
const SECRETS: [&str; 4] =
    ["GATEPASS_TOKEN", "GATEPASS_PASSWORD", "GATEPASS_ADMIN_PASSWORD", "GATEPASS_API_KEY"];

/// Runs the command after a renewal, with the certificate directory in `GATEPASS_CERT_DIR`.
///
/// # Errors
/// The failure, as text.
pub async fn after_renewal(command: &str, dir: &Path) -> Result<(), String> {
    run("--on-renew", shell(command).env("GATEPASS_CERT_DIR", dir)).await
}

/// Runs the command after a change of the CRLs, with their file in `GATEPASS_CRL_FILE`. Its output goes to standard error.
///
/// # Errors
/// The failure, as text.
pub async fn after_crls(command: &str, file: &Path) -> Result<(), String> {
    run("--exec", shell(command).env("GATEPASS_CRL_FILE", file).stdout(std::io::stderr())).await
}

/// `sh -c`, without the secrets in this process's environment.
fn shell(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).kill_on_drop(true);
    for secret in SECRETS {
        shell.env_remove(secret);
    }
    shell
}

async fn run(flag: &str, shell: &mut Command) -> Result<(), String> {
    match shell.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the {flag} command ended with {status}")),
        Err(error) => Err(format!("the {flag} command did not start: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_command_after_a_renewal_gets_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let command = "test -d \"$GATEPASS_CERT_DIR\" && test -z \"$GATEPASS_TOKEN\"";
        assert_eq!(after_renewal(command, dir.path()).await, Ok(()));
        assert!(after_renewal("exit 3", dir.path()).await.unwrap_err().contains('3'));
    }
}
