//! `gatepass crl`: a file with the authority's CRLs, for other servers on this machine.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::destination::is_stdout;
use super::error::CliError;
use super::output::{self, Format, note};
use super::remote::{Remote, network};
use super::signals;
use super::together::count;
use crate::client::crl_file::{CrlFile, Update, text};
use crate::client::crls::{CrlSet, CrlSource};
use crate::client::enroll::CERT_DIR;
use crate::client::hook::{Hook, Reload, Variables};
use crate::clock::SystemClock;
use crate::config::Environment;

/// Keep a file with the CRLs of all CAs fresh, for servers that check host certificates
///
/// The signature of each CRL must lead to the pinned root, and no CRL may be older than the one in the file. Otherwise the
/// file stays as it is. Run it from a timer, more often than daily: each CRL of an issuing CA is valid for 24 hours.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass crl --out /etc/nginx/gatepass-crl.pem --exec 'nginx -s reload'
  gatepass crl --out - --server https://gate.example.org:8443 --ca root.pem

The server and its roots come from the first of: --cert-dir; --server, --data-dir, --ca or another option of the connection; the \
identity in /etc/gatepass; the server on this machine; the profile of `gatepass login`. A file of --ca may hold several roots.

Hooks run after each change of the file, with its absolute path in GATEPASS_CRL_FILE, and see of the environment only what those \
of `gatepass renew` see. If one fails or is cut off, the next `gatepass crl` runs them again.

Exit codes: 0 fresh; 1 refused or failed, the file is unchanged or the command failed; 2 usage")]
pub(crate) struct CrlCommand {
    /// File to write, PEM; - for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Command to run after a change, such as a reload
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new())]
    exec: Option<String>,
    #[command(flatten)]
    reload: Reload,
    /// Directory of a host's identity, which names the server and its roots
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "data_dir", "user", "ca", "ca_fingerprint", "outside_tls"])]
    cert_dir: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

impl CrlCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let to_stdout = is_stdout(&self.out);
        let variables = Variables(environment.for_hooks());
        let hook = Hook::after_crls(self.exec.clone(), self.reload.clone(), &self.out, variables);
        if to_stdout && (hook.is_some() || self.remote.output == Format::Json) {
            return Err(CliError::Usage(String::from(
                "--out - prints the CRLs: it cannot be combined with --exec, another hook or -o json",
            )));
        }
        let now = SystemClock::now();
        let set = self.source(environment)?.fetch(now).await?;
        warn(&set);
        if to_stdout {
            return output::text(&text(&set));
        }
        let file = CrlFile::new(&self.out)?;
        let update = file.update(&set, hook.is_some(), now)?;
        if let (Some(hook), true) = (&hook, update.due) {
            let again = |why| CliError::Unsound(format!("{why}: the next `gatepass crl` runs it again"));
            hook.run(signals::shutdown()?).await.map_err(again)?;
            file.settle(&set)?;
        }
        self.show(&set, &update)
    }

    fn source(&self, environment: &Environment) -> Result<CrlSource, CliError> {
        match self.identity(Path::new(CERT_DIR), environment) {
            Some(dir) => Ok(CrlSource::of_host(dir, &network(environment))?),
            None => self.remote.crl_source(environment),
        }
    }

    /// The directory of the identity that names the server and its roots. The one in `default` counts only if nothing else
    /// names a server or pins a root.
    fn identity<'a>(&'a self, default: &'a Path, environment: &Environment) -> Option<&'a Path> {
        let found = || !self.remote.is_named(environment) && default.join("host.json").exists();
        self.cert_dir.as_deref().or_else(|| found().then_some(default))
    }

    fn show(&self, set: &CrlSet, update: &Update) -> Result<(), CliError> {
        let (crls, file) = (set.summaries(), self.out.display());
        let answer = json!({
            "file": self.out, "changed": update.changed, "command_ran": update.due, "crls": crls,
            "left_out": set.left_out(), "roots_without_crl": set.roots_without_crl(),
        });
        let crls = count(crls.len() as u64, "CRL");
        let ran = if update.due { "; ran the command" } else { "" };
        output::done(
            self.remote.output,
            &answer,
            match update.changed {
                true => format!("wrote {crls} to {file}{ran}"),
                false => format!("{file} has the newest {crls}{ran}"),
            },
        )
    }
}

fn warn(set: &CrlSet) {
    if !set.left_out().is_empty() {
        note(format!(
            "note: these CRLs are left out, because their roots are not pinned: {}. A server that trusts such a root needs \
             them: add the root, from the authority's /ca/bundle.pem, to the file of --ca",
            set.left_out().join("; ")
        ));
    }
    for root in set.roots_without_crl() {
        note(format!(
            "warning: the root {root} has no CRL: a server that checks whole chains refuses every host below it"
        ));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        command: CrlCommand,
    }

    #[test]
    fn a_pin_counts_before_the_hosts_identity() {
        let host = tempfile::tempdir().unwrap();
        std::fs::write(host.path().join("host.json"), "{}").unwrap();
        let asks_host = |flags: &[&str], variables: &[(&str, &str)]| {
            let line = Line::parse_from(["crl", "--out", "-"].iter().chain(flags));
            let environment = Environment::from_pairs(variables.iter().copied());
            line.command.identity(host.path(), &environment).is_some()
        };
        assert!(asks_host(&[], &[]));
        let hex = "00".repeat(32);
        for flags in
            [["--ca", "root.pem"], ["--ca-fingerprint", &hex], ["--user", "eve"], ["--data-dir", "d"]]
        {
            assert!(!asks_host(&flags, &[]), "{flags:?}");
        }
        assert!(!asks_host(&["--outside-tls"], &[]));
        for variable in ["GATEPASS_SERVER", "GATEPASS_CA", "GATEPASS_CA_FINGERPRINT"] {
            assert!(!asks_host(&[], &[(variable, &hex)]), "{variable}");
        }
    }
}
