//! `gatepass session` and `gatepass logout`.

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::output;
use super::profile::{KeptCredential, Profile};
use super::remote::Remote;
use crate::client::ClientError;
use crate::config::Environment;

/// Sign out: end the session of `gatepass login` and remove it from the profile
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass logout
  gatepass logout --everywhere
  gatepass logout --context lab")]
pub(crate) struct LogoutCommand {
    #[command(flatten)]
    remote: Remote,
    /// End every session of the user, on all machines and in all browsers
    #[arg(long)]
    everywhere: bool,
}

const KEY_ROWS: &[(&str, &str)] = &[
    ("who", "actor"),
    ("label", "api_key.label"),
    ("owner", "api_key.owner"),
    ("ends", "api_key.expires_at?never"),
    ("may", "permissions"),
];
const USER_ROWS: &[(&str, &str)] = &[
    ("who", "actor"),
    ("role", "user.role"),
    ("may", "permissions"),
    ("session", "kind"),
    ("ends", "expires_at"),
    ("ends unless used", "idle_after"),
];
const LIMIT_ROWS: &[(&str, &str)] = &[
    ("roles of tokens", "limits.roles"),
    ("DNS names", "limits.dns_names"),
    ("longest life", "limits.max_ttl"),
    ("most uses", "limits.max_uses"),
    ("persistent", "limits.persistent"),
    ("clusters", "limits.clusters"),
    ("policies", "limits.policies"),
];

/// Shows the caller of `remote`.
pub(crate) async fn show(remote: &Remote, environment: &Environment) -> Result<(), CliError> {
    let shown = remote.connect(environment)?.get("/api/v1/session").await?;
    let rows = if shown["api_key"].is_object() { KEY_ROWS } else { USER_ROWS };
    output::one(remote.output, &shown, &[rows, LIMIT_ROWS].concat())
}

impl LogoutCommand {
    /// Ends the session, and removes it from the profile even if the server no longer knows it.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let profile = self.remote.profile(environment)?;
        let kept = profile.as_ref().map_or(&KeptCredential::Nothing, |profile| &profile.kept);
        let (session, was_key) =
            (matches!(kept, KeptCredential::Session { .. }), matches!(kept, KeptCredential::ApiKey { .. }));
        let mut forgets = true;
        let told = match (self.everywhere || session, was_key) {
            (true, _) => {
                let everywhere = if self.everywhere { " everywhere" } else { "" };
                let (server, own) = self.end(environment, profile.as_ref()).await?;
                forgets = own;
                format!("signed out of {server}{everywhere}")
            }
            (false, true) => {
                "removed the API key from the profile; it stays valid until `gatepass api-key delete`".into()
            }
            (false, false) => "not signed in".into(),
        };
        if let Some(profile) = profile.filter(|_| forgets) {
            Profile { kept: KeptCredential::Nothing, ..profile }
                .save(&self.remote.context(environment)?.0.path(environment)?)?;
        }
        let of = if self.everywhere { Some("everywhere") } else { session.then_some("here") };
        output::done(self.remote.output, &json!({ "signed_out": of }), told)
    }

    /// Returns the server, and true if the session of the profile ended.
    async fn end(
        &self,
        environment: &Environment,
        profile: Option<&Profile>,
    ) -> Result<(String, bool), CliError> {
        let kept = profile.filter(|profile| matches!(profile.kept, KeptCredential::Session { .. }));
        let user = self.remote.given_user(environment)?.filter(|_| self.everywhere);
        // Without flags the profile's session ends, even where a server runs in this directory.
        let target = match (kept, user, &self.remote.data_dir) {
            (Some(_), None, None) => self.remote.target(environment)?,
            _ => self.remote.find(environment)?,
        };
        let server = target.url.clone();
        let own = kept.filter(|kept| user.is_none_or(|user| user == kept.user && kept.server == server));
        if let Some(own) = own.filter(|own| own.server != server) {
            return Err(CliError::Usage(format!(
                "the profile is for {}: give --user, or no --server",
                own.server
            )));
        }
        let credential = match own.and_then(Profile::session) {
            Some(session) => session,
            None if !self.everywhere => return Ok((server, true)),
            // A user who has lost the session signs in with the password.
            None => self.remote.credential(environment, target.profile.as_ref(), &server)?,
        };
        let path = if self.everywhere { "/api/v1/session?everywhere=true" } else { "/api/v1/session" };
        match Remote::open(target, credential)?.delete(path).await {
            Ok(_) => Ok((server, own.is_some())),
            // The session had ended already.
            Err(ClientError::Refused(problem)) if problem.body.status == 401 && !self.everywhere => {
                Ok((server, true))
            }
            Err(error) => Err(error.into()),
        }
    }
}
