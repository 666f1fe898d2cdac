//! `gatepass session` and `gatepass logout`: who is signed in, and no longer.

use clap::Args;

use super::error::CliError;
use super::output::{self, line};
use super::profile::{Kept, Profile};
use super::remote::Remote;
use crate::client::ClientError;
use crate::config::Environment;

/// Show who you are to the server, what that allows, and until when
#[derive(Args)]
pub(crate) struct Session {
    #[command(flatten)]
    remote: Remote,
}

/// Sign out: end the session of `gatepass login` and forget it
#[derive(Args)]
pub(crate) struct Logout {
    #[command(flatten)]
    remote: Remote,
    /// End every session of this user, on all machines and in all browsers
    #[arg(long)]
    everywhere: bool,
}

const ROWS: &[(&str, &str)] = &[
    ("who", "actor"),
    ("role", "user.role"),
    ("may", "permissions"),
    ("session", "kind"),
    ("ends", "expires_at"),
    ("ends unless used", "idle_after"),
    ("roles of tokens", "limits.roles"),
    ("DNS names", "limits.dns_names"),
    ("longest life", "limits.max_ttl"),
    ("most uses", "limits.max_uses"),
    ("persistent", "limits.persistent"),
    ("clusters", "limits.clusters"),
];

impl Session {
    /// Shows it.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let shown = self.remote.connect(environment)?.get("/api/v1/session").await?;
        output::one(self.remote.output, &shown, ROWS)
    }
}

impl Logout {
    /// Ends it, and forgets it whether the server still knows it or not.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Some(profile) = Profile::load(environment)? else {
            return Err(CliError::Usage(String::from("nobody is signed in: there is no profile")));
        };
        if !self.everywhere && matches!(profile.kept, Kept::Nothing) {
            return line("nobody was signed in");
        }
        let session = matches!(profile.kept, Kept::Session { .. });
        if self.everywhere || session {
            self.end(environment, &profile, session).await?;
        }
        let (server, was_key) = (profile.server.clone(), matches!(profile.kept, Kept::ApiKey { .. }));
        Profile { kept: Kept::Nothing, ..profile }.save(&Profile::path(environment)?)?;
        match was_key {
            true => line("the API key is forgotten here; it stays good until `gatepass api-key delete`"),
            false if self.everywhere => line(format!("signed out of {server} everywhere")),
            false => line(format!("signed out of {server}")),
        }
    }

    async fn end(&self, environment: &Environment, profile: &Profile, session: bool) -> Result<(), CliError> {
        let target = self.remote.target(environment)?;
        if target.url != profile.server {
            return Err(CliError::Usage(format!("the profile is of {}", profile.server)));
        }
        // Signing out everywhere is for who has lost a session too: with a password it needs none.
        let own = if session { profile.credential()? } else { None };
        let credential = match own {
            Some(credential) => credential,
            None => self.remote.credential(environment, Some(profile))?,
        };
        let api = Remote::open(target, credential)?;
        let path = if self.everywhere { "/api/v1/session?everywhere=true" } else { "/api/v1/session" };
        match api.delete(path).await {
            Ok(_) => Ok(()),
            // It was over already.
            Err(ClientError::Refused(problem)) if problem.status == 401 && !self.everywhere => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
