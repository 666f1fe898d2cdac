//! Verification of service tokens and access tokens inside a service, without a request to the authority.
//!
//! A [`Verifier`] holds the authority's public keys and its status lists. It uses no network and no clock. Give it both
//! documents, or let the client of the feature `fetch` keep it fresh. The feature `hosts` verifies host certificates.
//!
//! ```
//! use gatepass::clock::SystemClock;
//! use gatepass::verifier::Verifier;
//! # let (jwks, uri, list, token) = gatepass::verifier::example();
//!
//! let verifier = Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
//! let now = SystemClock::now();
//! verifier.update_keys(&jwks, now)?; // from /.well-known/jwks.json
//! verifier.update_list(&uri, &list, now)?; // from the address that tokens name
//!
//! let grant = verifier.verify(&token, now)?;
//! assert!(grant.has_role("allocator") && !grant.has_role("director"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
#[cfg(feature = "fetch")]
pub mod fetch;
#[cfg(feature = "hosts")]
pub mod hosts;
mod keys;
mod lists;
mod refusal;
mod snapshot;
mod staleness;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use self::keys::Keys;
use self::lists::Lists;
pub use self::lists::{ListUpdateError, Pushed};
pub use self::refusal::{Missing, Refusal};
pub use self::snapshot::SnapshotError;
use self::staleness::Staleness;
use crate::clock::Timestamp;
use crate::id::StatusRef;
use crate::token::{
    Authenticated, KeyError, ServiceGrant, Status, StatusListError, UnverifiedToken, Verified, VerifyError,
    VerifyingKeys, status_uri,
};

/// Default maximum time without confirmation of keys, lists and CRLs.
pub const MAX_STALENESS: Duration = Duration::from_secs(300);
/// Default number of cached signatures.
pub const HOT_TOKENS: usize = 4096;

/// Verifies service tokens and access tokens of one authority for one service. Share it behind an `Arc`: every method takes `&self`, and
/// verifying takes no lock.
///
/// It fails closed: a token is refused without keys or without its status list. It is also refused if either was not
/// confirmed for [`Verifier::max_staleness`].
///
/// A verifier always has an issuer and an audience: a token for another service must not be accepted here.
///
/// ```compile_fail
/// let verifier = gatepass::verifier::Verifier::new("https://gate.example.org:8443");
/// ```
pub struct Verifier {
    issuers: Vec<String>,
    audiences: Vec<String>,
    staleness: Staleness,
    hot_tokens: usize,
    keys: ArcSwapOption<Keys>,
    lists: ArcSwap<Lists>,
    /// Held while keys or lists are replaced; never while verifying.
    changing: Mutex<()>,
    on_missing: OnceLock<Box<dyn Fn(Missing) + Send + Sync>>,
}

impl Verifier {
    /// A verifier for the service `audience` (the `aud` of its tokens) of the authority at `issuer` (its external URL, the
    /// `iss`). Without keys and lists it refuses every token.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuers: vec![issuer.into()],
            audiences: vec![audience.into()],
            staleness: Staleness::DEFAULT,
            hot_tokens: HOT_TOKENS,
            keys: ArcSwapOption::empty(),
            lists: ArcSwap::default(),
            changing: Mutex::default(),
            on_missing: OnceLock::new(),
        }
    }

    /// Also accepts tokens that name a former external URL of the same authority.
    #[must_use]
    pub fn former_issuer(mut self, url: impl Into<String>) -> Self {
        self.issuers.push(url.into());
        self
    }

    /// Sets the maximum time without confirmation of keys and lists. Default: [`MAX_STALENESS`].
    #[must_use]
    pub const fn max_staleness(mut self, limit: Duration) -> Self {
        self.staleness.limit = limit;
        self
    }

    /// Accepts stale keys and lists, for a service that prefers a missed revocation to an outage.
    ///
    /// A token with an unknown key or list is still refused.
    #[must_use]
    pub const fn fail_open(mut self) -> Self {
        self.staleness.fail_open = true;
        self
    }

    /// Sets the number of cached signatures; 0 turns the cache off. Default: [`HOT_TOKENS`].
    #[must_use]
    pub const fn hot_tokens(mut self, most: usize) -> Self {
        self.hot_tokens = most;
        self
    }

    /// Interval of confirming keys and lists: a quarter of the limit, so that single failures do no harm.
    #[cfg(feature = "fetch")]
    pub(crate) fn confirm_within(&self) -> Duration {
        self.staleness.limit / 4
    }

    /// The authority's external URL.
    pub fn issuer(&self) -> &str {
        &self.issuers[0]
    }

    /// The service's URI.
    pub fn audience(&self) -> &str {
        &self.audiences[0]
    }

    /// Calls `tell` for each token that names an unknown key or list, so that it can be fetched.
    ///
    /// `tell` runs during verification and must return at once. Only the first call of this method has an effect.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use gatepass::verifier::{Missing, Verifier};
    /// # let (jwks, uri, _, token) = gatepass::verifier::example();
    /// # let now = gatepass::clock::SystemClock::now();
    /// let verifier = Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// let (wanted, missing) = channel();
    /// verifier.on_missing(move |what| drop(wanted.send(what)));
    /// verifier.update_keys(&jwks, now)?;
    /// assert!(verifier.verify(&token, now).is_err());
    /// assert_eq!(missing.try_recv()?, Missing::List(uri)); // fetch it, then `update_list`
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_missing(&self, tell: impl Fn(Missing) + Send + Sync + 'static) {
        let _ = self.on_missing.set(Box::new(tell));
    }

    /// Replaces the key set (RFC 7517) by the one fetched at `now`. If the keys changed, cached signatures are dropped.
    ///
    /// # Errors
    /// [`KeyError`]; the keys in use stay.
    pub fn update_keys(&self, jwks: &str, now: Timestamp) -> Result<(), KeyError> {
        let verifying = VerifyingKeys::parse_jwks(jwks)?;
        let _one = self.changing.lock();
        match &*self.keys.load() {
            Some(known) if known.verifying == verifying => known.confirmed_at.renew(now),
            _ => self.keys.store(Some(Arc::new(Keys::new(verifying, jwks, self.hot_tokens, now)))),
        }
        Ok(())
    }

    /// Records that the authority confirmed the key set at `now` (304).
    pub fn confirm_keys(&self, now: Timestamp) {
        if let Some(keys) = &*self.keys.load() {
            keys.confirmed_at.renew(now);
        }
    }

    /// Replaces the status list by the signed one fetched from `uri` at `now`.
    ///
    /// # Errors
    /// [`ListUpdateError`]; the list in use stays, until it is too old.
    pub fn update_list(&self, uri: &str, list: &str, now: Timestamp) -> Result<(), ListUpdateError> {
        let id = self.list_at(uri)?;
        let _one = self.changing.lock();
        let keys = self.keys.load_full().ok_or(ListUpdateError::NoKeys)?;
        self.lists.store(Arc::new(self.lists.load().with(id, uri, list, &keys.verifying, now)?));
        Ok(())
    }

    /// Records that the authority confirmed the list at `uri` at `now` (304).
    ///
    /// It does not count for an expired list: the authority could not sign it again, so later changes are unknown.
    pub fn confirm_list(&self, uri: &str, now: Timestamp) {
        if let Ok(id) = self.list_at(uri) {
            self.lists.load().confirm(id, now);
        }
    }

    /// Drops the list at `uri`, whose tokens have all expired.
    pub fn drop_list(&self, uri: &str) {
        let Ok(id) = self.list_at(uri) else { return };
        let _one = self.changing.lock();
        self.lists.store(Arc::new(self.lists.load().without(id)));
    }

    /// Applies changes that the authority pushed at `now`.
    ///
    /// A pushed change can only make a token invalid. An entry becomes valid again only by a signed list.
    ///
    /// ```
    /// use gatepass::token::Status;
    /// use gatepass::verifier::{Pushed, Refusal};
    /// # let (jwks, uri, list, token) = gatepass::verifier::example();
    /// # let now = gatepass::clock::SystemClock::now();
    /// # let verifier = gatepass::verifier::Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// # verifier.update_keys(&jwks, now).unwrap();
    /// # verifier.update_list(&uri, &list, now).unwrap();
    /// assert!(verifier.verify(&token, now).is_ok());
    /// assert_eq!(verifier.apply(&uri, &[(7, Status::Revoked)], now), Pushed::Applied);
    /// assert_eq!(verifier.verify(&token, now), Err(Refusal::Revoked));
    /// ```
    pub fn apply(&self, uri: &str, changes: &[(u32, Status)], now: Timestamp) -> Pushed {
        let Ok(id) = self.list_at(uri) else { return Pushed::FetchList };
        let _one = self.changing.lock();
        let Some((lists, pushed)) = self.lists.load().pushed(id, changes, now) else {
            return Pushed::FetchList;
        };
        self.lists.store(Arc::new(lists));
        pushed
    }

    /// The addresses of the known lists, each with the time of its last confirmation.
    pub fn lists(&self) -> Vec<(String, Timestamp)> {
        self.lists.load().confirmed()
    }

    /// Time of the last confirmation of the key set.
    pub fn keys_confirmed_at(&self) -> Option<Timestamp> {
        self.keys.load().as_ref().map(|keys| keys.confirmed_at.get())
    }

    /// Verifies a service token at `now`: form, signature, issuer, audience, time, and its entry in the status list.
    ///
    /// # Errors
    /// The first [`Refusal`]. [`Refusal::is_unavailable`] is true if the token may be valid.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gatepass::token::VerifyError;
    /// use gatepass::verifier::Refusal;
    /// # let (jwks, uri, list, token) = gatepass::verifier::example();
    /// # let now = gatepass::clock::SystemClock::now();
    /// # let verifier = gatepass::verifier::Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// # verifier.update_keys(&jwks, now).unwrap();
    /// # verifier.update_list(&uri, &list, now).unwrap();
    /// assert!(verifier.verify(&token, now).is_ok_and(|grant| grant.has_role("allocator")));
    /// let forged = token.replace(".eyJ", ".eyj");
    /// assert_eq!(verifier.verify(&forged, now), Err(Refusal::Token(VerifyError::BadSignature)));
    /// // The keys were not confirmed for six minutes: answer 503, not 401.
    /// let late = now.plus(Duration::from_secs(360));
    /// assert!(verifier.verify(&token, late).is_err_and(|refusal| refusal.is_unavailable()));
    /// ```
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Verified<ServiceGrant>, Refusal> {
        let keys = self.keys.load();
        let keys = keys.as_ref().ok_or(Refusal::NoKeys)?;
        self.staleness.judge(keys.confirmed_at.get(), now).map_err(|age| Refusal::StaleKeys { age })?;
        let good =
            keys.hot.authenticate(token, now, || self.authenticate(token, &keys.verifying))?.at(now)?;
        self.judge_status(&good.token.issuer, good.token.status, now)?;
        Ok(good)
    }

    fn authenticate(
        &self,
        token: &str,
        keys: &VerifyingKeys,
    ) -> Result<Authenticated<ServiceGrant>, VerifyError> {
        let parsed = UnverifiedToken::parse(token)?;
        let authenticated = parsed.authenticate_service(keys, &self.issuers, &self.audiences);
        self.note_unknown_key(&parsed, authenticated)
    }

    /// Reports the key of a token if it is unknown.
    fn note_unknown_key<T>(
        &self,
        parsed: &UnverifiedToken<'_>,
        authenticated: Result<T, VerifyError>,
    ) -> Result<T, VerifyError> {
        if matches!(authenticated, Err(VerifyError::UnknownKey)) {
            self.tell(|| Missing::Key(parsed.signing_key()));
        }
        authenticated
    }

    fn judge_status(&self, issuer: &str, status: StatusRef, now: Timestamp) -> Result<(), Refusal> {
        let lists = self.lists.load();
        let Some(list) = lists.get(status.list) else {
            let uri = status_uri(issuer, status.list);
            self.tell(|| Missing::List(uri.clone()));
            return Err(Refusal::UnknownList { uri });
        };
        self.staleness.judge(list.confirmed_at.get(), now).map_err(|age| Refusal::StaleList { age })?;
        match list.status(status.index) {
            Some(Status::Valid) => Ok(()),
            Some(Status::Revoked) => Err(Refusal::Revoked),
            Some(Status::Suspended) => Err(Refusal::Suspended),
            Some(Status::UsedUp) => Err(Refusal::UsedUp),
            None => Err(Refusal::NoEntry),
        }
    }

    fn tell(&self, what: impl FnOnce() -> Missing) {
        if let Some(tell) = self.on_missing.get() {
            tell(what());
        }
    }

    /// The id in the address of a list of this authority.
    fn list_at(&self, uri: &str) -> Result<crate::id::ListId, ListUpdateError> {
        let found = self.issuers.iter().find_map(|issuer| crate::token::list_of(issuer, uri));
        found.ok_or(ListUpdateError::List(StatusListError::WrongUri {
            found: uri.chars().take(256).collect(),
        }))
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("issuers", &self.issuers)
            .field("audience", &self.audience())
            .field("lists", &self.lists())
            .finish_non_exhaustive()
    }
}

/// A key set, the address and text of a status list, and a token of role `allocator`: for the examples of this
/// documentation.
#[doc(hidden)]
pub fn example() -> (String, String, String, String) {
    snapshot::example()
}

#[cfg(test)]
mod tests;
