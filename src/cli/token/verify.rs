//! `gatepass token inspect` and `gatepass token verify`: no server needed.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::ask::{self, SecretArg};
use crate::cli::error::CliError;
use crate::cli::output::{self, Format, line, note};
use crate::client::ClientError;
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::id::KeyId;
use crate::token::{Grant, UnverifiedToken, VerifyingKeys, verify};

/// Where the token comes from.
#[derive(Args)]
struct Source {
    /// The token, or - for standard input (better: GATEPASS_TOKEN, or --token-file)
    #[arg(value_parser = SecretArg::accept, conflicts_with = "token_file")]
    token: Option<SecretArg>,
    /// File with the token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How to print the result
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Source {
    fn read(&self, environment: &Environment) -> Result<crate::secret::Secret<String>, CliError> {
        ask::token(self.token.as_ref(), self.token_file.as_deref(), environment)
    }
}

/// Show what a token says, without checking anything
#[derive(Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    source: Source,
}

impl Inspect {
    pub(super) fn run(self, environment: &Environment) -> Result<(), CliError> {
        let text = self.source.read(environment)?;
        let token = UnverifiedToken::parse(text.expose().trim()).map_err(ClientError::Token)?;
        let grant = token.unverified_grant().map_err(ClientError::Token)?;
        note("not checked: anyone can write a token that says this; `gatepass token verify` checks it");
        show(self.source.output, &grant, token.key_id())
    }
}

/// Check a token against a key set, without a server
///
/// Signature, issuer, audience, kind and time are checked. Whether it was used or revoked only the authority knows.
#[derive(Args)]
#[command(after_long_help = "Examples:
  curl --cacert root.pem https://gate.example.org:8443/.well-known/jwks.json > jwks.json
  gatepass token verify --jwks jwks.json --issuer https://gate.example.org:8443 --token-file token

Exit codes: 0 good; 1 not good, with the reason; 2 usage")]
pub(crate) struct Verify {
    #[command(flatten)]
    source: Source,
    /// File with the authority's key set, as /.well-known/jwks.json serves it
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// URL of the authority; may be repeated. Default: whatever the token names
    #[arg(long = "issuer", value_name = "URL")]
    issuers: Vec<String>,
}

impl Verify {
    pub(super) fn run(self, environment: &Environment) -> Result<(), CliError> {
        let keys = read_keys(&self.jwks)?;
        let text = self.source.read(environment)?;
        let text = text.expose().trim();
        let bad = |error: crate::token::VerifyError| {
            CliError::Unsound(format!("the token is not good ({}): {error}", error.code()))
        };
        let issuers = match self.issuers.is_empty() {
            // The key set vouches for the issuer then: nobody else can sign with its keys.
            true => vec![
                UnverifiedToken::parse(text).and_then(|token| token.unverified_grant()).map_err(bad)?.issuer,
            ],
            false => self.issuers,
        };
        let verified = verify(text, &keys, &issuers, SystemClock::now()).map_err(bad)?;
        if self.source.output == Format::Table {
            line("the token is good: signature, issuer, audience, kind and time")?;
        }
        show(self.source.output, &verified, verified.key_id())
    }
}

fn read_keys(path: &Path) -> Result<VerifyingKeys, CliError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    VerifyingKeys::parse_jwks(&text).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

fn show(format: Format, grant: &Grant, key: KeyId) -> Result<(), CliError> {
    let rows = [
        ("id", "token_id"),
        ("issuer", "issuer"),
        ("roles", "roles"),
        ("persistent", "persistent"),
        ("issued", "issued_at"),
        ("expires", "expires_at"),
        ("uses", "max_uses"),
        ("names", "dns_names"),
        ("cluster", "cluster"),
        ("host", "host"),
        ("only key", "key_thumbprint"),
        ("root", "ca_fingerprint"),
        ("signed by", "kid"),
        ("status", "status"),
    ];
    output::one(format, &value(grant, key), &rows)
}

fn value(grant: &Grant, key: KeyId) -> Value {
    json!({
        "token_id": grant.token, "issuer": grant.issuer, "roles": grant.roles, "persistent": grant.persistent,
        "issued_at": grant.issued_at, "not_before": grant.not_before, "expires_at": grant.expires_at,
        "max_uses": grant.max_uses, "dns_names": grant.bindings.dns_names, "cluster": grant.bindings.cluster,
        "host": grant.bindings.host, "key_thumbprint": grant.key, "ca_fingerprint": grant.root,
        "policy": grant.policy, "kid": key,
        "status": format!("list {} index {}", grant.status.list, grant.status.index),
    })
}
