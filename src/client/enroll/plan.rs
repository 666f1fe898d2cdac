//! The parameters of an enrollment, by the token and the flags.

use super::Enroll;
use crate::client::directory::{CertDir, failed, load};
use crate::client::error::ClientError;
use crate::client::host::{HostFile, TrustAnchor};
use crate::client::servers::{Servers, same_server};
use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId, Thumbprint, TokenId};
use crate::name::DnsPattern;
use crate::secret::Secret;
use crate::token::{Bindings, Terms, UnprovenApiKey, UnverifiedToken};

/// The checked parameters, before the request.
pub(super) struct Plan {
    pub(super) token_id: TokenId,
    pub(super) names: Vec<DnsPattern>,
    /// The only host that the token re-enrolls.
    pub(super) bound_to: Option<HostId>,
    /// The only key that can redeem the token.
    pub(super) host_key: Option<Thumbprint>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) servers: Servers,
    pub(super) trust: TrustAnchor,
}

impl Plan {
    /// Returns true if the token is of the authority that enrolled `host`. A certificate of another one breaks the handshake.
    pub(super) fn leads_to_authority_of(&self, host: &HostFile) -> bool {
        let known = |url: &str| self.servers.urls().any(|own| same_server(own, url));
        self.trust == TrustAnchor::Pinned(host.fingerprint) || host.servers.urls().any(known)
    }

    /// Returns true if the token is bound to the host of the identity in `dir`, which it replaces, or if that is damaged.
    pub(super) fn re_enrolls(&self, dir: &CertDir) -> bool {
        self.bound_to.is_some_and(|bound| match load(dir.path()) {
            Ok(host) => host.is_some_and(|host| host.host_id == bound),
            Err(error) => matches!(error, ClientError::Damaged { .. }),
        })
    }

    /// Returns true if the token takes the key of a former identity. One that re-enrolls a host needs a new key.
    pub(super) const fn takes_any_key(&self) -> bool {
        self.host_key.is_none() && self.bound_to.is_none()
    }

    /// The same error, with both clocks if the token has expired: one of them may be wrong.
    pub(super) fn dated(&self, error: ClientError, now: Timestamp) -> ClientError {
        match (error, self.expires_at) {
            (ClientError::Refused(problem), Some(at)) if problem.body.code == "token_expired" => {
                ClientError::TokenExpired { problem, at, now }
            }
            (error, _) => error,
        }
    }
}

/// The plan for a token, by its claims and the flags. Nothing of the token is proven here.
pub(super) fn plan(ask: &Enroll, token: &Secret<String>) -> Result<Plan, ClientError> {
    if let Some(api_key) = UnprovenApiKey::parse(token.expose().trim()) {
        return plan_of_api_key(ask, api_key.unproven_token());
    }
    let grant = UnverifiedToken::parse(token.expose().trim())?.unverified_grant()?;
    let trust = trust(ask, grant.root)?;
    let servers = servers(ask, grant.token.issuer, &trust)?;
    let Terms { bindings: Bindings { host: bound_to, dns_names: names, .. }, host_key, expires_at, .. } =
        grant.terms;
    Ok(Plan { token_id: grant.token.id, names, bound_to, host_key, expires_at, servers, trust })
}

/// The plan for a token that is given by its `api_key`, which names neither server nor root.
fn plan_of_api_key(ask: &Enroll, token_id: TokenId) -> Result<Plan, ClientError> {
    let server = ask.server.clone().ok_or(ClientError::NoAddress)?;
    let (trust, servers) = (trust(ask, None)?, Servers::new(server));
    Ok(Plan { token_id, names: Vec::new(), bound_to: None, host_key: None, expires_at: None, servers, trust })
}

/// The trust in the server, by the flags and the root that the token pins.
fn trust(ask: &Enroll, root: Option<Fingerprint>) -> Result<TrustAnchor, ClientError> {
    match (ask.fingerprint, root, &ask.ca_file) {
        (Some(given), Some(token), _) if given != token => Err(ClientError::OtherRoot { given, token }),
        (Some(pinned), ..) | (None, Some(pinned), _) => Ok(TrustAnchor::Pinned(pinned)),
        (None, None, None) => Ok(TrustAnchor::Outside(None)),
        (None, None, Some(file)) => {
            TrustAnchor::outside(file, &ask.cert_dir).map_err(failed(file, "the path is unusable"))
        }
    }
}

/// The addresses to try: the token's, and one of this host's own. Without a pin any server with a certificate for its name
/// could take the token, so that then only the token's address is asked.
fn servers(ask: &Enroll, issuer: String, trust: &TrustAnchor) -> Result<Servers, ClientError> {
    let given = ask.server.as_deref();
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
