//! Connection flags: the server, and the caller's credential.

mod unasked;

use std::path::PathBuf;

use clap::Args;

use super::ask;
use super::context::ContextName;
use super::error::CliError;
use super::local::{Local, unused_here};
use super::output::{self, Format, note};
use super::pasted::API_KEY;
use super::profile::{Anchor, KeptCredential, Profile};
use crate::access::api_key::API_KEY_PREFIX;
use crate::client::api::{Api, Credential};
use crate::client::ca_file::read_certificates;
use crate::client::crls::{CrlSource, Roots};
use crate::client::host::TrustAnchor;
use crate::client::network::Network;
use crate::config::Environment;
use crate::connect::{LocalAddress, Trust, server_url};
use crate::id::Fingerprint;
use crate::secret::Secret;

/// The server, its CA and the caller.
#[derive(Args, Clone, Default)]
pub(crate) struct Remote {
    /// Context of `gatepass login` [env: GATEPASS_CONTEXT]; default: the one of `gatepass context use`
    #[arg(long, help_heading = "Connection", value_name = "NAME", conflicts_with = "data_dir")]
    pub(crate) context: Option<ContextName>,
    /// True for `login`, which may name a new context.
    #[arg(skip)]
    pub(crate) makes_context: bool,
    /// URL of the server [env: GATEPASS_SERVER]; default: the profile of `gatepass login`, else a server in this directory
    #[arg(long, help_heading = "Connection", value_name = "URL", value_parser = server_url, conflicts_with = "data_dir")]
    pub(crate) server: Option<String>,
    #[command(flatten)]
    pub(crate) anchor: Anchor,
    /// User name [env: GATEPASS_USER]; the password comes from GATEPASS_PASSWORD or a prompt. GATEPASS_API_KEY replaces both
    #[arg(long, help_heading = "Connection", value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Data directory of a server on this machine; default: ./gatepass-data
    #[arg(long, help_heading = "Connection", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// A server and its trust anchor.
pub(crate) struct ServerTarget {
    /// URL of the server.
    pub(crate) url: String,
    /// Trust anchor of its certificate.
    pub(crate) trust: Trust,
    /// Address of a server on this machine.
    pub(crate) local: Option<LocalAddress>,
    /// The profile with this server.
    pub(crate) profile: Option<Profile>,
    /// Proxies on the way to it: none to this machine.
    pub(crate) network: Network,
}

impl Remote {
    /// A connection to the server, signed in.
    pub(crate) fn connect(&self, environment: &Environment) -> Result<Api, CliError> {
        match self.local(environment)? {
            Some(local) => {
                // An explicit user or API key must not get the rights of the local credential.
                let credential = match self.names_caller(environment)? {
                    true => self.credential(environment, None, &local.server.url)?,
                    false => local.bearer(),
                };
                Self::open(local_target(&local), credential)
            }
            None => {
                let target = self.target(environment)?;
                let credential = self.credential(environment, target.profile.as_ref(), &target.url)?;
                Self::open(target, credential)
            }
        }
    }

    /// Prints the resource at `path`.
    pub(crate) async fn show(
        &self,
        environment: &Environment,
        path: &str,
        rows: &[(&str, &str)],
    ) -> Result<(), CliError> {
        output::one(self.output, &self.connect(environment)?.get(path).await?, rows)
    }

    /// A connection for public routes.
    pub(crate) fn connect_public(&self, environment: &Environment) -> Result<Api, CliError> {
        match self.local(environment)? {
            Some(local) => Self::open(local_target(&local), Credential::None),
            None => Self::open(self.target(environment)?, Credential::None),
        }
    }

    /// The source of CRLs: the server, and the roots that flags, environment or profile pin.
    pub(crate) fn crl_source(&self, environment: &Environment) -> Result<CrlSource, CliError> {
        let (target, roots) = match self.local(environment)? {
            Some(local) => (local_target(&local), self.given_roots(environment)?.unwrap_or(Roots::Served)),
            None => self.pinned_target(environment)?,
        };
        Ok(CrlSource { apis: vec![Self::open(target, Credential::None)?], roots })
    }

    /// The roots of the authority that flags or environment give.
    fn given_roots(&self, environment: &Environment) -> Result<Option<Roots>, CliError> {
        Ok(match (self.fingerprint(environment)?, self.ca_file(environment)) {
            (Some(root), _) => Some(Roots::Pinned(root)),
            (None, Some(file)) if !self.anchor.outside_tls => Some(Roots::These(read_certificates(&file)?)),
            (None, _) => None,
        })
    }

    fn pinned_target(&self, environment: &Environment) -> Result<(ServerTarget, Roots), CliError> {
        let target = self.target(environment)?;
        match (self.anchor.outside_tls, &target.trust) {
            // The fingerprint pins the authority's root, beside an external TLS certificate.
            (true, &Trust::Fingerprint(root)) => {
                let trust = network(environment).trust(&TrustAnchor::Outside(self.ca_file(environment)))?;
                Ok((ServerTarget { trust, ..target }, Roots::Pinned(root)))
            }
            (false, &Trust::Fingerprint(root)) => Ok((target, Roots::Pinned(root))),
            (_, Trust::Roots(roots)) => {
                let roots = Roots::These(roots.clone());
                Ok((target, roots))
            }
            (_, Trust::Outside(_) | Trust::Certificate(_)) => Err(CliError::Usage(String::from(
                "an external TLS certificate pins no root of the authority: give --ca-fingerprint HEX too, or --cert-dir DIR \
                 of a host",
            ))),
        }
    }

    /// The server, on this machine or another, for a caller without the local credential.
    pub(crate) fn find(&self, environment: &Environment) -> Result<ServerTarget, CliError> {
        match self.local(environment)? {
            Some(local) => {
                let target = local_target(&local);
                let profile = self.profile(environment)?.filter(|profile| profile.server == target.url);
                Ok(ServerTarget { profile, ..target })
            }
            None => self.target(environment),
        }
    }

    /// A connection to `target`.
    pub(crate) fn open(target: ServerTarget, credential: Credential) -> Result<Api, CliError> {
        let connector = target.network.connect(&target.url, target.trust, None)?;
        let connector = match target.local {
            Some(local) => connector.at(local),
            None => connector,
        };
        Ok(Api::new(connector, credential))
    }

    /// Returns true if flags or environment name a user or an API key.
    fn names_caller(&self, environment: &Environment) -> Result<bool, CliError> {
        Ok(self.given_key(environment)?.is_some() || self.given_user(environment)?.is_some())
    }

    /// The context that flags, environment or the last choice name. True if it is not the last choice.
    pub(crate) fn context(&self, environment: &Environment) -> Result<(ContextName, bool), CliError> {
        match (&self.context, ContextName::of_environment(environment)?) {
            (Some(flag), _) => Ok((flag.clone(), true)),
            (None, Some(variable)) => Ok((variable, true)),
            (None, None) => Ok((ContextName::in_use(environment)?, false)),
        }
    }

    /// The profile of the context.
    ///
    /// # Errors
    /// The context was named, and has no profile. No other server is reached then.
    pub(crate) fn profile(&self, environment: &Environment) -> Result<Option<Profile>, CliError> {
        let (name, is_named) = self.context(environment)?;
        match Profile::load(&name, environment)? {
            None if is_named && !self.makes_context => Err(name.unknown()),
            profile => Ok(profile),
        }
    }

    /// The user that flags or environment name.
    pub(crate) fn given_user<'a>(
        &'a self,
        environment: &'a Environment,
    ) -> Result<Option<&'a str>, CliError> {
        match self.user.as_deref() {
            Some(user) => Ok(Some(user)),
            None => caller_variable(environment, "GATEPASS_USER"),
        }
    }

    /// The API key of the environment, unless --user is given.
    fn given_key(&self, environment: &Environment) -> Result<Option<Secret<String>>, CliError> {
        match self.user {
            Some(_) => Ok(None),
            None => {
                // An empty GATEPASS_USER is an error beside a key, too.
                caller_variable(environment, "GATEPASS_USER")?;
                caller_variable(environment, "GATEPASS_API_KEY")?.map(api_key).transpose()
            }
        }
    }

    /// Returns true if flags name a server, its CA or a user, or if the environment names a server or its CA.
    pub(crate) fn is_named(&self, environment: &Environment) -> bool {
        let Anchor { ca, ca_fingerprint, outside_tls } = &self.anchor;
        let pinned = ca.is_some() || ca_fingerprint.is_some() || *outside_tls;
        let variables = ["GATEPASS_SERVER", "GATEPASS_CA", "GATEPASS_CA_FINGERPRINT", "GATEPASS_CONTEXT"];
        pinned
            || [&self.server, &self.user].into_iter().any(Option::is_some)
            || self.context.is_some()
            || self.data_dir.is_some()
            || variables.iter().any(|name| environment.get(name).is_some())
    }

    fn given_server(&self, environment: &Environment) -> Result<Option<String>, CliError> {
        match (&self.server, environment.get("GATEPASS_SERVER")) {
            (Some(flag), _) => Ok(Some(flag.clone())),
            (None, Some(variable)) => server_url(variable)
                .map(Some)
                .map_err(|why| CliError::Usage(format!("GATEPASS_SERVER: {why}"))),
            (None, None) => Ok(None),
        }
    }

    /// The server on this machine: the one of --data-dir, or one in the working directory if neither flag, environment nor
    /// profile names another.
    fn local(&self, environment: &Environment) -> Result<Option<Local>, CliError> {
        match &self.data_dir {
            Some(dir) => Local::load(Some(dir)),
            None if self.given_server(environment)?.is_some() || self.profile(environment)?.is_some() => {
                Ok(None)
            }
            None => Local::load(None),
        }
    }

    /// Shows the server before a secret is sent to it.
    pub(crate) fn announce(&self, environment: &Environment) -> Result<(), CliError> {
        let target = self.find(environment)?;
        let here =
            if self.data_dir.is_none() && target.local.is_some() { ", found in this directory" } else { "" };
        note(format!("server: {}{here}", target.url));
        Ok(())
    }

    /// The server named by flags, environment or profile.
    pub(crate) fn target(&self, environment: &Environment) -> Result<ServerTarget, CliError> {
        let profile = self.profile(environment)?;
        let given = self.given_server(environment)?;
        let profile = profile.filter(|profile| {
            // An earlier version stored the URL as it was typed.
            given.as_ref().is_none_or(|url| server_url(&profile.server).as_ref() == Ok(url))
        });
        let Some(url) = given.or_else(|| profile.as_ref().map(|profile| profile.server.clone())) else {
            return Err(no_server());
        };
        let trust = self.trust(environment, profile.as_ref())?;
        Ok(ServerTarget { url, trust, local: None, profile, network: network(environment) })
    }

    fn trust(&self, environment: &Environment, profile: Option<&Profile>) -> Result<Trust, CliError> {
        let Anchor { ca: kept_ca, ca_fingerprint: kept_fingerprint, outside_tls } =
            profile.map(|profile| profile.anchor.clone()).unwrap_or_default();
        let (fingerprint, ca) = (self.fingerprint(environment)?, self.ca_file(environment));
        let fingerprint = fingerprint.or_else(|| kept_fingerprint.filter(|_| ca.is_none()));
        let (ca, outside) = (ca.or(kept_ca), self.anchor.outside_tls || outside_tls);
        match (fingerprint, ca) {
            (Some(fingerprint), _) => Ok(Trust::Fingerprint(fingerprint)),
            (None, file) if outside => Ok(network(environment).trust(&TrustAnchor::Outside(file))?),
            (None, Some(file)) => Ok(Trust::Roots(read_certificates(&file)?)),
            (None, None) => Err(CliError::Usage(String::from(
                "the server cannot be verified: give --ca-fingerprint HEX (the server prints it at startup, and `gatepass ca \
                 fingerprint` prints it there) or --ca FILE",
            ))),
        }
    }

    /// The fingerprint that flags or environment give.
    pub(crate) fn fingerprint(&self, environment: &Environment) -> Result<Option<Fingerprint>, CliError> {
        let of_variable =
            || environment.get("GATEPASS_CA_FINGERPRINT").map(Fingerprint::parse_lenient).transpose();
        match self.anchor.ca_fingerprint {
            Some(flag) => Ok(Some(flag)),
            None => of_variable().map_err(|why| CliError::Usage(format!("GATEPASS_CA_FINGERPRINT: {why}"))),
        }
    }

    /// The root file that flags or environment give.
    pub(crate) fn ca_file(&self, environment: &Environment) -> Option<PathBuf> {
        self.anchor.ca.clone().or_else(|| environment.path("GATEPASS_CA"))
    }

    /// The caller's credential at the server `url`: flags, environment, profile, prompt.
    pub(crate) fn credential(
        &self,
        environment: &Environment,
        profile: Option<&Profile>,
        url: &str,
    ) -> Result<Credential, CliError> {
        if let Some(key) = self.given_key(environment)? {
            return Ok(Credential::Bearer(key));
        }
        let given = self.given_user(environment)?;
        let profile = profile.filter(|profile| given.is_none_or(|user| user == profile.user));
        if let (None, Some(profile)) = (environment.get("GATEPASS_PASSWORD"), profile)
            // An API key is no session of the named user.
            && !(given.is_some() && matches!(profile.kept, KeptCredential::ApiKey { .. }))
            && let Some(kept) = profile.credential()?
        {
            return Ok(kept);
        }
        let user =
            given.or_else(|| profile.map(|profile| profile.user.as_str())).unwrap_or("admin").to_owned();
        let password = Self::password(environment, &user, url)?;
        Ok(Credential::Basic { user, password })
    }

    /// The user: flags, environment, profile. `None` for an API key.
    pub(crate) fn user_name(
        &self,
        environment: &Environment,
        profile: Option<&Profile>,
    ) -> Result<Option<String>, CliError> {
        let (given, key) = (self.given_user(environment)?, self.given_key(environment)?.is_some());
        let kept = profile.filter(|profile| !matches!(profile.kept, KeptCredential::ApiKey { .. }));
        let user = given.or_else(|| kept.filter(|_| !key).map(|profile| profile.user.as_str()));
        Ok(user.map(str::to_owned))
    }

    /// The password of `user` at the server `url`: environment, prompt.
    pub(crate) fn password(
        environment: &Environment,
        user: &str,
        url: &str,
    ) -> Result<Secret<String>, CliError> {
        match environment.get("GATEPASS_PASSWORD") {
            Some(password) => Ok(Secret::new(password.to_owned())),
            None => ask::prompt(
                &format!("password of {user} at {url}: "),
                &format!(
                    "no password of {user} for {url}: set GATEPASS_PASSWORD, or run `gatepass login`. On the server's machine, \
                     --data-dir DIR needs none"
                ),
            ),
        }
    }
}

/// The network of this process.
pub(crate) fn network(environment: &Environment) -> Network {
    Network::from_variables(|name| environment.get(name))
}

/// A server on this machine, at the address of its listener whatever its URL says.
pub(super) fn local_target(local: &Local) -> ServerTarget {
    let (url, trust) = (local.server.url.clone(), local.trust());
    let network = Network::default();
    ServerTarget { url, trust, local: Some(local.address()), profile: None, network }
}

/// The error without a server. The data directory here may be a stopped server's, or another user's.
fn no_server() -> CliError {
    unused_here().unwrap_or_else(|| {
        CliError::Usage(String::from(
            "no server given: give --server URL, --data-dir DIR of a server on this machine, or run `gatepass login`",
        ))
    })
}

/// A variable that names the caller. An empty value is an error of a script, such as a missing file. It must not fall
/// back to another caller, least of all to the local credential.
fn caller_variable<'a>(environment: &'a Environment, name: &str) -> Result<Option<&'a str>, CliError> {
    match environment.is_empty(name) {
        true => Err(CliError::Usage(format!("{name} is set but empty: give it a value, or unset it"))),
        false => Ok(environment.get(name)),
    }
}

/// An API key. Any other text is not sent.
fn api_key(text: &str) -> Result<Secret<String>, CliError> {
    match API_KEY.found_in("GATEPASS_API_KEY", text.as_bytes())? {
        key if key.expose().starts_with(API_KEY_PREFIX) => Ok(key),
        _ => Err(CliError::Usage(String::from(
            "GATEPASS_API_KEY holds no API key: an API key starts with gpk_, as `gatepass api-key create` prints it",
        ))),
    }
}
