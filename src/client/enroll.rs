//! Trading a token for an identity: the host's side of redeeming.

mod needed;
mod opaque_key;
mod plan;
mod waiting;

use std::path::PathBuf;

use http::HeaderValue;
use serde_json::json;

use self::opaque_key::{RedeemAnswer, expect_key};
use self::plan::{Plan, plan};
use super::api::given;
use super::directory::{CertDir, KeyAttempt, KeyReaders, Purpose, load, load_identity, load_key};
use super::error::ClientError;
use super::first_use::Fresh;
use super::host::{HostFile, ThisHost, TrustAnchor, absolute};
use super::key::HostKey;
use super::network::Network;
use super::renewal::note;
use super::replace::{Handover, OldIdentity, refuses_old};
use super::report::ReportFlags;
use super::servers::{Question, ServerAnswer};
use super::whole_file::PrivateFile;
use crate::clock::Timestamp;
use crate::connect::server_url;
use crate::id::{Fingerprint, HostId, Thumbprint};
use crate::name::{Cluster, DnsName};
use crate::secret::Secret;
use crate::text::printable;
use crate::token::{UnprovenApiKey, UnverifiedToken};

pub use crate::wire::WaitAnswer;

pub use self::needed::{Held, keep};
pub use self::waiting::{EnrollRetry, Patience, can_enroll_later, enroll_within};

/// Default directory of a host's identity.
pub const CERT_DIR: &str = "/etc/gatepass";

/// The flags of an enrollment.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Enroll {
    /// URL of the server for this host, which it keeps besides the authority's own; another URL than the token's needs a
    /// pinned root
    #[arg(long, value_name = "URL", value_parser = server_url)]
    pub server: Option<String>,
    /// SHA-256 fingerprint of the root; must be the one in the token, if that has one
    #[arg(long = "ca-fingerprint", value_name = "HEX", value_parser = Fingerprint::parse_lenient)]
    pub fingerprint: Option<Fingerprint>,
    /// Certificates to verify the server with, if its TLS certificate is external
    #[arg(long = "ca", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Directory for the identity
    #[arg(long, value_name = "DIR", default_value = CERT_DIR, value_parser = absolute())]
    pub cert_dir: PathBuf,
    /// Cluster of this host
    #[arg(long, value_name = "ID", value_parser = Cluster::parse)]
    pub cluster: Option<Cluster>,
    /// DNS name for this host; the token must allow it
    #[arg(long, value_name = "NAME", value_parser = DnsName::parse_lenient)]
    pub name: Option<DnsName>,
    /// File for an opaque key beside the certificate, for programs that cannot present one; the policy of the token must
    /// allow it
    #[arg(long, value_name = "FILE")]
    pub api_key_out: Option<PathBuf>,
    /// The users that may read the key.
    #[command(flatten)]
    pub readers: KeyReaders,
    /// Replace a live identity: one act enrolls this machine with a new key and revokes the old host. The name stays, if
    /// the token allows it
    #[arg(long)]
    pub replace: bool,
    /// Enroll only without an identity or with an expired one; keep one that works, and renew it if that is due. For each start
    /// of a machine or container. An expired identity keeps its key, so that a revoked host stays out
    #[arg(long, conflicts_with = "replace")]
    pub if_needed: bool,
    /// The report about this host
    #[command(flatten)]
    pub report: ReportFlags,
    /// Proxies and roots of this machine.
    #[arg(skip)]
    pub network: Network,
}

/// The result of enrolling.
#[derive(Debug)]
pub enum EnrollResult {
    /// This host has a new identity.
    Now(Fresh),
    /// This host had an identity of this token.
    Already(Fresh),
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
    let this = ThisHost { network: ask.network.clone(), ..ThisHost::at(&ask.cert_dir) };
    let replace = ask.replace || plan.re_enrolls(&dir);
    let attempt = match prepare(&dir, &plan, (replace, ask.if_needed), now)? {
        Prepared::Already(host) => {
            dir.share(&ask.readers)?;
            drop(dir);
            expect_key(ask.api_key_out.as_deref(), host.host_id)?;
            return Ok(EnrollResult::Already(Fresh::again(host, &this, now).await));
        }
        Prepared::Begun(attempt) => attempt,
    };
    attempt.reserve(&ask.readers)?;
    let key_file = ask.api_key_out.as_deref().map(PrivateFile::new).transpose()?;
    let host = held_host(&dir).filter(|_| plan.bound_to.is_some() || keeps_key(&dir, attempt.key()));
    let redemption = Redemption { ask, token, plan: &plan, host, key: attempt.key() };
    // A re-enrolled host keeps its id: there is no other one to revoke.
    let old = OldIdentity::find(&dir, now).filter(|_| ask.replace && plan.bound_to.is_none());
    let redeemed = match &old {
        Some(old) => redemption.replacing(old).await,
        None => redemption.send(None).await.map(|answer| (answer, None)),
    };
    let (answer, replaced) = match redeemed {
        Ok(redeemed) => redeemed,
        Err(error) => {
            if error.code() == Some("enrollment_denied") {
                attempt.discard()?;
            }
            return Err(plan.dated(error, now));
        }
    };
    answer.body.keep_key(key_file.as_ref())?;
    let host = finish(attempt, &plan, &answer)?;
    drop(old);
    drop(dir);
    note(&this, |record| record.report = ask.report.report());
    let fresh = Fresh::show(host, None, &this, now).await;
    expect_key(ask.api_key_out.as_deref(), fresh.host.host_id)?;
    Ok(EnrollResult::Now(Fresh { replaced, ..fresh }))
}

/// Returns the expired host of the directory if this token makes a second host instead of bringing that one back.
pub fn left_behind(ask: &Enroll, token: &Secret<String>, now: Timestamp) -> Option<HostId> {
    let grant = UnverifiedToken::parse(token.expose().trim()).ok()?.unverified_grant().ok()?;
    let host = load(&ask.cert_dir).ok()??;
    let is_plain = grant.terms.bindings.host.is_none() && grant.token.id != host.token_id;
    (is_plain && !ask.replace && !host.is_live(now)).then_some(host.host_id)
}

/// Makes the key that the next enrollment into the directory uses, unless one waits already. Returns its thumbprint, for which
/// a token can be minted.
///
/// # Errors
/// If the directory cannot hold the key.
pub fn prepare_key(ask: &Enroll) -> Result<Thumbprint, ClientError> {
    let dir = CertDir::open(&ask.cert_dir)?;
    dir.prepare_key()
}

/// Returns true if `key` is that of the identity in `dir`. A host that has renewed is known to its token by its id and this key.
fn keeps_key(dir: &CertDir, key: &HostKey) -> bool {
    load_key(dir.path()).is_ok_and(|used| used.is_some_and(|used| used.hash() == key.hash()))
}

/// The host of the identity in `dir`.
fn held_host(dir: &CertDir) -> Option<HostId> {
    Some(load(dir.path()).ok()??.host_id)
}

enum Prepared<'a> {
    Already(HostFile),
    Begun(KeyAttempt<'a>),
}

/// Every step before the request.
fn prepare<'a>(
    dir: &'a CertDir,
    plan: &Plan,
    (replace, keeps_key): (bool, bool),
    now: Timestamp,
) -> Result<Prepared<'a>, ClientError> {
    let enrolled = match load(dir.path()) {
        Err(ClientError::Damaged { .. }) if replace => None,
        enrolled => enrolled?,
    };
    // A damaged identity is not one to keep.
    let usable = load_identity(dir.path());
    let key = match enrolled {
        Some(host) if host.token_id == plan.token_id && host.is_live(now) && usable.is_ok() => {
            return Ok(Prepared::Already(host));
        }
        Some(host) if host.is_live(now) && !replace => {
            if host.token_id == plan.token_id {
                usable?;
            }
            let (dir, host, token) = (dir.path().to_owned(), host.host_id, host.token_id);
            return Err(ClientError::LiveIdentity { dir, host, token });
        }
        // The same token with the same key keeps the host's id and takes no use.
        Some(host) if host.token_id == plan.token_id && usable.is_ok() => load_key(dir.path())?,
        // Another token admits a new host, but not with the key of a revoked one.
        Some(_) if keeps_key && plan.takes_any_key() && usable.is_ok() => load_key(dir.path())?,
        Some(_) | None => dir.prepared(plan.host_key)?,
    };
    // A new key would take the place of the one that waits for its own token.
    if plan.host_key.is_some() && key.is_none() {
        return Err(ClientError::OtherKey(dir.path().to_owned()));
    }
    dir.begin(&Purpose::Enroll(plan.token_id), key).map(Prepared::Begun)
}

/// The redemption of the token with the new key.
struct Redemption<'a> {
    ask: &'a Enroll,
    token: &'a Secret<String>,
    plan: &'a Plan,
    /// The host of the identity in the directory, for a token that re-enrolls one, or with its key.
    host: Option<HostId>,
    key: &'a HostKey,
}

impl Redemption<'_> {
    /// Sends the token with the old identity, which the server revokes. If it refuses the old one, the token is sent alone.
    async fn replacing(
        &self,
        old: &OldIdentity<'_>,
    ) -> Result<(ServerAnswer<RedeemAnswer>, Option<Handover>), ClientError> {
        if !self.plan.leads_to_authority_of(old.host()) {
            let why = format!("it is of another authority, at {}", old.host().servers.server);
            return Ok((self.send(None).await?, Some(old.left(why))));
        }
        match self.send(Some(old)).await {
            Ok(answer) => Ok((answer, Some(old.revoked()))),
            Err(error) if refuses_old(&error) => {
                Ok((self.send(None).await?, Some(old.left(error.to_string()))))
            }
            Err(error) => Err(error),
        }
    }

    async fn send(&self, old: Option<&OldIdentity<'_>>) -> Result<ServerAnswer<RedeemAnswer>, ClientError> {
        let (request, network) = (self.request(old)?, &self.ask.network);
        let connect = |url: &str| {
            let identity = old.map(OldIdentity::identity).transpose()?;
            let trust = network.trust(&self.plan.trust.at(&self.ask.cert_dir))?;
            network.connect(url, trust, identity)
        };
        self.plan.servers.ask(connect, &request).await.map_err(|error| self.judged(error))
    }

    /// The same error, unless an enrollment waits with another key's code. A person must not approve that one for this host.
    fn judged(&self, error: ClientError) -> ClientError {
        let ClientError::Waiting { enrollment, .. } = &error else { return error };
        match self.key.thumbprint().map(|thumbprint| thumbprint.code()) {
            Ok(own) if own == enrollment.code => error,
            Ok(own) => {
                let (id, code) = (enrollment.enrollment_id, printable(&enrollment.code));
                let what = format!(
                    "enrollment {id} has the code {code}, and this host has {own}: nobody may approve it"
                );
                ClientError::Answer { what }
            }
            Err(error) => error,
        }
    }

    fn request(&self, old: Option<&OldIdentity<'_>>) -> Result<Question<'static>, ClientError> {
        let name = self.ask.name.clone().or_else(|| old?.name(&self.plan.names));
        let replace = old.map(|_| true);
        let credential = self.ask.api_key_out.as_ref().map(|_| "api_key");
        let body = json!({ "csr": self.key.request()?, "name": name, "cluster": self.ask.cluster, "host_id": self.host, "replace": replace, "credential": credential });
        let token = self.token.expose().trim();
        let scheme = if UnprovenApiKey::parse(token).is_some() { "ApiKey" } else { "Bearer" };
        let bearer = Secret::new(format!("{scheme} {token}"));
        let mut bearer = HeaderValue::from_str(bearer.expose()).map_err(|_| {
            ClientError::Token(crate::token::VerifyError::Malformed { why: "it holds control characters" })
        })?;
        bearer.set_sensitive(true);
        let mut request = Question::post("/api/v1/bootstrap", given(body));
        request.headers.push((http::header::AUTHORIZATION, bearer));
        Ok(request)
    }
}

fn finish(
    attempt: KeyAttempt<'_>,
    plan: &Plan,
    answered: &ServerAnswer<RedeemAnswer>,
) -> Result<HostFile, ClientError> {
    let ServerAnswer { url, body: RedeemAnswer { enrolled: answer, .. }, .. } = answered;
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
