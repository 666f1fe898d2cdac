//! What `gatepass login` remembers, and what a server on this machine leaves for its own operator.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::error::CliError;
use super::private;
use crate::config::{DEFAULT_DATA_DIR, Environment};
use crate::id::Fingerprint;
use crate::secret::Secret;

/// `$XDG_CONFIG_HOME/gatepass/profile.toml`, mode 0600.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The server's URL.
    pub(crate) server: String,
    /// The user.
    pub(crate) user: String,
    /// The root's fingerprint.
    pub(crate) ca_fingerprint: Option<Fingerprint>,
    /// A file of root certificates.
    pub(crate) ca: Option<PathBuf>,
    /// Whether the server's TLS certificate is not the authority's own.
    #[serde(default)]
    pub(crate) outside_tls: bool,
    /// The password, unless it is to be asked for each time.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write",
        deserialize_with = "read"
    )]
    pub(crate) password: Option<Zeroizing<String>>,
}

impl Profile {
    /// Where it is kept.
    pub(crate) fn path(environment: &Environment) -> Result<PathBuf, CliError> {
        let home = environment.config_home().ok_or_else(|| {
            CliError::Usage(String::from(
                "neither HOME nor XDG_CONFIG_HOME is set: there is no place for a profile",
            ))
        })?;
        Ok(home.join("gatepass").join("profile.toml"))
    }

    /// The profile, if there is one.
    pub(crate) fn load(environment: &Environment) -> Result<Option<Self>, CliError> {
        let Ok(path) = Self::path(environment) else { return Ok(None) };
        if !path.exists() {
            return Ok(None);
        }
        let text = private::read(&path)?;
        toml::from_str(text.expose()).map(Some).map_err(|error| {
            // Not the whole error: it quotes the line, which may be the password's.
            let (path, why) = (path.display(), error.message());
            CliError::Usage(format!("{path}: {why}; `gatepass login` writes it anew"))
        })
    }

    /// Keeps it.
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

/// `local.json` in the keys directory, while a server runs there: reading it takes its owner's rights.
#[derive(Deserialize)]
pub(crate) struct Local {
    /// The server's URL.
    pub(crate) url: String,
    /// The root's fingerprint.
    pub(crate) fingerprint: Fingerprint,
    /// A credential that this server accepts while it runs.
    #[serde(deserialize_with = "read_one")]
    pub(crate) credential: Zeroizing<String>,
}

impl Local {
    /// Looks in `dir`, a data or keys directory where a server must run; or in the default ones, where one may: those
    /// of `gatepass serve` and of `gatepass serve --dev`.
    pub(crate) fn load(dir: Option<&Path>) -> Result<Option<Self>, CliError> {
        let places = match dir {
            Some(dir) => [dir.join("keys"), dir.to_owned()],
            None => [Path::new(DEFAULT_DATA_DIR).join("keys"), PathBuf::from("keys")],
        };
        let Some(path) = places.iter().map(|place| place.join("local.json")).find(|path| path.exists())
        else {
            return match dir {
                None => Ok(None),
                Some(dir) => Err(CliError::Usage(format!(
                    "no server runs on {}: start it with `gatepass serve --data-dir {0}`, or give --server",
                    dir.display()
                ))),
            };
        };
        let text = private::read(&path)?;
        let local = serde_json::from_str(text.expose());
        local.map(Some).map_err(|_| CliError::Usage(format!("{} is not what a server wrote", path.display())))
    }
}

fn write<S: Serializer>(password: &Option<Zeroizing<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    password.as_ref().map(|password| password.as_str()).serialize(serializer)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Zeroizing::new))
}

fn read_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_kept_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::from_pairs([("XDG_CONFIG_HOME", dir.path().display().to_string())]);
        assert!(Profile::load(&environment).unwrap().is_none());
        let path = Profile::path(&environment).unwrap();
        let profile = Profile {
            server: String::from("https://gate"),
            user: String::from("admin"),
            ca_fingerprint: Some(Fingerprint::from_bytes([1; 32])),
            ca: None,
            outside_tls: false,
            password: Some(Zeroizing::new(String::from("hunter2hunter2"))),
        };
        profile.save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Profile::load(&environment).unwrap().unwrap();
        assert_eq!(again.ca_fingerprint, profile.ca_fingerprint);
    }

    #[test]
    fn a_broken_profile_does_not_show_its_password() {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::from_pairs([("XDG_CONFIG_HOME", dir.path().display().to_string())]);
        let path = Profile::path(&environment).unwrap();
        private::make_dir(path.parent().unwrap()).unwrap();
        private::write(&path, &Secret::new(String::from("password = hunter2hunter2\n"))).unwrap();
        let error = Profile::load(&environment).err().unwrap();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_data_directory_without_a_server_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let error = Local::load(Some(dir.path())).err().unwrap();
        assert!(error.to_string().contains("gatepass serve"), "{error}");
    }
}
