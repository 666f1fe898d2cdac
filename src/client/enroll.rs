//! Trading a token for an identity (DESIGN: redeeming, the host's side).

use std::path::PathBuf;

use http::HeaderValue;
use serde_json::json;

use super::authority::{exchange, trust};
use super::directory::{CertDir, KeyAttempt, Purpose, load, load_key};
use super::error::ClientError;
use super::first_use::Fresh;
use super::host::{EnrollAnswer, HostFile, TrustAnchor};
use super::key::HostKey;
use crate::clock::Timestamp;
use crate::connect::Connector;
use crate::id::{Fingerprint, TokenId};
use crate::name::{Cluster, DnsName};
use crate::secret::Secret;
use crate::token::UnverifiedToken;

/// What the installer asks for.
pub struct Enroll {
    /// The token.
    pub token: Secret<String>,
    /// The server, where it is not taken from the token.
    pub server: Option<String>,
    /// The root's fingerprint, where it is not taken from the token.
    pub fingerprint: Option<Fingerprint>,
    /// A file of certificates to judge the server by, where its certificate is not the authority's own.
    pub ca_file: Option<PathBuf>,
    /// Where the identity goes.
    pub cert_dir: PathBuf,
    /// The cluster this host is in.
    pub cluster: Option<Cluster>,
    /// The DNS name this host wants.
    pub name: Option<DnsName>,
    /// Whether a live identity of another token may be replaced.
    pub replace: bool,
}

/// How enrolling ended well.
#[derive(Debug)]
pub enum EnrollResult {
    /// This host has an identity now.
    Now(Fresh),
    /// It had it already, by this token.
    Already(HostFile),
}

/// What is known before anything is sent.
struct Plan {
    token_id: TokenId,
    server: String,
    trust: TrustAnchor,
}

/// Enrolls this host and shows the server its certificate. Run again after any failure, it goes on where it stopped, with the same key.
///
/// # Errors
/// If token and flags disagree, the directory cannot hold the identity, or the server refuses. Until the directory has
/// proved that it has room, nothing is sent.
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

/// Hosts and schemes are compared without case, and 443 is the port of a URL that names none.
fn same_server(one: &str, other: &str) -> bool {
    let plain = |url: &str| url.to_ascii_lowercase().trim_end_matches(":443").to_owned();
    plain(one) == plain(other)
}

enum Prepared<'a> {
    Already(HostFile),
    Begun(KeyAttempt<'a>),
}

/// Everything up to the moment before the first byte is sent.
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
        roles: answer.roles.clone(),
        name: answer.name.clone(),
        fingerprint: attempt.key().check(answer, pinned)?,
        trust: plan.trust.clone(),
        token_id: plan.token_id,
        expires_at: answer.expires_at,
        renew_after: answer.renew_after,
    };
    attempt.complete(answer, &host)?;
    Ok(host)
}

#[cfg(test)]
mod tests;
