//! The profile of `gatepass login`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::context::ContextName;
use super::error::CliError;
use super::private;
use crate::client::api::Credential;
use crate::clock::{SystemClock, Timestamp};
use crate::config::Environment;
use crate::id::Fingerprint;
use crate::secret::Secret;

/// The file of a [context](super::context), mode 0600. The password in profiles of earlier versions is ignored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The server's URL.
    pub(crate) server: String,
    /// The user.
    pub(crate) user: String,
    /// The trust anchor of the server.
    #[serde(flatten)]
    pub(crate) anchor: Anchor,
    /// The credential.
    #[serde(default, skip_serializing_if = "KeptCredential::is_nothing")]
    pub(crate) kept: KeptCredential,
}

/// The trust anchor of the server's certificate, as flags and in the profile.
#[derive(Args, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Anchor {
    /// File with the authority's root certificate, PEM [env: GATEPASS_CA]
    #[arg(long, help_heading = "Connection", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// SHA-256 fingerprint of the authority's root [env: GATEPASS_CA_FINGERPRINT]
    #[arg(long, help_heading = "Connection", value_name = "HEX", value_parser = Fingerprint::parse_lenient)]
    pub(crate) ca_fingerprint: Option<Fingerprint>,
    /// The server's TLS certificate is external: verify it with --ca, or with the system's roots
    #[arg(long, help_heading = "Connection")]
    #[serde(default)]
    pub(crate) outside_tls: bool,
}

/// A stored credential, never a password.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub(crate) enum KeptCredential {
    /// None: each command asks for the password.
    #[default]
    Nothing,
    /// A bearer session of `POST /api/v1/session`.
    Session {
        /// Value of the bearer credential.
        #[serde(serialize_with = "write", deserialize_with = "read_one")]
        secret: Zeroizing<String>,
        /// Expiry of the session.
        expires_at: Timestamp,
    },
    /// A key of `gatepass api-key create`.
    ApiKey {
        /// Value of the API key.
        #[serde(serialize_with = "write", deserialize_with = "read_one")]
        secret: Zeroizing<String>,
    },
}

impl KeptCredential {
    const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

impl Profile {
    /// The profile of a context, if there is one.
    pub(crate) fn load(context: &ContextName, environment: &Environment) -> Result<Option<Self>, CliError> {
        let Ok(path) = context.path(environment) else { return Ok(None) };
        if !path.exists() {
            return Ok(None);
        }
        let text = private::read(&path)?;
        toml::from_str(text.expose()).map(Some).map_err(|error| {
            // The whole error would quote the line, which may hold a password.
            let (path, why) = (path.display(), error.message());
            CliError::Usage(format!("{path}: {why}; remove it, then run `gatepass login`"))
        })
    }

    /// The stored credential, if any.
    ///
    /// # Errors
    /// The session has ended.
    pub(crate) fn credential(&self) -> Result<Option<Credential>, CliError> {
        let bearer = |secret: &Zeroizing<String>| Credential::Bearer(Secret::new(secret.to_string()));
        match &self.kept {
            KeptCredential::Nothing => Ok(None),
            KeptCredential::ApiKey { secret } => Ok(Some(bearer(secret))),
            KeptCredential::Session { expires_at, .. } if *expires_at <= SystemClock::now() => {
                let (server, user) = (&self.server, &self.user);
                Err(CliError::Usage(format!(
                    "the session of {user} at {server} expired at {expires_at}: sign in again with `gatepass login`"
                )))
            }
            KeptCredential::Session { secret, .. } => Ok(Some(bearer(secret))),
        }
    }

    /// The stored session, unless it has expired.
    pub(crate) fn session(&self) -> Option<Credential> {
        matches!(self.kept, KeptCredential::Session { .. })
            .then(|| self.credential().ok().flatten())
            .flatten()
    }

    /// Writes the profile.
    pub(crate) fn save(&self, path: &Path) -> Result<(), CliError> {
        if let Some(dir) = path.parent() {
            private::make_dir(dir)?;
        }
        let text = toml::to_string(self).map(Secret::new);
        private::write(
            path,
            &text.map_err(|error| CliError::Usage(format!("the profile has no TOML form: {error}")))?,
        )
    }
}

fn write<S: Serializer>(secret: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_str().serialize(serializer)
}

/// Reads a secret.
pub(super) fn read_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> ContextName {
        "lab".parse().unwrap()
    }

    #[test]
    fn a_profile_is_kept_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::from_pairs([("XDG_CONFIG_HOME", dir.path().display().to_string())]);
        assert!(Profile::load(&context(), &environment).unwrap().is_none());
        let path = context().path(&environment).unwrap();
        let profile = Profile {
            server: String::from("https://gate"),
            user: String::from("admin"),
            anchor: Anchor { ca_fingerprint: Some(Fingerprint::from_bytes([1; 32])), ..Anchor::default() },
            kept: KeptCredential::Session {
                secret: Zeroizing::new(String::from("gps_hunter2")),
                expires_at: SystemClock::now().plus(std::time::Duration::from_secs(60)),
            },
        };
        profile.save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Profile::load(&context(), &environment).unwrap().unwrap();
        assert_eq!(again.anchor.ca_fingerprint, profile.anchor.ca_fingerprint);
        assert!(
            matches!(again.credential(), Ok(Some(Credential::Bearer(secret))) if secret.expose() == "gps_hunter2")
        );
    }

    #[test]
    fn a_password_in_a_profile_is_dropped() {
        let text = "server = \"https://gate\"\nuser = \"admin\"\npassword = \"hunter2hunter2\"\n";
        let profile: Profile = toml::from_str(text).unwrap();
        assert!(profile.credential().unwrap().is_none());
        assert!(!toml::to_string(&profile).unwrap().contains("hunter2"));
    }

    #[test]
    fn an_expired_session_names_gatepass_login() {
        let text = "server = \"https://gate\"\nuser = \"admin\"\n[kept]\nkind = \"session\"\n\
                    secret = \"gps_hunter2\"\nexpires_at = \"2020-01-01T00:00:00Z\"\n";
        let profile: Profile = toml::from_str(text).unwrap();
        let error = profile.credential().err().unwrap().to_string();
        assert!(error.contains("gatepass login") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_broken_profile_does_not_show_its_password() {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::from_pairs([("XDG_CONFIG_HOME", dir.path().display().to_string())]);
        let path = context().path(&environment).unwrap();
        private::make_dir(path.parent().unwrap()).unwrap();
        private::write(&path, &Secret::new(String::from("password = hunter2hunter2\n"))).unwrap();
        let error = Profile::load(&context(), &environment).err().unwrap();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(error.to_string().contains("remove it"), "nothing reads it, not even login: {error}");
    }
}
