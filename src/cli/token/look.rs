//! The content of a token, for `token inspect` and `token verify`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::resource::approval_row;
use crate::cli::ask::{self, SecretArg};
use crate::cli::error::CliError;
use crate::cli::output::{self, Format, note};
use crate::client::ClientError;
use crate::clock::Timestamp;
use crate::config::Environment;
use crate::id::{KeyId, StatusRef};
use crate::secret::Secret;
use crate::token::{AccessGrant, Grant, KeyUse, ServiceGrant, UnverifiedToken, VerifyError};

/// Flags for the token's source.
#[derive(Args)]
pub(crate) struct TokenSource {
    /// The token, or - for standard input (better: GATEPASS_TOKEN, or --token-file)
    #[arg(value_parser = SecretArg::accept, conflicts_with = "token_file")]
    token: Option<SecretArg>,
    /// File with the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: Format,
}

impl TokenSource {
    pub(super) fn read(&self, environment: &Environment) -> Result<Secret<String>, CliError> {
        ask::token(self.token.as_ref(), self.token_file.as_deref(), environment)
    }
}

/// Prints the claims of a token, without any check.
pub(super) fn inspect(source: &TokenSource, environment: &Environment) -> Result<(), CliError> {
    let text = source.read(environment)?;
    let (said, key) = TokenContent::unverified(text.expose().trim()).map_err(ClientError::Token)?;
    note("not verified: anyone can write such a token; `gatepass token verify` checks it");
    said.show(source.output, key)
}

/// The content of a token of any kind.
pub(super) enum TokenContent {
    /// An enrollment token.
    Enrollment(Grant),
    /// A service token.
    Service(ServiceGrant),
    /// An access token.
    Access(AccessGrant),
}

impl TokenContent {
    /// The **unverified** content of `text`, and its key id.
    pub(super) fn unverified(text: &str) -> Result<(Self, KeyId), VerifyError> {
        let token = UnverifiedToken::parse(text)?;
        let content = match token.usage() {
            KeyUse::Service => Self::Service(token.unverified_service_grant()?),
            KeyUse::Access => Self::Access(token.unverified_access_grant()?),
            KeyUse::Enrollment | KeyUse::StatusList => Self::Enrollment(token.unverified_grant()?),
        };
        Ok((content, token.signing_key()))
    }

    /// The URL of the authority.
    pub(super) fn issuer(&self) -> &str {
        match self {
            Self::Enrollment(grant) => &grant.token.issuer,
            Self::Service(grant) => &grant.token.issuer,
            Self::Access(grant) => &grant.issuer,
        }
    }

    /// The beginning and the end of its validity.
    pub(super) const fn validity(&self) -> (Timestamp, Option<Timestamp>) {
        match self {
            Self::Enrollment(grant) => (grant.not_before, grant.terms.expires_at),
            Self::Service(grant) => (grant.not_before, Some(grant.expires_at)),
            Self::Access(grant) => (grant.issued_at, Some(grant.expires_at)),
        }
    }

    /// The reference to its status list. An access token has none.
    pub(super) const fn status(&self) -> Option<StatusRef> {
        match self {
            Self::Enrollment(grant) => Some(grant.token.status),
            Self::Service(grant) => Some(grant.token.status),
            Self::Access(_) => None,
        }
    }

    /// Prints the content.
    pub(super) fn show(&self, format: Format, key: KeyId) -> Result<(), CliError> {
        match self {
            Self::Enrollment(grant) => {
                let content = enrollment(grant, key);
                let rows = ENROLLMENT.into_iter().chain(approval_row(&content)).collect::<Vec<_>>();
                output::one(format, &content, &rows)
            }
            Self::Service(grant) => output::one(format, &service(grant, key), &SERVICE),
            Self::Access(grant) => output::one(format, &access(grant, key), &ACCESS),
        }
    }
}

const ENROLLMENT: [(&str, &str); 14] = [
    ("id", "token_id"),
    ("issuer", "issuer"),
    ("roles", "roles"),
    ("persistent", "persistent"),
    ("issued", "issued_at"),
    ("expires", "expires_at?never"),
    ("uses", "max_uses?unlimited"),
    ("DNS names", "dns_names"),
    ("cluster", "cluster"),
    ("host", "host"),
    ("only key", "key_thumbprint"),
    ("root", "ca_fingerprint"),
    ("signed by", "kid"),
    ("status", "status"),
];

const SERVICE: [(&str, &str); 8] = [
    ("id", "token_id"),
    ("issuer", "issuer"),
    ("audience", "audience"),
    ("roles", "roles"),
    ("issued", "issued_at"),
    ("expires", "expires_at"),
    ("signed by", "kid"),
    ("status", "status"),
];

const ACCESS: [(&str, &str); 8] = [
    ("id", "token_id"),
    ("issuer", "issuer"),
    ("audience", "audience"),
    ("host", "host"),
    ("roles", "roles"),
    ("expires", "expires_at"),
    ("signed by", "kid"),
    ("certificate", "certificate"),
];

fn enrollment(grant: &Grant, key: KeyId) -> Value {
    json!({
        "token_id": grant.token.id, "issuer": grant.token.issuer, "roles": grant.terms.roles, "persistent": grant.terms.persistent,
        "issued_at": grant.issued_at, "not_before": grant.not_before, "expires_at": grant.terms.expires_at,
        "max_uses": grant.terms.max_uses, "dns_names": grant.terms.bindings.dns_names, "cluster": grant.terms.bindings.cluster,
        "host": grant.terms.bindings.host, "key_thumbprint": grant.terms.host_key, "ca_fingerprint": grant.root,
        "policy": grant.terms.policy, "approval": grant.terms.approval, "kid": key, "status": place(grant.token.status),
    })
}

fn service(grant: &ServiceGrant, key: KeyId) -> Value {
    json!({
        "token_id": grant.token.id, "issuer": grant.token.issuer, "audience": grant.audience, "roles": grant.roles,
        "issued_at": grant.issued_at, "not_before": grant.not_before, "expires_at": grant.expires_at, "kid": key,
        "status": place(grant.token.status),
    })
}

fn access(grant: &AccessGrant, key: KeyId) -> Value {
    json!({
        "token_id": grant.id, "issuer": grant.issuer, "audience": grant.audience, "host": grant.host, "roles": grant.roles,
        "issued_at": grant.issued_at, "expires_at": grant.expires_at, "kid": key, "certificate": grant.certificate,
    })
}

fn place(status: StatusRef) -> String {
    format!("list {} index {}", status.list, status.index)
}
