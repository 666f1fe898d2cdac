//! `gatepass login`: sign in, and store server and credential in a profile.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::ask;
use super::destination::refuse_link;
use super::error::CliError;
use super::output::{self, Format};
use super::pasted::API_KEY;
use super::profile::{Anchor, KeptCredential, Profile};
use super::remote::{Remote, ServerTarget};
use super::sign_in;
use crate::access::api_key::API_KEY_PREFIX;
use crate::client::ClientError;
use crate::client::api::{Api, Credential};
use crate::clock::Timestamp;
use crate::config::Environment;
use crate::connect::Trust;
use crate::secret::Secret;

/// Sign in, and store the session and its server in a profile that only you can read
///
/// The password is not stored. `gatepass session` shows the session, `gatepass logout` ends it.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass login --server https://gate.example.org:8443 --ca-fingerprint 3f1c… --user admin
  gatepass login --context lab --server https://lab.example.org:8443 --ca-fingerprint 3f1c…
  gatepass login --server https://gate.example.org:8443 --ca root.pem --ask-each-time
  gatepass login --server https://gate.example.org:8443 --ca root.pem --api-key-file key.txt

The profile is $XDG_CONFIG_HOME/gatepass/profile.toml (else ~/.config/…), mode 0600. With --context it is in contexts/NAME.toml \
there, and commands use this context from then on. A session ends after 12 hours, \
or after 30 minutes without use, unless the server is configured otherwise. For scripts, use an API key.")]
pub(crate) struct LoginCommand {
    #[command(flatten)]
    remote: Remote,
    /// File with the password, or - for standard input; default: GATEPASS_PASSWORD, else a prompt
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Store the API key in this file, or in standard input (-), instead of a session
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password_file", "ask_each_time"])]
    api_key_file: Option<PathBuf>,
    /// Store no session: every command asks for the password
    #[arg(long)]
    ask_each_time: bool,
}

/// The credential to store, and the connection that verified the server.
struct LoginResult {
    api: Api,
    kept: KeptCredential,
}

impl LoginCommand {
    /// Signs in and writes the profile. A profile that cannot be written is refused before the password is sent.
    pub(crate) async fn run(mut self, environment: &Environment) -> Result<(), CliError> {
        self.remote.makes_context = true;
        let (context, _) = self.remote.context(environment)?;
        let path = context.path(environment)?;
        refuse_link(&path)?;
        let mut target = self.remote.find(environment)?;
        self.remote.announce(environment)?;
        let (url, before) = (target.url.clone(), target.profile.take());
        // The profile reaches a server on this machine by its URL, where its external certificate has an external CA.
        let outside_here = matches!(target.trust, Trust::Certificate(_));
        let known = before.as_ref().map(|profile| profile.user.as_str());
        let user = self.remote.given_user(environment)?.or(known).unwrap_or("admin").to_owned();
        let LoginResult { api, kept } = match &self.api_key_file {
            Some(file) => with_key(target, ask::pasted_file(&API_KEY, file)?).await?,
            None => self.with_password(environment, target, &user).await?,
        };
        // Values without a flag stay as in the profile before.
        let Anchor { ca: ca_before, outside_tls: outside_before, .. } =
            before.map(|profile| profile.anchor).unwrap_or_default();
        let ca = self.remote.ca_file(environment).map(std::fs::canonicalize).transpose()?.or(ca_before);
        let learnt = api.connector().server_root().map(|root| crate::id::Fingerprint::of(&root));
        let ca_fingerprint = self.remote.fingerprint(environment)?.or(learnt);
        let outside_tls = self.remote.anchor.outside_tls || outside_before || outside_here;
        let anchor = Anchor { ca, ca_fingerprint, outside_tls };
        let profile = Profile { server: url, user, anchor, kept };
        profile.save(&path)?;
        if self.remote.context.is_some() {
            context.choose(environment)?;
        }
        report(self.remote.output, &profile, &path)?;
        Ok(())
    }

    async fn with_password(
        &self,
        environment: &Environment,
        target: ServerTarget,
        user: &str,
    ) -> Result<LoginResult, CliError> {
        let instead = "no password: give --password-file or GATEPASS_PASSWORD";
        let given = match (&self.password_file, environment.get("GATEPASS_PASSWORD")) {
            (Some(path), _) => Some(ask::read_file(path)?),
            (None, Some(password)) => Some(Secret::new(password.to_owned())),
            (None, None) => ask::can_prompt(instead).map(|()| None)?,
        };
        let api = sign_in::reach(target).await?;
        if self.ask_each_time {
            let check = async |api: &Api| api.get("/api/v1/session").await;
            let (api, _) = sign_in::with_password(api, user, given, instead, check).await?;
            return Ok(LoginResult { api, kept: KeptCredential::Nothing });
        }
        let begin = async |api: &Api| api.post("/api/v1/session", &json!({ "kind": "bearer" })).await;
        let (api, begun) = sign_in::with_password(api, user, given, instead, begin).await?;
        let (secret, expires_at) = session(&begun)?;
        Ok(LoginResult { api, kept: KeptCredential::Session { secret, expires_at } })
    }
}

/// Prints the user, the end of the session and the path of the profile.
fn report(format: Format, profile: &Profile, path: &Path) -> Result<(), CliError> {
    let (user, server) = (profile.user.as_str(), &profile.server);
    let (who, user, ends) = match &profile.kept {
        KeptCredential::ApiKey { .. } => ("an API key", None, None),
        KeptCredential::Session { expires_at, .. } => (user, Some(user), Some(*expires_at)),
        KeptCredential::Nothing => (user, Some(user), None),
    };
    let until = ends.map_or_else(String::new, |at| format!(" until {at}"));
    let said =
        json!({ "server": server, "user": user, "expires_at": ends, "profile": path.display().to_string() });
    output::done(
        format,
        &said,
        format!("signed in to {server} as {who}{until}; stored in {}", path.display()),
    )
}

/// Stores an API key after the server has accepted it.
async fn with_key(target: ServerTarget, key: Secret<String>) -> Result<LoginResult, CliError> {
    // Any other content of the file is not sent.
    if !key.expose().starts_with(API_KEY_PREFIX) {
        return Err(CliError::Usage(String::from(
            "the file holds no API key: an API key starts with gpk_, as `gatepass api-key create` prints it",
        )));
    }
    let secret = Zeroizing::new(key.expose().clone());
    let api = Remote::open(target, Credential::Bearer(key))?;
    api.get("/api/v1/session").await?;
    Ok(LoginResult { api, kept: KeptCredential::ApiKey { secret } })
}

/// The secret of a new session, and its expiry.
fn session(begun: &Value) -> Result<(Zeroizing<String>, Timestamp), CliError> {
    let secret = begun["session"].as_str().map(|secret| Zeroizing::new(secret.to_owned()));
    let expires_at = begun["expires_at"].as_str().and_then(Timestamp::parse_rfc3339);
    let what = || ClientError::Answer { what: String::from("it names no session") };
    secret.zip(expires_at).ok_or_else(|| what().into())
}
