//! `gatepass token verify`, without a server.

use std::path::{Path, PathBuf};

use clap::Args;

use super::look::{TokenContent, TokenSource};
use crate::cli::error::CliError;
use crate::cli::output::{Format, line};
use crate::client::ca_file::read_certificates;
use crate::clock::{SystemClock, Timestamp};
use crate::config::Environment;
use crate::id::{CertificateThumbprint, KeyId};
use crate::token::{
    SignedStatusList, Status, VerifyError, VerifyingKeys, status_uri, verify, verify_access, verify_service,
};

/// Check a token against a key set, without a server
///
/// Checks signature, issuer, audience, kind and time; with --status also revocation, as of the list in that file. Only the
/// authority knows the uses of an enrollment token.
#[derive(Args)]
#[command(after_long_help = "Examples:
  curl --cacert root.pem https://gate.example.org:8443/.well-known/jwks.json > jwks.json
  gatepass token verify --jwks jwks.json --issuer https://gate.example.org:8443 --token-file token
  gatepass token verify --jwks jwks.json --audience https://jobs.example.org --status list.jwt --token-file token
  gatepass token verify --jwks jwks.json --audience https://jobs.example.org --certificate host.pem --token-file token

Exit codes: 0 valid; 1 invalid, with the reason; 2 usage")]
pub(crate) struct TokenVerify {
    #[command(flatten)]
    source: TokenSource,
    /// File with the authority's key set, as /.well-known/jwks.json serves it
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// URL of the authority; repeatable. Default: the issuer in the token
    #[arg(long = "issuer", value_name = "URL")]
    issuers: Vec<String>,
    /// Require a service token or access token for the service with this URI; repeatable
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// File with the certificate that an access token has to be bound to, PEM; the first one counts
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// File with the status list that the token names, as the authority serves it
    #[arg(long, value_name = "FILE")]
    status: Option<PathBuf>,
}

impl TokenVerify {
    pub(super) fn run(self, environment: &Environment) -> Result<(), CliError> {
        let keys = read_keys(&self.jwks)?;
        let text = self.source.read(environment)?;
        let now = SystemClock::now();
        let (said, key) = self.judge(text.expose().trim(), &keys, now)?;
        if let Some(path) = &self.status {
            check_status(&said, path, &keys, now)?;
        }
        if self.source.output == Format::Table {
            let status = if self.status.is_some() { "kind, time and status" } else { "kind and time" };
            line(format!("the token is valid: signature, issuer, audience, {status}"))?;
        }
        said.show(self.source.output, key)
    }

    fn judge(
        &self,
        text: &str,
        keys: &VerifyingKeys,
        now: Timestamp,
    ) -> Result<(TokenContent, KeyId), CliError> {
        let (said, _) = TokenContent::unverified(text).map_err(bad)?;
        let validity = said.validity();
        let bad = |error| dated(error, validity, now);
        let issuers = match self.issuers.is_empty() {
            // The key set then proves the issuer: only the authority signs with its keys.
            true => vec![said.issuer().to_owned()],
            false => self.issuers.clone(),
        };
        match (said, self.audiences.as_slice()) {
            (TokenContent::Enrollment(_), []) => {
                let verified = verify(text, keys, &issuers, now).map_err(bad)?;
                Ok((TokenContent::Enrollment((*verified).clone()), verified.signing_key()))
            }
            (TokenContent::Service(_), []) => {
                Err(CliError::Usage("this is a service token: name its service with --audience".to_owned()))
            }
            (TokenContent::Access(_), []) => {
                Err(CliError::Usage("this is an access token: name its service with --audience".to_owned()))
            }
            (TokenContent::Access(_), audiences) => {
                let presented = self.presented()?;
                let verified =
                    verify_access(text, presented, keys, (&issuers, audiences), now).map_err(bad)?;
                Ok((TokenContent::Access((*verified).clone()), verified.signing_key()))
            }
            (_, audiences) => {
                let verified = verify_service(text, keys, &issuers, audiences, now).map_err(bad)?;
                Ok((TokenContent::Service((*verified).clone()), verified.signing_key()))
            }
        }
    }
}

impl TokenVerify {
    /// The certificate that an access token came with.
    fn presented(&self) -> Result<CertificateThumbprint, CliError> {
        let missing =
            "this is an access token: name the file of the certificate that it came with (--certificate)";
        let path = self.certificate.as_deref().ok_or_else(|| CliError::Usage(missing.to_owned()))?;
        let certificates = read_certificates(path)?;
        let first = certificates.first().map(|der| CertificateThumbprint::of(der));
        first.ok_or_else(|| CliError::Usage(format!("{} holds no certificate", path.display())))
    }
}

fn bad(error: VerifyError) -> CliError {
    let hint = match error {
        VerifyError::UnknownKey => "; if the file of --jwks is old, fetch it again first",
        _ => "",
    };
    CliError::Unsound(format!("the token is invalid ({}): {error}{hint}", error.code()))
}

/// The same error, with the token's time and this machine's clock if they do not agree: the clock may be wrong.
fn dated(error: VerifyError, (begins, ends): (Timestamp, Option<Timestamp>), now: Timestamp) -> CliError {
    let when = match (&error, ends) {
        (VerifyError::Expired, Some(at)) => format!("; it expired at {at}"),
        (VerifyError::NotYetValid, _) => format!("; it is valid from {begins}"),
        _ => return bad(error),
    };
    CliError::Unsound(format!("{}{when}, and this machine's clock says {now}", bad(error)))
}

/// Checks the token in the status list at `path`: the token's own list, signed and current.
fn check_status(
    said: &TokenContent,
    path: &Path,
    keys: &VerifyingKeys,
    now: Timestamp,
) -> Result<(), CliError> {
    let Some(status) = said.status() else {
        let why = "an access token has no entry in a status list: leave --status out";
        return Err(CliError::Usage(why.to_owned()));
    };
    let text = read(path)?;
    let refused = |why: String| CliError::Unsound(format!("{}: {why}", path.display()));
    let list = SignedStatusList::verify(text.trim(), &status_uri(said.issuer(), status.list), keys, now)
        .map_err(|error| refused(error.to_string()))?;
    let index = status.index;
    let why = match list.list().get(index) {
        Some(Status::Valid) => return Ok(()),
        Some(Status::Revoked) => "token_revoked): request a new token",
        Some(Status::Suspended) => "token_suspended): ask an administrator of the authority",
        Some(Status::UsedUp) => "token_used): request a new token",
        None => return Err(refused(format!("the list has no entry {index}: fetch it again"))),
    };
    Err(CliError::Unsound(format!("the token is invalid ({why}")))
}

fn read_keys(path: &Path) -> Result<VerifyingKeys, CliError> {
    VerifyingKeys::parse_jwks(&read(path)?)
        .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|source| CliError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
