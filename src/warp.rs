//! warp filters for services: they accept a service token, a host certificate or an access token, and require roles.
//!
//! ```
//! use std::sync::Arc;
//! use warp::Filter as _;
//! use gatepass::token::{ServiceGrant, Verified};
//! use gatepass::verifier::Verifier;
//! use gatepass::warp::{recover, require_role, token};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let verifier = Arc::new(Verifier::new("https://gate.example.org:8443", "https://jobs.example.org"));
//! # let (jwks, uri, list, good) = gatepass::verifier::example();
//! # verifier.update_keys(&jwks, gatepass::clock::SystemClock::now()).unwrap();
//! # verifier.update_list(&uri, &list, gatepass::clock::SystemClock::now()).unwrap();
//! let allocate = warp::path("allocate")
//!     .and(token(Arc::clone(&verifier)))
//!     .and_then(require_role("allocator"))
//!     .map(|grant: Verified<ServiceGrant>| format!("allocated for {}", grant.token.id));
//! let routes = allocate.recover(recover);
//!
//! let answer = warp::test::request().path("/allocate").reply(&routes).await;
//! assert_eq!(answer.status(), 401);
//! assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"gatepass\"");
//!
//! let bearer = format!("Bearer {good}");
//! let answer = warp::test::request().path("/allocate").header("authorization", bearer).reply(&routes).await;
//! assert_eq!(answer.status(), 200);
//! # });
//! ```

mod denied;

use std::future::{Ready, ready};
use std::sync::Arc;

use ::warp::Filter;
use ::warp::http::HeaderMap;
use ::warp::http::header::AUTHORIZATION;
use ::warp::reject::Rejection;
use rustls_pki_types::CertificateDer;

pub use self::denied::{Denied, recover};
use crate::clock::SystemClock;
use crate::id::CertificateThumbprint;
use crate::token::{AccessGrant, ServiceGrant, Verified};
use crate::verifier::Verifier;
use crate::verifier::hosts::{HostPeer, HostRefusal, HostVerifier};

/// The certificates that the peer of a connection presented, its own first.
///
/// The service's accept loop puts them into the extensions of every request, after a handshake that proved possession of
/// the key. Without them [`host`] rejects every request.
#[derive(Clone, Debug)]
pub struct PeerCertificates(pub Arc<Vec<CertificateDer<'static>>>);

/// Extracts the grant of a valid service token in `Authorization: Bearer` (RFC 6750 section 2.1).
///
/// Rejects with [`Denied`]: no token, more than one, or one that `verifier` refuses.
pub fn token(
    verifier: Arc<Verifier>,
) -> impl Filter<Extract = (Verified<ServiceGrant>,), Error = Rejection> + Clone {
    ::warp::header::headers_cloned().and_then(move |headers: HeaderMap| ready(authorize(&verifier, &headers)))
}

fn authorize(verifier: &Verifier, headers: &HeaderMap) -> Result<Verified<ServiceGrant>, Rejection> {
    let token = bearer(headers)?;
    Ok(verifier.verify(token, SystemClock::now()).map_err(Denied::from)?)
}

/// The credential of a request, if it is a bearer token. The scheme is case-insensitive (RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Denied::NoToken)?;
    if values.next().is_some() {
        return Err(Denied::Ambiguous);
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Denied::NoToken)?;
    match scheme.eq_ignore_ascii_case("bearer") {
        true => Ok(token.trim_matches(' ')),
        false => Err(Denied::NoToken),
    }
}

/// Extracts the host whose certificate the connection presented: see [`PeerCertificates`].
///
/// Rejects with [`Denied::Host`].
///
/// ```
/// use std::sync::Arc;
/// use warp::Filter as _;
/// use gatepass::verifier::hosts::{HostPeer, HostVerifier};
/// use gatepass::warp::{host, recover, require_role};
///
/// # fn routes(hosts: HostVerifier) -> impl warp::Filter<Extract = impl warp::Reply, Error = warp::Rejection> + Clone {
/// let routes = warp::path("host")
///     .and(host(Arc::new(hosts)))
///     .and_then(require_role("proxy"))
///     .map(|peer: HostPeer| format!("welcome, {}", peer.host))
///     .recover(recover);
/// # routes }
/// ```
pub fn host(hosts: Arc<HostVerifier>) -> impl Filter<Extract = (HostPeer,), Error = Rejection> + Clone {
    let peer = ::warp::ext::optional::<PeerCertificates>();
    peer.and_then(move |peer: Option<PeerCertificates>| ready(admit(&hosts, peer.as_ref())))
}

fn admit(hosts: &HostVerifier, peer: Option<&PeerCertificates>) -> Result<HostPeer, Rejection> {
    let presented = peer.and_then(|peer| peer.0.split_first());
    let (own, others) = presented.ok_or(Denied::Host(HostRefusal::Absent))?;
    Ok(hosts.verify(own, others, SystemClock::now()).map_err(Denied::from)?)
}

/// Extracts the grant of a valid access token in `Authorization: Bearer`, with the certificate that the connection presented:
/// see [`PeerCertificates`]. `hosts` checks that certificate, also for revocation, and the token is bound to it.
///
/// Rejects with [`Denied::Host`] without a valid certificate, and otherwise as [`token`].
pub fn access(
    verifier: Arc<Verifier>,
    hosts: Arc<HostVerifier>,
) -> impl Filter<Extract = (Verified<AccessGrant>,), Error = Rejection> + Clone {
    let peer = ::warp::ext::optional::<PeerCertificates>();
    ::warp::header::headers_cloned().and(peer).and_then(
        move |headers: HeaderMap, peer: Option<PeerCertificates>| {
            ready(admit_access(&verifier, &hosts, &headers, peer.as_ref()))
        },
    )
}

fn admit_access(
    verifier: &Verifier,
    hosts: &HostVerifier,
    headers: &HeaderMap,
    peer: Option<&PeerCertificates>,
) -> Result<Verified<AccessGrant>, Rejection> {
    admit(hosts, peer)?;
    // The line above has refused a connection without a certificate.
    let own = peer.and_then(|peer| peer.0.first()).ok_or(Denied::Host(HostRefusal::Absent))?;
    let (token, own) = (bearer(headers)?, CertificateThumbprint::of(own));
    Ok(verifier.verify_access(token, own, SystemClock::now()).map_err(Denied::from)?)
}

/// A holder of roles: a service token, a host, or its access token.
pub trait HasRoles {
    /// Returns true if this holds the role.
    fn has_role(&self, role: &str) -> bool;
}

impl HasRoles for Verified<ServiceGrant> {
    fn has_role(&self, role: &str) -> bool {
        ServiceGrant::has_role(self, role)
    }
}

impl HasRoles for Verified<AccessGrant> {
    fn has_role(&self, role: &str) -> bool {
        AccessGrant::has_role(self, role)
    }
}

impl HasRoles for HostPeer {
    fn has_role(&self, role: &str) -> bool {
        Self::has_role(self, role)
    }
}

/// Accepts a holder of `role`. Use it with `and_then` after [`token`], [`host`] or [`access`].
///
/// Rejects with [`Denied::MissingRole`].
///
/// ```
/// # use std::sync::Arc;
/// # use warp::Filter as _;
/// # use gatepass::token::{ServiceGrant, Verified};
/// # use gatepass::verifier::Verifier;
/// use gatepass::warp::{require_role, token};
///
/// # fn filter(verifier: Arc<Verifier>) -> impl warp::Filter<Extract = (Verified<ServiceGrant>,), Error = warp::Rejection> + Clone {
/// // Both roles are needed.
/// token(verifier).and_then(require_role("allocator")).and_then(require_role("proxy"))
/// # }
/// ```
pub fn require_role<T: HasRoles>(
    role: impl Into<Arc<str>>,
) -> impl Fn(T) -> Ready<Result<T, Rejection>> + Clone {
    let role = role.into();
    move |caller: T| {
        ready(match caller.has_role(&role) {
            true => Ok(caller),
            false => Err(Denied::MissingRole { role: role.to_string() }.into()),
        })
    }
}

#[cfg(feature = "server")]
#[cfg(test)]
mod tests;
