//! Trading a token for an identity: the host's side of redeeming.

use std::path::PathBuf;

use http::HeaderValue;
use serde_json::json;

use super::authority::{exchange, trust};
use super::directory::{CertDir, KeyAttempt, Purpose, load, load_key};
use super::error::ClientError;
use super::first_use::Fresh;
use super::host::{HostFile, TrustAnchor};
use super::key::HostKey;
use crate::clock::Timestamp;
use crate::connect::Connector;
use crate::id::{Fingerprint, TokenId};
use crate::name::{Cluster, DnsName};
use crate::secret::Secret;
use crate::token::UnverifiedToken;
use crate::wire::EnrollAnswer;

/// An enrollment.
pub struct Enroll {
    /// The enrollment token.
    pub token: Secret<String>,
    /// URL of the server, unless the token's is used.
    pub server: Option<String>,
    /// Fingerprint of the root, unless the token's is used.
    pub fingerprint: Option<Fingerprint>,
    /// File of certificates for a server with an external TLS certificate.
    pub ca_file: Option<PathBuf>,
    /// Directory for the identity.
    pub cert_dir: PathBuf,
    /// Cluster of this host.
    pub cluster: Option<Cluster>,
    /// DNS name for this host.
    pub name: Option<DnsName>,
    /// Allows replacing a live identity of another token.
    pub replace: bool,
}

/// The result of enrolling.
#[derive(Debug)]
pub enum EnrollResult {
    /// This host has a new identity.
    Now(Fresh),
    /// This host had an identity of this token.
    Already(HostFile),
}

/// The checked parameters, before the request.
struct Plan {
    token_id: TokenId,
    server: String,
    trust: TrustAnchor,
}

/// Enrolls this host and presents its certificate to the server. After a failure, another call continues with the same key.
///
/// # Errors
/// If token and flags disagree, the directory cannot hold the identity, or the server refuses. The request is sent only
/// after the disk space is reserved.
pub async fn enroll(ask: &Enroll, now: Timestamp) -> Result<EnrollResult, ClientError> {
    let plan = plan(ask)?;
    let dir = CertDir::open(&ask.cert_dir)?;
    let attempt = match prepare(&dir, &plan, ask.replace, now)? {
        Prepared::Already(host) => return Ok(EnrollResult::Already(host)),
        Prepared::Begun(attempt) => attempt,
    };
    let connector = Connector::new(&plan.server, trust(&plan.trust)?, None)?;
    let answer = redeem(&connector, ask, attempt.key()).await?;
    let host = finish(attempt, &plan, &answer)?;
    drop(dir);
    Ok(EnrollResult::Now(Fresh::show(host, &ask.cert_dir, now).await))
}

fn plan(ask: &Enroll) -> Result<Plan, ClientError> {
    let grant = UnverifiedToken::parse(ask.token.expose().trim())?.unverified_grant()?;
    let server = match ask.server.as_deref().map(|url| url.trim_end_matches('/')) {
        Some(given) if !same_server(given, &grant.token.issuer) => {
            return Err(ClientError::OtherServer { given: given.to_owned(), token: grant.token.issuer });
        }
        _ => grant.token.issuer,
    };
    let trust = match (ask.fingerprint, grant.root, &ask.ca_file) {
        (Some(given), Some(token), _) if given != token => {
            return Err(ClientError::OtherRoot { given, token });
        }
        (Some(pinned), ..) | (None, Some(pinned), _) => TrustAnchor::Pinned(pinned),
        (None, None, file) => TrustAnchor::Outside(file.clone()),
    };
    Ok(Plan { token_id: grant.token.id, server, trust })
}

/// Hosts and schemes are compared without case. The default port is 443.
fn same_server(one: &str, other: &str) -> bool {
    let plain = |url: &str| url.to_ascii_lowercase().trim_end_matches(":443").to_owned();
    plain(one) == plain(other)
}

enum Prepared<'a> {
    Already(HostFile),
    Begun(KeyAttempt<'a>),
}

/// Every step before the request.
fn prepare<'a>(
    dir: &'a CertDir,
    plan: &Plan,
    replace: bool,
    now: Timestamp,
) -> Result<Prepared<'a>, ClientError> {
    let mut key = None;
    match load(dir.path())? {
        Some(host) if host.token_id == plan.token_id && host.is_live(now) => {
            return Ok(Prepared::Already(host));
        }
        Some(host) if host.is_live(now) && !replace => {
            let (dir, host, token) = (dir.path().to_owned(), host.host_id, host.token_id);
            return Err(ClientError::LiveIdentity { dir, host, token });
        }
        // The same token with the same key keeps the host's id and takes no use.
        Some(host) if host.token_id == plan.token_id => key = load_key(dir.path())?,
        Some(_) | None => {}
    }
    let attempt = dir.begin(&Purpose::Enroll(plan.token_id), key)?;
    attempt.reserve()?;
    Ok(Prepared::Begun(attempt))
}

async fn redeem(connector: &Connector, ask: &Enroll, key: &HostKey) -> Result<EnrollAnswer, ClientError> {
    let mut body = json!({ "csr": key.request()? });
    if let Some(name) = &ask.name {
        body["name"] = json!(name);
    }
    if let Some(cluster) = &ask.cluster {
        body["cluster"] = json!(cluster);
    }
    let bearer = Secret::new(format!("Bearer {}", ask.token.expose().trim()));
    let mut bearer = HeaderValue::from_str(bearer.expose()).map_err(|_| {
        ClientError::Token(crate::token::VerifyError::Malformed { why: "it holds control characters" })
    })?;
    bearer.set_sensitive(true);
    exchange(connector, "/api/v1/bootstrap", &[(http::header::AUTHORIZATION, bearer)], &body).await
}

fn finish(attempt: KeyAttempt<'_>, plan: &Plan, answer: &EnrollAnswer) -> Result<HostFile, ClientError> {
    let pinned = match plan.trust {
        TrustAnchor::Pinned(fingerprint) => Some(fingerprint),
        TrustAnchor::Outside(_) => None,
    };
    let host = HostFile {
        server: plan.server.clone(),
        host_id: answer.host_id,
        certified: answer.certified.clone(),
        fingerprint: attempt.key().check(answer, pinned)?,
        trust: plan.trust.clone(),
        token_id: plan.token_id,
        life: answer.life,
    };
    attempt.complete(answer, &host)?;
    Ok(host)
}

#[cfg(test)]
mod tests;
