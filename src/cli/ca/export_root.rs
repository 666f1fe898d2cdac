//! `gatepass ca export-root`: the root certificate for others, and its private key for a safe.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{fingerprint, root};
use crate::cli::ask::confirm;
use crate::cli::destination::{Destination, is_stdout};
use crate::cli::error::CliError;
use crate::cli::output::{self, line};
use crate::cli::private;
use crate::cli::remote::Remote;
use crate::config::Environment;
use crate::secret::Secret;
use crate::server::offline;

/// Export the root certificate, or move its private key offline
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass ca export-root > root.pem
  gatepass ca export-root --key-to /media/usb/root.key --remove --keys-dir gatepass-data/keys

Run the second example on the server's machine. Only `gatepass ca rotate` and `gatepass ca revoke` need the root's key: \
keep it offline, and copy it back for them.")]
pub(crate) struct ExportRoot {
    #[command(flatten)]
    remote: Remote,
    /// Write the certificate to this file instead of printing it; - prints it. Devices and pipes are written to, links are
    /// refused
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Copy the root's private key to this file (mode 0600); run on the server's machine
    #[arg(long, value_name = "FILE", requires = "keys_dir")]
    key_to: Option<PathBuf>,
    /// Keys directory of the server, such as gatepass-data/keys
    #[arg(long, value_name = "DIR", requires = "key_to")]
    keys_dir: Option<PathBuf>,
    /// Remove the private key from the keys directory after the copy is verified
    #[arg(long, requires = "key_to")]
    remove: bool,
    /// Skip the confirmation of --remove
    #[arg(short, long)]
    yes: bool,
}

impl ExportRoot {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        if let (Some(to), Some(keys)) = (&self.key_to, &self.keys_dir) {
            return self.export_key(keys, to);
        }
        let pem = root(&self.remote, environment).await?;
        match self.out.as_deref().filter(|path| !is_stdout(path)) {
            None => output::text(&pem),
            Some(path) => {
                let fingerprint = fingerprint(&pem)?;
                Destination::public(path)?.write(&Secret::new(pem))?;
                line(format!("{fingerprint}  {}", path.display()))
            }
        }
    }

    /// Copies the key, and removes it after the copy was compared.
    fn export_key(&self, keys: &Path, to: &Path) -> Result<(), CliError> {
        let root = offline::RootKey::open(keys).map_err(CliError::Offline)?;
        if is_stdout(to) {
            return Err(CliError::Usage(String::from(
                "--key-to needs the name of a file, which is read back before the key is removed; nothing was done",
            )));
        }
        if to.symlink_metadata().is_ok() {
            return Err(CliError::Usage(format!(
                "{} exists already: name a new file for --key-to; nothing was done",
                to.display()
            )));
        }
        if self.remove {
            root.may_go().map_err(CliError::Offline)?;
            confirm(&question(&root, to), self.yes)?;
        }
        private::write(to, &root.key)?;
        if private::read(to)?.expose() != root.key.expose() {
            return Err(CliError::Unsound(format!(
                "the copy in {} differs from the key: nothing was removed",
                to.display()
            )));
        }
        let (to, back) = (to.display(), root.path.display().to_string());
        if !self.remove {
            return line(format!("copied the root's private key to {to}; it is still in {back}"));
        }
        root.destroy().map_err(CliError::Offline)?;
        line(format!(
            "moved the root's private key to {to}\nnext: keep it offline, with a copy; before `gatepass ca rotate` or `gatepass \
             ca revoke`, copy it back to {back} with mode 0600"
        ))
    }
}

fn question(root: &offline::RootKey, to: &Path) -> String {
    format!(
        "Remove the root's private key {}? {} will be the only copy. Without the key here, `gatepass ca rotate` and `gatepass ca \
         revoke` do not work. The issuing CA expires at {}, the root at {}.",
        root.path.display(),
        to.display(),
        root.issuing_expires_at,
        root.expires_at
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;
    use crate::ca::{der_to_pem, sign_root_crl};
    use crate::clock::SystemClock;
    use crate::service::ca::files::Manifest;
    use crate::service::vault::Vault;

    #[derive(clap::Parser)]
    struct ExportLine {
        #[command(flatten)]
        export: ExportRoot,
    }

    fn export(keys: &Path, to: &Path, flags: &[&str]) -> Result<(), CliError> {
        let (keys, to) = (keys.to_str().unwrap(), to.to_str().unwrap());
        let line = ExportLine::try_parse_from(
            [&["x", "--key-to", to, "--keys-dir", keys, "--remove"], flags].concat(),
        );
        let export = line.map_err(|error| error.to_string()).unwrap().export;
        export.export_key(Path::new(keys), Path::new(to))
    }

    #[test]
    fn the_key_is_removed_only_after_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let missing = export(&keys, &dir.path().join("safe"), &["--yes"]).unwrap_err().to_string();
        assert!(missing.contains("gatepass-data/keys"), "{missing}");
        let vault = Vault::open(&keys).unwrap();
        Manifest::make(&vault, "gatepass test", SystemClock::now()).unwrap();
        let name = Manifest::load(&vault).unwrap().current_root_key().unwrap();
        let (from, to) = (keys.join(&name), dir.path().join("safe"));
        let key = private::read(&from).unwrap();
        let without_crl = export(&keys, &dir.path().join("other"), &["--yes"]).unwrap_err().to_string();
        assert!(without_crl.contains("no CRL yet"), "{without_crl}");
        let root = vault.load(&name.replace(".key", ".pem")).unwrap();
        let crl =
            sign_root_crl(root.expose(), &vault.load(&name).unwrap(), 1, &[], SystemClock::now()).unwrap();
        let crl = Secret::new(der_to_pem("X509 CRL", &crl));
        vault.save(&name.replace(".key", ".crl"), &crl).unwrap();
        assert!(export(&keys, &dir.path().join("missing/safe"), &["--yes"]).is_err());
        let asked = export(&keys, &to, &[]).unwrap_err().to_string();
        assert!(asked.contains("only copy") && asked.contains("--yes"), "{asked}");
        assert!(from.exists() && !to.exists());
        export(&keys, &to, &["--yes"]).unwrap();
        assert!(!from.exists());
        assert_eq!(private::read(&to).unwrap().expose(), key.expose());
        let again = export(&keys, &dir.path().join("again"), &["--yes"]).unwrap_err().to_string();
        assert!(again.contains("is not in") && again.contains("moved away"), "{again}");
    }
}
