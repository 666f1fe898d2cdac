//! `gatepass login`: remember a server and who asks.

use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use super::ask;
use super::error::CliError;
use super::output::line;
use super::profile::Profile;
use super::remote::{Remote, Target};
use crate::client::api::Credential;
use crate::config::Environment;
use crate::secret::Secret;

/// Remember a server and who asks, in a profile that only you can read
///
/// The server is asked once, to prove that everything fits.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass login --server https://gate.example.org:8443 --ca-fingerprint 3f1c… --user admin
  gatepass login --server https://gate.example.org:8443 --ca root.pem --ask-each-time

The profile is $XDG_CONFIG_HOME/gatepass/profile.toml (else ~/.config/…), mode 0600. It holds the password unless
--ask-each-time is given.")]
pub(crate) struct Login {
    #[command(flatten)]
    remote: Remote,
    /// File with the password; default: GATEPASS_PASSWORD, else a prompt
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Do not keep the password
    #[arg(long)]
    ask_each_time: bool,
}

impl Login {
    /// Signs in and remembers.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Target { url, trust, .. } = self.remote.target(environment)?;
        let user = self
            .remote
            .user
            .as_deref()
            .or_else(|| environment.get("GATEPASS_USER"))
            .unwrap_or("admin")
            .to_owned();
        let password = match (&self.password_file, environment.get("GATEPASS_PASSWORD")) {
            (Some(path), _) => ask::read_file(path)?,
            (None, Some(password)) => Secret::new(password.to_owned()),
            (None, None) => ask::prompt(
                &format!("password of {user}: "),
                "no password: give --password-file or GATEPASS_PASSWORD",
            )?,
        };
        let kept = (!self.ask_each_time).then(|| Zeroizing::new(password.expose().clone()));
        let credential = Credential::Basic { user: user.clone(), password };
        let api = Remote::open(Target { url: url.clone(), trust, profile: None }, credential)?;
        api.get("/api/v1/enrollment-tokens?limit=1").await?;
        let path = Profile::path(environment)?;
        let ca = self.remote.ca_file(environment).map(std::fs::canonicalize).transpose()?;
        let learnt = api.connector().server_root().map(|root| crate::id::Fingerprint::of(&root));
        let ca_fingerprint = self.remote.fingerprint(environment)?.or(learnt);
        let profile = Profile {
            server: url,
            user,
            ca_fingerprint,
            ca,
            outside_tls: self.remote.outside_tls,
            password: kept,
        };
        profile.save(&path)?;
        line(format!("signed in to {} as {}; remembered in {}", profile.server, profile.user, path.display()))
    }
}
