//! `gatepass ca`: the certificate authority.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::error::CliError;
use super::output::{self, Format, line, note};
use super::private;
use super::remote::Remote;
use crate::client::ClientError;
use crate::client::key::certificates;
use crate::config::Environment;
use crate::id::Fingerprint;
use crate::server::offline;

/// Show, rotate and hand out the certificate authority
#[derive(Subcommand)]
pub(crate) enum CaCommand {
    /// Show the root, the issuing CAs and upcoming expiries
    Status(Remote),
    /// Create a new issuing CA, under the same root or a new one; existing certificates stay valid
    #[command(
        after_long_help = "The root's private key must be in the server's keys directory. With --root, the previous root signs the new one: \
tokens and hosts that pin the previous root keep working, and hosts adopt the new root when they renew."
    )]
    Rotate {
        #[command(flatten)]
        remote: Remote,
        /// Create a new root too, and destroy the private key of the previous one
        #[arg(long)]
        root: bool,
    },
    /// Print the SHA-256 fingerprint of the root certificate
    Fingerprint(Remote),
    ExportRoot(ExportRoot),
}

impl CaCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Status(remote) => {
                let status = remote.connect(environment)?.get("/api/v1/ca").await?;
                show(remote.output, &status)
            }
            Self::Rotate { remote, root } => {
                let body = json!({ "root": root });
                let status = remote.connect(environment)?.post("/api/v1/ca/rotate", &body).await?;
                show(remote.output, &status)
            }
            Self::Fingerprint(remote) => {
                let fingerprint = fingerprint(&root(&remote, environment).await?)?;
                let answer = json!({ "fingerprint": fingerprint });
                output::done(remote.output, &answer, fingerprint.to_string())
            }
            Self::ExportRoot(command) => command.run(environment).await,
        }
    }
}

fn show(format: Format, status: &serde_json::Value) -> Result<(), CliError> {
    if format == Format::Json {
        return output::json(status);
    }
    let rows = [
        ("root", "root.subject"),
        ("fingerprint", "root.fingerprint"),
        ("expires", "root.expires_at"),
        ("root key", "root.key"),
        ("TLS certificate expires", "server.expires_at"),
    ];
    output::one(format, status, &rows)?;
    line("")?;
    let issuing = status["issuing"].as_array().map_or(&[][..], Vec::as_slice);
    let columns =
        [("ISSUING CA", "ski"), ("SUBJECT", "subject"), ("EXPIRES", "expires_at"), ("CURRENT", "current")];
    output::list(format, issuing, &columns, "no issuing CA")?;
    for warning in status["warnings"].as_array().into_iter().flatten().filter_map(|warning| warning.as_str())
    {
        note(format!("warning: {}", crate::client::problem::printable(warning)));
    }
    Ok(())
}

async fn root(remote: &Remote, environment: &Environment) -> Result<String, CliError> {
    Ok(remote.connect_public(environment)?.get_text("/ca/root.pem").await?)
}

fn fingerprint(pem: &str) -> Result<Fingerprint, CliError> {
    match certificates(pem).as_slice() {
        [root] => Ok(Fingerprint::of(root)),
        _ => Err(ClientError::Answer { what: String::from("/ca/root.pem is not one certificate") }.into()),
    }
}

/// Export the root certificate, or move its private key offline
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass ca export-root > root.pem
  gatepass ca export-root --key-to /media/usb/root.key --remove --keys-dir gatepass-data/keys

Only `gatepass ca rotate` needs the root's key: keep it offline and copy it back for a rotation.")]
pub(crate) struct ExportRoot {
    #[command(flatten)]
    remote: Remote,
    /// Write the certificate to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Copy the root's private key to this file (mode 0600); run on the server's machine
    #[arg(long, value_name = "FILE", requires = "keys_dir")]
    key_to: Option<PathBuf>,
    /// Keys directory of the server
    #[arg(long, value_name = "DIR", requires = "key_to")]
    keys_dir: Option<PathBuf>,
    /// Remove the private key from the keys directory after the copy is verified
    #[arg(long, requires = "key_to")]
    remove: bool,
}

impl ExportRoot {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        if let (Some(to), Some(keys)) = (&self.key_to, &self.keys_dir) {
            return export_key(keys, to, self.remove);
        }
        let pem = root(&self.remote, environment).await?;
        match &self.out {
            None => output::text(&pem),
            Some(path) => {
                std::fs::write(path, &pem).map_err(|source| CliError::File { path: path.clone(), source })?;
                line(format!("{}  {}", fingerprint(&pem)?, path.display()))
            }
        }
    }
}

fn export_key(keys: &Path, to: &Path, remove: bool) -> Result<(), CliError> {
    let key = offline::root_key(keys).map_err(CliError::Offline)?;
    if to.exists() {
        return Err(CliError::Usage(format!("{} exists already: nothing was written", to.display())));
    }
    private::write(to, &key)?;
    if private::read(to)?.expose() != key.expose() {
        return Err(CliError::Unsound(format!(
            "the copy in {} differs from the key: nothing was removed",
            to.display()
        )));
    }
    if remove {
        offline::remove_root_key(keys).map_err(CliError::Offline)?;
        let back = offline::root_key_path(keys).map_err(CliError::Offline)?;
        return line(format!(
            "moved the root's key to {}; for a rotation, copy it back to {}",
            to.display(),
            back.display()
        ));
    }
    line(format!("copied the root's key to {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn the_key_is_removed_only_after_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        private::make_dir(&keys).unwrap();
        let root = Fingerprint::of(b"root");
        let (from, to) = (keys.join(format!("ca-root-{root}.key")), dir.path().join("safe"));
        let manifest = json!({ "roots": [root], "issuing": [] });
        private::write(&keys.join("ca.json"), &Secret::new(manifest.to_string())).unwrap();
        private::write(&from, &Secret::new(String::from("key"))).unwrap();
        assert!(export_key(&keys, &dir.path().join("missing/safe"), true).is_err());
        assert!(from.exists());
        assert!(export_key(&keys, &dir.path().join("other"), true).is_err(), "the root has no CRL");
        assert!(from.exists());
        private::write(&keys.join(format!("ca-root-{root}.crl")), &Secret::new(String::from("crl"))).unwrap();
        export_key(&keys, &to, true).unwrap();
        assert!(!from.exists());
        assert_eq!(private::read(&to).unwrap().expose(), "key");
    }
}
