//! Trading a token for an identity: the host's side of redeeming.

use std::path::PathBuf;

use http::HeaderValue;
use serde_json::json;

use super::api::given;
use super::authority::{parse_fingerprint, trust};
use super::directory::{CertDir, KeyAttempt, Purpose, load, load_identity, load_key};
use super::error::ClientError;
use super::first_use::Fresh;
use super::host::{HostFile, ThisHost, TrustAnchor};
use super::key::HostKey;
use super::servers::{Question, ServerAnswer, Servers, same_server};
use crate::clock::Timestamp;
use crate::connect::Connector;
use crate::id::{Fingerprint, TokenId};
use crate::name::{Cluster, DnsName};
use crate::secret::Secret;
use crate::token::UnverifiedToken;
use crate::wire::EnrollAnswer;

/// Default directory of a host's identity.
pub const CERT_DIR: &str = "/etc/gatepass";

/// The flags of an enrollment.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Enroll {
    /// URL of the server for this host, which it keeps besides the authority's own; another URL than the token's needs a
    /// pinned root
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// SHA-256 fingerprint of the root; must be the one in the token, if that has one
    #[arg(long = "ca-fingerprint", value_name = "HEX", value_parser = parse_fingerprint)]
    pub fingerprint: Option<Fingerprint>,
    /// Certificates to verify the server with, if its TLS certificate is external
    #[arg(long = "ca", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Directory for the identity
    #[arg(long, value_name = "DIR", default_value = CERT_DIR)]
    pub cert_dir: PathBuf,
    /// Cluster of this host
    #[arg(long, value_name = "ID", value_parser = Cluster::parse)]
    pub cluster: Option<Cluster>,
    /// DNS name for this host; the token must allow it
    #[arg(long, value_name = "NAME", value_parser = DnsName::parse)]
    pub name: Option<DnsName>,
    /// Replace a live identity
    #[arg(long)]
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
    servers: Servers,
    trust: TrustAnchor,
}

/// Enrolls this host and presents its certificate to the server. After a failure, another call continues with the same key.
///
/// # Errors
/// If token and flags disagree, the directory cannot hold the identity, or the server refuses. The request is sent only
/// after the disk space is reserved.
pub async fn enroll(
    ask: &Enroll,
    token: &Secret<String>,
    now: Timestamp,
) -> Result<EnrollResult, ClientError> {
    let plan = plan(ask, token)?;
    let dir = CertDir::open(&ask.cert_dir)?;
    let attempt = match prepare(&dir, &plan, ask.replace, now)? {
        Prepared::Already(host) => return Ok(EnrollResult::Already(host)),
        Prepared::Begun(attempt) => attempt,
    };
    let request = request(ask, token, attempt.key())?;
    let connect = |url: &str| Ok(Connector::new(url, trust(&plan.trust)?, None)?);
    let answer = plan.servers.ask(connect, &request).await?;
    let host = finish(attempt, &plan, &answer)?;
    drop(dir);
    Ok(EnrollResult::Now(Fresh::show(host, None, &ThisHost::at(&ask.cert_dir), now).await))
}

fn plan(ask: &Enroll, token: &Secret<String>) -> Result<Plan, ClientError> {
    let grant = UnverifiedToken::parse(token.expose().trim())?.unverified_grant()?;
    let trust = match (ask.fingerprint, grant.root, &ask.ca_file) {
        (Some(given), Some(token), _) if given != token => {
            return Err(ClientError::OtherRoot { given, token });
        }
        (Some(pinned), ..) | (None, Some(pinned), _) => TrustAnchor::Pinned(pinned),
        (None, None, file) => TrustAnchor::Outside(file.clone()),
    };
    let servers = servers(ask, grant.token.issuer, &trust)?;
    Ok(Plan { token_id: grant.token.id, servers, trust })
}

/// The addresses to try: the token's, and one of this host's own. Without a pin any server with a certificate for its name
/// could take the token, so that then only the token's address is asked.
fn servers(ask: &Enroll, issuer: String, trust: &TrustAnchor) -> Result<Servers, ClientError> {
    let given = ask.server.as_deref().map(|url| url.trim_end_matches('/'));
    match (given, trust) {
        (Some(given), TrustAnchor::Outside(_)) if !same_server(given, &issuer) => {
            Err(ClientError::UnpinnedServer { given: given.to_owned(), token: issuer })
        }
        _ => {
            let beside_ca = ask.ca_file.as_ref().map(|_| issuer.clone());
            Ok(Servers::new(issuer).with_own(given.or(beside_ca.as_deref())))
        }
    }
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
    let enrolled = match load(dir.path()) {
        Err(ClientError::Damaged { .. }) if replace => None,
        enrolled => enrolled?,
    };
    // A damaged identity is not one to keep.
    let whole = !replace || load_identity(dir.path()).is_ok();
    match enrolled {
        Some(host) if host.token_id == plan.token_id && host.is_live(now) && whole => {
            return Ok(Prepared::Already(host));
        }
        Some(host) if host.is_live(now) && !replace => {
            let (dir, host, token) = (dir.path().to_owned(), host.host_id, host.token_id);
            return Err(ClientError::LiveIdentity { dir, host, token });
        }
        // The same token with the same key keeps the host's id and takes no use.
        Some(host) if host.token_id == plan.token_id && whole => key = load_key(dir.path())?,
        Some(_) | None => {}
    }
    let attempt = dir.begin(&Purpose::Enroll(plan.token_id), key)?;
    attempt.reserve()?;
    Ok(Prepared::Begun(attempt))
}

/// The request that redeems the token.
fn request(ask: &Enroll, token: &Secret<String>, key: &HostKey) -> Result<Question<'static>, ClientError> {
    let body = given(json!({ "csr": key.request()?, "name": ask.name, "cluster": ask.cluster }));
    let bearer = Secret::new(format!("Bearer {}", token.expose().trim()));
    let mut bearer = HeaderValue::from_str(bearer.expose()).map_err(|_| {
        ClientError::Token(crate::token::VerifyError::Malformed { why: "it holds control characters" })
    })?;
    bearer.set_sensitive(true);
    let mut request = Question::post("/api/v1/bootstrap", body);
    request.headers.push((http::header::AUTHORIZATION, bearer));
    Ok(request)
}

fn finish(
    attempt: KeyAttempt<'_>,
    plan: &Plan,
    answered: &ServerAnswer<EnrollAnswer>,
) -> Result<HostFile, ClientError> {
    let ServerAnswer { url, body: answer, .. } = answered;
    let pinned = match plan.trust {
        TrustAnchor::Pinned(fingerprint) => Some(fingerprint),
        TrustAnchor::Outside(_) => None,
    };
    let host = HostFile {
        servers: plan.servers.after(url, answer.host.server_url.as_deref(), true),
        host_id: answer.host.host_id,
        certified: answer.host.certified.clone(),
        fingerprint: attempt.key().check(answer, pinned)?,
        trust: plan.trust.clone(),
        token_id: plan.token_id,
        life: answer.host.life,
    };
    attempt.complete(answer, &host)?;
    Ok(host)
}

#[cfg(test)]
mod tests;
